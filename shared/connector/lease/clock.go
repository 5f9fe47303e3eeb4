package lease

import "time"

// An instant is one moment by both clocks of this machine. The wall clock can be set; the monotonic one cannot, but on most
// systems it stands still while the machine sleeps.
type instant struct {
	wall      time.Time
	monotonic time.Duration // since the cache was made
}

// since is the time that passed from an earlier instant to i, by the clock that says more: what lives only so long must not
// gain from a clock that was set back or stood still.
func (i instant) since(earlier instant) time.Duration {
	return max(i.wall.Sub(earlier.wall), i.monotonic-earlier.monotonic)
}

// reader reads instants from now. They have a monotonic part of their own if the times that now gives have one.
func reader(now func() time.Time) func() instant {
	start := now()
	return func() instant {
		t := now()
		return instant{wall: t.Round(0), monotonic: t.Sub(start)}
	}
}
