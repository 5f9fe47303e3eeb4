package lease_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

func TestLifeByBothClocks(t *testing.T) {
	for name, tc := range map[string]struct {
		ahead           time.Duration // the service's clock at the mint
		mute            bool
		wall, monotonic time.Duration // what passes
		want            string        // the password
	}{
		"both say it lives":                            {0, false, 10 * time.Minute, 10 * time.Minute, "1"},
		"both say it has ended":                        {0, false, 15 * time.Minute, 15 * time.Minute, "2"},
		"the machine slept":                            {0, false, 15 * time.Minute, time.Minute, "2"},
		"the clock was set back":                       {0, false, -time.Hour, 15 * time.Minute, "2"},
		"the clock was set back, and it lives":         {0, false, -time.Hour, 10 * time.Minute, "1"},
		"the clock was set forward":                    {0, false, time.Hour, time.Minute, "2"},
		"the service is an hour ahead":                 {time.Hour, false, 10 * time.Minute, 10 * time.Minute, "1"},
		"the service is an hour ahead, and it ends":    {time.Hour, false, 14 * time.Minute, 14 * time.Minute, "2"},
		"the service is an hour behind":                {-time.Hour, false, 10 * time.Minute, 10 * time.Minute, "1"},
		"the service does not tell":                    {0, true, 10 * time.Minute, 10 * time.Minute, "1"},
		"the service does not tell, and it ends":       {0, true, 14 * time.Minute, 14 * time.Minute, "2"},
		"the service does not tell that it is behind":  {-5 * time.Minute, true, 9 * time.Minute, 9 * time.Minute, "2"},
		"the service does not tell, the clock is back": {0, true, -time.Hour, 14 * time.Minute, "2"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			c := half()
			wall, monotonic := time.Now(), time.Duration(0)
			now := func() time.Time { return wall.Round(0) }
			c.Split(now, func() time.Duration { return monotonic })
			s := &service{life: 15 * time.Minute, ahead: tc.ahead, mute: tc.mute, now: now}
			password(t, c, s)
			wall, monotonic = wall.Add(tc.wall), monotonic+tc.monotonic
			if got := password(t, c, s); got != tc.want {
				t.Errorf("lease %s; want %s", got, tc.want)
			}
		}))
	}
}

// TestCallAddsNoLife has a call whose answer is ten seconds on its way, which count as passed.
func TestCallAddsNoLife(t *testing.T) {
	for name, tc := range map[string]struct {
		mute bool
		age  time.Duration // since the call began
		want string        // the password
	}{
		"service tells its time, above the margin": {false, 14*time.Minute - time.Second, "1"},
		"service tells its time, at the margin":    {false, 14 * time.Minute, "2"},
		"service does not, above the margin":       {true, 14*time.Minute - time.Second, "1"},
		"service does not, at the margin":          {true, 14 * time.Minute, "2"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			start := time.Now()
			c, s := half(), &service{life: 15 * time.Minute, mute: tc.mute, takes: 10 * time.Second, now: func() time.Time { return start }}
			password(t, c, s)
			s.now = nil
			time.Sleep(tc.age - time.Since(start))
			if got := password(t, c, s); got != tc.want {
				t.Errorf("lease %s; want %s", got, tc.want)
			}
		}))
	}
}

// TestMachineClock sets the wall clock of a program's own times, which nothing but their layout in memory lets a test do. The times of a
// bubble have no monotonic reading.
func TestMachineClock(t *testing.T) {
	for name, tc := range map[string]struct {
		wall, both time.Duration // what the wall clock is set by, and what passes on both
		want       string
	}{
		"nothing happens":        {0, 0, "1"},
		"the machine slept":      {time.Hour, 0, "2"},
		"the clock was set back": {-time.Hour, 15 * time.Minute, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			now := start
			c := lease.New(lease.Options{Now: func() time.Time { return now }})
			s := &service{life: 15 * time.Minute}
			password(t, c, s)
			now = start.Add(tc.both)
			seconds := (*uint64)(unsafe.Pointer(&now)) // above 30 bits of nanoseconds, where there is a monotonic reading
			*seconds += uint64(int64(tc.wall/time.Second) << 30)
			if now.Sub(start) != tc.both || now.Round(0).Sub(start.Round(0)) != tc.both+tc.wall {
				t.Fatalf("the layout of time.Time is another: %s after %s", now, start)
			}
			if got := password(t, c, s); got != tc.want {
				t.Errorf("lease %s; want %s", got, tc.want)
			}
		})
	}
}

func TestClockIsInjected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		c := lease.New(lease.Options{Now: func() time.Time { return now }})
		s := &service{life: 15 * time.Minute, now: func() time.Time { return now }}
		password(t, c, s)
		time.Sleep(time.Hour)
		if got := password(t, c, s); got != "1" {
			t.Errorf("lease %s; want 1 while the clock stands", got)
		}
		now = now.Add(14*time.Minute + time.Second)
		if got := password(t, c, s); got != "2" {
			t.Errorf("lease %s; want 2", got)
		}
	})
}
