package sourcelogin_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/source/sourcelogin"
)

// database is the server behind all sources of the tests.
var database *postgres.Server

// hba asks for passwords, which the server of the sandbox does not. PostgreSQL stores md5 verifiers here, as md5+scram
// on RDS allows; a rule for scram-sha-256 takes none of these.
const hba = `local all         rdsdb           scram-sha-256
local scram_only  all             scram-sha-256
local no_password all             trust
local all         sluice_rejected reject
local all         all             md5
`

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var err error
	if database, err = postgres.Start(ctx, postgres.Config{NodeModules: "../../../infra/node_modules"}); err == nil {
		defer database.Stop()
		err = askForPasswords(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func askForPasswords(ctx context.Context) error {
	conn, err := database.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var file string
	if err := conn.QueryRow(ctx, "SHOW hba_file").Scan(&file); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(hba), 0o600); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE ROLE nobody_special LOGIN; SELECT pg_reload_conf()"); err != nil {
		return err
	}
	for ctx.Err() == nil { // the server reads the file when it comes to it
		probe, err := database.OpenAs(ctx, "postgres", "nobody_special")
		if err != nil {
			return nil
		}
		_ = probe.Close(ctx)
	}
	return ctx.Err()
}

const (
	adminSecret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-1-AbCdEf"
	ownSecret   = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/test/source/orders-01234567-AbCdEf"
	mark        = `sluice: it's the \ mark`
)

var counter atomic.Int32

// A world is one source: a database with an admin who is no superuser, as on RDS, owns the database, and may make roles.
type world struct {
	t       *testing.T
	front   *front
	keeper  *sourcelogin.Keeper
	request source.Request
	admin   string
	owner   string                         // owns tables, and the admin is a member of it
	foreign string                         // owns tables, and the admin is not
	secrets map[string][]source.Credential // what is read, one after the other; the last stays
}

// newWorld makes a source. Its database gets a name of its own unless one is given.
func newWorld(t *testing.T, named ...string) *world {
	t.Helper()
	n := counter.Add(1)
	w := &world{
		t: t, front: &front{tls: authority.Issue("localhost", time.Hour, time.Hour)},
		admin: fmt.Sprintf("admin_%d", n), owner: fmt.Sprintf("app_%d", n), foreign: fmt.Sprintf("Foreign %d", n),
	}
	name := fmt.Sprintf("Orders-%d", n)
	if len(named) > 0 {
		name = named[0]
	}
	w.front.open(t)
	w.keeper = &sourcelogin.Keeper{Secrets: w, Roots: trusting(authority)}
	w.request = source.Request{
		Action: source.Ensure, Federation: "orders", Admin: adminSecret, Secret: ownSecret, Mark: mark, User: fmt.Sprintf("sluice_orders_%d", n),
		Endpoint: source.Endpoint{Host: "localhost", Port: w.front.port(), Database: name, Schema: "public"},
	}
	w.secrets = map[string][]source.Credential{
		adminSecret: {{User: w.admin, Password: secret.New("admin's EXAMPLE")}},
		ownSecret:   {{Engine: "postgres", User: w.request.User, Password: secret.New(`own "EXAMPLE" \ ü`), Host: "localhost", Port: w.front.port(), Database: name}},
	}
	w.super("postgres", fmt.Sprintf(`CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD 'admin''s EXAMPLE'`, w.admin), "CREATE ROLE "+w.owner, fmt.Sprintf("CREATE ROLE %q", w.foreign),
		fmt.Sprintf("GRANT %s TO %s", w.owner, w.admin), fmt.Sprintf("CREATE DATABASE %q OWNER %s TEMPLATE template0", name, w.admin))
	w.super(name, fmt.Sprintf("GRANT CREATE ON SCHEMA public TO %s, %q", w.owner, w.foreign))
	return w
}

// trusting is an authority as all that a function trusts.
func trusting(a *logintest.Authority) func() (*x509.CertPool, error) {
	return func() (*x509.CertPool, error) { return a.Pool(), nil }
}

// Read implements sourcelogin.Secrets.
func (w *world) Read(_ context.Context, arn string) (source.Credential, error) {
	values := w.secrets[arn]
	if len(values) == 0 {
		return source.Credential{}, &fault.Error{Kind: fault.Blocked, Reason: "SecretMissing", Op: "read secret", Subject: arn, Fix: "make it"}
	}
	if len(values) > 1 {
		w.secrets[arn] = values[1:]
	}
	return values[0], nil
}

// super runs statements as the server's superuser.
func (w *world) super(name string, statements ...string) {
	w.t.Helper()
	conn, err := database.Open(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(w.t.Context(), statement); err != nil {
			w.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// here runs statements in the source as its superuser, or as another whom SET ROLE names.
func (w *world) here(statements ...string) {
	w.t.Helper()
	w.super(w.request.Endpoint.Database, statements...)
}

// as makes user run a statement in the source.
func (w *world) as(user, statement string) {
	w.t.Helper()
	w.here(fmt.Sprintf("SET ROLE %q", user), statement)
}

// reader is a session of the login, as Redshift has one.
func (w *world) reader() *pgx.Conn {
	w.t.Helper()
	config := database.Config(w.request.Endpoint.Database, w.request.User)
	config.Password = w.secrets[ownSecret][0].Password.Reveal()
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// try runs a statement in a new session of the login.
func (w *world) try(statement string) error {
	w.t.Helper()
	conn := w.reader()
	defer conn.Close(w.t.Context())
	_, err := conn.Exec(w.t.Context(), statement)
	return err
}

// state is all that the server knows of the login, but for numbers that differ from one to the next.
func (w *world) state() string {
	w.t.Helper()
	conn, err := database.Open(w.t.Context(), w.request.Endpoint.Database)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	var state string
	if err := conn.QueryRow(w.t.Context(), `SELECT concat_ws(E'\n',
 (SELECT row(r.rolcanlogin, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolinherit, r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, r.rolconfig, p.rolpassword, shobj_description(oid, 'pg_authid'))::text
  FROM pg_roles r JOIN pg_authid p USING (oid) WHERE r.rolname = $1),
 (SELECT string_agg(relname || ' ' || relacl::text, E'\n' ORDER BY relname) FROM pg_class WHERE relacl::text LIKE '%' || $1 || '=%'),
 (SELECT string_agg(nspname || ' ' || nspacl::text, E'\n' ORDER BY nspname) FROM pg_namespace WHERE nspacl::text LIKE '%' || $1 || '=%'),
 (SELECT string_agg(datname || ' ' || datacl::text, E'\n' ORDER BY datname) FROM pg_database WHERE datacl::text LIKE '%' || $1 || '=%'),
 (SELECT string_agg(pg_get_userbyid(defaclrole) || ' ' || defaclacl::text, E'\n' ORDER BY defaclrole) FROM pg_default_acl WHERE defaclacl::text LIKE '%' || $1 || '=%'))`, w.request.User).Scan(&state); err != nil {
		w.t.Fatal(err)
	}
	return state
}

// ensure fails the test unless the login is kept, and whether something changed is as wanted.
func (w *world) ensure(changed bool) source.Answer {
	w.t.Helper()
	return w.do(source.Ensure, changed)
}

func (w *world) drop(changed bool) {
	w.t.Helper()
	if answer := w.do(source.Drop, changed); answer.Uncovered != nil {
		w.t.Errorf("dropped, and uncovered %q", answer.Uncovered)
	}
}

func (w *world) do(action string, changed bool) source.Answer {
	w.t.Helper()
	answer, err := w.ask(action)
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	if answer.Changed != changed {
		w.t.Errorf("%s: changed %t, want %t", action, answer.Changed, changed)
	}
	return answer
}

// ask does what a request asks, and looks for passwords in what comes back.
func (w *world) ask(action string) (source.Answer, error) {
	w.t.Helper()
	r := w.request
	r.Action = action
	answer, err := w.keeper.Do(w.t.Context(), r)
	if err == nil {
		return answer, nil
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Reason == "" || e.Op == "" || e.Fix == "" {
		w.t.Errorf("%T %v: lacks a reason, what was done, or a remedy", err, err)
	}
	encoded, _ := json.Marshal(source.ReplyWith(answer, err))
	all := fmt.Sprintf("%v\n%+v\n%#v\n%s", err, err, err, encoded)
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		all += fmt.Sprintf("\n%v\n%+v\n%#v", inner, inner, inner)
	}
	for _, values := range w.secrets {
		for _, c := range values {
			if strings.Contains(all, c.Password.Reveal()) {
				w.t.Errorf("a password is in the error: %s", all)
			}
		}
	}
	if strings.Contains(all, "md5") && !strings.Contains(err.Error(), "md5+scram") && !strings.Contains(err.Error(), "method md5") {
		w.t.Errorf("a verifier is in the error: %s", all)
	}
	return answer, err
}

// fails fails the test unless a request ends with this kind and reason, and all of these words in its error.
func (w *world) fails(action string, kind fault.Kind, reason string, says ...string) {
	w.t.Helper()
	_, err := w.ask(action)
	if err == nil {
		w.t.Fatalf("%s: done; want %s", action, reason)
	}
	if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		w.t.Errorf("%v\nis %s, %s; want %s, %s", err, fault.KindOf(err), fault.ReasonOf(err), kind, reason)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			w.t.Errorf("%v\ndoes not say %q", err, part)
		}
	}
}
