package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
)

// TestPasswords shows that a server with passwords checks them by itself, and that RequireSCRAM shuts out md5.
func TestPasswords(t *testing.T) {
	s, err := postgres.Start(t.Context(), postgres.Config{NodeModules: "../../node_modules", Passwords: true,
		Settings: []string{"password_encryption=scram-sha-256"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"orders", `odd "one"`} {
		if err := s.CreateDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := s.Open(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	if _, err := admin.Exec(t.Context(), "CREATE ROLE new LOGIN PASSWORD 'right'; SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD 'right'"); err != nil {
		t.Fatal(err)
	}
	enters := func(database, user, password string) bool {
		config := s.Config(database, user)
		config.Password = password
		conn, err := pgconn.ConnectConfig(t.Context(), &config.Config)
		if err == nil {
			_ = conn.Close(t.Context())
		} else if !strings.Contains(err.Error(), "28P01") {
			t.Errorf("login of %s: %v; want code 28P01", user, err)
		}
		return err == nil
	}
	check := func(database, user, password string, want bool) {
		t.Helper()
		if got := enters(database, user, password); got != want {
			t.Errorf("login of %s to %s with password %q: %t; want %t", user, database, password, got, want)
		}
	}
	check("orders", "old", "right", true)
	check("orders", "old", "wrong", false)
	check("orders", "new", "right", true)
	check("orders", "new", "", false)
	if err := s.RequireSCRAM(t.Context(), `odd "one"`, "orders"); err != nil {
		t.Fatal(err)
	}
	check("orders", "old", "right", false)
	check(`odd "one"`, "old", "right", false)
	check("orders", "new", "right", true)
	if err := s.RequireSCRAM(t.Context(), `odd "one"`); err != nil {
		t.Fatal(err)
	}
	check("orders", "old", "right", true)
	if err := server.RequireSCRAM(t.Context(), "postgres"); err == nil {
		t.Error("a server without passwords requires SCRAM")
	}
}
