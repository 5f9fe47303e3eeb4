package lease_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

// age is how old a lease gets before a Get begins to refresh it, to the second.
func age(t *testing.T, c *lease.Cache, s *service) time.Duration {
	t.Helper()
	start := time.Now()
	for n := s.count(); s.count() == n; synctest.Wait() {
		time.Sleep(time.Second)
		password(t, c, s)
		synctest.Wait()
	}
	return time.Since(start)
}

func TestPointOfRefresh(t *testing.T) {
	for _, tc := range []struct {
		life   time.Duration
		random float64
		want   time.Duration
	}{
		{15 * time.Minute, 0, 675 * time.Second},     // 75 %
		{15 * time.Minute, 0.5, 721 * time.Second},   // 80 %
		{15 * time.Minute, 0.999, 765 * time.Second}, // 85 %
		{time.Hour, 0, 45 * time.Minute},
		{time.Hour, 0.999, 51 * time.Minute},
		{5 * time.Minute, 0.5, 210 * time.Second}, // 80 % would be where the margin begins
		{80 * time.Second, 0.5, 16 * time.Second}, // 80 % of what is above the margin
	} {
		t.Run(fmt.Sprint(tc.life, tc.random), inBubble(func(t *testing.T) {
			c, s := lease.New(lease.Options{Random: func() float64 { return tc.random }}), &service{life: tc.life}
			password(t, c, s)
			if got := age(t, c, s); got < tc.want || got > tc.want+time.Second {
				t.Errorf("refreshed at %s; want %s", got, tc.want)
			}
		}))
	}
}

// TestPointIsChosenOncePerLease keeps a chance from being taken with each Get, which would add up to an early refresh.
func TestPointIsChosenOncePerLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var chosen int
		c, s := lease.New(lease.Options{Random: func() float64 { chosen++; return 0.5 }}), &service{life: 15 * time.Minute}
		password(t, c, s)
		age(t, c, s)
		if chosen != 2 {
			t.Errorf("chose %d times for 2 leases", chosen)
		}
	})
}

func TestPointsDiffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := make(map[time.Duration]bool)
		for range 20 {
			c, s := lease.New(lease.Options{}), &service{life: 15 * time.Minute}
			password(t, c, s)
			at := age(t, c, s)
			if at < 675*time.Second || at > 766*time.Second {
				t.Errorf("refreshed at %s; want 75 to 85 %% of 15 minutes", at)
			}
			seen[at] = true
		}
		if len(seen) < 5 {
			t.Errorf("20 leases are refreshed at only %d times", len(seen))
		}
	})
}

func TestOneRefreshAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute}
		password(t, c, s)
		s.takes = 10 * time.Second
		time.Sleep(13 * time.Minute)
		start := time.Now()
		for range 100 {
			if got := password(t, c, s); got != "1" {
				t.Fatalf("lease %s; want the living one", got)
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %s for a lease that lives", waited)
		}
		time.Sleep(s.takes)
		synctest.Wait()
		if got := password(t, c, s); got != "2" || s.count() != 2 {
			t.Errorf("lease %s after %d mints; want 2 after 2", got, s.count())
		}
	})
}

// TestRefreshThatBecomesUrgent has those who come after the margin wait for the refresh that began before it.
func TestRefreshThatBecomesUrgent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute}
		password(t, c, s)
		s.takes = 20 * time.Second
		time.Sleep(14*time.Minute - 5*time.Second)
		password(t, c, s)
		time.Sleep(10 * time.Second)
		if got := password(t, c, s); got != "2" || s.count() != 2 {
			t.Errorf("lease %s after %d mints; want 2 after 2", got, s.count())
		}
	})
}

func TestLeaseWithoutEnd(t *testing.T) {
	t.Run("is good for ever, and looked after each hour", inBubble(func(t *testing.T) {
		c, s := half(), &service{takes: time.Second}
		password(t, c, s)
		if got := age(t, c, s); got < lease.RenewAfter-time.Second || got > lease.RenewAfter {
			t.Errorf("asked again after %s; want %s", got, lease.RenewAfter)
		}
		time.Sleep(50 * 365 * 24 * time.Hour)
		start := time.Now()
		if got, waited := password(t, c, s), time.Since(start); got != "2" || waited != 0 {
			t.Errorf("lease %s after %s; want the one at hand at once", got, waited)
		}
		time.Sleep(s.takes)
		synctest.Wait()
		if got := password(t, c, s); got != "3" || s.count() != 3 {
			t.Errorf("lease %s after %d mints; want 3 after 3", got, s.count())
		}
	}))
	t.Run("stays good when there is no other", inBubble(func(t *testing.T) {
		c, s := half(), new(service)
		password(t, c, s)
		s.fails = denied
		time.Sleep(lease.RenewAfter)
		if got, want := attempts(t, c, s, 10*time.Second), "[0s 1s 3s 7s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
		if got := password(t, c, s); got != "1" {
			t.Errorf("lease %s; want 1", got)
		}
	}))
	t.Run("gives way to one that ends", inBubble(func(t *testing.T) {
		c, s := half(), new(service)
		password(t, c, s)
		s.life = 15 * time.Minute
		time.Sleep(lease.RenewAfter)
		password(t, c, s)
		synctest.Wait()
		if got := age(t, c, s); got > 722*time.Second {
			t.Errorf("refreshed at %s; want as usual", got)
		}
	}))
}

// TestShortLeases has a service that only gives what is below the margin, as a consumer's secret does when it could not be rotated.
func TestShortLeases(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 20 * time.Second}
		var at []time.Duration
		start := time.Now()
		for time.Since(start) < 30*time.Second {
			n := s.count()
			if password(t, c, s) == "" {
				t.Fatal("Get gave neither a lease nor an error")
			}
			if s.count() > n {
				at = append(at, time.Since(start))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got, want := fmt.Sprint(at), "[0s 1s 3s 7s 15s]"; got != want {
			t.Errorf("asked at %s; want %s", got, want)
		}
		s.life = 15 * time.Minute
		time.Sleep(time.Minute)
		password(t, c, s)
		if got := age(t, c, s); got > 722*time.Second {
			t.Errorf("refreshed at %s; want as usual after a good lease", got)
		}
	})
}

// TestNoSecondMintAsAFlightEnds lets many arrive at any moment of a flight, on the real scheduler.
func TestNoSecondMintAsAFlightEnds(t *testing.T) {
	for range 2000 {
		c, s := half(), &service{life: time.Hour}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := c.Get(t.Context(), key, s.mint); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := s.count(); got != 1 {
			t.Fatalf("%d mints; want 1", got)
		}
	}
}
