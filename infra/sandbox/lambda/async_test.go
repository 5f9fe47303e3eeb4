package lambda_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"
)

func parseDocument(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(payload, &document); err != nil {
		t.Fatalf("read error document %s: %v", payload, err)
	}
	return document
}

// attempts is how often echo has been started, as its log tells.
func (w *world) attempts() int {
	n := 0
	for _, line := range w.Logs("echo") {
		if strings.HasPrefix(line, "START ") {
			n++
		}
	}
	return n
}

func (w *world) send(t *testing.T, payload string) {
	t.Helper()
	out, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), InvocationType: "Event", Payload: []byte(payload)})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 {
		t.Fatalf("Invoke = %v, %v", out, err)
	}
}

func (w *world) configureEvents(t *testing.T, retries, age int32) {
	t.Helper()
	out, err := w.client.PutFunctionEventInvokeConfig(t.Context(), &api.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("echo"), MaximumRetryAttempts: &retries, MaximumEventAgeInSeconds: &age,
	})
	if err != nil || aws.ToInt32(out.MaximumRetryAttempts) != retries || aws.ToString(out.FunctionArn) != echoARN {
		t.Fatalf("PutFunctionEventInvokeConfig = %+v, %v", out, err)
	}
}

func TestEventsAreRepeated(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	w.send(t, `{"Do":"fail","Text":"not yet"}`)
	w.clock.Settle()
	for _, step := range []struct {
		name     string
		advance  time.Duration
		attempts int
		dropped  int
	}{
		{"at once", 0, 1, 0},
		{"before the first minute is over", 50 * time.Second, 1, 0},
		{"after one minute", 12 * time.Second, 2, 0},
		{"before two more minutes are over", 100 * time.Second, 2, 0},
		{"after two more minutes", 30 * time.Second, 3, 1},
		{"never again", time.Hour, 3, 1},
	} {
		w.clock.Advance(step.advance)
		if got := w.attempts(); got != step.attempts {
			t.Errorf("%s: %d attempts, want %d", step.name, got, step.attempts)
		}
		if got := len(w.Dropped()); got != step.dropped {
			t.Errorf("%s: %d dropped, want %d", step.name, got, step.dropped)
		}
	}
	got := w.Dropped()[0]
	if got.Function != "echo" || got.Reason != "RetriesExhausted" || got.Attempts != 3 || !strings.Contains(got.Cause, "not yet") {
		t.Errorf("Dropped = %+v", got)
	}
}

func TestEventThatSucceedsIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	if err := w.KillNext("echo"); err != nil {
		t.Fatal(err)
	}
	if err := w.InvokeAsync(t.Context(), operator, echoARN, nil); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if got := w.attempts(); got != 2 || len(w.Dropped()) != 0 {
		t.Errorf("%d attempts and %v dropped, want 2 and none: a crash, then a success", got, w.Dropped())
	}
}

func TestEventInvokeConfig(t *testing.T) {
	for _, tc := range []struct {
		name         string
		retries, age int32
		attempts     int
		reason       string
	}{
		{"no retries", 0, 240, 1, "RetriesExhausted"},
		{"one retry", 1, 240, 2, "RetriesExhausted"},
		{"too old for the second retry", 2, 120, 2, "EventAgeExceeded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(t, nil)
			w.configureEvents(t, tc.retries, tc.age)
			w.send(t, `{"Do":"fail"}`)
			w.clock.Advance(time.Hour)
			dropped := w.Dropped()
			if w.attempts() != tc.attempts || len(dropped) != 1 || dropped[0].Reason != tc.reason {
				t.Errorf("%d attempts, dropped %+v; want %d, %s", w.attempts(), dropped, tc.attempts, tc.reason)
			}
		})
	}
}

func TestEventInvokeConfigIsKept(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	get := func() (*api.GetFunctionEventInvokeConfigOutput, error) {
		return w.client.GetFunctionEventInvokeConfig(t.Context(), &api.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("echo")})
	}
	_, err := get()
	checkCode(t, err, "ResourceNotFoundException")
	w.configureEvents(t, 0, 240)
	out, err := get()
	if err != nil || *out.MaximumRetryAttempts != 0 || *out.MaximumEventAgeInSeconds != 240 || out.LastModified == nil {
		t.Errorf("GetFunctionEventInvokeConfig = %+v, %v", out, err)
	}
	_, err = w.client.PutFunctionEventInvokeConfig(t.Context(), &api.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("echo"), MaximumRetryAttempts: aws.Int32(3)})
	checkCode(t, err, "InvalidParameterValueException")
	_, err = w.client.PutFunctionEventInvokeConfig(t.Context(), &api.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("echo"), MaximumEventAgeInSeconds: aws.Int32(59)})
	checkCode(t, err, "InvalidParameterValueException")
	if _, err := w.client.DeleteFunctionEventInvokeConfig(t.Context(), &api.DeleteFunctionEventInvokeConfigInput{FunctionName: aws.String("echo")}); err != nil {
		t.Fatal(err)
	}
	_, err = get()
	checkCode(t, err, "ResourceNotFoundException")
}

func TestThrottledEventsWait(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	limit := func(n int32) {
		_, err := w.client.PutFunctionConcurrency(t.Context(), &api.PutFunctionConcurrencyInput{FunctionName: aws.String("echo"), ReservedConcurrentExecutions: &n})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(0)
	w.send(t, `{}`)
	w.clock.Advance(time.Minute)
	limit(1)
	w.clock.Advance(5 * time.Minute)
	if got := w.attempts(); got != 1 {
		t.Errorf("%d attempts after the throttling, want 1", got)
	}

	limit(0)
	w.configureEvents(t, 0, 240)
	w.send(t, `{}`)
	w.clock.Advance(time.Hour)
	dropped := w.Dropped()
	if len(dropped) != 1 || dropped[0].Reason != "EventAgeExceeded" || dropped[0].Attempts != 0 {
		t.Errorf("Dropped = %+v, want one that grew too old without an attempt", dropped)
	}
}

func TestEventsOfADeletedFunction(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	w.send(t, `{"Do":"fail"}`)
	w.clock.Settle()
	if _, err := w.client.DeleteFunction(t.Context(), &api.DeleteFunctionInput{FunctionName: aws.String("echo")}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if got := w.Dropped(); len(got) != 1 || got[0].Reason != "FunctionDeleted" {
		t.Errorf("Dropped = %+v", got)
	}
}
