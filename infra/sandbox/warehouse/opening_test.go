package warehouse_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

func TestSessionsAreAnnouncedBeforeTheyOpen(t *testing.T) {
	var mu sync.Mutex
	var opened []string
	c := newCluster(t, func(config *warehouse.Config) {
		config.Opening = func(_ context.Context, database string) {
			mu.Lock()
			defer mu.Unlock()
			opened = append(opened, database)
		}
	})
	c.login("good")
	if _, err := c.connect(t, "IAM:"+c.user, "wrong"); err == nil {
		t.Fatal("a wrong password opens a session")
	}
	c.must(t, "IAM:"+c.user, "good")
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(opened, []string{c.database}) {
		t.Errorf("announced %q; want one session in %s", opened, c.database)
	}
}

func TestVerify(t *testing.T) {
	c := newCluster(t)
	c.admin(t, "ALTER USER "+c.user+" PASSWORD 'right'")
	if err := c.Verify(t.Context(), c.user, secret.New("right")); err != nil {
		t.Error(err)
	}
	if err := c.Verify(t.Context(), c.user, secret.New("wrong")); err == nil || !strings.Contains(err.Error(), "password authentication failed") {
		t.Errorf("a wrong password gives %v", err)
	}
	c.Pause()
	if err := c.Verify(t.Context(), c.user, secret.New("right")); err != warehouse.ErrPaused {
		t.Errorf("a paused cluster gives %v", err)
	}
}
