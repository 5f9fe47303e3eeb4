package settings

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
)

// Limits that AWS sets, and what Sluice leaves of them.
const (
	MinLifetime = 15 * time.Minute // of a temporary login. Source: GetClusterCredentials, DurationSeconds
	MaxLifetime = 60 * time.Minute

	// VersionsPerDay is how many versions a secret takes in 24 hours before Secrets Manager refuses more; every
	// RotateSecret takes one, even when it fails. Source: Secrets Manager User Guide, quotas ("about 100").
	VersionsPerDay = 100
	// FailuresPerDay is how many of them failed attempts may use.
	FailuresPerDay = 25
	// SpareVersions are left for people.
	SpareVersions = 3

	// Slack is what the schedule's flexible window and a rotation's own work add to a tick.
	Slack = time.Minute
	// ReaderCache is how long an application may keep what it read from its secret.
	ReaderCache = 5 * time.Minute
)

// Timings say when a lease is replaced.
type Timings struct {
	Lifetime    time.Duration // of a lease, from minting to expiry
	Tick        time.Duration // between two looks at one consumer
	RotateBelow time.Duration // a lease with less life than this left is replaced
}

// DefaultTimings keep at least 34 minutes of life for readers, survive an outage of minting of 20 minutes, and
// take 72 versions on a good day.
func DefaultTimings() Timings {
	return Timings{Lifetime: 60 * time.Minute, Tick: 5 * time.Minute, RotateBelow: 40 * time.Minute}
}

// Floor is the least life that a reader finds in a lease outside outages.
func (t Timings) Floor() time.Duration { return t.RotateBelow - t.Tick - Slack }

// Urgent is the life left below which a lease is at risk, and a rotation that hangs is given up for a new one.
func (t Timings) Urgent() time.Duration { return t.RotateBelow / 2 }

// Versions is how many versions of a secret a day without failures takes.
func (t Timings) Versions() int {
	between := t.Lifetime - t.RotateBelow
	return int((24*time.Hour + between - 1) / between)
}

// Problems returns every reason why t cannot work, with the arithmetic.
func (t Timings) Problems() fault.Problems {
	var p fault.Problems
	add := func(where, what, fix string) { p = append(p, fault.Problem{Where: where, What: what, Fix: fix}) }
	if t.Lifetime < MinLifetime || t.Lifetime > MaxLifetime || t.Lifetime%time.Second != 0 {
		add("timings.lifetime", fmt.Sprintf("is %s, and Redshift gives logins for %s to %s in whole seconds", short(t.Lifetime), short(MinLifetime), short(MaxLifetime)), `write "60m"`)
	}
	if t.Tick < time.Minute || t.Tick%time.Minute != 0 {
		add("timings.tick", fmt.Sprintf("is %s, and EventBridge Scheduler counts whole minutes from 1", short(t.Tick)), `write "5m"`)
	}
	between := 24 * time.Hour / (VersionsPerDay - FailuresPerDay - SpareVersions) // two rotations, at the least
	least := between + ReaderCache + 2*t.Tick + Slack
	if len(p) == 0 && t.Lifetime < least {
		add("timings.lifetime", fmt.Sprintf("is %s, and %s (for a day's versions) + %s (for what readers cache) + 2 x %s (ticks) + %s (window and rotation) = %s is the least",
			short(t.Lifetime), short(between), short(ReaderCache), short(t.Tick), short(Slack), short(least)), remedyFor(least))
		return p
	}
	if t.RotateBelow <= 0 || t.RotateBelow >= t.Lifetime {
		add("timings.rotateBelow", fmt.Sprintf("is %s, and must lie between nothing and the lifetime of %s", short(t.RotateBelow), short(t.Lifetime)), fmt.Sprintf("write %q", short(max(t.Lifetime, least)-between)))
	}
	if len(p) > 0 {
		return p // what follows divides by these
	}
	if need := ReaderCache + t.Tick; t.Floor() < need {
		add("timings", fmt.Sprintf("leave a reader %s - %s (tick) - %s (window and rotation) = %s of life, and a reader that caches for %s and meets one missed tick needs %s",
			short(t.RotateBelow), short(t.Tick), short(Slack), short(t.Floor()), short(ReaderCache), short(need)),
			"raise rotateBelow to "+short(need+t.Tick+Slack)+" or more, or tick more often")
	}
	if n, most := t.Versions(), VersionsPerDay-FailuresPerDay-SpareVersions; n > most {
		add("timings", fmt.Sprintf("take 24h / (%s - %s) = %d versions of a secret a day, and it keeps %d - %d (failed attempts) - %d (spare) = %d",
			short(t.Lifetime), short(t.RotateBelow), n, VersionsPerDay, FailuresPerDay, SpareVersions, most),
			"lower rotateBelow to "+short(t.Lifetime-between)+" or less")
	}
	return p
}

// remedyFor says how to come to a lifetime of at least so much.
func remedyFor(least time.Duration) string {
	if least > MaxLifetime {
		return "tick more often"
	}
	return "write " + short(least) + " or more, or tick more often"
}

func (t Timings) env() map[string]string {
	return map[string]string{envLifetime: short(t.Lifetime), envTick: short(t.Tick), envRotateBelow: short(t.RotateBelow)}
}

// short writes whole minutes as minutes: 60m rather than 1h0m0s.
func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
