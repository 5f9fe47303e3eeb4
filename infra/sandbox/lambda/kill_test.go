package lambda_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestKillOfASession kills the process that calls, while it waits for its answer, and no other one of the function.
func TestKillOfASession(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	spared := w.look(t) // has the second session: the first one tried whether Lambda may have the role
	b := newBlock(t)
	done := make(chan []byte)
	go func() {
		answer, _, err := w.Invoke(t.Context(), operator, "echo", []byte(`{"Do":"call","Text":"`+b.URL+`"}`))
		if err != nil {
			t.Error(err)
		}
		done <- answer
	}()
	<-b.entered // the first process is busy, so that another one takes what comes now

	crash := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if w.Kill(sessionOf(role, "echo", 9)) {
			t.Error("a process was killed for a session that nobody has")
		}
		if !w.Kill(sessionOf(role, "echo", 3)) {
			t.Error("the process that calls was not found")
		}
		panic(http.ErrAbortHandler)
	}))
	defer crash.Close()
	out := w.invoke(t, `{"Do":"call","Text":"`+crash.URL+`"}`)
	checkDocument(t, w, out.Payload, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: signal: killed")

	b.release()
	if answer := readSight(t, <-done); answer.PID != spared.PID {
		t.Errorf("the other invocation ended in process %d; want %d, which nobody killed", answer.PID, spared.PID)
	}
	if w.Kill(sessionOf(role, "echo", 3)) {
		t.Error("a process died twice")
	}
}

func TestKillAll(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	idle := w.look(t)
	if n := w.KillAll("echo"); n != 1 {
		t.Errorf("%d processes were killed; want the one that waits for work", n)
	}
	if now := w.look(t); now.PID == idle.PID {
		t.Errorf("process %d goes on", now.PID)
	}
	if n := w.KillAll("nobody"); n != 0 {
		t.Errorf("%d processes of a function that is not there were killed", n)
	}
}
