package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
)

var server *postgres.Server

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

func query(t *testing.T, database, user, sql string) string {
	t.Helper()
	conn, err := server.OpenAs(t.Context(), database, user)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var answer string
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func TestServerIsPrivate(t *testing.T) {
	for _, tc := range []struct{ setting, want string }{
		{"listen_addresses", ""},
		{"password_encryption", "md5"},
		{"server_encoding", "UTF8"},
		{"TimeZone", "UTC"},
	} {
		if got := query(t, "postgres", postgres.Superuser, "SELECT current_setting('"+tc.setting+"')"); got != tc.want {
			t.Errorf("%s = %q; want %q", tc.setting, got, tc.want)
		}
	}
	config := server.Config("postgres", postgres.Superuser)
	info, err := os.Stat(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("folder of the socket has mode %v; want 0700, it is the lock", info.Mode().Perm())
	}
	config.Password = "guess"
	if conn, err := pgconn.ConnectConfig(t.Context(), &config.Config); err == nil {
		conn.Close(t.Context())
		t.Error("the superuser got in with a guessed password")
	}
}

func TestCreateDatabase(t *testing.T) {
	name := `Odd "name"`
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if got := query(t, name, postgres.Superuser, "SELECT current_database()"); got != name {
		t.Errorf("database is %q; want %q", got, name)
	}
	err := server.CreateDatabase(t.Context(), name)
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "42P04" {
		t.Errorf("making it again: %v; want code 42P04", err)
	}
}

// A user who is let in by the socket is that user, and cannot get back to more.
func TestOpenAsIsThatUser(t *testing.T) {
	conn, err := server.Open(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE USER plain"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, "postgres", "plain", "SELECT session_user || ' ' || current_setting('is_superuser')"); got != "plain off" {
		t.Errorf("session is %q; want %q", got, "plain off")
	}
}

func TestStop(t *testing.T) {
	log := filepath.Join(t.TempDir(), "postgres.log")
	ctx, cancel := context.WithCancel(t.Context())
	for _, tc := range []struct {
		name string
		stop func(*postgres.Server) error
	}{
		{"by call", (*postgres.Server).Stop},
		{"by context", func(*postgres.Server) error { cancel(); return nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := postgres.Start(ctx, postgres.Config{Log: log, NodeModules: "../../node_modules"})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := s.Open(t.Context(), "postgres") // an open session does not hold it up
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			dir := s.Config("", "").Host
			if err := tc.stop(s); err != nil {
				t.Fatal(err)
			}
			<-s.Done()
			if err := s.Stop(); err != nil {
				t.Errorf("stopping twice: %v", err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("folder %s is still there (%v)", dir, err)
			}
			if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "fast shutdown") {
				t.Errorf("log (%v) does not tell of a fast shutdown:\n%s", err, text)
			}
		})
	}
}
