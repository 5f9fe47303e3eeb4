package credentials_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/credentials/credentialstest"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/settings"
)

// days lets time pass in a world: a tick every few minutes, somewhere within the schedule's flexible window, rotations
// that take their time, and readers who look every 10 seconds.
type days struct {
	*credentialstest.World
	jitter func() time.Duration
	next   time.Time // tick, before jitter

	floor     time.Duration   // least life that readers found
	dead      time.Duration   // how long they found none
	versions  int             // most versions within 24 hours
	attempts  []time.Duration // rotations started, since the start of the world
	succeeded []time.Duration // rotations that ended well
	actions   map[credentials.Action]int
}

func passing(seed uint64) *days {
	random := rand.New(rand.NewPCG(seed, seed))
	d := &days{World: credentialstest.New(), actions: make(map[credentials.Action]int), floor: time.Hour,
		jitter: func() time.Duration { return time.Duration(random.Int64N(int64(time.Minute))) }}
	d.next = d.Clock.Now()
	d.Secrets.Function = func(ctx context.Context, step string, n credentials.Rotation) error {
		d.Clock.Advance(3 * time.Second)
		err := d.Step(ctx, step, n)
		if err == nil && step == "finishSecret" {
			d.succeeded = append(d.succeeded, d.since())
		}
		return err
	}
	return d
}

func (d *days) since() time.Duration { return d.Clock.Now().Sub(credentialstest.Start) }

// until lets time pass until so long after the start of the world.
func (d *days) until(t *testing.T, end time.Duration) {
	t.Helper()
	for d.since() < end {
		d.look(d.next.Add(d.jitter()))
		before := d.Secrets.Made()
		look, err := d.Refresher().Tick(t.Context(), d.Secret)
		if err != nil {
			t.Fatalf("%s: Tick: %v", d.since(), err)
		}
		d.actions[look.Action]++
		if d.Secrets.Made() > before {
			d.attempts = append(d.attempts, d.since())
		}
		d.versions = max(d.versions, d.Secrets.Versions24(d.Secret))
		d.next = d.next.Add(d.Timings.Tick)
	}
}

// look lets readers look until then.
func (d *days) look(then time.Time) {
	const every = 10 * time.Second
	for d.Clock.Now().Before(then) {
		d.Clock.Advance(min(every, then.Sub(d.Clock.Now())))
		content, works := d.Readable()
		if left := content.Left(d.Clock.Now()); works {
			d.floor = min(d.floor, left)
		} else {
			d.floor = 0
			d.dead += every
		}
	}
}

// begun lets the first lease be made, and forgets what readers found before it.
func begun(t *testing.T, seed uint64) *days {
	d := passing(seed)
	d.until(t, time.Minute)
	d.floor, d.dead = time.Hour, 0
	return d
}

func TestGoodDays(t *testing.T) {
	for seed := range uint64(5) {
		d := begun(t, seed)
		d.until(t, 72*time.Hour)
		if d.floor < d.Timings.Floor() || d.versions > d.Timings.Versions() || d.versions > 72 {
			t.Errorf("seed %d: readers found %s of life at least, of %s; %d versions a day at most, of %d", seed, d.floor, d.Timings.Floor(), d.versions, d.Timings.Versions())
		}
		if len(d.attempts) != len(d.succeeded) {
			t.Errorf("seed %d: %d attempts, %d succeeded", seed, len(d.attempts), len(d.succeeded))
		}
	}
}

// Whenever it begins, an outage of minting of 20 minutes leaves no reader with a dead lease.
func TestOutageOfTwentyMinutes(t *testing.T) {
	for minute := range 60 {
		d := begun(t, uint64(minute))
		begin := 2*time.Hour + time.Duration(minute)*time.Minute
		d.until(t, begin)
		d.Redshift.Down("Mint", outage("mint"))
		d.until(t, begin+20*time.Minute)
		d.Redshift.Down("Mint", nil)
		d.until(t, begin+2*time.Hour)
		if d.dead > 0 || d.floor < 5*time.Minute {
			t.Errorf("outage from minute %d: %s of life at least, dead for %s", minute, d.floor, d.dead)
		}
		if d.versions > 97 {
			t.Errorf("outage from minute %d: %d versions in a day", minute, d.versions)
		}
	}
}

func TestOutagesOfHours(t *testing.T) {
	for _, tc := range []struct {
		lasts, recovers time.Duration // recovers: at most so long after it ends
	}{
		{3 * time.Hour, 36 * time.Minute},
		{30 * time.Hour, 2 * time.Hour},
		{100 * time.Hour, 2 * time.Hour},
	} {
		for _, call := range []string{"Mint", "Probe"} {
			t.Run(tc.lasts.String()+" without "+call, func(t *testing.T) {
				d := begun(t, 1)
				d.until(t, 24*time.Hour) // so that a good day's versions count against the budget
				good := len(d.attempts)
				d.Redshift.Down(call, outage(call))
				d.until(t, 24*time.Hour+tc.lasts)
				failed := slices.Clone(d.attempts[good:])
				d.Redshift.Down(call, nil)
				ended, worked := d.since(), len(d.succeeded)
				d.until(t, ended+24*time.Hour)
				if d.versions > 97 {
					t.Errorf("%d versions within 24 hours", d.versions)
				}
				for i, at := range failed {
					day := slices.IndexFunc(failed, func(f time.Duration) bool { return f > at-24*time.Hour })
					if n := i - day + 1; n > settings.FailuresPerDay {
						t.Fatalf("%d failed attempts in the 24 hours before %s", n, at)
					}
				}
				if len(d.succeeded) == worked || d.succeeded[worked]-ended > tc.recovers {
					t.Errorf("the first lease after the outage came at %s, and it ended at %s", d.succeeded[min(worked, len(d.succeeded)-1)], ended)
				}
				if _, works := d.Readable(); !works {
					t.Error("a day later, readers find no lease that works")
				}
			})
		}
	}
}

// A version without a value may not be listed. The attempts that took it are then known by their last one only, and by
// how long the lease has been due.
func TestOutageWhereEmptyVersionsAreNotListed(t *testing.T) {
	for _, lasts := range []time.Duration{20 * time.Minute, 3 * time.Hour, 30 * time.Hour} {
		t.Run(lasts.String(), func(t *testing.T) {
			d := begun(t, 1)
			d.Secrets.HideEmpty = true
			d.until(t, 24*time.Hour)
			d.Redshift.Down("Mint", outage("mint"))
			d.until(t, 24*time.Hour+lasts)
			d.Redshift.Down("Mint", nil)
			worked := len(d.succeeded)
			d.until(t, 24*time.Hour+lasts+3*time.Hour)
			if d.versions > 97 {
				t.Errorf("%d versions within 24 hours", d.versions)
			}
			if len(d.succeeded) == worked {
				t.Error("three hours after the outage there is no lease")
			}
		})
	}
}

// With a dead lease, attempts come 5, 5, 10, 20 and then every 30 minutes; the second half of a day's are spread over it.
func TestBackOffMinuteByMinute(t *testing.T) {
	d := passing(1)
	d.jitter = func() time.Duration { return 0 }
	d.next = d.next.Add(time.Minute) // after the deployment
	d.Redshift.Down("Mint", outage("mint"))
	d.until(t, 10*time.Hour)
	want := []int{1, 6, 11, 21, 41, 71, 101, 131, 161, 191, 221, 251, 361, 471, 581}
	if got := minutes(d.attempts); !slices.Equal(got, want) {
		t.Errorf("attempts at minutes %v, want %v", got, want)
	}
	if d.actions[credentials.BackingOff] == 0 || d.actions[credentials.Exhausted] != 0 {
		t.Errorf("ticks: %v", d.actions)
	}
}

// While a lease lives, no pause is longer than half of the life that is left.
func TestBackOffOfALivingLease(t *testing.T) {
	d := begun(t, 1)
	d.jitter = func() time.Duration { return 0 }
	d.Redshift.Down("Mint", outage("mint"))
	d.until(t, 2*time.Hour)
	want := []int{1, 25, 30, 35, 45, 50, 55, 60, 90, 120}
	if got := minutes(d.attempts); !slices.Equal(got, want) {
		t.Errorf("attempts at minutes %v, want %v", got, want)
	}
}

func minutes(at []time.Duration) (out []int) {
	for _, d := range at {
		out = append(out, int(d.Minutes()))
	}
	return out
}

// While only logging in fails, the lease that waits is tried again and no version is spent on another.
func TestOutageOfTheLoginSpendsFewVersions(t *testing.T) {
	d := begun(t, 1)
	d.until(t, time.Hour)
	before := len(d.attempts)
	d.Redshift.Down("Probe", outage("log in"))
	d.until(t, time.Hour+20*time.Minute)
	if n := len(d.attempts) - before; n > 1 || d.actions[credentials.Resumed] == 0 {
		t.Errorf("%d versions in 20 minutes; ticks: %v", n, d.actions)
	}
	d.Redshift.Down("Probe", nil)
	d.until(t, 3*time.Hour)
	if d.dead > 0 {
		t.Errorf("readers had no lease for %s", d.dead)
	}
}

// A service that fails every other time costs twice the versions. They must last all the same.
func TestDaysOfHalfTheAttemptsFailing(t *testing.T) {
	d := begun(t, 1)
	var fails bool
	function := d.Secrets.Function
	d.Secrets.Function = func(ctx context.Context, step string, n credentials.Rotation) error {
		if step == "createSecret" {
			if fails = !fails; fails {
				return outage("mint")
			}
		}
		return function(ctx, step, n)
	}
	d.until(t, 96*time.Hour)
	if d.dead > 0 || d.versions > 97 {
		t.Errorf("readers had no lease for %s; %d versions a day", d.dead, d.versions)
	}
}

// Whoever used a day's versions up: the tick spends none of the last, and says so.
func TestTickStopsBeforeVersionsRunOut(t *testing.T) {
	for _, tc := range []struct {
		name string
		use  func(w *credentialstest.World)
		n    int
		want credentials.Action
	}{
		{"24 rotations that failed", func(w *credentialstest.World) { w.Begin() }, 24, credentials.Started},
		{"25 rotations that failed", func(w *credentialstest.World) { w.Begin() }, 25, credentials.Exhausted},
		{"96 versions written by others", overwrite, 95, credentials.Started}, // and the placeholder
		{"97 versions written by others", overwrite, 96, credentials.Exhausted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := credentialstest.New()
			for range tc.n {
				w.Clock.Advance(time.Minute)
				tc.use(w)
			}
			w.Clock.Advance(3 * time.Hour)
			if look := tick(t, w); look.Action != tc.want {
				t.Errorf("Tick = %+v, want %s", look, tc.want)
			}
			w.Clock.Advance(24 * time.Hour)
			if look := tick(t, w); look.Action != credentials.Started {
				t.Errorf("a day later, Tick = %+v", look)
			}
		})
	}
}

func overwrite(w *credentialstest.World) { w.Secrets.Put(w.Secret, secret.New(settings.Placeholder)) }
