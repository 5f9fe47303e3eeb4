package warehouse_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// The client that people will try first. npm's PostgreSQL has no psql; pgx's tests say the same there.
func TestPsql(t *testing.T) {
	program, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	c := newCluster(t)
	group := c.user + "_group"
	c.admin(t, "CREATE GROUP "+group)
	name := "IAMA:" + c.user + ":" + group
	c.login("Long/base64+Password==", func(l *warehouse.Login) { l.Name, l.Groups, l.AutoCreate = name, []string{group}, true })
	for _, tc := range []struct{ name, connection, want string }{
		{"verified", c.text(name, "Long/base64+Password=="), c.user + "\n"},
		{"wrong password", c.text(name, "Short"), `FATAL:  password authentication failed for user "` + name + `"`},
		{"plaintext", c.text(name, "Long/base64+Password==", "sslmode=disable"), "HINT:  A temporary login needs SSL: use sslmode=verify-full."},
		{"wrong name", c.text(name, "Long/base64+Password==", "host=ip6-localhost hostaddr=127.0.0.1"), "does not match host name"},
		{"unknown authority", c.text(name, "Long/base64+Password==", "sslrootcert=/etc/hostname"), "could not read root certificate file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, _ := exec.CommandContext(t.Context(), program, "--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT current_user", tc.connection).CombinedOutput()
			if !strings.Contains(string(out), tc.want) {
				t.Errorf("psql says %q; want %q", out, tc.want)
			}
			if strings.Contains(string(out), "Long/base64") {
				t.Error("psql's output has the password")
			}
		})
	}
}
