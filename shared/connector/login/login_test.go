package login_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
)

func endpoint(t *testing.T) *logintest.Endpoint {
	e := logintest.New()
	t.Cleanup(e.Close)
	return e
}

func TestLogin(t *testing.T) {
	e := endpoint(t)
	e.Serve()
	target := e.Target()
	conn, err := login.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	logins := e.Logins()
	if len(logins) != 1 || logins[0].Password != target.Password.Reveal() {
		t.Fatalf("%d logins, with the password: %t", len(logins), len(logins) == 1 && logins[0].Password == target.Password.Reveal())
	}
	if told := logins[0].Parameters; !maps.Equal(told, map[string]string{"user": "IAM:app", "database": "sales", "application_name": "sluice",
		"client_encoding": "UTF8", "DateStyle": "ISO", "extra_float_digits": "2"}) {
		t.Errorf("the server was told %v", told)
	}
	if state, ok := conn.PgConn().Conn().(*tls.Conn); !ok || state.ConnectionState().Version < tls.VersionTLS12 {
		t.Error("the connection is not encrypted")
	}
}

// Each way that a login can fail has its own reason, says who can help, and never shows the password.
func TestLoginFails(t *testing.T) {
	says := func(code, text string) func(*logintest.Endpoint, *login.Target) {
		return func(e *logintest.Endpoint, _ *login.Target) {
			e.Refuse = &pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: text}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(e *logintest.Endpoint, target *login.Target)
		kind   fault.Kind
		reason string
		says   string
	}{
		{"connection closed at once", func(e *logintest.Endpoint, _ *login.Target) { e.Talk = func(net.Conn) {} },
			fault.Retry, login.Unreachable, "localhost"},
		{"connection closed before the login is answered", func(e *logintest.Endpoint, _ *login.Target) {
			e.Talk = func(c net.Conn) {
				readSome(c)
				_, _ = c.Write([]byte("S"))
				s := tls.Server(c, e.TLS)
				readSome(s)
				_ = s.Close()
			}
		}, fault.Retry, login.Unreachable, "closed"},
		{"something else behind TLS", func(e *logintest.Endpoint, _ *login.Target) {
			e.Talk = func(c net.Conn) {
				readSome(c)
				_, _ = c.Write([]byte("S"))
				s := tls.Server(c, e.TLS)
				readSome(s)
				_, _ = s.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				_ = s.Close()
			}
		}, fault.Blocked, login.ProtocolFailed, "check host and port"},
		{"no port", func(_ *logintest.Endpoint, target *login.Target) { target.Port = 0 }, fault.Blocked, login.Misconfigured, "no port 0"},
		{"more than a port", func(_ *logintest.Endpoint, target *login.Target) { target.Port += 65536 }, fault.Blocked, login.Misconfigured, "between 1 and 65535"},
		{"nobody listens", func(e *logintest.Endpoint, _ *login.Target) { e.Close() },
			fault.Retry, login.Unreachable, "refused"},
		{"login expired", says("28000", "IAM Authentication token has expired"), fault.Retry, login.LoginExpired, "get another login"},
		{"password not accepted", says("28P01", `password authentication failed for user "IAM:app"`), fault.Blocked, login.WrongPassword, "exactly as it was returned"},
		{"password not accepted, in the words of Redshift", says("28000", `password authentication failed for user "IAM:app"`), fault.Blocked, login.WrongPassword, "exactly as it was returned"},
		{"password of a user of the database", func(e *logintest.Endpoint, target *login.Target) {
			target.User = "app"
			says("28P01", `password authentication failed for user "app"`)(e, target)
		}, fault.Blocked, login.WrongPassword, "correct the password"},
		{"no such user", says("28000", `user "app" does not exist`), fault.Blocked, login.UserMissing, "create the user in database sales"},
		{"no such role", says("28000", `role "app" does not exist`), fault.Blocked, login.UserMissing, "AutoCreate"},
		{"no such user, whose name is group", says("28000", `user "group_app" does not exist`), fault.Blocked, login.UserMissing, "create the user"},
		{"no such group", says("42704", `group "readers" does not exist`), fault.Blocked, login.GroupMissing, "create the group in database sales"},
		{"no such group, whose name is user", says("42704", `group "user_readers" does not exist`), fault.Blocked, login.GroupMissing, "create the group"},
		{"no such database", says("3D000", `database "sales" does not exist`), fault.Blocked, login.DatabaseMissing, "name a database"},
		{"no such database, whose name is user group", says("3D000", `database "user_group" does not exist`), fault.Blocked, login.DatabaseMissing, "name a database"},
		{"too many connections", says("53300", `connection limit "500" exceeded for non-bootstrap users`), fault.Retry, login.Busy, "connection limit"},
		{"being restarted", says("57P03", "the database system is starting up"), fault.Retry, login.Busy, "starting up"},
		{"refused for another reason", says("42501", "permission denied"), fault.Blocked, login.LoginRefused, "permission denied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := endpoint(t)
			target := e.Target()
			tc.change(e, &target)
			e.Serve()
			fails(t, t.Context(), target, tc.kind, tc.reason, tc.says)
			if reached := len(e.Logins()) > 0; reached != (e.Refuse != nil) {
				t.Errorf("the password was sent: %t", reached)
			}
		})
	}
	t.Run("name that does not resolve", func(t *testing.T) {
		target := endpoint(t).Target()
		target.Host = "warehouse.invalid"
		fails(t, t.Context(), target, fault.Retry, login.Unreachable, "check the host's name")
	})
}

// succeeds logs in and out again.
func succeeds(t *testing.T, target login.Target) {
	t.Helper()
	conn, err := login.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
}

// fails logs in, which must fail as said. It returns the error.
func fails(t *testing.T, ctx context.Context, target login.Target, kind fault.Kind, reason, says string) error {
	t.Helper()
	conn, err := login.Open(ctx, target)
	if err == nil {
		_ = conn.Close(ctx)
		t.Fatal("logged in")
	}
	if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason || !strings.Contains(err.Error(), says) || fault.FixOf(err) == "" {
		t.Errorf("%v\nis a %s fault with reason %s; want %s, %s and %q in it", err, fault.KindOf(err), fault.ReasonOf(err), kind, reason, says)
	}
	if strings.Contains(err.Error(), target.Password.Reveal()) {
		t.Errorf("%v: shows the password", err)
	}
	if fault.ReasonOf(fmt.Errorf("layer: %w", err)) != reason || !is(err, reason) {
		t.Errorf("%v is not the error for %s, or another one as well", err, reason)
	}
	return err
}

// is says whether errors.Is knows err by the one error that stands for its reason, and by no other.
func is(err error, reason string) bool {
	for _, e := range []struct {
		err     error
		reasons []string
	}{
		{login.ErrExpired, []string{login.LoginExpired}},
		{login.ErrWrongPassword, []string{login.WrongPassword}},
		{login.ErrUserMissing, []string{login.UserMissing}},
		{login.ErrGroupMissing, []string{login.GroupMissing}},
		{login.ErrDatabaseMissing, []string{login.DatabaseMissing}},
		{login.ErrBusy, []string{login.Busy}},
		{login.ErrUnreachable, []string{login.Unreachable}},
		{login.ErrPlaintextRefused, []string{login.TLSRefused}},
		{login.ErrWrongCertificate, []string{login.TLSUnknownCA, login.TLSWrongName, login.TLSExpired, login.TLSBadCertificate}},
	} {
		if errors.Is(fmt.Errorf("layer: %w", err), e.err) != slices.Contains(e.reasons, reason) {
			return false
		}
	}
	return true
}

// readSome reads once, whatever comes.
func readSome(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }

// Variables and files that PostgreSQL's own tools read can neither redirect a login nor weaken or break it.
func TestEnvironmentHasNoInfluence(t *testing.T) {
	home := t.TempDir()
	service := filepath.Join(home, "pg_service.conf")
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(service, "[elsewhere]\nhost=192.0.2.1\nsslmode=disable\nsslrootcert=/nonexistent\noptions=-c search_path=evil\n")
	for _, name := range []string{"root.crt", "postgresql.crt", "postgresql.key"} {
		write(filepath.Join(home, ".postgresql", name), "not a certificate")
	}
	write(filepath.Join(home, ".pgpass"), "*:*:*:*:evil\n")
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "192.0.2.1", "PGPORT": "none", "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": "evil", "PGPASSFILE": filepath.Join(home, ".pgpass"),
		"PGAPPNAME": "evil", "PGCONNECT_TIMEOUT": "none", "PGSSLMODE": "disable", "PGSSLKEY": "/nonexistent", "PGSSLCERT": "/nonexistent", "PGSSLCERTMODE": "require",
		"PGSSLSNI": "0", "PGSSLROOTCERT": "/nonexistent", "PGSSLPASSWORD": "evil", "PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "standby",
		"PGSERVICE": "elsewhere", "PGSERVICEFILE": service, "PGTZ": "Mars", "PGOPTIONS": "-c search_path=evil", "PGMINPROTOCOLVERSION": "9.9",
		"PGMAXPROTOCOLVERSION": "1.0", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none",
	} {
		t.Setenv(name, value)
	}
	t.Run("a good login works as ever", TestLogin)
	t.Run("a server without TLS is still refused", func(t *testing.T) {
		e := endpoint(t)
		e.TLS = nil
		e.Serve()
		fails(t, t.Context(), e.Target(), fault.Blocked, login.TLSRefused, "does not speak TLS")
	})
	t.Run("a service that does not exist is named", func(t *testing.T) {
		t.Setenv("PGSERVICE", "nowhere")
		fails(t, t.Context(), endpoint(t).Target(), fault.Blocked, login.Misconfigured, "unset PGSERVICE")
	})
}
