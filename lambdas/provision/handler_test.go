package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A grave keeps what is buried, unless it shall fail.
type grave struct {
	mu     sync.Mutex
	buried []buried
	err    error
}

type buried struct{ body, reason, message string }

func (g *grave) DeadLetter(_ context.Context, body, reason, message string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.buried = append(g.buried, buried{body, reason, message})
	}
	return g.err
}

// A function is the handler in a small world.
type function struct {
	*federationtest.World
	grave grave
	log   bytes.Buffer
}

func start() *function { return &function{World: federationtest.New()} }

// invoke hands messages over as one batch and returns those that come again.
func (f *function) invoke(t *testing.T, batch ...events.SQSMessage) (again []string) {
	t.Helper()
	payload, err := json.Marshal(events.SQSEvent{Records: batch})
	if err != nil {
		t.Fatal(err)
	}
	return f.answer(t, payload)
}

func (f *function) answer(t *testing.T, payload []byte) (again []string) {
	t.Helper()
	f.log.Reset()
	h := handler{reconciler: f.Reconciler(), dead: &f.grave, log: slog.New(slog.NewJSONHandler(&f.log, nil))}
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request"})
	output, err := h.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	var answer events.SQSEventResponse
	if err := json.Unmarshal(output, &answer); err != nil || !bytes.Contains(output, []byte(`"batchItemFailures":[`)) {
		t.Fatalf("answer %s: %v", output, err)
	}
	for _, failed := range answer.BatchItemFailures {
		again = append(again, failed.ItemIdentifier)
	}
	slices.Sort(again)
	return again
}

// last is the last line of the function's log, which has each key once.
func (f *function) last(t *testing.T) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(f.log.String()), "\n")
	text := lines[len(lines)-1]
	var line map[string]any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for key := range line {
		if strings.Count(text, `"`+key+`":`) != 1 {
			t.Errorf("the line has %q more than once: %s", key, text)
		}
	}
	return line
}

func message(id, body string) events.SQSMessage {
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"ApproximateReceiveCount": "1"}}
}

func sample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../events/federation", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMessages(t *testing.T) {
	otherAccount := strings.ReplaceAll(sample(t, "source-requested.json"), federationtest.Account, "999900001111")
	for name, tc := range map[string]struct {
		body    string
		arrange func(*function)
		outcome string
		reason  string // of a dead letter; empty if there is none
		says    string // part of its message
	}{
		"request":                    {body: sample(t, "source-requested.json"), outcome: "Waiting"},
		"withdrawal":                 {body: sample(t, "source-withdrawn.json"), outcome: "Removed"},
		"old follow-up":              {body: `{"sluice":"follow-up","federation":"orders","number":1}`, outcome: "Dropped"},
		"look at what is not there":  {body: sample(t, "look.json"), outcome: "Dropped"},
		"sweep":                      {body: sample(t, "sweep.json"), outcome: "Swept"},
		"an event of something else": {body: sample(t, "ignored-rds-cluster-created.json"), outcome: "Ignored"},
		"no JSON":                    {body: `{"detail-type"`, outcome: "DeadLetter", reason: awslambda.Malformed, says: "JSON"},
		"no task":                    {body: `{"sluice":"tidy"}`, outcome: "DeadLetter", reason: awslambda.Malformed, says: "tidy"},
		"unknown member":             {body: sample(t, "refused-unknown-member.json"), outcome: "DeadLetter", reason: awslambda.Malformed, says: "unknown field"},
		"withdrawal without a name":  {body: sample(t, "refused-withdrawn-without-name.json"), outcome: "DeadLetter", reason: awslambda.Malformed, says: "detail.name"},
		"withdrawal of a bad name": {body: strings.Replace(sample(t, "source-withdrawn.json"), `"orders"`, `"Orders!"`, 1), outcome: "DeadLetter",
			reason: awslambda.Malformed, says: "the name is \"Orders!\"\nremedy: correct the name and send"},
		"another account": {body: otherAccount, outcome: "DeadLetter", reason: federation.OtherAccount, says: "999900001111"},
		"wrong tags": {body: sample(t, "rds-instance-created.json"), outcome: "DeadLetter", reason: federation.TagsWrong, says: "grantUsageTo[0]",
			arrange: func(f *function) {
				f.Instances[federationtest.Instance].Tags = map[string]string{federation.TagWarehouse: "analytics", federation.TagGrant: "everybody"}
			}},
		"wrong tags, found by the sweep": {body: `{"sluice":"look","instance":"orders-prod"}`, outcome: federation.TagsWrong,
			arrange: func(f *function) {
				f.Instances[federationtest.Instance].Tags = map[string]string{federation.TagWarehouse: "analytics", federation.TagGrant: "everybody"}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start()
			if tc.arrange != nil {
				tc.arrange(f)
			}
			if again := f.invoke(t, message("m", tc.body)); len(again) > 0 {
				t.Errorf("%v come again", again)
			}
			line := f.last(t)
			if line["outcome"] != tc.outcome || line["messageId"] != "m" || line["received"] != "1" {
				t.Errorf("log line %v, want outcome %s", line, tc.outcome)
			}
			switch {
			case tc.reason == "" && len(f.grave.buried) > 0:
				t.Errorf("buried: %+v", f.grave.buried)
			case tc.reason == "":
			case len(f.grave.buried) != 1 || f.grave.buried[0].body != tc.body || f.grave.buried[0].reason != tc.reason || !strings.Contains(f.grave.buried[0].message, tc.says):
				t.Errorf("buried: %+v; want %s that says %q", f.grave.buried, tc.reason, tc.says)
			case slices.ContainsFunc(f.Calls, func(c federationtest.Call) bool { return c.Writes }):
				t.Errorf("something was changed: %v", f.Calls)
			}
		})
	}
}

// Each message of a batch fails for itself: what can never succeed is buried, and the rest is worked on.
//
// Scenario 36
func TestMessagesOfABatch(t *testing.T) {
	f := start()
	again := f.invoke(t, message("bad", `{"sluice":"tidy"}`), message("good", sample(t, "source-requested.json")), message("worse", "x"))
	if len(again) > 0 || len(f.grave.buried) != 2 || f.Records["orders"].Phase != federation.Waiting {
		t.Errorf("%v come again, buried %+v, the record is %s", again, f.grave.buried, f.Records["orders"].Phase)
	}
	if by := f.Records["orders"].Claim; by != nil {
		t.Errorf("the claim of %s was left", by.By)
	}
}

// The sample is what SQS delivers: a request, a follow-up of what nobody knows, and what is no task.
func TestSampleBatch(t *testing.T) {
	var batch events.SQSEvent
	if err := json.Unmarshal([]byte(sample(t, "sqs-batch.json")), &batch); err != nil || len(batch.Records) != 3 {
		t.Fatalf("%+v, %v", batch, err)
	}
	f := start()
	for _, m := range batch.Records { // one by one, as the small world is for one goroutine
		if again := f.invoke(t, m); len(again) > 0 {
			t.Errorf("%v come again", again)
		}
	}
	if len(f.grave.buried) != 1 || f.grave.buried[0].body != batch.Records[2].Body || f.Records["orders"].Phase != federation.Waiting {
		t.Errorf("buried %+v, the record is %+v", f.grave.buried, f.Records["orders"])
	}
}

func TestFailures(t *testing.T) {
	trouble := func(op string, is federationtest.Trouble) func(*function) {
		return func(f *function) {
			f.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
				if c.Op == op {
					return is
				}
				return federationtest.None
			}
		}
	}
	for name, tc := range map[string]struct {
		body     string
		received int
		arrange  func(*function)
		again    bool
		reason   string // of the dead letter
	}{
		"state throttled":                 {sample(t, "source-requested.json"), 1, trouble("Get", federationtest.Throttled), true, ""},
		"state throttled often":           {sample(t, "source-requested.json"), 4, trouble("Get", federationtest.Throttled), true, ""},
		"list refused":                    {sample(t, "sweep.json"), 1, trouble("List", federationtest.Refused), true, ""},
		"list refused often":              {sample(t, "sweep.json"), maxRefusals - 1, trouble("List", federationtest.Refused), true, ""},
		"list refused too often":          {sample(t, "sweep.json"), maxRefusals, trouble("List", federationtest.Refused), false, federation.Unauthorized},
		"dead letters refused":            {`{"sluice":"tidy"}`, 1, func(f *function) { f.grave.err = errors.New("no") }, true, ""},
		"refused by what it is about":     {sample(t, "source-requested.json"), 1, trouble("DescribeDBInstances", federationtest.Refused), false, ""},
		"throttled by what it is about":   {sample(t, "source-requested.json"), 1, trouble("DescribeDBInstances", federationtest.Throttled), false, ""},
		"the way to itself is throttled":  {sample(t, "source-requested.json"), 1, trouble("SendMessage", federationtest.Throttled), true, ""},
		"an announcement that is refused": {strings.Replace(sample(t, "source-requested.json"), `"analytics"`, `"finance"`, 1), 1, trouble("PutEvents", federationtest.Throttled), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := start()
			tc.arrange(f)
			m := message("m", tc.body)
			m.Attributes["ApproximateReceiveCount"] = fmt.Sprint(tc.received)
			again := f.invoke(t, m)
			if (len(again) == 1) != tc.again {
				t.Errorf("come again: %v, want %t; calls %v; log %s", again, tc.again, f.Calls, &f.log)
			}
			if tc.again {
				if line := f.last(t); line["outcome"] != "Failed" {
					t.Errorf("log line %v", line)
				}
			}
			if (tc.reason != "") != (len(f.grave.buried) == 1) || tc.reason != "" && f.grave.buried[0].reason != tc.reason {
				t.Errorf("buried %+v, want %q", f.grave.buried, tc.reason)
			}
		})
	}
}

func TestMalformedBatches(t *testing.T) {
	for _, payload := range []string{"", "x", "{}", `{"Records":[]}`, sample(t, "source-requested.json")} {
		var log bytes.Buffer
		h := handler{reconciler: start().Reconciler(), dead: &grave{}, log: slog.New(slog.NewJSONHandler(&log, nil))}
		output, err := h.Invoke(t.Context(), []byte(payload))
		refusal, ok := errors.AsType[messages.InvokeResponse_Error](err)
		if output != nil || !ok || refusal.Type != awslambda.Malformed || !strings.Contains(log.String(), `"outcome":"Malformed"`) {
			t.Errorf("%.20s: %s, %v, %s", payload, output, err, &log)
		}
	}
}

// A claim says which run has it, so that the log tells what that run did.
func TestClaimsNameTheRun(t *testing.T) {
	f := start()
	var claims []string
	f.Before = func(federationtest.Call) {
		if c := f.Records["orders"].Claim; c != nil && !slices.Contains(claims, c.By) {
			claims = append(claims, c.By)
		}
	}
	f.invoke(t, message("m", sample(t, "source-requested.json")))
	if !slices.Equal(claims, []string{"request/m"}) {
		t.Errorf("claims %v", claims)
	}
}

func TestWire(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	names := slices.Concat(slices.Collect(maps.Keys(settings.Provision{}.Env())), []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})
	t.Run("nothing is set", func(t *testing.T) {
		for _, name := range names {
			t.Setenv(name, "")
		}
		_, err := wire(log)
		for _, name := range names {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v; want also %s", err, name)
			}
		}
	})
	t.Run("deployed", func(t *testing.T) {
		p := settings.Provision{
			Stage: "test", Bus: "sluice-test", Account: federationtest.Account, Region: "us-east-1", Table: "sluice-test",
			Queue: "https://sqs.us-east-1.amazonaws.com/111122223333/sluice-test-work", DeadLetters: "https://sqs.us-east-1.amazonaws.com/111122223333/sluice-test-dead",
			Login: "sluice-test-login", Boundary: federationtest.Boundary,
			Federation: settings.Federation{Policy: settings.PolicyStrict, RecoveryDays: 7, Warehouses: map[string]warehouse.Federating{
				"analytics": {Cluster: "big", Database: "sales", User: "sluice", Sources: []string{"*"}},
			}},
		}
		env := p.Env()
		maps.Copy(env, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLE"})
		for name, value := range env {
			t.Setenv(name, value)
		}
		got, err := wire(log)
		if err != nil {
			t.Fatal(err)
		}
		h := got.(*handler)
		if r := h.reconciler; r.Profile != federation.Strict || r.Boundary != federationtest.Boundary || r.Warehouses["analytics"].Cluster != "big" || r.Place.Account != federationtest.Account {
			t.Errorf("wired %+v", r.Config)
		}
		for name, missing := range map[string]bool{"dead": h.dead == nil, "store": h.reconciler.Store == nil, "logins": h.reconciler.Logins == nil, "bus": h.reconciler.Bus == nil, "SQL": h.reconciler.SQL == nil} {
			if missing {
				t.Errorf("%s is not wired", name)
			}
		}
	})
}
