package lease_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, takes: 10 * time.Second}
		var all sync.WaitGroup
		start := time.Now()
		for i := range 10 {
			all.Go(func() {
				cause := errors.New("enough")
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(i+1)*time.Second/2, cause) // the starter is among them
				defer cancel()
				if _, err := c.Get(ctx, key, s.mint); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
					t.Errorf("Get: %v; want DeadlineExceeded and its cause", err)
				}
				if got, want := time.Since(start), time.Duration(i+1)*time.Second/2; got != want {
					t.Errorf("left after %s; want %s", got, want)
				}
			})
		}
		all.Go(func() {
			if got := password(t, c, s); got != "1" {
				t.Errorf("lease %s; want 1 for one who waits on", got)
			}
		})
		all.Wait()
		if got := s.count(); got != 1 {
			t.Errorf("%d mints; want 1", got)
		}
	})
}

func TestResultIsKeptWhenNobodyWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, takes: 10 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(ctx, key, s.mint); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get: %v; want DeadlineExceeded", err)
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if got := password(t, c, s); got != "1" || s.count() != 1 {
			t.Errorf("lease %s after %d mints; want 1 after 1", got, s.count())
		}
	})
}

// TestEndedContextGetsNothing holds Get to what database/sql does: it gives no connection to a context that has ended, also an idle one.
func TestEndedContextGetsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, mints := range []int{0, 1} {
			if _, err := c.Get(ctx, key, s.mint); err != context.Canceled {
				t.Errorf("Get: %v; want Canceled", err)
			}
			if got := s.count(); got != mints {
				t.Errorf("%d mints; want %d", got, mints)
			}
			password(t, c, s)
		}
	})
}

func TestErrorOfAnEndedContext(t *testing.T) {
	own := errors.New("enough")
	for name, tc := range map[string]struct{ cause, want error }{
		"no cause":                        {nil, context.Canceled},
		"a cause":                         {own, own},
		"a cause that says what happened": {fmt.Errorf("enough: %w", context.Canceled), context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(tc.cause)
			_, err := half().Get(ctx, key, new(service).mint)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, tc.want) {
				t.Errorf("Get: %v; want Canceled and the cause", err)
			}
			if strings.Count(err.Error(), "canceled") != 1 {
				t.Errorf("Get: %v; want to be told once", err)
			}
		})
	}
}

func TestContextOfAMint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type trace struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), trace{}, "7"))
		cancelled := time.AfterFunc(time.Second, cancel)
		defer cancelled.Stop()
		var took time.Duration
		_, err := half().Get(ctx, key, func(ctx context.Context) (lease.Lease, error) {
			start := time.Now()
			if got := ctx.Value(trace{}); got != "7" {
				t.Errorf("the starter's value is %v; want 7", got)
			}
			<-ctx.Done()
			took = time.Since(start)
			return lease.Lease{}, ctx.Err()
		})
		if err != context.Canceled {
			t.Errorf("Get: %v; want Canceled", err)
		}
		time.Sleep(lease.MintTimeout)
		synctest.Wait()
		if took != lease.MintTimeout {
			t.Errorf("the mint's context ended after %s; want %s", took, lease.MintTimeout)
		}
	})
}

func TestSilentService(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, takes: time.Hour}
		start := time.Now()
		_, err := c.Get(t.Context(), key, s.mint)
		if !errors.Is(err, context.DeadlineExceeded) || err == context.DeadlineExceeded || time.Since(start) != lease.MintTimeout {
			t.Errorf("Get: %v after %s; want words on who was slow, after %s", err, time.Since(start), lease.MintTimeout)
		}
	})
}

// TestOthersDoNotWaitForAMint has a mint that uses the cache itself, as no lock may be held, and a Get of another key beside it.
func TestOthersDoNotWaitForAMint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		other := lease.Key{Region: "eu-central-1"}
		slow := func(ctx context.Context) (lease.Lease, error) {
			time.Sleep(10 * time.Second)
			return c.Get(ctx, other, s.mint)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Get(t.Context(), key, slow); err != nil {
				t.Errorf("Get: %v", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		if _, err := c.Get(t.Context(), other, s.mint); err != nil || time.Since(start) != 0 {
			t.Errorf("Get of another key: %v after %s; want none at once", err, time.Since(start))
		}
		all.Wait()
	})
}
