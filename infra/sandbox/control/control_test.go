package control_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

// A rig is an empty sandbox with its control interface.
type rig struct {
	clock   *clock.Clock
	aws     *awshttp.Server
	status  map[string]string
	sandbox control.Sandbox
	server  *httptest.Server
	*control.Client
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{clock: clock.New(t.Context()), status: map[string]string{"examplecluster": "available"}}
	r.aws = awshttp.New(awshttp.Config{Clock: r.clock})
	events := []control.Event{{Bus: "sluice", Event: json.RawMessage(`{"source":"sluice"}`)}, {Bus: "default", Event: json.RawMessage(`{}`)}}
	r.sandbox = control.Sandbox{
		Clock: r.clock, Faults: r.aws.Faults(), Calls: r.aws.Calls(), Deployer: template.New(template.Config{API: r.aws}),
		World: func() control.World { return control.World{Cluster: "examplecluster", Started: r.clock.Now()} },
		Events: func(bus string) []control.Event {
			return slices.DeleteFunc(slices.Clone(events), func(e control.Event) bool { return e.Bus != cmp.Or(bus, "default") })
		},
		Logs: func(function string) []string { return []string{"log of " + function} },
		SetStatus: func(cluster, status string) error {
			if r.status[cluster] == "" {
				return fmt.Errorf("there is no cluster %s", cluster)
			}
			r.status[cluster] = status
			return nil
		},
	}
	r.serve(t)
	return r
}

// serve offers the sandbox as it is now.
func (r *rig) serve(t *testing.T) {
	r.server = httptest.NewServer(control.Handler(r.sandbox))
	t.Cleanup(r.server.Close)
	r.Client = control.NewClient(r.server.URL)
}

func TestClock(t *testing.T) {
	r := start(t)
	before := r.clock.Now()
	var order []string
	r.clock.At(before.Add(20*time.Minute), func() { order = append(order, "twenty") })
	r.clock.At(before.Add(10*time.Minute), func() { r.clock.Go(func() { order = append(order, "ten") }) })
	r.clock.At(before.Add(time.Hour), func() { order = append(order, "hour") })
	now, err := r.Advance(t.Context(), 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if gone := now.Sub(before); gone < 30*time.Minute || gone > 31*time.Minute {
		t.Errorf("the clock moved by %v, want 30m", gone)
	}
	if want := []string{"ten", "twenty"}; !slices.Equal(order, want) {
		t.Errorf("work ran as %v, want %v, done before the answer", order, want)
	}
	if seen, err := r.Now(t.Context()); err != nil || seen.Before(now) {
		t.Errorf("Now() = %v, %v; want %v or later", seen, err, now)
	}
	if err := r.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.Advance(t.Context(), -time.Minute); err == nil || !strings.Contains(err.Error(), `by is "-1m0s"`) {
		t.Errorf("Advance(-1m) = %v, want a refusal", err)
	}
}

func TestFaults(t *testing.T) {
	r := start(t)
	fault := awshttp.Fault{Service: "redshift", Operation: "GetClusterCredentials", Kind: awshttp.Throttled, Count: 2}
	if err := r.AddFault(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Faults(t.Context()); err != nil || !slices.Equal(got, []awshttp.Fault{fault}) {
		t.Errorf("Faults() = %v, %v", got, err)
	}
	if err := r.AddFault(t.Context(), awshttp.Fault{Service: "redshift", Kind: "slow", Count: 1}); err == nil || !strings.Contains(err.Error(), `kind "slow" is unknown`) {
		t.Errorf("AddFault() of an unknown kind = %v", err)
	}
	if err := r.ClearFaults(t.Context()); err != nil || len(r.aws.Faults().List()) > 0 {
		t.Errorf("ClearFaults() = %v, left %v", err, r.aws.Faults().List())
	}
}

func TestCalls(t *testing.T) {
	r := start(t)
	by := awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator"}
	for _, operation := range []string{"One", "Two", "Three"} {
		_, _ = r.aws.Do(t.Context(), by, "s3", operation, nil) // refused: recorded like any other
	}
	all := r.aws.Calls().List(awshttp.Filter{})
	for _, tc := range []struct {
		name   string
		filter awshttp.Filter
		want   []string
	}{
		{"all", awshttp.Filter{}, []string{"One", "Two", "Three"}},
		{"operation", awshttp.Filter{Operation: "Two"}, []string{"Two"}},
		{"service", awshttp.Filter{Service: "sqs"}, nil},
		{"principal", awshttp.Filter{Principal: by.ARN, Operation: "One"}, []string{"One"}},
		{"after", awshttp.Filter{After: all[1].Seq}, []string{"Three"}},
		{"since", awshttp.Filter{Since: all[2].Time}, []string{"Three"}},
		{"since later", awshttp.Filter{Since: all[2].Time.Add(time.Minute)}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made, err := r.Calls(t.Context(), tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range made {
				got = append(got, m.Operation)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("Calls() = %v, want %v", got, tc.want)
			}
		})
	}
	if err := r.ForgetCalls(t.Context()); err != nil || len(r.aws.Calls().List(awshttp.Filter{})) > 0 {
		t.Errorf("ForgetCalls() = %v", err)
	}
}

func TestWhatThereIs(t *testing.T) {
	r := start(t)
	if got, err := r.Events(t.Context(), "sluice"); err != nil || len(got) != 1 || !strings.Contains(string(got[0].Event), `"sluice"`) {
		t.Errorf("Events() = %s, %v", got, err)
	}
	if got, err := r.Events(t.Context(), ""); err != nil || len(got) != 1 || got[0].Bus != "default" {
		t.Errorf("Events() of no bus = %s, %v", got, err)
	}
	if got, err := r.Logs(t.Context(), "rotate"); err != nil || !slices.Equal(got, []string{"log of rotate"}) {
		t.Errorf("Logs() = %v, %v", got, err)
	}
	if got, err := r.World(t.Context()); err != nil || got.Cluster != "examplecluster" {
		t.Errorf("World() = %+v, %v", got, err)
	}
	if got, err := r.Resources(t.Context()); err != nil || got.Resources == nil || len(got.Resources) > 0 {
		t.Errorf("Resources() = %+v, %v", got, err)
	}
}

func TestSetStatus(t *testing.T) {
	r := start(t)
	if err := r.SetStatus(t.Context(), "examplecluster", "paused"); err != nil || r.status["examplecluster"] != "paused" {
		t.Errorf("SetStatus() = %v, status %v", err, r.status)
	}
	if err := r.SetStatus(t.Context(), "other", "paused"); err == nil || !strings.Contains(err.Error(), "there is no cluster other") {
		t.Errorf("SetStatus() of another cluster = %v", err)
	}
}

func TestRefusals(t *testing.T) {
	r := start(t)
	for _, tc := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     int
	}{
		{"foreign host", "GET", "clock", "", func(q *http.Request) { q.Host = "sandbox.example.com" }, 403},
		{"page of a browser", "POST", "settle", "", func(q *http.Request) { q.Header.Set("Origin", "https://example.com") }, 403},
		{"form of a browser", "POST", "clock/advance", `{"by": "1m"}`, func(q *http.Request) { q.Header.Set("Content-Type", "text/plain") }, 415},
		{"unknown member", "POST", "clock/advance", `{"by": "1m", "to": "x"}`, nil, 400},
		{"more than one object", "POST", "clock/advance", `{"by": "1m"} {}`, nil, 400},
		{"not an instant", "GET", "calls?since=yesterday", "", nil, 400},
		{"logs of nobody", "GET", "logs", "", nil, 400},
		{"unknown path", "GET", "secrets", "", nil, 404},
		{"other method", "DELETE", "clock", "", nil, 405},
		{"localhost", "GET", "clock", "", func(q *http.Request) { q.Host = "localhost:4780" }, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q, err := http.NewRequestWithContext(t.Context(), tc.method, r.server.URL+control.Prefix+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.body != "" {
				q.Header.Set("Content-Type", "application/json")
			}
			if tc.change != nil {
				tc.change(q)
			}
			a, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			if text, _ := io.ReadAll(a.Body); a.StatusCode != tc.want {
				t.Errorf("%s %s: status %d, want %d; %s", tc.method, tc.path, a.StatusCode, tc.want, text)
			}
		})
	}
}
