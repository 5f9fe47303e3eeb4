package connected_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/lease"
)

// sandbox is the one world of this package's tests. Its clock is moved by some: what lives only so long is made by each test itself.
var sandbox = sync.OnceValues(func() (*world.World, error) {
	state, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return nil, err
	}
	w, err := world.Start(context.Background(), world.Config{State: state, NodeModules: "../../node_modules", Log: slog.New(slog.NewTextHandler(&front, nil))})
	end = func() error {
		defer os.RemoveAll(state)
		if err != nil {
			return nil
		}
		book.note(w)
		return w.Close()
	}
	return w, err
})

// front is what the warehouse logs.
var front lines

// end ends the sandbox, if one was started.
var end = func() error { return nil }

func TestMain(m *testing.M) {
	if connectAlone() {
		return
	}
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	book.say(front.String())
	for _, leak := range book.leaks() {
		fmt.Fprintln(os.Stderr, "FAIL: a secret was told:", leak)
		code = 1
	}
	os.Exit(code)
}

// A scene is the sandbox as one test sees it.
type scene struct {
	*testing.T
	*world.World
	cache *lease.Cache // the test's own, by the sandbox's clock
	wire  *wire        // AWS's endpoint as programs have it
	log   *lines       // what connectors and the cache log
}

// begin starts the sandbox, if need be, and leaves nothing in the environment that would lead the SDK elsewhere.
func begin(t *testing.T) *scene {
	t.Helper()
	w, err := sandbox()
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "PG") {
			unset(t, name)
		}
	}
	s := &scene{T: t, World: w, wire: newWire(t, w), log: new(lines)}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	// Once the sandbox's clock has been moved, the SDK takes a refusal for the fault of its own clock, and tries again after a wait.
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for name, value := range credentialsource.Environment(s.wire.URL) {
		t.Setenv(name, value)
	}
	s.newCache()
	t.Cleanup(func() { book.say(s.log.String()) })
	return s
}

// unset takes a variable away for the time of a test.
func unset(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		t.Setenv(name, "") // and so it comes back
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

// in is the same scene for a part of the test.
func (s *scene) in(t *testing.T) *scene {
	part := *s
	part.T = t
	return &part
}

// newCache forgets all leases.
func (s *scene) newCache() { s.cache = lease.New(lease.Options{Now: s.Clock.Now, Log: s.logger()}) }

func (s *scene) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// properties puts maps together; what comes later counts.
func properties(all ...map[string]string) map[string]string {
	sum := make(map[string]string)
	for _, m := range all {
		maps.Copy(sum, m)
	}
	return sum
}

// cluster are the properties of the cluster with IAM, but for AWS credentials, and whatever more says.
func (s *scene) cluster(more ...map[string]string) map[string]string {
	return properties(append([]map[string]string{{
		"IAM": "1", "Server": s.Warehouse.Host(), "Port": port(s.Warehouse.Port()), "Database": world.Database, "ClusterID": world.Cluster, "Region": "us-east-1",
		"DbUser": world.User, "CaFile": s.authority(),
	}}, more...)...)
}

// own are those with which the cluster logs the caller in as itself.
func (s *scene) own(more ...map[string]string) map[string]string {
	return properties(append([]map[string]string{s.cluster(map[string]string{"DbUser": "", "group_federation": "1"})}, more...)...)
}

// workgroup are the properties of the workgroup likewise.
func (s *scene) workgroup(more ...map[string]string) map[string]string {
	return properties(append([]map[string]string{{
		"IAM": "1", "Server": s.Workgroup.Host(), "Port": port(s.Workgroup.Port()), "Database": world.Database, "Workgroup": world.Workgroup, "Region": "us-east-1",
		"CaFile": s.authority(),
	}}, more...)...)
}

// unplaced are properties without those that say where to connect.
func unplaced(p map[string]string) map[string]string {
	return properties(p, map[string]string{"Server": "", "Port": ""})
}

// authority is the file of those that sign the warehouse's certificates.
func (s *scene) authority() string {
	for _, v := range must(s.Environment()) {
		if v.Name == "PGSSLROOTCERT" {
			return v.Value
		}
	}
	s.Fatal("the sandbox names no certificate")
	return ""
}

// operatorKey are the properties of the operator's access key.
func (s *scene) operatorKey() map[string]string { return keyOf(s.Operator) }

// open opens a database with the scene's cache and log. Nothing is connected yet.
func (s *scene) open(properties map[string]string, options ...connector.Option) (*sql.DB, error) {
	c, err := s.connector(properties, options...)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	s.Cleanup(func() { _ = db.Close() })
	return db, nil
}

func (s *scene) connector(properties map[string]string, options ...connector.Option) (*connector.Connector, error) {
	c, err := connector.New(properties, append([]connector.Option{connector.WithCache(s.cache), connector.WithLogger(s.logger())}, options...)...)
	if err == nil {
		book.say(fmt.Sprintf("%v %+v", c, c)) // as a careless program would log it
	}
	return c, book.heard(err)
}

// whoami opens a database and asks who is logged in.
func (s *scene) whoami(properties map[string]string, options ...connector.Option) (string, error) {
	s.Helper()
	return s.ask(properties, "SELECT current_user::text WHERE 1 = $1", []any{1}, options...)
}

// ask opens a database for one query that has one value.
func (s *scene) ask(properties map[string]string, query string, args []any, options ...connector.Option) (answer string, err error) {
	s.Helper()
	db, err := s.open(properties, options...)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(s.Context(), query, args...).Scan(&answer)
	return answer, book.heard(err)
}

// is fails the test unless somebody is logged in.
func (s *scene) is(want string, properties map[string]string, options ...connector.Option) {
	s.Helper()
	if user, err := s.whoami(properties, options...); err != nil || user != want {
		s.Errorf("logged in as %q, %v; want %s", user, err, want)
	}
}

// explain is what connector.Explain makes of properties, with the authentication profile.
func (s *scene) explain(properties map[string]string) (connector.Explanation, error) {
	e, err := connector.Explain(s.Context(), properties, connector.ReadingAuthProfile(), connector.WithCache(s.cache), connector.WithLogger(s.logger()))
	book.say(fmt.Sprintf("%+v", e))
	return e, book.heard(err)
}

// says fails the test unless err has all the parts.
func (s *scene) says(err error, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			s.Errorf("error is %v; want %q in it", err, part)
		}
	}
}

// lines are what loggers write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func port(n int) string { return strconv.Itoa(n) }
