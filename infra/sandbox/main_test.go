package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A screen is an output that tells when a text has appeared.
type screen struct {
	mu     sync.Mutex
	text   bytes.Buffer
	wanted string
	seen   chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	if s.wanted != "" && strings.Contains(s.text.String(), s.wanted) {
		s.wanted = ""
		close(s.seen)
	}
	return len(b), nil
}

func TestRun(t *testing.T) {
	t.Chdir("../..") // where make runs it
	state := filepath.Join(t.TempDir(), "sandbox")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &screen{wanted: "Ready.", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-state", state, "-port", freePort(t)}, out) }()
	select {
	case <-out.seen:
	case err := <-done:
		t.Fatalf("run() = %v before it was ready", err)
	}
	env, err := os.ReadFile(state + ".env")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(state + ".env"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the environment's file has mode %v, %v; it holds a key", info.Mode(), err)
	}
	shown := out.text.String()
	if want := "Workgroup exampleworkgroup of namespace examplenamespace at localhost:"; !strings.Contains(shown, want) {
		t.Errorf("%q is not shown:\n%s", want, shown)
	}
	for line := range strings.Lines(string(env)) {
		if !strings.HasPrefix(line, "export ") || !strings.Contains(shown, line) {
			t.Errorf("%q is in the file and not shown", line)
		}
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "PGSSLMODE='verify-full'", "PGSSLROOTCERT", "SLUICE_CONFIG='/"} {
		if !strings.Contains(string(env), "export "+name) {
			t.Errorf("%s is missing in the environment:\n%s", name, env)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run() = %v", err)
	}
	if _, err := os.Stat(state + ".env"); err == nil {
		t.Error("the environment's file is still there")
	}
}

func TestWrongArguments(t *testing.T) {
	for _, tc := range []struct{ name, port, want string }{
		{"no number", "many", `port "many" is not a number`},
		{"no room for cluster and workgroup", "65534", `port "65534"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("SANDBOX_PORT", tc.port)
			if err := run(t.Context(), nil, &screen{}); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "SANDBOX_PORT") {
				t.Errorf("run() = %v, want %q and the remedy", err, tc.want)
			}
		})
	}
	if err := run(t.Context(), []string{"assembly"}, &screen{}); err == nil || !strings.Contains(err.Error(), `argument "assembly"`) {
		t.Errorf("run(assembly) = %v", err)
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote(`it's $5`), `'it'\''s $5'`; got != want {
		t.Errorf("quote() = %s, want %s", got, want)
	}
}

// freePort finds three ports in a row that nobody has, and returns the first.
func freePort(t *testing.T) string {
	t.Helper()
	for range 20 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		first.Close()
		if isFree(port+1) && isFree(port+2) {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no three free ports in a row")
	return ""
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
