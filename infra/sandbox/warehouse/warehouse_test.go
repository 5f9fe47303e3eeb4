package warehouse_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

const lifetime = 15 * time.Minute

var (
	server *postgres.Server
	made   atomic.Int64 // clusters so far
)

func TestMain(m *testing.M) {
	var err error
	if server, err = postgres.Start(context.Background(), postgres.Config{NodeModules: "../../node_modules"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A cluster is one endpoint with a database of its own, and what a client needs to know of it.
type cluster struct {
	*warehouse.Endpoint
	clock     *clock.Clock
	authority *warehouse.Authority
	database  string
	user      string // a database user that exists, and is this test's own
	root      string // file with the authority's certificate
}

func newCluster(t *testing.T, edit ...func(*warehouse.Config)) *cluster {
	t.Helper()
	authority, err := warehouse.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.Certificate("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s_%d", strings.ToLower(t.Name()), made.Add(1)) // users and groups are the server's
	c := &cluster{clock: clock.New(t.Context()), authority: authority, database: name + "_db", user: name, root: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(c.root, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	config := warehouse.Config{Address: "127.0.0.1:0", Database: server, Clock: c.clock, Certificate: certificate}
	for _, e := range edit {
		e(&config)
	}
	if c.Endpoint, err = warehouse.Listen(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := server.CreateDatabase(t.Context(), c.database); err != nil {
		t.Fatal(err)
	}
	c.admin(t, "CREATE USER "+c.user)
	return c
}

// admin runs statements as the superuser, past the front.
func (c *cluster) admin(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := server.Open(t.Context(), c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// login issues a login for the cluster's user, changed by edit.
func (c *cluster) login(password string, edit ...func(*warehouse.Login)) warehouse.Login {
	l := warehouse.Login{User: c.user, Name: "IAM:" + c.user, Password: secret.New(password), Expires: c.clock.Now().Add(lifetime)}
	for _, e := range edit {
		e(&l)
	}
	c.Issue(l)
	return l
}

// text is a connection string for a client that verifies the server; settings come last and win.
func (c *cluster) text(name, password string, settings ...string) string {
	return fmt.Sprintf("host=%s port=%d user='%s' password='%s' dbname=%s sslmode=verify-full sslrootcert=%s connect_timeout=5 %s",
		c.Host(), c.Port(), name, password, c.database, c.root, strings.Join(settings, " "))
}

func (c *cluster) connect(t *testing.T, name, password string, settings ...string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.text(name, password, settings...))
	if err == nil {
		t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	}
	return conn, err
}

// must is connect where it has to work.
func (c *cluster) must(t *testing.T, name, password string, settings ...string) *pgx.Conn {
	t.Helper()
	conn, err := c.connect(t, name, password, settings...)
	if err != nil {
		t.Fatalf("log in as %s: %v", name, err)
	}
	return conn
}

// refused wants the cluster's own FATAL with this code and message.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Severity != "FATAL" || e.Code != code || e.Message != message {
		t.Fatalf("login: %v; want FATAL %s %q", err, code, message)
	}
}

func scan[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (value T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestTemporaryLogin(t *testing.T) {
	c := newCluster(t)
	c.login("first")
	conn := c.must(t, "IAM:"+c.user, "first", "application_name=probe")
	if got, want := scan[string](t, conn, "SELECT session_user || ' ' || current_user || ' ' || current_setting('application_name')"), c.user+" "+c.user+" probe"; got != want {
		t.Errorf("session is %q; want %q", got, want)
	}
	if conn.PgConn().ParameterStatus("server_version") == "" {
		t.Error("the client was not told PostgreSQL's parameters")
	}
	for _, up := range []string{"RESET SESSION AUTHORIZATION", "RESET ROLE"} {
		if _, err := conn.Exec(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		if got := scan[string](t, conn, "SELECT current_user"); got != c.user {
			t.Errorf("after %s the user is %s", up, got)
		}
	}
}

func TestSeveralPasswordsEachWithItsEnd(t *testing.T) {
	c := newCluster(t)
	name := "IAM:" + c.user
	c.login("early")
	c.clock.Advance(lifetime / 2)
	c.login("late")
	open := c.must(t, name, "early")
	c.must(t, name, "late")

	c.clock.Advance(lifetime / 2)
	_, err := c.connect(t, name, "early")
	refused(t, err, "28000", "IAM Authentication token has expired")
	c.must(t, name, "late")
	if got := scan[int](t, open, "SELECT 1"); got != 1 {
		t.Error("the session did not outlive its login")
	}

	c.clock.Advance(6 * 24 * time.Hour)
	c.login("new")
	_, err = c.connect(t, name, "early")
	refused(t, err, "28000", "IAM Authentication token has expired")
	c.clock.Advance(2 * 24 * time.Hour)
	c.login("newer")
	_, err = c.connect(t, name, "early")
	refused(t, err, "28000", `password authentication failed for user "`+name+`"`)
}

func TestRefusedLogins(t *testing.T) {
	c := newCluster(t)
	name := "IAM:" + c.user
	c.login("good")
	c.login("bound", func(l *warehouse.Login) { l.Database = c.database })
	c.login("missing", func(l *warehouse.Login) { l.User, l.Name = "nobody_here", "IAM:nobody_here" })
	c.login("internal", func(l *warehouse.Login) { l.User, l.Name = postgres.Superuser, "IAM:"+postgres.Superuser })
	c.login("grouped", func(l *warehouse.Login) { l.Groups = []string{"no_such_group"} })
	for _, tc := range []struct{ name, user, password, setting, code, message string }{
		{"wrong password", name, "bad", "", "28000", `password authentication failed for user "` + name + `"`},
		{"no prefix", c.user, "good", "", "28000", `password authentication failed for user "` + c.user + `"`},
		{"other prefix", "IAMA:" + c.user, "good", "", "28000", `password authentication failed for user "IAMA:` + c.user + `"`},
		{"other case", "iam:" + c.user, "good", "", "28000", `password authentication failed for user "iam:` + c.user + `"`},
		{"database of another login", name, "bound", "dbname=postgres", "28000", `user "` + name + `" is not authorized to log on to database "postgres"`},
		{"no such database", name, "good", "dbname=nowhere", "3D000", `database "nowhere" does not exist`},
		{"no such user", "IAM:nobody_here", "missing", "", "28000", `user "nobody_here" does not exist`},
		{"the server's superuser", "IAM:" + postgres.Superuser, "internal", "", "28000", `user "` + postgres.Superuser + `" does not exist`},
		{"no such group", name, "grouped", "", "42704", `group "no_such_group" does not exist`},
		{"plaintext, temporary", name, "good", "sslmode=disable", "28000", `password authentication failed for user "` + name + `"`},
		{"plaintext, ordinary", c.user, "any", "sslmode=disable", "28000", `no pg_hba.conf entry for host "127.0.0.1", user "` + c.user + `", database "` + c.database + `", SSL off`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.connect(t, tc.user, tc.password, tc.setting)
			refused(t, err, tc.code, tc.message)
		})
	}
	c.must(t, name, "bound")
}

// Without TLS the front gives its reason before any password could travel.
func TestPlaintextIsNotAskedForItsPassword(t *testing.T) {
	c := newCluster(t)
	c.login("good")
	config, err := pgconn.ParseConfig(c.text("IAM:"+c.user, "", "sslmode=disable"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgconn.ConnectConfig(t.Context(), config)
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || !strings.Contains(e.Hint, "verify-full") {
		t.Fatalf("login without TLS and password: %v; want a FATAL whose hint names verify-full", err)
	}
}

func TestAutoCreate(t *testing.T) {
	c := newCluster(t)
	fresh := c.user + ".new-user@example"
	c.admin(t, "CREATE GROUP "+c.user+"_group")
	c.login("good", func(l *warehouse.Login) {
		l.User, l.Name, l.AutoCreate, l.Groups = fresh, "IAMA:"+fresh+":"+c.user+"_group", true, []string{c.user + "_group"}
	})
	for range 2 { // the second login finds the user
		conn := c.must(t, "IAMA:"+fresh+":"+c.user+"_group", "good")
		if got := scan[string](t, conn, "SELECT current_user"); got != fresh {
			t.Errorf("user is %q; want %q", got, fresh)
		}
	}
	_, err := c.connect(t, fresh, "good")
	refused(t, err, "28000", `password authentication failed for user "`+fresh+`"`)
}

func TestGroupsLastAsLongAsTheSession(t *testing.T) {
	c := newCluster(t)
	session, lasting := c.user+"_session", c.user+"_lasting"
	c.admin(t, "CREATE GROUP "+session, "CREATE GROUP "+lasting+" WITH USER "+c.user,
		"CREATE TABLE seen (n int)", "INSERT INTO seen VALUES (7)", "GRANT SELECT ON seen TO GROUP "+session)
	name := "IAM:" + c.user
	c.login("plain")
	c.login("grouped", func(l *warehouse.Login) { l.Groups = []string{session, lasting} })
	member := func(group string) bool {
		conn, err := server.Open(t.Context(), c.database)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		return scan[bool](t, conn, "SELECT pg_has_role($1, $2, 'MEMBER')", c.user, group)
	}

	if _, err := c.must(t, name, "plain").Exec(t.Context(), "SELECT n FROM seen"); err == nil {
		t.Fatal("read the table without the group")
	}
	first, second := c.must(t, name, "grouped"), c.must(t, name, "grouped")
	if got := scan[int](t, first, "SELECT n FROM seen"); got != 7 {
		t.Errorf("read %d; want 7", got)
	}
	first.Close(t.Context())
	if got := scan[int](t, second, "SELECT n FROM seen"); got != 7 || !member(session) {
		t.Errorf("the second session lost the group with the first")
	}
	second.Close(t.Context())
	c.Close() // waits until every session has left its groups
	if member(session) {
		t.Error("the group was not left with its last session")
	}
	if !member(lasting) {
		t.Error("a membership that was there before was taken away")
	}
}

func TestOrdinaryPassword(t *testing.T) {
	c := newCluster(t)
	c.admin(t, "ALTER USER "+c.user+" PASSWORD 'Own-Pass1'", "CREATE USER "+c.user+"_old PASSWORD 'Own-Pass1' VALID UNTIL '2020-01-01'")
	if got := scan[string](t, c.must(t, c.user, "Own-Pass1"), "SELECT session_user"); got != c.user {
		t.Errorf("session of %q; want %q", got, c.user)
	}
	for _, tc := range []struct{ user, password string }{
		{c.user, "own-pass1"}, {c.user, ""}, {c.user + "_old", "Own-Pass1"}, {c.user + "_none", "Own-Pass1"},
	} {
		_, err := c.connect(t, tc.user, tc.password)
		refused(t, err, "28000", fmt.Sprintf("password authentication failed for user %q", tc.user))
	}
}

func TestTLSIsVerifiedByTheClient(t *testing.T) {
	c := newCluster(t)
	c.login("good")
	foreign, err := warehouse.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		serve func() error
		want  string
	}{
		{"wrong name", func() error { return c.show(c.authority.Certificate("elsewhere.example")) }, "certificate is valid for elsewhere.example, not localhost"},
		{"expired", func() error {
			return c.show(c.authority.CertificateUntil(time.Now().Add(-time.Minute), "localhost"))
		}, "certificate has expired"},
		{"unknown authority", func() error { return c.show(foreign.Certificate("localhost")) }, "certificate signed by unknown authority"},
		{"no TLS", func() error { c.SetCertificate(nil); return nil }, "server refused TLS connection"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.serve(); err != nil {
				t.Fatal(err)
			}
			_, err := c.connect(t, "IAM:"+c.user, "good")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("login: %v; want %q", err, tc.want)
			}
		})
	}
	if err := c.show(c.authority.Certificate("localhost")); err != nil {
		t.Fatal(err)
	}
	c.must(t, "IAM:"+c.user, "good")
}

func TestPause(t *testing.T) {
	c := newCluster(t)
	c.login("good")
	open := c.must(t, "IAM:"+c.user, "good")
	c.Pause()
	if err := open.Ping(t.Context()); err == nil {
		t.Error("a session survived the pause")
	}
	_, err := c.connect(t, "IAM:"+c.user, "good")
	if _, told := errors.AsType[*pgconn.PgError](err); err == nil || told {
		t.Errorf("login while paused: %v; want a broken connection", err)
	}
	if _, err := c.Session(t.Context(), c.database, c.user); !errors.Is(err, warehouse.ErrPaused) {
		t.Errorf("session while paused: %v; want ErrPaused", err)
	}
	c.Resume()
	c.must(t, "IAM:"+c.user, "good")
}

func TestSessionForServices(t *testing.T) {
	c := newCluster(t)
	conn, err := c.Session(t.Context(), c.database, c.user)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if got := scan[string](t, conn, "SELECT session_user"); got != c.user {
		t.Errorf("session of %q; want %q", got, c.user)
	}
	if _, err := c.Session(t.Context(), c.database, "nobody_here"); err == nil || err.Error() != `FATAL: user "nobody_here" does not exist` {
		t.Errorf("session of a missing user: %v", err)
	}
	for name, want := range map[string]bool{c.user: true, "nobody_here": false} {
		if got, err := c.HasUser(t.Context(), name); err != nil || got != want {
			t.Errorf("HasUser(%s) = %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestCancelRequestsArePassedOn(t *testing.T) {
	c := newCluster(t)
	c.login("good")
	conn := c.must(t, "IAM:"+c.user, "good")
	go func() {
		for t.Context().Err() == nil { // until the statement that it shall hit has begun
			if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
				return
			}
		}
	}()
	_, err := conn.Exec(t.Context(), "SELECT pg_sleep(30)")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "57014" {
		t.Errorf("statement ended with %v; want 57014, cancelled", err)
	}
}

func TestConnectionLimit(t *testing.T) {
	c := newCluster(t, func(config *warehouse.Config) { config.MaxConnections = 4 })
	c.login("good")
	for range 4 {
		c.must(t, "IAM:"+c.user, "good")
	}
	_, err := c.connect(t, "IAM:"+c.user, "good")
	refused(t, err, "53300", "too many connections")
}

func TestForeignProtocol(t *testing.T) {
	c := newCluster(t)
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x00\x00\x00\x10\x00\x01\x00\x00GET / HT")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 200)
	n, _ := conn.Read(answer)
	if !strings.Contains(string(answer[:n]), "08P01") {
		t.Errorf("answer %q; want a FATAL with 08P01", answer[:n])
	}
}

// Amazon's drivers announce themselves with parameters that PostgreSQL does not know.
func TestRedshiftDriversParametersAreDropped(t *testing.T) {
	c := newCluster(t)
	c.login("good")
	config, err := pgx.ParseConfig(c.text("IAM:"+c.user, "good"))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams = map[string]string{"client_protocol_version": "2", "driver_version": "Redshift JDBC Driver 2", "os_version": "Linux"}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
}

// show serves another certificate from now on.
func (c *cluster) show(certificate *tls.Certificate, err error) error {
	c.SetCertificate(certificate)
	return err
}
