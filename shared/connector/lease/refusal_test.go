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

// wrong is the answer of a warehouse that takes no login.
var wrong = &refusal{"wrong password"}

// refusals are the times at which logins were minted while somebody connects ten times a second, twice if need be, and the warehouse
// takes none.
func refusals(t *testing.T, c *lease.Cache, s *service, d time.Duration) string {
	t.Helper()
	var at []time.Duration
	for start := time.Now(); time.Since(start) < d; time.Sleep(100 * time.Millisecond) {
		for range 2 { // as a connection and its second attempt
			n := s.count()
			l, err := c.Get(t.Context(), key, s.mint)
			if s.count() > n {
				at = append(at, time.Since(start))
			}
			c.Drop(key, l, wrong)
			if err != nil {
				if !errors.Is(err, wrong) || l != (lease.Lease{}) {
					t.Errorf("Get = %v, %v; want why the logins were refused", l, err)
				}
				break
			}
		}
	}
	return fmt.Sprint(at)
}

func TestRestAfterRefusals(t *testing.T) {
	t.Run("doubles after the second", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		if got, want := refusals(t, c, s, 2*time.Minute), "[0s 0s 1s 3s 7s 15s 31s 1m1s 1m31s]"; got != want {
			t.Errorf("minted at %s; want %s", got, want)
		}
	}))
	t.Run("also where the same login comes each time", inBubble(func(t *testing.T) {
		c, l := half(), lease.Lease{User: "app"}
		n := 0
		for range 30 {
			got, _ := c.Get(t.Context(), key, func(context.Context) (lease.Lease, error) { n++; return l, nil })
			c.Drop(key, got, wrong)
		}
		if n != 2 {
			t.Errorf("%d mints for 30 connections; want 2", n)
		}
	}))
	t.Run("is one for a pool", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, takes: 10 * time.Millisecond}
		var pool sync.WaitGroup
		for range 30 {
			pool.Go(func() {
				for range 5 {
					if l, err := c.Get(t.Context(), key, s.mint); err == nil {
						time.Sleep(10 * time.Millisecond)
						c.Drop(key, l, wrong)
					}
				}
			})
		}
		pool.Wait()
		if got := s.count(); got != 2 {
			t.Errorf("%d mints; want 2", got)
		}
	}))
	t.Run("says what happened", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		for range 2 {
			l, _ := c.Get(t.Context(), key, s.mint)
			c.Drop(key, l, wrong)
		}
		_, err := c.Get(t.Context(), key, s.mint)
		if !errors.Is(err, wrong) || !strings.Contains(err.Error(), "one after the other") {
			t.Errorf("Get: %v; want to be told of the refusals", err)
		}
	}))
	t.Run("is of one key", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		refusals(t, c, s, time.Second/2)
		ask(t, c, s, "other")
	}))
	t.Run("does not keep what comes meanwhile", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: 20 * time.Second}
		l, _ := c.Get(t.Context(), key, s.mint)
		c.Drop(key, l, wrong)
		l, _ = c.Get(t.Context(), key, s.mint)
		s.takes = time.Second / 2
		for s.count() < 3 { // a refresh, as the lease is short
			time.Sleep(time.Second)
			password(t, c, s)
			synctest.Wait()
		}
		c.Drop(key, l, wrong)
		time.Sleep(s.takes)
		if got := password(t, c, s); got != "3" {
			t.Errorf("lease %s; want the one that was on its way", got)
		}
	}))
	t.Run("without a reason", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		for range 2 {
			l, _ := c.Get(t.Context(), key, s.mint)
			c.Drop(key, l, nil)
		}
		if _, err := c.Get(t.Context(), key, s.mint); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("Get: %v; want an error in words", err)
		}
	}))
}

// TestRefusalsInARow says which refusals count together.
func TestRefusalsInARow(t *testing.T) {
	for name, tc := range map[string]struct {
		lives, passes time.Duration // before the second lease is refused, and before the third comes
		counts        bool
	}{
		"young":                           {lease.Margin - 1, 0, true},
		"as old as the margin":            {lease.Margin, 0, false},
		"at the end of its life":          {14 * time.Minute, 0, false},
		"young, but asked for much later": {0, lease.Margin, false},
		"young, and soon after":           {0, lease.Margin - 1, true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			c, s := half(), &service{life: time.Hour, mute: true}
			l, _ := c.Get(t.Context(), key, s.mint)
			c.Drop(key, l, wrong)
			time.Sleep(tc.passes)
			l, _ = c.Get(t.Context(), key, s.mint)
			time.Sleep(tc.lives)
			c.Drop(key, l, wrong)
			if _, err := c.Get(t.Context(), key, s.mint); (err != nil) != tc.counts {
				t.Errorf("Get: %v; want an error: %t", err, tc.counts)
			}
		}))
	}
	for name, tc := range map[string]struct {
		mute   bool
		counts bool
	}{
		"the clocks of the machine stand, and the service tells its time": {false, false},
		"the clocks of the machine stand, and the service does not":       {true, true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			now := time.Now()
			c := lease.New(lease.Options{Now: func() time.Time { return now }})
			s := &service{life: time.Hour, mute: tc.mute}
			for range 2 {
				l, _ := c.Get(t.Context(), key, s.mint)
				time.Sleep(lease.Margin)
				c.Drop(key, l, wrong)
			}
			if _, err := c.Get(t.Context(), key, s.mint); (err != nil) != tc.counts {
				t.Errorf("Get: %v; want an error: %t", err, tc.counts)
			}
		}))
	}
	t.Run("the service tells its time only with the second", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		for _, s.mute = range []bool{true, false} {
			l, _ := c.Get(t.Context(), key, s.mint)
			c.Drop(key, l, wrong)
		}
		if _, err := c.Get(t.Context(), key, s.mint); !errors.Is(err, wrong) {
			t.Errorf("Get: %v; want the refusal", err)
		}
	}))
	t.Run("a lease that lived well ends the row", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, mute: true}
		refusals(t, c, s, 5*time.Second)
		time.Sleep(10 * time.Second)
		l, _ := c.Get(t.Context(), key, s.mint)
		time.Sleep(lease.Margin)
		c.Drop(key, l, wrong)
		if got, want := refusals(t, c, s, 2*time.Second), "[0s 0s 1s]"; got != want {
			t.Errorf("minted at %s; want %s", got, want)
		}
	}))
}

// TestRefusalAndFailure has AWS refuse after the warehouse did.
func TestRefusalAndFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		refusals(t, c, s, time.Second/2)
		s.fails = denied
		time.Sleep(lease.FirstRest)
		for range 2 {
			if _, err := c.Get(t.Context(), key, s.mint); !errors.Is(err, denied) || errors.Is(err, wrong) {
				t.Errorf("Get: %v; want the newest", err)
			}
		}
		if got := s.count(); got != 3 {
			t.Errorf("%d mints; want 3", got)
		}
	})
}
