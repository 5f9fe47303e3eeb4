package lease_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/secret"
)

// key is the key of tests that need one only.
var key = lease.Key{API: "redshift-serverless:GetCredentials", Region: "eu-west-1", Workgroup: "sales", Database: "dev", Identity: "default chain"}

// A service mints leases with passwords "1", "2" and so on. Its fields may be changed between mints.
type service struct {
	life  time.Duration // 0 is a lease without end
	ahead time.Duration // how much its clock is ahead of the test's
	mute  bool          // does not say what time it is
	takes time.Duration
	fails error
	now   func() time.Time // nil is time.Now

	mu    sync.Mutex
	mints int
}

func (s *service) mint(ctx context.Context) (lease.Lease, error) {
	s.mu.Lock()
	s.mints++
	l := lease.Lease{User: "IAM:app", Password: secret.New(fmt.Sprint(s.mints))}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return lease.Lease{}, fmt.Errorf("call of the service: %w", ctx.Err())
	case <-time.After(s.takes):
	}
	if s.fails != nil {
		return lease.Lease{}, s.fails
	}
	now := time.Now
	if s.now != nil {
		now = s.now
	}
	if s.life != 0 {
		l.Expires = now().Add(s.ahead + s.life)
	}
	if !s.mute {
		l.Asked = now().Add(s.ahead)
	}
	return l, nil
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mints
}

// half is a cache that refreshes at 80 % of a life.
func half() *lease.Cache { return lease.New(lease.Options{Random: func() float64 { return 0.5 }}) }

// password is that of the lease which c gives for key.
func password(t *testing.T, c *lease.Cache, s *service) string {
	t.Helper()
	l, err := c.Get(t.Context(), key, s.mint)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return l.Password.Reveal()
}

// bubble runs a test on a clock of its own, where time.Sleep moves the time and takes none, and lets its flights land.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t)
		time.Sleep(lease.MintTimeout)
		synctest.Wait()
	})
}

func inBubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { bubble(t, test) }
}
