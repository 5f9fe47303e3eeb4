package endtoend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/secret"
)

// The two examples of AWS's page on generating credentials with the command line, and what it says of their answers.
func documentedExamples(s *stage) {
	t := s.t
	client := redshift.NewFromConfig(s.aws)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	s.must(os.WriteFile(ca, s.Authority.PEM(), 0o600))
	for _, tc := range []struct {
		name, want string
		input      redshift.GetClusterCredentialsInput
		life       time.Duration
	}{
		{"existing user", "IAM:temp_creds_user", redshift.GetClusterCredentialsInput{
			ClusterIdentifier: new("examplecluster"), DbUser: new("temp_creds_user"), DbName: new("exampledb"), DurationSeconds: new(int32(3600))}, time.Hour},
		{"user to be created, in a group", "IAMA:temp_creds_user:example_group", redshift.GetClusterCredentialsInput{
			ClusterIdentifier: new("examplecluster"), DbUser: new("temp_creds_user"), AutoCreate: new(true), DbName: new("exampledb"), DbGroups: []string{"example_group"}}, 15 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			out, err := client.GetClusterCredentials(t.Context(), &tc.input)
			s.must(err)
			if left := out.Expiration.Sub(s.Clock.Now()); *out.DbUser != tc.want || left > tc.life || left < tc.life-time.Minute {
				t.Errorf("answer is for %s with %s of life; want %s with %s", *out.DbUser, left, tc.want, tc.life)
			}
			l := lease{Target: login.Target{Host: world.Host, Port: s.Warehouse.Port(), Database: world.Database, User: *out.DbUser, Password: secret.New(*out.DbPassword), Roots: s.roots}}
			if user, err := s.login(l); user != world.User || err != nil {
				t.Errorf("logged in as %q, %v; want %s", user, err, world.User)
			}
			psql(t, l, ca)
		})
	}
}

// psql logs in as people do, where the machine has it.
func psql(t *testing.T, l lease, ca string) {
	t.Helper()
	program, err := exec.LookPath("psql")
	if err != nil {
		t.Log("psql is not installed; pgx alone has logged in")
		return
	}
	cmd := exec.CommandContext(t.Context(), program, "--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT current_user",
		fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=verify-full sslrootcert=%s", l.Host, l.Port, l.Database, l.User, ca))
	cmd.Env = append(os.Environ(), "PGPASSWORD="+l.Password.Reveal())
	if out, err := cmd.CombinedOutput(); strings.TrimSpace(string(out)) != world.User || err != nil {
		t.Errorf("psql says %q, %v; want %s", out, err, world.User)
	}
}
