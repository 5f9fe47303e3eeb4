package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/lambda/runtimeapi"
)

// A process is a runtime that the test drives by hand.
type process struct {
	t    *testing.T
	base string
}

func listen(t *testing.T) (*runtimeapi.API, process) {
	t.Helper()
	a, err := runtimeapi.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, process{t, "http://" + a.Addr() + "/2018-06-01/runtime/"}
}

func (p process) next() (status int, header http.Header, body string) {
	p.t.Helper()
	answer, err := http.Get(p.base + "invocation/next")
	if err != nil {
		p.t.Error(err)
		return 0, nil, ""
	}
	return read(p.t, answer)
}

func (p process) post(path, body string) int {
	p.t.Helper()
	answer, err := http.Post(p.base+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return 0
	}
	status, _, _ := read(p.t, answer)
	return status
}

func read(t *testing.T, answer *http.Response) (int, http.Header, string) {
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func give(t *testing.T, a *runtimeapi.API, id string) *runtimeapi.Flight {
	t.Helper()
	f, err := a.Give(t.Context(), runtimeapi.Invocation{
		ID: id, Function: "arn:function", TraceID: "Root=1", Deadline: time.UnixMilli(1700000000123), Payload: []byte(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInvocationAndAnswer(t *testing.T) {
	a, p := listen(t)
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		status, header, body := p.next()
		if status != 200 || body != `{"a":1}` {
			t.Errorf("next = %d, %q", status, body)
		}
		for name, want := range map[string]string{
			"Lambda-Runtime-Aws-Request-Id": "one", "Lambda-Runtime-Deadline-Ms": "1700000000123",
			"Lambda-Runtime-Invoked-Function-Arn": "arn:function", "Lambda-Runtime-Trace-Id": "Root=1",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
	}()
	flight := give(t, a, "one")
	<-taken
	select {
	case <-a.Ready():
	default:
		t.Error("not ready after the process has asked for work")
	}
	if got := p.post("invocation/other/response", `1`); got != 400 {
		t.Errorf("an answer to another invocation: status %d, want 400", got)
	}
	if got := p.post("invocation/one/response", `{"b":2}`); got != 202 {
		t.Errorf("answer: status %d, want 202", got)
	}
	if got := p.post("invocation/one/response", `3`); got != 400 {
		t.Errorf("a second answer: status %d, want 400", got)
	}

	cause := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	result, err := flight.Land(ctx)
	if result == nil || string(result.Payload) != `{"b":2}` || result.Failed || !errors.Is(err, cause) {
		t.Errorf("Land of a process that does not ask again = %v, %v", result, err)
	}
}

func TestLandWaitsUntilTheProcessAsksAgain(t *testing.T) {
	a, p := listen(t)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		p.next()
		if got := p.post("invocation/one/error", `{"errorType":"x"}`); got != 202 {
			t.Errorf("error: status %d, want 202", got)
		}
		if _, header, _ := p.next(); header.Get("Lambda-Runtime-Aws-Request-Id") != "two" {
			t.Errorf("asking again gave %v", header)
		}
	})
	result, err := give(t, a, "one").Land(t.Context())
	if err != nil || string(result.Payload) != `{"errorType":"x"}` || !result.Failed {
		t.Errorf("Land = %v, %v", result, err)
	}
	give(t, a, "two")
}

func TestNextWithoutAnswer(t *testing.T) {
	a, p := listen(t)
	taken := make(chan struct{})
	go func() { defer close(taken); p.next() }()
	give(t, a, "one")
	<-taken
	if status, _, body := p.next(); status != 403 || !strings.Contains(body, "InvalidStateTransition") {
		t.Errorf("next without an answer = %d, %s", status, body)
	}
}

func TestInitError(t *testing.T) {
	a, p := listen(t)
	if got := p.post("init/error", `{"errorType":"bad"}`); got != 202 {
		t.Errorf("status %d, want 202", got)
	}
	if got := string(<-a.InitError()); got != `{"errorType":"bad"}` {
		t.Errorf("InitError gave %s", got)
	}
}

func TestAnswerThatIsTooLarge(t *testing.T) {
	a, p := listen(t)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		p.next()
		if got := p.post("invocation/one/response", strings.Repeat("x", runtimeapi.MaxPayload+1)); got != 413 {
			t.Errorf("status %d, want 413", got)
		}
		p.next()
	})
	result, err := give(t, a, "one").Land(t.Context())
	give(t, a, "two")
	if err != nil || !result.Failed || !strings.Contains(string(result.Payload), "Function.ResponseSizeTooLarge") {
		t.Errorf("Land = %v, %v", result, err)
	}
}

func TestGiveEndsWithItsContext(t *testing.T) {
	a, _ := listen(t)
	cause := errors.New("nobody asked")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := a.Give(ctx, runtimeapi.Invocation{}); !errors.Is(err, cause) {
		t.Errorf("Give = %v, want %v", err, cause)
	}
}
