package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
)

// An asked is an event on the stage's bus.
type asked struct {
	Source     string          `json:"source"`
	Time       string          `json:"time"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// events are those that came to the stage's bus after the first n.
func events(t *testing.T, w *world.World, n int) []asked {
	t.Helper()
	all, err := w.Control().Events(t.Context(), "sluice-sandbox")
	if err != nil {
		t.Fatal(err)
	}
	var out []asked
	for _, e := range all[n:] {
		var a asked
		if err := json.Unmarshal(e.Event, &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func TestRequest(t *testing.T) {
	whole := `{"version": "0", "detail-type": "Source Requested", "source": "shop", "detail": ` + orders + `}`
	for _, tc := range []struct {
		name, in string
		line     []string
	}{
		{"from a file", "", []string{"request", write(t, orders)}},
		{"from standard input", orders, []string{"request", "-"}},
		{"with a mark of its encoding", "\xef\xbb\xbf" + orders, []string{"request", "-"}},
		{"out of an event", whole, []string{"request", "-"}},
		{"with flags behind", orders, []string{"request", "-", "-config", stageFile}},
		{"with flags in front", orders, []string{"-config=" + stageFile, "request", "-"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t)
			before := len(events(t, w, 0))
			out := succeed(t, tc.in, tc.line...)
			sent := events(t, w, before)
			if len(sent) != 1 || sent[0].Source != eventSource || sent[0].DetailType != "Source Requested" {
				t.Fatalf("the bus got %+v, want one request", sent)
			}
			got, err := federation.Decode(sent[0].Detail)
			if err != nil {
				t.Fatal(err)
			}
			want, err := federation.Decode([]byte(orders))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Same(want) {
				t.Errorf("the bus got %+v\nwant %+v", got, want)
			}
			says(t, out, "requested orders (event ", "sluice status orders")
		})
	}
}

func TestDocumentsThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		says     []string
	}{
		{"empty", " \n", []string{"standard input is empty", "OPERATING.md"}},
		{"no JSON", "name: orders", []string{"standard input is not right:", "document: cannot be read: invalid character"}},
		{"unknown member", strings.Replace(orders, `"schema"`, `"scheme"`, 1), []string{`document: cannot be read: json: unknown field "scheme"`}},
		{"more behind it", orders + orders, []string{"document: cannot be read: invalid character '{' after top-level value", "nothing after it"}},
		{"another event", `{"detail-type": "Source Withdrawn", "detail": {"name": "orders"}}`, []string{`is an event "Source Withdrawn"`, `"Source Requested"`}},
		{"nothing", `{}`, []string{"name: is missing; use 1 to 32", "schema: is missing", "source.engine: is missing", "source.instance: is missing", "source.database: is missing", "warehouse: is missing"}},
		{"everything", `{"name": "Orders", "source": {"engine": "oracle", "instance": "orders-prod", "database": ""}, "schema": "orders live", "grantUsageTo": ["crowd"]}`, []string{
			`name: is "Orders"; use 1 to 32`, "warehouse: is missing; name a warehouse", `source.engine: is "oracle"; write "postgres"`, "source.database: is missing",
			`schema: "orders live"`, `grantUsageTo[0]: "crowd" is no grantee; write "group:NAME"`,
		}},
	} {
		for _, command := range []string{"request", "plan"} {
			t.Run(tc.name+"/"+command, func(t *testing.T) {
				alone(t) // a wrong document needs no credentials
				out, errs, code := run(t, tc.in, command, "-")
				if code != exitFailed || out != "" {
					t.Errorf("it ended with %d and wrote %q", code, out)
				}
				says(t, errs, tc.says...)
				says(t, errs, "sluice "+command+": ")
			})
		}
	}
	alone(t)
	_, errs, code := run(t, "", "request", "nowhere.json")
	if code != exitFailed {
		t.Errorf("a file that is not there ends with %d", code)
	}
	says(t, errs, "sluice request: read the document: open nowhere.json")
}

func TestWithdraw(t *testing.T) {
	w := start(t)
	ready, tagged, gone := ordersRecord(t), ordersRecord(t), ordersRecord(t)
	tagged.Name, tagged.Origin = "tagged", federation.ByTag
	gone.Name, gone.Phase, gone.Withdrawn = "gone", federation.Removed, true
	keep(t, w, ready, tagged, gone)
	for _, tc := range []struct {
		name  string
		sends bool
		says  []string
	}{
		{"orders", true, []string{"withdrawal of orders requested (event ", "sluice status orders"}},
		{"tagged", true, []string{"withdrawal of tagged requested", "instance orders-prod", "sluice:warehouse", "a change of the instance's tags asks for it again"}},
		{"gone", false, []string{"gone is removed already, since 2031-05-04 10:20:30"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(events(t, w, 0))
			out := succeed(t, "", "withdraw", tc.name)
			says(t, out, tc.says...)
			sent := events(t, w, before)
			if !tc.sends {
				if len(sent) > 0 {
					t.Errorf("the bus got %+v", sent)
				}
				return
			}
			if len(sent) != 1 || sent[0].DetailType != "Source Withdrawn" {
				t.Fatalf("the bus got %+v, want one withdrawal", sent)
			}
			var detail map[string]string
			if err := json.Unmarshal(sent[0].Detail, &detail); err != nil || !maps.Equal(detail, map[string]string{"name": tc.name}) {
				t.Errorf("the bus got %s, %v", sent[0].Detail, err)
			}
		})
	}
	before := len(events(t, w, 0))
	out, errs, code := run(t, "", "withdraw", "nothing")
	if code != exitFailed || out != "" || len(events(t, w, before)) > 0 {
		t.Errorf("what is not there is withdrawn: %d, %q", code, out)
	}
	says(t, errs, "find federation for nothing: NoFederation: stage sandbox has none of that name", "remedy: sluice status lists them")
}

// TestEventsHaveASecondEach is of a request right after a withdrawal, which would lose to it in the same second.
func TestEventsHaveASecondEach(t *testing.T) {
	w := start(t)
	keep(t, w, ordersRecord(t))
	var slept []time.Duration
	is := time.Now()
	c := clock{func() time.Time { return is }, func(ctx context.Context, d time.Duration) error { // this machine's clock stands still
		slept = append(slept, d)
		_, err := w.Control().Advance(ctx, d)
		return err
	}}
	before := len(events(t, w, 0))
	for _, line := range [][]string{{"withdraw", "orders"}, {"request", "-"}} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), line, strings.NewReader(orders), &out, &errs, c); code != 0 {
			t.Fatalf("sluice %v ended with %d: %s", line, code, &errs)
		}
	}
	sent := events(t, w, before)
	if len(sent) != 2 || sent[0].DetailType != "Source Withdrawn" || sent[0].Time >= sent[1].Time {
		t.Errorf("the bus got %+v, want a withdrawal and, in a later second, a request", sent)
	}
	if len(slept) != 2 || slept[0] != eventsApart || slept[1] != eventsApart {
		t.Errorf("the commands waited %v before they sent", slept)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := machine.sleep(stopped, time.Hour); err == nil {
		t.Error("a command that is interrupted sends all the same")
	}
}

// TestRequestThatTheConfigurationRefuses is of requests that would be blocked without a look at AWS.
func TestRequestThatTheConfigurationRefuses(t *testing.T) {
	w := start(t)
	secret := `"credentials": {"secret": "arn:aws:secretsmanager:us-east-1:444455556666:secret:orders-AbCdEf"}, "grantUsageTo"`
	for _, tc := range []struct{ name, old, replacement, reason string }{
		{"warehouse", `"analytics"`, `"finance"`, federation.WarehouseUnknown},
		{"grantee", `"group:analysts"`, `"public"`, federation.GranteeNotAllowed},
		{"account", `"grantUsageTo"`, secret, federation.OtherAccount},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(events(t, w, 0))
			out, errs, code := run(t, strings.Replace(orders, tc.old, tc.replacement, 1), "request", "-")
			if sent := events(t, w, before); code != exitFailed || out != "" || len(sent) > 0 {
				t.Errorf("it ended with %d and %q, and the bus got %+v", code, out, sent)
			}
			says(t, errs, "sluice request: ", "for federation orders: "+tc.reason, "\n  remedy: ", "\n  configuration: "+stageFile+", stage sandbox\n")
		})
	}
}
