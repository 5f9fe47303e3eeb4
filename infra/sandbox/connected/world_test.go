package connected_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/lease"
)

// sandbox is the one world of this package's tests.
var sandbox = sync.OnceValues(func() (*world.World, error) {
	state, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return nil, err
	}
	w, err := world.Start(context.Background(), world.Config{State: state, NodeModules: "../../node_modules"})
	end = func() error { defer os.RemoveAll(state); return w.Close() }
	return w, err
})

// end ends the sandbox, if one was started.
var end = func() error { return nil }

func TestMain(m *testing.M) {
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A scene is the sandbox as one test sees it.
type scene struct {
	*testing.T
	*world.World
	cache *lease.Cache // the test's own, by the sandbox's clock
}

// begin starts the sandbox, if need be, and leaves nothing in the environment that would lead the SDK elsewhere.
func begin(t *testing.T) *scene {
	t.Helper()
	w, err := sandbox()
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_ENDPOINT_URL", w.Endpoint())
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w.Endpoint())
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	return &scene{t, w, lease.New(lease.Options{Now: w.Clock.Now})}
}

// cluster are the properties of the cluster with IAM, but for AWS credentials, and whatever more says.
func (s *scene) cluster(more map[string]string) map[string]string {
	properties := map[string]string{
		"IAM": "1", "Server": s.Warehouse.Host(), "Port": strconv.Itoa(s.Warehouse.Port()), "Database": world.Database, "ClusterID": world.Cluster, "Region": "us-east-1",
		"DbUser": world.User, "CaFile": s.authority(),
	}
	maps.Copy(properties, more)
	return properties
}

func (s *scene) authority() string {
	for _, v := range must(s.Environment()) {
		if v.Name == "PGSSLROOTCERT" {
			return v.Value
		}
	}
	s.Fatal("the sandbox names no certificate")
	return ""
}

// operatorKey are the properties of the operator's access key.
func (s *scene) operatorKey() map[string]string {
	return map[string]string{"AccessKeyID": s.Operator.AccessKeyID, "SecretAccessKey": s.Operator.SecretAccessKey.Reveal()}
}

// whoami opens a database and asks who is logged in.
func (s *scene) whoami(properties map[string]string, options ...connector.Option) (string, error) {
	s.Helper()
	db, err := connector.Open(properties, append(options, connector.WithCache(s.cache))...)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	var user string
	err = db.QueryRowContext(s.Context(), "SELECT current_user::text WHERE 1 = $1", 1).Scan(&user)
	return user, err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
