package login_test

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	const hour = time.Hour
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
		{"certificate for another name", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Issue("other.example.com", hour, hour)
		},
			fault.Blocked, login.TLSWrongName, "other.example.com"},
		{"certificate of an unknown authority", func(_ *logintest.Endpoint, target *login.Target) {
			target.Roots = logintest.NewAuthority("another").Pool()
		}, fault.Blocked, login.TLSUnknownCA, "unknown authority"},
		{"authority that only the test knows, and the system's trust", func(_ *logintest.Endpoint, target *login.Target) { target.Roots = nil },
			fault.Blocked, login.TLSUnknownCA, "unknown authority"},
		{"certificate expired", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Issue("localhost", 2*hour, -hour)
		},
			fault.Blocked, login.TLSExpired, "expired"},
		{"certificate not yet valid", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Issue("localhost", -hour, 2*hour)
		},
			fault.Blocked, login.TLSExpired, "not yet valid"},
		{"server without TLS", func(e *logintest.Endpoint, _ *login.Target) { e.TLS = nil },
			fault.Blocked, login.TLSRefused, "does not speak TLS"},
		{"server that answers the handshake with something else", func(e *logintest.Endpoint, _ *login.Target) {
			e.Talk = func(c net.Conn) {
				readSome(c)
				_, _ = c.Write([]byte("SHTTP/1.1 400 Bad Request\r\n\r\n"))
				readSome(c)
			}
		}, fault.Blocked, login.TLSRefused, "does not speak TLS"},
		{"TLS that is too old", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS.MinVersion, e.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		},
			fault.Blocked, login.TLSFailed, "protocol version"},
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
		{"nobody listens", func(e *logintest.Endpoint, _ *login.Target) { e.Close() },
			fault.Retry, login.Unreachable, "refused"},
		{"login expired", says("28000", "IAM Authentication token has expired"), fault.Retry, login.LoginExpired, "mint another"},
		{"password not accepted", says("28P01", `password authentication failed for user "IAM:app"`), fault.Blocked, login.WrongPassword, "exactly as it was returned"},
		{"password not accepted, in the words of Redshift", says("28000", `password authentication failed for user "IAM:app"`), fault.Blocked, login.WrongPassword, "exactly as it was returned"},
		{"no such user", says("28000", `user "app" does not exist`), fault.Blocked, login.UserMissing, "create the user in database sales"},
		{"no such role", says("28000", `role "app" does not exist`), fault.Blocked, login.UserMissing, "autoCreate"},
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
	t.Run("no answer in time", func(t *testing.T) {
		e := endpoint(t)
		hold := make(chan struct{})
		defer close(hold)
		e.Talk = func(net.Conn) { <-hold }
		e.Serve()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		fails(t, ctx, e.Target(), fault.Retry, login.Unreachable, "no answer in time")
	})
	t.Run("name that does not resolve", func(t *testing.T) {
		target := endpoint(t).Target()
		target.Host = "warehouse.invalid"
		fails(t, t.Context(), target, fault.Retry, login.Unreachable, "warehouse.invalid")
	})
}

func fails(t *testing.T, ctx context.Context, target login.Target, kind fault.Kind, reason, says string) {
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
