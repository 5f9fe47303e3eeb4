package source_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

var (
	service   *source.Service
	authority *warehouse.Authority
)

func TestMain(m *testing.M) {
	os.Unsetenv("PGSSLROOTCERT") // a shell that uses a running sandbox has that sandbox's
	var err error
	if authority, err = warehouse.NewAuthority(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	service = source.New(context.Background(), source.Config{Authority: authority, Clock: clock.New(context.Background()),
		Postgres: postgres.Config{NodeModules: "../../node_modules"}})
	code := m.Run()
	if err := service.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// add makes a source that ends with the test. Its name is the test's.
func add(t *testing.T) *source.Source {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	s, err := service.Add(t.Context(), source.Database{Identifier: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		service.Faults().Clear()
		if err := service.Remove(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return s
}

// settings are of a client that verifies the front's certificate.
func settings(t *testing.T, s *source.Source, user string, password secret.Value) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=verify-full", source.Host, s.Port(), s.Database()))
	if err != nil {
		t.Fatal(err)
	}
	config.User, config.Password = user, password.Reveal()
	config.TLSConfig.RootCAs = x509.NewCertPool()
	config.TLSConfig.RootCAs.AppendCertsFromPEM(authority.PEM())
	return config
}

func login(t *testing.T, s *source.Source, user string, password secret.Value) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), settings(t, s, user, password))
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

// master is a session of the master user.
func master(t *testing.T, s *source.Source) *pgx.Conn {
	t.Helper()
	conn, err := login(t, s, s.Master(), s.MasterPassword())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// coded wants PostgreSQL's error with that code.
func coded(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != code {
		t.Errorf("error %v; want code %s", err, code)
	}
}

func TestMasterUserIsNoSuperuser(t *testing.T) {
	conn := master(t, add(t))
	var super, roles, owns, public bool
	if err := conn.QueryRow(t.Context(), `SELECT rolsuper, rolcreaterole,
		(SELECT datdba = r.oid FROM pg_database WHERE datname = current_database())
		AND (SELECT nspowner = r.oid FROM pg_namespace WHERE nspname = 'public'),
		has_schema_privilege('public', 'public', 'CREATE') FROM pg_roles r WHERE rolname = current_user`).Scan(&super, &roles, &owns, &public); err != nil {
		t.Fatal(err)
	}
	if super || !roles || !owns || public {
		t.Errorf("superuser %t, may create roles %t, owns database and schema %t, everybody may create there %t; want false, true, true, false", super, roles, owns, public)
	}
}

func TestLogins(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	run(t, conn, "CREATE ROLE new_login LOGIN PASSWORD 'right'")                                // SCRAM, as PostgreSQL does today
	run(t, conn, "SET password_encryption = md5; CREATE ROLE old_login LOGIN PASSWORD 'right'") // as Redshift needs it
	t.Cleanup(func() { drop(t, "new_login", "old_login") })
	for _, tc := range []struct {
		method   source.Authentication
		user     string
		password string
		want     string // code; empty if the login succeeds
	}{
		{source.MD5, "old_login", "right", ""},
		{source.MD5, "old_login", "wrong", "28P01"},
		{source.MD5, "new_login", "right", ""},
		{source.MD5, "new_login", "wrong", "28P01"},
		{source.MD5, "nobody", "right", "28P01"},
		{source.MD5, postgres.Superuser, "right", "28000"},
		{source.SCRAM, "new_login", "right", ""},
		{source.SCRAM, "old_login", "right", "28P01"},
	} {
		t.Run(fmt.Sprint(tc.method, " ", tc.user, " ", tc.password), func(t *testing.T) {
			if err := s.SetAuthentication(t.Context(), tc.method); err != nil {
				t.Fatal(err)
			}
			conn, err := login(t, s, tc.user, secret.New(tc.password))
			if tc.want != "" {
				coded(t, err, tc.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var user, database string
			if err := conn.QueryRow(t.Context(), "SELECT session_user, current_database()").Scan(&user, &database); err != nil || user != tc.user || database != s.Database() {
				t.Errorf("session of %q in %q, %v", user, database, err)
			}
		})
	}
	if err := s.SetAuthentication(t.Context(), "ldap"); err == nil {
		t.Error("authentication ldap is taken")
	}
}

// drop removes roles that have no rights anywhere, so that Remove does not know of them.
func drop(t *testing.T, roles ...string) {
	t.Helper()
	s, err := service.Add(context.Background(), source.Database{Identifier: "cleaner"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		if _, err := conn.Exec(context.Background(), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	}
	_ = conn.Close(context.Background())
	if err := service.Remove(context.Background(), "cleaner"); err != nil {
		t.Error(err)
	}
}

// TestMasterAlwaysFits shows that the master user's verifier follows what the source accepts.
func TestMasterAlwaysFits(t *testing.T) {
	s := add(t)
	verifier := func() (kind string) {
		conn, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if err := conn.QueryRow(t.Context(), "SELECT left(rolpassword, 3) FROM pg_authid WHERE rolname = $1", s.Master()).Scan(&kind); err != nil {
			t.Fatal(err)
		}
		return kind
	}
	for _, tc := range []struct {
		method source.Authentication
		want   string
	}{{source.MD5, "md5"}, {source.SCRAM, "SCR"}, {source.MD5, "md5"}} {
		if err := s.SetAuthentication(t.Context(), tc.method); err != nil {
			t.Fatal(err)
		}
		if got := verifier(); got != tc.want {
			t.Errorf("with %s the verifier begins with %q; want %q", tc.method, got, tc.want)
		}
		_ = master(t, s).Close(t.Context())
	}
	old := s.MasterPassword()
	if err := s.SetMasterPassword(t.Context(), secret.New("it's new")); err != nil {
		t.Fatal(err)
	}
	_ = master(t, s)
	for _, password := range []secret.Value{old, s.MasterPassword()} {
		if !slices.ContainsFunc(service.Passwords(), func(v secret.Value) bool { return v.Reveal() == password.Reveal() }) {
			t.Error("Passwords() lacks one that the master user had")
		}
	}
	if _, err := login(t, s, s.Master(), old); err == nil {
		t.Error("the master's old password still works")
	}
}

func TestTLS(t *testing.T) {
	s := add(t)
	t.Run("plain text is refused", func(t *testing.T) {
		config := settings(t, s, s.Master(), s.MasterPassword())
		config.TLSConfig, config.Fallbacks = nil, nil
		_, err := pgx.ConnectConfig(t.Context(), config)
		coded(t, err, "28000")
		if err != nil && !strings.Contains(err.Error(), "no encryption") {
			t.Errorf("error %v does not say why", err)
		}
	})
	t.Run("another authority", func(t *testing.T) {
		other, err := warehouse.NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := other.Certificate(source.Host)
		if err != nil {
			t.Fatal(err)
		}
		s.SetCertificate(certificate)
		if _, err := login(t, s, s.Master(), s.MasterPassword()); err == nil {
			t.Error("a certificate of an unknown authority is trusted")
		} else if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
			t.Errorf("error %v; want an unknown authority", err)
		}
	})
}

// A source has the databases that every instance has, and none of another source.
func TestOtherDatabases(t *testing.T) {
	other, err := service.Add(t.Context(), source.Database{Identifier: "neighbour"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Remove(context.Background(), "neighbour"); err != nil {
			t.Error(err)
		}
	})
	s := add(t)
	for database, code := range map[string]string{"postgres": "", "template1": "", other.Database(): "3D000", "template0": "3D000", "": "3D000"} {
		config := settings(t, s, s.Master(), s.MasterPassword())
		config.Database = database
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if code != "" {
			coded(t, err, code)
			continue
		}
		if err != nil {
			t.Errorf("database %s: %v", database, err)
			continue
		}
		_ = conn.Close(t.Context())
	}
}

func TestStopAndStart(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	s.Stop()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a session outlives its source")
	}
	if _, err := login(t, s, s.Master(), s.MasterPassword()); err == nil {
		t.Error("a stopped source takes a login")
	}
	s.Start()
	run(t, master(t, s), "SELECT 1")
}

func TestCancel(t *testing.T) {
	conn := master(t, add(t))
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT pg_sleep(60)")
		done <- err
	}()
	// The request is sent again until it meets the statement.
	for {
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			coded(t, err, "57014")
			return
		default:
		}
	}
}

func TestRemove(t *testing.T) {
	s, err := service.Add(t.Context(), source.Database{Identifier: "gone-soon", Name: "orders", Master: "boss"})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := service.Find("gone-soon"); err != nil || found != s {
		t.Errorf("Find() = %v, %v", found, err)
	}
	if found, err := service.At(s.Port()); err != nil || found != s {
		t.Errorf("At() = %v, %v", found, err)
	}
	if _, err := service.Add(t.Context(), source.Database{Identifier: "gone-soon"}); err == nil {
		t.Error("a source is added twice")
	}
	run(t, master(t, s), "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")
	if err := service.Remove(t.Context(), "gone-soon"); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Find("gone-soon"); !errors.Is(err, source.ErrNotFound) {
		t.Errorf("Find() = %v; want ErrNotFound", err)
	}
	again, err := service.Add(t.Context(), source.Database{Identifier: "gone-soon", Name: "orders", Master: "boss"})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Remove(context.Background(), "gone-soon")
	conn := master(t, again)
	var left []string
	if err := conn.QueryRow(t.Context(), "SELECT array_agg(rolname::text) FROM pg_roles WHERE rolname = 'reader'").Scan(&left); err != nil || len(left) != 0 {
		t.Errorf("roles %v are left, %v", left, err)
	}
}

func TestStatementsAreRecordedWithoutPasswords(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	before := service.Last()
	run(t, conn, "CREATE TABLE numbers (n integer)")
	if _, err := conn.Exec(t.Context(), "INSERT INTO numbers VALUES ($1), ($2)", 41, 42); err != nil {
		t.Fatal(err)
	}
	run(t, conn, "ALTER ROLE CURRENT_USER PASSWORD 'extremely secret'")
	if err := s.SetMasterPassword(t.Context(), secret.New("secret too")); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, st := range service.Statements(source.Filter{After: before, Source: s.Identifier(), User: s.Master()}) {
		texts = append(texts, st.Text)
	}
	if want := []string{"CREATE TABLE numbers (n integer)", "INSERT INTO numbers VALUES ($1), ($2)", "ALTER ROLE CURRENT_USER PASSWORD '…'"}; !slices.Equal(texts, want) {
		t.Errorf("statements %q; want %q", texts, want)
	}
}
