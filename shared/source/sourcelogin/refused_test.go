package sourcelogin_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/source/sourcelogin"
)

// Each thing that can be wrong has one reason, and nothing is left in the source.
func TestEnsureRefused(t *testing.T) {
	admin := func(w *world, change func(*source.Credential)) { change(&w.secrets[adminSecret][0]) }
	for name, tc := range map[string]struct {
		change func(w *world)
		kind   fault.Kind
		reason string
		says   []string
	}{
		"admin's password is wrong": {func(w *world) { admin(w, func(c *source.Credential) { c.Password = secret.New("EXAMPLE wrong") }) },
			fault.Blocked, source.AdminRefused, []string{"password authentication failed", "into its secret"}},
		"no such admin": {func(w *world) { admin(w, func(c *source.Credential) { c.User = "nobody" }) },
			fault.Blocked, source.AdminRefused, []string{"user nobody at localhost"}},
		"admin may not make roles": {func(w *world) { w.here("ALTER ROLE " + w.admin + " NOCREATEROLE") },
			fault.Blocked, source.AdminPowerless, []string{"CREATEROLE", "42501"}},
		"no such schema": {func(w *world) { w.request.Endpoint.Schema = "Public" },
			fault.Blocked, source.SchemaMissing, []string{`no schema "Public"`}},
		"no such database": {func(w *world) { w.request.Endpoint.Database = "elsewhere" },
			fault.Blocked, source.DatabaseMissing, []string{`database "elsewhere" does not exist`}},
		"no such secret": {func(w *world) { delete(w.secrets, adminSecret) },
			fault.Blocked, "SecretMissing", []string{adminSecret}},
		"no secret of ours": {func(w *world) { delete(w.secrets, ownSecret) },
			fault.Blocked, "SecretMissing", []string{ownSecret}},
		"secret of another user": {func(w *world) { w.secrets[ownSecret][0].User = "postgres" },
			fault.Blocked, source.SecretUnreadable, []string{ownSecret, `"postgres"`}},
		"admin of another engine": {func(w *world) { admin(w, func(c *source.Credential) { c.Engine = source.MySQL }) },
			fault.Blocked, source.SecretUnreadable, []string{adminSecret, `"mysql"`}},
		"admin of another instance": {func(w *world) {
			w.request.Instance = "orders-prod"
			admin(w, func(c *source.Credential) { c.Instance, c.Host = "billing-prod", "localhost" })
		}, fault.Blocked, source.SecretUnreadable, []string{adminSecret, `"billing-prod"`, `"orders-prod"`, "dbInstanceIdentifier"}},
		"admin of another host": {func(w *world) { admin(w, func(c *source.Credential) { c.Host = "billing.example.com" }) },
			fault.Blocked, source.SecretUnreadable, []string{adminSecret, `"billing.example.com"`, `"localhost"`, "correct host"}},
		"admin of another port": {func(w *world) { admin(w, func(c *source.Credential) { c.Host, c.Port = "localhost", 1 }) },
			fault.Blocked, source.SecretUnreadable, []string{adminSecret, "port 1 ", "correct port"}},
		"authority is not known": {func(w *world) { w.keeper.Roots = trusting(logintest.NewAuthority("another")) },
			fault.Blocked, source.SourceUntrusted, []string{"unknown authority", "folder authorities"}},
		"authorities cannot be read": {func(w *world) {
			w.keeper.Roots = func() (*x509.CertPool, error) { return nil, errors.New("rds.pem holds no certificate") }
		}, fault.Blocked, sourcelogin.Misconfigured, []string{"rds.pem", "deploy"}},
		"certificate of another name": {func(w *world) { w.front.tls = authority.Issue("db.example.com", time.Hour, time.Hour) },
			fault.Blocked, source.SourceUntrusted, []string{"db.example.com", "localhost"}},
		"certificate has expired": {func(w *world) { w.front.tls = authority.Issue("localhost", 2*time.Hour, -time.Hour) },
			fault.Blocked, source.SourceUntrusted, []string{"expired", "renew"}},
		"no TLS": {func(w *world) { w.front.tls = nil },
			fault.Blocked, source.SourceUntrusted, []string{"does not speak TLS"}},
		"nobody listens": {func(w *world) { _ = w.front.listener.Close() },
			fault.Retry, source.SourceUnreachable, []string{"connection refused", "security groups"}},
		"no such host": {func(w *world) { w.request.Endpoint.Host = "db.invalid" },
			fault.Retry, source.SourceUnreachable, []string{"db.invalid"}},
		"a request of another version": {func(w *world) { w.request.Mark = "" },
			fault.Bug, "Malformed", []string{"mark"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			named := w.request.Endpoint.Database
			tc.change(w)
			w.fails(source.Ensure, tc.kind, tc.reason, tc.says...)
			w.request.Endpoint.Database = named
			if state := w.state(); state != "" {
				t.Errorf("left behind\n%s", state)
			}
		})
	}
}

func TestAnswerThatDoesNotCome(t *testing.T) {
	silent, err := net.Listen("tcp4", "127.0.0.1:0") // connections are taken by the system, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	w := newWorld(t)
	w.request.Endpoint.Port = silent.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = w.keeper.Do(ctx, w.request)
	if fault.KindOf(err) != fault.Retry || fault.ReasonOf(err) != source.SourceUnreachable || !strings.Contains(err.Error(), "no answer in time") {
		t.Error(err)
	}
}

// A login that Redshift could not make is told apart from a password that does not fit.
func TestProof(t *testing.T) {
	t.Run("SCRAM only", func(t *testing.T) {
		w := newWorld(t, "scram_only")
		w.here("SET password_encryption = 'scram-sha-256'", "ALTER ROLE "+w.admin+" PASSWORD 'admin''s EXAMPLE'")
		w.fails(source.Ensure, fault.Blocked, source.ScramOnly, "rds.accepted_password_auth_method", "md5+scram")
		w.fails(source.Ensure, fault.Blocked, source.ScramOnly) // the same as often as it is asked
		w.drop(true)
	})
	t.Run("no password asked", func(t *testing.T) {
		w := newWorld(t, "no_password")
		w.fails(source.Ensure, fault.Blocked, source.LoginRefused, "without a password")
		w.drop(true)
	})
	t.Run("not let in", func(t *testing.T) {
		w := newWorld(t)
		w.request.User = "sluice_rejected"
		w.secrets[ownSecret][0].User = "sluice_rejected"
		w.fails(source.Ensure, fault.Blocked, source.LoginRefused, "pg_hba.conf")
		w.drop(true)
	})
	t.Run("connections used up", func(t *testing.T) {
		w := newWorld(t)
		w.ensure(true)
		w.here("ALTER ROLE " + w.request.User + " CONNECTION LIMIT 0")
		w.fails(source.Ensure, fault.Retry, source.SourceBusy, "too many connections")
	})
}

func TestAdminPasswordsOfAllKinds(t *testing.T) {
	for _, password := range []string{`'`, `"`, `\`, `\'; DROP ROLE x; --`, " blanks ", "ünïcödé ☃ 🙂", "%s%n", "a=b host=evil sslmode=disable", "postgres://u:p@h/?x", "\t\n", strings.Repeat("x", 200)} {
		for _, method := range []string{"md5", "scram-sha-256"} {
			t.Run(fmt.Sprintf("%q by %s", password, method), func(t *testing.T) {
				w := newWorld(t)
				password += " EXAMPLE"
				w.here("SET password_encryption = '"+method+"'", "ALTER ROLE "+w.admin+" PASSWORD '"+strings.ReplaceAll(password, "'", "''")+"'")
				w.secrets[adminSecret][0].Password = secret.New(password)
				w.ensure(true)
			})
		}
	}
}

// An admin's secret that rotates between reading and logging in costs no failure.
func TestAdminPasswordRotates(t *testing.T) {
	w := newWorld(t)
	w.secrets[adminSecret] = []source.Credential{{User: w.admin, Password: secret.New("EXAMPLE of yesterday")}, w.secrets[adminSecret][0]}
	w.ensure(true)
}

// The secret of an admin names the source in one way or another, or not at all.
func TestAdminOfThisSource(t *testing.T) {
	for name, names := range map[string]func(w *world, c *source.Credential){
		"by instance": func(w *world, c *source.Credential) {
			w.request.Instance, c.Instance, c.Host = "orders-prod", "Orders-Prod", "db.example.com"
		},
		"by host":          func(_ *world, c *source.Credential) { c.Host = "LOCALHOST." },
		"by host and port": func(w *world, c *source.Credential) { c.Host, c.Port = "localhost", w.request.Endpoint.Port },
		"by a port of long ago": func(w *world, c *source.Credential) {
			w.request.Instance, c.Host, c.Port = "orders-prod", "localhost", 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			names(w, &w.secrets[adminSecret][0])
			w.ensure(true)
			w.drop(true)
		})
	}
}

// A password is sent to no other source when the login goes, either.
func TestDropWithAnotherAdmin(t *testing.T) {
	w := newWorld(t)
	w.ensure(true)
	w.secrets[adminSecret][0].Host = "billing.example.com"
	w.fails(source.Drop, fault.Blocked, source.SecretUnreadable, "billing.example.com")
}
