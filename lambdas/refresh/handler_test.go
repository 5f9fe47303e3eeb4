package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/credentials/credentialstest"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
)

// bus keeps what was announced, or cannot be reached.
type bus struct {
	announced []announcement
	err       error
}

type announcement struct {
	detailType, resource string
	detail               any
}

func (b *bus) Announce(ctx context.Context, detailType, resource string, detail any) error {
	if err := errors.Join(b.err, ctx.Err()); err != nil {
		return err
	}
	b.announced = append(b.announced, announcement{detailType, resource, detail})
	return nil
}

// function is the handler in a small world in which readers have had a lease for so long, with all that it says.
type function struct {
	*credentialstest.World
	handler
	bus          bus
	log, metrics bytes.Buffer
}

func deployed(t *testing.T, age time.Duration) *function {
	f := &function{World: credentialstest.New()}
	f.handler = handler{refresher: f.Refresher(), bus: &f.bus, log: slog.New(slog.NewJSONHandler(&f.log, nil)), metrics: &f.metrics}
	f.World.Rotate(t.Context())
	f.Clock.Advance(age)
	return f
}

func (f *function) tick(ctx context.Context) (map[string]any, error) {
	payload, err := json.Marshal(map[string]string{"secret": f.Secret})
	if err != nil {
		return nil, err
	}
	out, err := f.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	return answer, json.Unmarshal(out, &answer)
}

// one is the only line of the log, which must have exactly these keys beside slog's own.
func (f *function) one(t *testing.T, keys ...string) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(f.log.Bytes(), &line); err != nil {
		t.Fatalf("not one line: %s", &f.log)
	}
	want := slices.Sorted(slices.Values(append(keys, "time", "level", "msg")))
	if got := slices.Sorted(maps.Keys(line)); !slices.Equal(got, want) {
		t.Errorf("keys of the log line: %v, want %v", got, want)
	}
	return line
}

var (
	done   = []string{"secret", "consumer", "warehouse", "user", "outcome", "reason", "remaining", "expires"}
	failed = []string{"secret", "consumer", "warehouse", "user", "outcome", "reason", "kind", "err"}
)

func errorType(t *testing.T, err error) string {
	t.Helper()
	published, ok := err.(messages.InvokeResponse_Error) // as Lambda looks at it: not below any wrapper
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	return published.Type
}

func TestTick(t *testing.T) {
	for _, tc := range []struct {
		name   string
		age    time.Duration
		change func(f *function)
		want   map[string]any
		atRisk string // reason of the announcement; "" for none
	}{
		{"fresh", 10 * time.Minute, nil, map[string]any{"outcome": "Fresh", "consumer": "reporting", "remainingSeconds": 3000.0}, ""},
		{"due", 25 * time.Minute, nil, map[string]any{"outcome": "Started", "consumer": "reporting", "remainingSeconds": 2100.0}, ""},
		{"urgent", 50 * time.Minute, nil, map[string]any{"outcome": "Started", "consumer": "reporting", "remainingSeconds": 600.0}, "Started"},
		{"dead, and the last attempt failed", 2 * time.Hour, func(f *function) {
			f.Redshift.Down("Mint", &fault.Error{Kind: fault.Retry, Reason: "Throttled", Op: "mint", Fix: "nothing"})
			_ = f.Secrets.Rotate(context.Background(), f.Secret)
			f.Clock.Advance(3 * time.Minute)
		}, map[string]any{"outcome": "BackingOff", "consumer": "reporting", "remainingSeconds": 0.0, "reason": "attempts that failed: 1; the next is due at 2026-03-01T14:04:00Z"}, "BackingOff"},
		{"parked", 2 * time.Hour, func(f *function) { f.Redshift.SetStatus("examplecluster", "paused") },
			map[string]any{"outcome": "Parked", "consumer": "reporting", "remainingSeconds": 0.0, "reason": "paused"}, ""},
		{"retired", 2 * time.Hour, func(f *function) { f.Secrets.Delete(f.Secret) },
			map[string]any{"outcome": "Retired", "consumer": "reporting", "remainingSeconds": 0.0, "reason": "BeingDeleted"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := deployed(t, tc.age)
			if tc.change != nil {
				tc.change(f)
			}
			got, err := f.tick(t.Context())
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("answer %v, %v\nwant   %v", got, err, tc.want)
			}
			line := f.one(t, done...)
			if line["outcome"] != tc.want["outcome"] || line["level"] != "INFO" || line["consumer"] != "reporting" || line["warehouse"] != "analytics" || line["user"] != "app" || line["secret"] != f.Secret {
				t.Errorf("log line %v", line)
			}
			var want []announcement
			if tc.atRisk != "" {
				want = []announcement{{event.CredentialsAtRisk, f.Secret, event.AtRisk{
					Consumer:         event.Consumer{Consumer: "reporting", Secret: f.Secret, Warehouse: "analytics"},
					RemainingSeconds: int(tc.want["remainingSeconds"].(float64)), ExpiresAt: credentialstest.Start.Add(time.Hour), Reason: tc.atRisk,
				}}}
			}
			if !reflect.DeepEqual(f.bus.announced, want) {
				t.Errorf("announced %+v\nwant %+v", f.bus.announced, want)
			}
		})
	}
}

// CloudWatch reads metrics from a line of the log, if the line has the form that it documents.
func TestMetrics(t *testing.T) {
	for _, tc := range []struct {
		name           string
		change         func(f *function)
		life, isParked float64
	}{
		{"life that is left", func(*function) {}, 2100, 0},
		{"parked", func(f *function) { f.Redshift.SetStatus("examplecluster", "paused") }, 2100, 1},
		{"dead, and the tick fails", func(f *function) { f.Clock.Advance(time.Hour); f.Secrets.Down("Rotate", errors.New("x")) }, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := deployed(t, 25*time.Minute)
			tc.change(f)
			_, _ = f.tick(t.Context())
			var line map[string]any
			if err := json.Unmarshal(f.metrics.Bytes(), &line); err != nil || bytes.Count(f.metrics.Bytes(), []byte("\n")) != 1 {
				t.Fatalf("not one line: %q, %v", &f.metrics, err)
			}
			stamp, _ := line["_aws"].(map[string]any)["Timestamp"].(float64)
			if age := time.Since(time.UnixMilli(int64(stamp))); age < -time.Minute || age > time.Minute {
				t.Errorf("the time of the metric is %s old", age)
			}
			delete(line["_aws"].(map[string]any), "Timestamp")
			want := map[string]any{
				"_aws": map[string]any{"CloudWatchMetrics": []any{map[string]any{
					"Namespace": "Sluice", "Dimensions": []any{[]any{"Stage", "Warehouse"}},
					"Metrics": []any{map[string]any{"Name": "RemainingLife", "Unit": "Seconds"}, map[string]any{"Name": "Parked", "Unit": "Count"}},
				}}},
				"Stage": "test", "Warehouse": "analytics", "Consumer": "reporting", "RemainingLife": tc.life, "Parked": tc.isParked,
			}
			if !reflect.DeepEqual(line, want) {
				t.Errorf("metrics %v\nwant    %v", line, want)
			}
		})
	}
	t.Run("none where nothing was seen", func(t *testing.T) {
		f := deployed(t, 25*time.Minute)
		f.Secrets.Delete(f.Secret)
		if _, err := f.tick(t.Context()); err != nil || f.metrics.Len() > 0 {
			t.Errorf("%v, %s", err, &f.metrics)
		}
	})
	t.Run("and a person is told where the rotation was turned off", func(t *testing.T) {
		f := deployed(t, 25*time.Minute)
		f.Secrets.CancelRotation(f.Secret)
		if _, err := f.tick(t.Context()); err != nil || f.metrics.Len() == 0 {
			t.Errorf("%v, %s", err, &f.metrics)
		}
	})
}

func TestFailedTick(t *testing.T) {
	for _, tc := range []struct {
		name   string
		age    time.Duration
		change func(f *function)
		reason string
		kind   string
		tells  []string // detail-types
	}{
		{"no permission to rotate", 25 * time.Minute, func(f *function) {
			f.Secrets.Down("Rotate", &fault.Error{Kind: fault.Blocked, Reason: "Unauthorized", Op: "start rotation", Fix: "allow it"})
		}, "Unauthorized", "blocked", []string{event.CredentialsFailing}},
		{"and life is short", 50 * time.Minute, func(f *function) {
			f.Secrets.Down("Rotate", &fault.Error{Kind: fault.Retry, Reason: "Throttled", Op: "start rotation", Fix: "nothing"})
		}, "Throttled", "retry", []string{event.CredentialsFailing, event.CredentialsAtRisk}},
		{"secret of another stage", 25 * time.Minute, func(f *function) { f.Retag(map[string]string{settings.TagStage: "other"}) }, credentials.NotOurs, "blocked", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := deployed(t, tc.age)
			tc.change(f)
			if _, err := f.tick(t.Context()); errorType(t, err) != tc.reason {
				t.Errorf("%v", err)
			}
			if line := f.one(t, failed...); line["outcome"] != "Failed" || line["level"] != "ERROR" || line["reason"] != tc.reason || line["kind"] != tc.kind {
				t.Errorf("log line %v", line)
			}
			var told []string
			for _, a := range f.bus.announced {
				told = append(told, a.detailType)
				if failing, ok := a.detail.(event.Failing); ok && (failing.Step != "tick" || failing.Reason != tc.reason || failing.Kind != tc.kind || failing.Cause == "" || failing.Remedy == "" || failing.Consumer.Consumer != "reporting") {
					t.Errorf("announced %+v", failing)
				}
				if risk, ok := a.detail.(event.AtRisk); ok && risk.Reason != tc.reason {
					t.Errorf("announced %+v", risk)
				}
			}
			if !slices.Equal(told, tc.tells) {
				t.Errorf("announced %v, want %v", told, tc.tells)
			}
		})
	}
}

func TestMalformedTicks(t *testing.T) {
	samples, err := filepath.Glob("../../events/refresh/refused-*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	payloads := map[string][]byte{"nothing": nil, "no JSON": []byte("x"), "a rotation step": []byte(`{"Step":"createSecret","SecretId":"x","ClientRequestToken":"y"}`)}
	for _, file := range samples {
		if payloads[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			f := deployed(t, time.Hour)
			describes := f.Secrets.Calls("Describe")
			if _, err := f.Invoke(t.Context(), payload); errorType(t, err) != awslambda.Malformed {
				t.Errorf("%v", err)
			}
			if line := f.one(t, "outcome", "err"); line["outcome"] != awslambda.Malformed || line["level"] != "ERROR" {
				t.Errorf("log line %v", line)
			}
			if f.Secrets.Calls("Describe") != describes || len(f.bus.announced) > 0 || f.metrics.Len() > 0 {
				t.Error("something was done about it")
			}
		})
	}
}

// A bus that cannot be reached, or a log that takes no metrics, costs a line in the log and nothing else.
func TestUnreachableBusFailsNoTick(t *testing.T) {
	f := deployed(t, 50*time.Minute)
	f.bus.err = errors.New("no answer")
	f.handler.metrics = broken{}
	if _, err := f.tick(t.Context()); err != nil {
		t.Error(err)
	}
	for _, outcome := range []string{"Unmeasured", "Unannounced", "Started"} {
		if strings.Count(f.log.String(), `"outcome":"`+outcome+`"`) != 1 {
			t.Errorf("the log does not say %s once:\n%s", outcome, &f.log)
		}
	}
	if content, works := f.Readable(); !works || content.Left(f.Clock.Now()) != time.Hour {
		t.Error("readers have no new lease")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

// When the time for the work is over there is some left, to say so.
func TestTimeIsLeftToReport(t *testing.T) {
	f := deployed(t, 50*time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than is kept for reporting
	defer cancel()
	if _, err := f.tick(ctx); errorType(t, err) != "Unavailable" {
		t.Errorf("%v", err)
	}
	if f.log.Len() == 0 {
		t.Error("nothing in the log")
	}
}

func TestWire(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	t.Run("nothing is set", func(t *testing.T) {
		if _, err := wire(log); err == nil || len(strings.Split(err.Error(), "\n")) != 9 {
			t.Errorf("%v; want all nine problems", err)
		}
	})
	t.Run("deployed", func(t *testing.T) {
		want := settings.Refresh{Stage: "test", Bus: "b", Clusters: map[string]string{"analytics": "examplecluster"}, Timings: settings.DefaultTimings()}
		env := want.Env()
		maps.Copy(env, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLE"})
		for name, value := range env {
			t.Setenv(name, value)
		}
		got, err := wire(log)
		if err != nil {
			t.Fatal(err)
		}
		if r := got.(*handler).refresher; r.Stage != "test" || !reflect.DeepEqual(r.Warehouses, want.Clusters) || r.Timings != want.Timings {
			t.Errorf("wired %+v", r)
		}
	})
}
