package lease_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

func TestLeaseIsRefreshedByAge(t *testing.T) {
	for name, tc := range map[string]struct {
		age   time.Duration
		given string        // the password
		waits time.Duration // for it
		mints int           // in all, once everything has come to rest
	}{
		"young":                       {0, "1", 0, 1},
		"before the point":            {719 * time.Second, "1", 0, 1},
		"past the point":              {721 * time.Second, "1", 0, 2},
		"just above the margin":       {839 * time.Second, "1", 0, 2},
		"at the margin":               {840 * time.Second, "2", 5 * time.Second, 2},
		"with a second left":          {899 * time.Second, "2", 5 * time.Second, 2},
		"at its end":                  {900 * time.Second, "2", 5 * time.Second, 2},
		"long ended, as after a rest": {time.Hour, "2", 5 * time.Second, 2},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			c, s := half(), &service{life: 15 * time.Minute}
			password(t, c, s)
			s.takes = 5 * time.Second
			time.Sleep(tc.age)
			start := time.Now()
			if got, waited := password(t, c, s), time.Since(start); got != tc.given || waited != tc.waits {
				t.Errorf("lease %s after %s; want %s after %s", got, waited, tc.given, tc.waits)
			}
			time.Sleep(s.takes)
			synctest.Wait()
			if got := s.count(); got != tc.mints {
				t.Errorf("%d mints; want %d", got, tc.mints)
			}
		}))
	}
}

func TestManyAtOnceMintOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: 15 * time.Minute, takes: time.Second}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if got := password(t, c, s); got != "1" {
					t.Errorf("lease %s; want 1", got)
				}
			})
		}
		all.Wait()
		if got := s.count(); got != 1 {
			t.Errorf("%d mints; want 1", got)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	c, s := lease.New(lease.Options{}), &service{life: time.Hour}
	ctx, mint := b.Context(), lease.Mint(s.mint)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(ctx, key, mint); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	c, s := lease.New(lease.Options{}), &service{life: time.Hour}
	ctx, mint := b.Context(), lease.Mint(s.mint)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Get(ctx, key, mint); err != nil {
				b.Error(err)
			}
		}
	})
}
