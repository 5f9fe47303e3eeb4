package credentials

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/settings"
)

// backOff is how long to wait after each failure in a row; the last entry holds for all that follow.
var backOff = []time.Duration{5 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}

// Half of a day's attempts come as fast as backOff says. The other half is spread over the day: at every 30 minutes the
// last would be gone after half a day, and a warehouse that is mended then would wait for the other half.
const (
	swift  = settings.FailuresPerDay / 2
	spread = 24 * time.Hour / (settings.FailuresPerDay - swift)
)

// pause is how long to wait after so many failures in a row, and so many within a day, while a lease with so much life
// is left. While it lives, the next attempt comes before half of that life is gone; a dead lease sets no such limit,
// and the day's attempts must last.
func pause(failures, today int, left, tick time.Duration) time.Duration {
	if failures == 0 {
		return 0
	}
	wait := backOff[min(failures, len(backOff))-1]
	if today >= swift {
		wait = spread
	}
	if left > 0 {
		wait = min(wait, max(left/2, tick))
	}
	return wait
}

// hold looks whether the attempts so far forbid another one now. They are counted from the versions, since every
// attempt takes one and Secrets Manager keeps each for a day: versions newer than the current one are failures.
func (r *Refresher) hold(versions []Version, s state) (Action, string) {
	var day, failures, failuresToday int
	var last time.Time
	for _, v := range versions {
		today := v.Created.After(s.now.Add(-24 * time.Hour))
		if today {
			day++
		}
		if !v.Created.After(s.current.Created) {
			continue
		}
		failures++
		if today {
			failuresToday++
		}
		if v.Created.After(last) {
			last = v.Created
		}
	}
	if s.hidden { // attempts are not listed, so that they cannot be counted
		last = s.pending.Created
		failures = attemptsWithin(r.overdue(s))
		failuresToday = failures
	}
	if failuresToday >= settings.FailuresPerDay && !s.hidden {
		return Exhausted, fmt.Sprintf("%d attempts of the last 24 hours failed", failuresToday)
	}
	if most := settings.VersionsPerDay - settings.SpareVersions; day >= most {
		return Exhausted, fmt.Sprintf("the secret took %d versions in the last 24 hours, of at most %d", day, most)
	}
	// Where failures have cost a day more than its rotations do, the rest must last: no more is spent before it is urgent.
	if most := r.Timings.Versions(); day > most && s.left >= r.Timings.Urgent() {
		return BackingOff, fmt.Sprintf("the secret took %d versions in the last 24 hours, and a day without failures takes %d; the next is spent when less than %s of life is left",
			day, most, r.Timings.Urgent())
	}
	// Ticks are not exact: without slack, an attempt that is due at a tick would wait for the next.
	next := last.Add(pause(failures, failuresToday, s.left, r.Timings.Tick) - settings.Slack)
	if failures > 0 && s.now.Before(next) {
		return BackingOff, fmt.Sprintf("attempts that failed: %d; the next is due at %s", failures, next.Format(time.RFC3339))
	}
	return "", ""
}

// overdue is for how long the lease has been due.
func (r *Refresher) overdue(s state) time.Duration {
	if s.expires.IsZero() {
		return s.now.Sub(s.current.Created)
	}
	return s.now.Sub(s.expires.Add(-r.Timings.RotateBelow))
}

// attemptsWithin is how many attempts pause leaves room for in d, at least one.
func attemptsWithin(d time.Duration) int {
	n := 1
	for at := pause(1, 1, 0, 0); at <= d; at += pause(n, n, 0, 0) {
		n++
	}
	return n
}
