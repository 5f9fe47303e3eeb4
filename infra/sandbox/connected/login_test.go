package connected_test

import (
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

func TestClusterWithAnAccessKey(t *testing.T) {
	s := begin(t)
	user, err := s.whoami(s.cluster(s.operatorKey()))
	if err != nil || user != world.User {
		t.Errorf("logged in as %q, %v; want %s", user, err, world.User)
	}
}
