package lease_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

// refusal is an error with a type, as that of the adapter.
type refusal struct{ code string }

func (r *refusal) Error() string { return r.code }

var denied = &refusal{"AccessDenied"}

func TestFailedRefresh(t *testing.T) {
	for name, tc := range map[string]struct {
		age  time.Duration
		want string // the password; empty for an error
	}{
		"late in life":     {13 * time.Minute, "1"},
		"below the margin": {14*time.Minute + 30*time.Second, "1"},
		"in the last second, and the lease lives on while the call runs": {15*time.Minute - 2*time.Second, "1"},
		"the lease ends while the call runs":                             {15*time.Minute - time.Second/2, ""},
		"the lease has ended":                                            {16 * time.Minute, ""},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			c, s := half(), &service{life: 15 * time.Minute}
			password(t, c, s)
			s.fails, s.takes = denied, time.Second
			time.Sleep(tc.age)
			l, err := c.Get(t.Context(), key, s.mint)
			if tc.want != "" {
				if err != nil || l.Password.Reveal() != tc.want {
					t.Errorf("Get = %s, %v; want the living lease", l.Password.Reveal(), err)
				}
				return
			}
			if cause, ok := errors.AsType[*refusal](err); !ok || cause != denied {
				t.Errorf("Get: %v; want an error that wraps the service's", err)
			}
			if !strings.Contains(err.Error(), "IAM:app ended") {
				t.Errorf("Get: %v; want to be told that a login ended", err)
			}
			if l != (lease.Lease{}) {
				t.Errorf("a lease of %s came with the error", l.User)
			}
		}))
	}
}

// attempts are the times at which mints began while somebody asks ten times a second.
func attempts(t *testing.T, c *lease.Cache, s *service, d time.Duration) string {
	t.Helper()
	var at []time.Duration
	for start := time.Now(); time.Since(start) < d; time.Sleep(100 * time.Millisecond) {
		n := s.count()
		_, _ = c.Get(t.Context(), key, s.mint)
		if synctest.Wait(); s.count() > n {
			at = append(at, time.Since(start))
		}
	}
	return fmt.Sprint(at)
}

func TestRestAfterFailures(t *testing.T) {
	t.Run("without a lease", inBubble(func(t *testing.T) {
		c, s := half(), &service{fails: denied}
		if got, want := attempts(t, c, s, 5*time.Second), "[0s 1s 2s 3s 4s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
	}))
	t.Run("while the lease lives", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		password(t, c, s)
		s.fails = denied
		time.Sleep(50 * time.Minute)
		if got, want := attempts(t, c, s, 2*time.Minute), "[0s 1s 3s 7s 15s 31s 1m1s 1m31s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
	}))
	t.Run("a success ends it", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		password(t, c, s)
		for range 2 {
			s.fails = denied
			time.Sleep(50 * time.Minute)
			if got, want := attempts(t, c, s, 10*time.Second), "[0s 1s 3s 7s]"; got != want {
				t.Errorf("asked at %s; want %s", got, want)
			}
			s.fails = nil
			time.Sleep(time.Minute)
			password(t, c, s)
			synctest.Wait()
		}
	}))
	t.Run("no longer than a second once the lease has ended", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		password(t, c, s)
		s.fails = denied
		time.Sleep(59 * time.Minute)
		// The first rest of half a minute begins at 31 s, and the lease ends at 60 s.
		if got, want := attempts(t, c, s, 64*time.Second), "[0s 1s 3s 7s 15s 31s 1m0s 1m1s 1m2s 1m3s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
	}))
	t.Run("does not double for a service that is silent", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		password(t, c, s)
		s.takes = time.Hour
		time.Sleep(50 * time.Minute)
		if got, want := attempts(t, c, s, 100*time.Second), "[0s 31s 1m2s 1m33s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
	}))
}

// TestMintThatMayTakeLonger has a person do something meanwhile, with the mint of all who wait.
func TestMintThatMayTakeLonger(t *testing.T) {
	const limit = 150 * time.Second
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute, takes: limit - time.Second}
		for range 10 {
			go func() {
				if l, err := c.GetWithin(t.Context(), key, limit, s.mint); err != nil || l.Password.Reveal() != "1" {
					t.Errorf("Get = %s, %v; want the first lease", l.Password.Reveal(), err)
				}
			}()
			time.Sleep(10 * time.Second)
		}
		if l, err := c.Get(t.Context(), key, s.mint); err != nil || l.Password.Reveal() != "1" {
			t.Errorf("Get = %s, %v; want the first lease for who does not ask anybody, too", l.Password.Reveal(), err)
		}
		time.Sleep(time.Hour)
		s.takes = time.Hour
		began := time.Now()
		if _, err := c.GetWithin(t.Context(), key, limit, s.mint); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within 2m30s") || time.Since(began) != limit {
			t.Errorf("after %s %v; want that nothing came", time.Since(began), err)
		}
	})
}

// TestLeaseIsUsedWhileNobodyAsks has a lease below the margin during the rest that a failed refresh earned.
func TestLeaseIsUsedWhileNobodyAsks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute}
		password(t, c, s)
		s.fails = denied
		time.Sleep(14*time.Minute + 30*time.Second)
		for range 10 {
			if got := password(t, c, s); got != "1" {
				t.Errorf("lease %q; want the living one", got)
			}
		}
		if got := s.count(); got != 2 {
			t.Errorf("%d mints; want 2", got)
		}
	})
}

func TestCachedErrorIsTheSame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{fails: denied}
		_, first := c.Get(t.Context(), key, s.mint)
		time.Sleep(lease.FirstRest / 2)
		_, second := c.Get(t.Context(), key, s.mint)
		if !errors.Is(first, denied) || !errors.Is(second, denied) {
			t.Errorf("errors %v and %v; want the service's", first, second)
		}
		s.fails, s.life = nil, time.Hour
		time.Sleep(lease.FirstRest / 2)
		if got := password(t, c, s); got != "2" {
			t.Errorf("lease %s; want 2", got)
		}
	})
}

func TestPoolDoesNotHammer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{fails: denied, takes: 100 * time.Millisecond}
		var pool sync.WaitGroup
		for range 100 {
			pool.Go(func() {
				for range 100 {
					if _, err := c.Get(t.Context(), key, s.mint); !errors.Is(err, denied) {
						t.Errorf("Get: %v", err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		pool.Wait()
		if got := s.count(); got > 11 {
			t.Errorf("%d mints in ten seconds; want one a second", got)
		}
	})
}

func TestDeadOnArrival(t *testing.T) {
	t.Run("alone", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: -time.Second}
		if _, err := c.Get(t.Context(), key, s.mint); !errors.Is(err, lease.ErrEnded) {
			t.Errorf("Get: %v; want ErrEnded", err)
		}
	}))
	t.Run("does not take the place of one that lives", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute}
		password(t, c, s)
		s.life = -time.Second
		time.Sleep(14*time.Minute + 30*time.Second)
		if got := password(t, c, s); got != "1" {
			t.Errorf("lease %s; want 1", got)
		}
	}))
}

func TestPanicReachesAllWhoWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := half()
		var mints atomic.Int32
		mint := func(context.Context) (lease.Lease, error) {
			mints.Add(1)
			time.Sleep(time.Second)
			panic(denied)
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				defer func() {
					err, _ := recover().(error)
					if !errors.Is(err, denied) || !strings.Contains(err.Error(), "failure_test.go") {
						t.Errorf("recovered %v; want the mint's panic with its stack", err)
					}
				}()
				l, err := c.Get(t.Context(), key, mint)
				t.Errorf("Get = %v, %v; want a panic", l, err)
			})
		}
		all.Wait()
		if got := mints.Load(); got != 1 {
			t.Errorf("%d mints; want 1", got)
		}
		time.Sleep(lease.FirstRest)
		if got := password(t, c, &service{life: time.Hour}); got != "1" {
			t.Errorf("lease %s after the panic; want 1", got)
		}
	})
}

func TestPanicOfARefreshLeavesTheLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute}
		password(t, c, s)
		start := time.Now()
		for _, age := range []time.Duration{13 * time.Minute, 14*time.Minute + 30*time.Second} { // in the background, then waited for
			time.Sleep(age - time.Since(start))
			l, err := c.Get(t.Context(), key, func(context.Context) (lease.Lease, error) { panic("bug") })
			if err != nil || l.Password.Reveal() != "1" {
				t.Errorf("Get = %s, %v; want the living lease", l.Password.Reveal(), err)
			}
		}
	})
}

func TestMintThatEndsItsGoroutine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := half().Get(t.Context(), key, func(context.Context) (lease.Lease, error) {
			runtime.Goexit()
			return lease.Lease{}, nil
		})
		if err == nil {
			t.Error("Get gave a lease that nobody minted")
		}
	})
}
