package credentials_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/credentials/credentialstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/settings"
)

// tick ticks once, which must succeed.
func tick(t *testing.T, w *credentialstest.World) credentials.Look {
	t.Helper()
	look, err := w.Refresher().Tick(t.Context(), w.Secret)
	if err != nil {
		t.Fatalf("Tick: %v", err)
	}
	return look
}

// outage is how a call fails while its service is down.
func outage(op string) error {
	return &fault.Error{Kind: fault.Retry, Reason: "Unavailable", Op: op, Err: errors.New("no answer"), Fix: "nothing"}
}

func TestTickRotatesWhenTooLittleLifeIsLeft(t *testing.T) {
	for _, tc := range []struct {
		name   string
		left   time.Duration
		want   credentials.Action
		atRisk bool
	}{
		{"new", time.Hour, credentials.Fresh, false},
		{"exactly the threshold", 40 * time.Minute, credentials.Fresh, false},
		{"a second below the threshold", 40*time.Minute - time.Second, credentials.Started, false},
		{"exactly urgent", 20 * time.Minute, credentials.Started, false},
		{"a second below urgent", 20*time.Minute - time.Second, credentials.Started, true},
		{"expires now", 0, credentials.Started, true},
		{"expired long ago", -72 * time.Hour, credentials.Started, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := credentialstest.New()
			w.Rotate(t.Context())
			expires := w.Clock.Now().Add(time.Hour)
			w.Clock.Advance(time.Hour - tc.left)
			look := tick(t, w)
			if look.Action != tc.want || look.AtRisk != tc.atRisk || !look.Seen || look.Left != max(tc.left, 0) || !look.Expires.Equal(expires) || look.Consumer.Name != "reporting" {
				t.Errorf("Tick = %+v; want %s, at risk %t, %s left until %s", look, tc.want, tc.atRisk, max(tc.left, 0), expires)
			}
			again := tick(t, w) // whatever was due is done: the second tick changes nothing
			if again.Action != credentials.Fresh || w.Redshift.Calls("Mint") > 2 {
				t.Errorf("the next Tick = %s, %d leases minted", again.Action, w.Redshift.Calls("Mint"))
			}
		})
	}
}

func TestTickThatDoesNothingMakesTwoCalls(t *testing.T) {
	w := credentialstest.New()
	w.Rotate(t.Context())
	describes := w.Secrets.Calls("Describe")
	tick(t, w)
	if d, v, c := w.Secrets.Calls("Describe")-describes, w.Secrets.Calls("Versions"), w.Redshift.Calls("Cluster")-1; d != 1 || v != 1 || c != 0 {
		t.Errorf("%d Describe, %d Versions, %d Cluster", d, v, c)
	}
}

func TestTickBootstrapsANewConsumer(t *testing.T) {
	w := credentialstest.New()
	if look := tick(t, w); look.Action != credentials.Started || look.AtRisk || look.Left != 0 || !look.Expires.IsZero() {
		t.Errorf("Tick = %+v; want it started, and nobody at risk who never had a lease", look)
	}
	keepsLease(t, w, current(w))
}

// CloudFormation, or a person, may write the placeholder over the lease that readers use.
func TestTickReplacesAPlaceholderWrittenOverALease(t *testing.T) {
	overwritten := func(t *testing.T) *credentialstest.World {
		w := credentialstest.New()
		w.Rotate(t.Context())
		w.Clock.Advance(time.Minute)
		w.Secrets.Put(w.Secret, secret.New(settings.Placeholder))
		w.Clock.Advance(time.Minute)
		return w
	}
	t.Run("at once", func(t *testing.T) {
		w := overwritten(t)
		if look := tick(t, w); look.Action != credentials.Started || !look.AtRisk || look.Left != 0 {
			t.Errorf("Tick = %+v; want it started, with readers at risk", look)
		}
		keepsLease(t, w, current(w))
	})
	t.Run("and does not take it for a lease while the new one fails its test", func(t *testing.T) {
		w := overwritten(t)
		w.Redshift.Down("Probe", outage("log in"))
		for range 4 {
			if look := tick(t, w); look.Left != 0 || !look.AtRisk || look.Action == credentials.Fresh {
				t.Errorf("Tick = %+v; the placeholder has no life", look)
			}
			w.Clock.Advance(w.Timings.Tick)
		}
		w.Redshift.Down("Probe", nil)
		w.Clock.Advance(15 * time.Minute)
		tick(t, w)
		keepsLease(t, w, current(w))
	})
}

func TestTickMeetsAPendingRotation(t *testing.T) {
	for _, tc := range []struct {
		name       string
		age        time.Duration // of the lease that readers have, when the rotation began
		stored     bool          // the pending version holds a lease
		wait       time.Duration // from there to the tick
		want       credentials.Action
		promoted   bool // the pending lease, as it is
		newVersion bool
	}{
		{"young, without a lease yet", 21 * time.Minute, false, 3*time.Minute - time.Second, credentials.Waiting, false, false},
		{"young, with a lease", 21 * time.Minute, true, 3*time.Minute - time.Second, credentials.Waiting, false, false},
		{"old enough to be dead, without a lease", 21 * time.Minute, false, 5 * time.Minute, credentials.Started, false, true},
		{"exactly dead, and the back-off not over", 21 * time.Minute, false, 3 * time.Minute, credentials.BackingOff, false, false},
		{"stuck for days", 21 * time.Minute, true, 72 * time.Hour, credentials.Started, false, true},
		{"old, with a lease that lives, and time to try it", 21 * time.Minute, true, 5 * time.Minute, credentials.Resumed, true, false},
		{"the same with exactly urgent life left", 21 * time.Minute, true, 19 * time.Minute, credentials.Resumed, true, false},
		{"the same when it becomes urgent", 21 * time.Minute, true, 19*time.Minute + time.Second, credentials.Started, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := credentialstest.New()
			w.Rotate(t.Context())
			w.Clock.Advance(tc.age)
			n := w.Begin()
			if tc.stored {
				take(t, w, n, "createSecret", "setSecret")
			}
			w.Clock.Advance(tc.wait)
			versions := w.Secrets.Versions24(w.Secret)
			look := tick(t, w)
			if look.Action != tc.want {
				t.Fatalf("Tick = %+v, want %s", look, tc.want)
			}
			if got := current(w) == n.Token; got != tc.promoted {
				t.Errorf("the pending lease was promoted: %t, want %t", got, tc.promoted)
			}
			if got := w.Secrets.Versions24(w.Secret) > versions; got != tc.newVersion {
				t.Errorf("a version was spent: %t, want %t", got, tc.newVersion)
			}
			if tc.newVersion && current(w) == n.Token {
				t.Error("the dead version was promoted")
			}
		})
	}
	t.Run("somebody else starts one in between", func(t *testing.T) {
		w := rotated(t)
		w.Clock.Advance(time.Minute)
		w.Secrets.Before("Rotate", func() { w.Begin() })
		if look := tick(t, w); look.Action != credentials.Waiting {
			t.Errorf("Tick = %+v, want %s", look, credentials.Waiting)
		}
	})
}

func TestTickOfAParkedWarehouse(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(w *credentialstest.World)
		reason  string
		trouble string // reason of what a person is told; empty where somebody wanted it so
	}{
		{"paused", func(w *credentialstest.World) { w.Redshift.SetStatus("examplecluster", "paused") }, "paused", ""},
		{"broken", func(w *credentialstest.World) { w.Redshift.SetStatus("examplecluster", "hardware-failure") }, "hardware-failure", credentials.ClusterBroken},
		{"gone", func(w *credentialstest.World) { delete(w.Redshift.Clusters, "examplecluster") }, credentials.ClusterMissing, credentials.ClusterMissing},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			kept := w.Redshift.Clusters["examplecluster"]
			tc.change(w)
			versions := w.Secrets.Versions24(w.Secret)
			for range 100 { // a weekend costs no version, and alarms nobody if it was wanted
				w.Clock.Advance(w.Timings.Tick)
				look := tick(t, w)
				if atRisk := tc.trouble != "" && look.Left < w.Timings.Urgent(); look.Action != credentials.Parked || look.Reason != tc.reason || look.AtRisk != atRisk {
					t.Fatalf("Tick = %+v, want Parked because %s, at risk %t", look, tc.reason, atRisk)
				}
				if told := look.Trouble != nil; told != (tc.trouble != "") || told && (fault.ReasonOf(look.Trouble) != tc.trouble || fault.FixOf(look.Trouble) == "") {
					t.Fatalf("trouble is %v, want %q with a remedy", look.Trouble, tc.trouble)
				}
			}
			if w.Secrets.Calls("Rotate") != 0 || w.Secrets.Versions24(w.Secret) != versions {
				t.Error("a version was spent")
			}
			w.Redshift.Clusters["examplecluster"] = kept
			if look := tick(t, w); look.Action != credentials.Started {
				t.Errorf("Tick after it came back = %+v", look)
			}
			keepsLease(t, w, current(w))
		})
	}
	t.Run("not looked at while the lease is fresh", func(t *testing.T) {
		w := rotated(t)
		w.Redshift.SetStatus("examplecluster", "paused")
		if look := tick(t, w); look.Action != credentials.Fresh {
			t.Errorf("Tick = %+v", look)
		}
	})
}

func TestTickOfASecretThatIsBeingDeleted(t *testing.T) {
	w := rotated(t)
	w.Clock.Advance(time.Hour)
	w.Secrets.Delete(w.Secret)
	if look := tick(t, w); look.Action != credentials.Retired || look.Reason != credentials.BeingDeleted || look.Seen || look.AtRisk || look.Trouble != nil {
		t.Errorf("Tick = %+v, want Retired and quiet", look)
	}
	if w.Secrets.Calls("Rotate") != 0 {
		t.Error("a rotation was started")
	}
}

// Rotation can be turned off with one click: the consumer then lives on what is left, and somebody must be told.
func TestTickOfASecretWhoseRotationIsOff(t *testing.T) {
	w := credentialstest.New()
	w.Rotate(t.Context())
	w.Secrets.CancelRotation(w.Secret)
	for _, tc := range []struct {
		wait   time.Duration
		left   time.Duration
		atRisk bool
	}{{10 * time.Minute, 50 * time.Minute, false}, {35 * time.Minute, 15 * time.Minute, true}, {time.Hour, 0, true}} {
		w.Clock.Advance(tc.wait)
		look := tick(t, w)
		if look.Action != credentials.Retired || !look.Seen || look.Left != tc.left || look.AtRisk != tc.atRisk {
			t.Errorf("Tick = %+v, want Retired with %s left, at risk %t", look, tc.left, tc.atRisk)
		}
		if fault.ReasonOf(look.Trouble) != credentials.RotationOff || fault.KindOf(look.Trouble) != fault.Blocked {
			t.Errorf("trouble is %v", look.Trouble)
		}
	}
	if w.Secrets.Calls("Rotate") != 0 {
		t.Error("a rotation was started")
	}
}

// A lease has the life that it was minted with, whatever the timings say since.
func TestTickAfterTheTimingsChanged(t *testing.T) {
	w := credentialstest.New()
	w.Timings = settings.Timings{Lifetime: 28 * time.Minute, Tick: time.Minute, RotateBelow: 8 * time.Minute}
	w.Rotate(t.Context())
	w.Timings = settings.Timings{Lifetime: time.Hour, Tick: time.Minute, RotateBelow: 20 * time.Minute}
	w.Clock.Advance(9 * time.Minute)
	if look := tick(t, w); look.Left != 19*time.Minute || look.Action != credentials.Started {
		t.Errorf("Tick = %+v, want 19m left of the old 28m, and a rotation", look)
	}
}

// Other refusals have the same code as a rotation in progress.
func TestTickDoesNotTakeEveryRefusalForARotationInProgress(t *testing.T) {
	w := rotated(t)
	w.Clock.Advance(25 * time.Minute)
	w.Secrets.Fail("Rotate", &fault.Error{Kind: fault.Retry, Reason: credentials.RotationInProgress, Op: "start rotation", Fix: "nothing"})
	if _, err := w.Refresher().Tick(t.Context(), w.Secret); fault.ReasonOf(err) != credentials.RotationInProgress {
		t.Errorf("Tick = %v; nothing is in progress", err)
	}
}

func TestTickIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *credentialstest.World)
		reason string
	}{
		{"secret of another stage", func(w *credentialstest.World) { w.Retag(map[string]string{settings.TagStage: "production"}) }, credentials.NotOurs},
		{"tags incomplete", func(w *credentialstest.World) { w.Retag(map[string]string{settings.TagUser: ""}) }, credentials.NotOurs},
		{"replica", func(w *credentialstest.World) { w.Secrets.Replicate(w.Secret) }, credentials.Replica},
		{"secret that does not exist", func(w *credentialstest.World) { w.Secret += "x" }, credentials.NotOurs},
		{"warehouse of no stage", func(w *credentialstest.World) { w.Retag(map[string]string{settings.TagWarehouse: "finance"}) }, credentials.ClusterMissing},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			w.Clock.Advance(time.Minute)
			tc.change(w)
			look, err := w.Refresher().Tick(t.Context(), w.Secret)
			if fault.ReasonOf(err) != tc.reason || fault.KindOf(err) != fault.Blocked || fault.FixOf(err) == "" {
				t.Errorf("Tick = %+v, %v; want a blocked fault with reason %s and its remedy", look, err, tc.reason)
			}
			if w.Secrets.Calls("Rotate") != 0 {
				t.Error("a rotation was started")
			}
		})
	}
}

// A call that fails is the tick's error, the lease stays, and those at risk are still reported.
func TestTickMeetsAnOutage(t *testing.T) {
	for _, tc := range []struct {
		call   func(w *credentialstest.World) interface{ Down(string, error) }
		name   string
		atRisk bool
	}{
		{func(w *credentialstest.World) interface{ Down(string, error) } { return w.Secrets }, "Describe", false},
		{func(w *credentialstest.World) interface{ Down(string, error) } { return w.Secrets }, "Versions", false},
		{func(w *credentialstest.World) interface{ Down(string, error) } { return w.Secrets }, "Rotate", true},
		{func(w *credentialstest.World) interface{ Down(string, error) } { return w.Redshift }, "Cluster", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			w.Clock.Advance(25 * time.Minute)
			old := current(w)
			tc.call(w).Down(tc.name, outage(tc.name))
			look, err := w.Refresher().Tick(t.Context(), w.Secret)
			if fault.ReasonOf(err) != "Unavailable" || look.AtRisk != tc.atRisk {
				t.Errorf("Tick = %+v, %v", look, err)
			}
			keepsLease(t, w, old)
			tc.call(w).Down(tc.name, nil)
			if look := tick(t, w); look.Action != credentials.Started {
				t.Errorf("the next Tick = %+v", look)
			}
		})
	}
}
