package dynamodb

import (
	"errors"
	"os"
	"testing"
)

func TestEngineIsPrivateAndLeavesNothing(t *testing.T) {
	e, err := start(t.Context(), "../../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder has mode %v; nobody else may enter it", info.Mode())
	}
	for _, body := range []string{"{}", "null", ""} {
		if _, err := e.pass(t.Context(), "ListTables", []byte(body)); err != nil {
			t.Errorf("body %q: %v", body, err)
		}
	}
	if err := e.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(e.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end there is %s: %v", e.dir, err)
	}
	if _, err := e.ask(t.Context(), "ListTables", struct{}{}); err == nil {
		t.Error("an engine that has ended still answers")
	}
}

// TestEngineEndsWithItsInput is what happens when this process dies: the kernel closes the pipe.
func TestEngineEndsWithItsInput(t *testing.T) {
	e, err := start(t.Context(), "../../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.life.Close(); err != nil {
		t.Fatal(err)
	}
	<-e.exited
	if err := e.stop(); err != nil {
		t.Error(err)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	if _, err := start(t.Context(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("start without dynalite: %v", err)
	}
}
