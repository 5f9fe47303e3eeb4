package credentials_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/credentials/credentialstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// rotated is a world in which readers have had a lease for 20 minutes.
func rotated(t *testing.T) *credentialstest.World {
	t.Helper()
	w := credentialstest.New()
	w.Rotate(t.Context())
	w.Clock.Advance(20 * time.Minute)
	return w
}

// take takes steps that must succeed, and returns what the last one did.
func take(t *testing.T, w *credentialstest.World, n credentials.Rotation, steps ...string) (out credentials.Outcome) {
	t.Helper()
	for _, step := range steps {
		var err error
		if out, err = w.Take(t.Context(), step, n); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	return out
}

// refused takes one step that must fail for reason.
func refused(t *testing.T, w *credentialstest.World, n credentials.Rotation, step, reason string, kind fault.Kind) error {
	t.Helper()
	_, err := w.Take(t.Context(), step, n)
	if fault.ReasonOf(err) != reason || fault.KindOf(err) != kind {
		t.Fatalf("%s: %v; want a %s fault with reason %s", step, err, kind, reason)
	}
	if fault.FixOf(err) == "" {
		t.Errorf("%s: %v: names no remedy", step, err)
	}
	for _, password := range w.Redshift.Passwords() {
		if strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v: shows a password", step, err)
		}
	}
	return err
}

// keepsLease fails the test unless AWSCURRENT is still on version, and readers find a lease that works.
func keepsLease(t *testing.T, w *credentialstest.World, version string) {
	t.Helper()
	if got := w.Secrets.Holder(w.Secret, credentials.Current); got != version {
		t.Errorf("AWSCURRENT is on %q, want it to stay on %q", got, version)
	}
	if _, works := w.Readable(); !works {
		t.Error("readers do not find a lease that works")
	}
}

func current(w *credentialstest.World) string { return w.Secrets.Holder(w.Secret, credentials.Current) }
func pending(w *credentialstest.World) string { return w.Secrets.Holder(w.Secret, credentials.Pending) }

func TestRotationGivesReadersANewLease(t *testing.T) {
	w := rotated(t)
	old, _ := w.Readable()
	n := w.Begin()
	if out := take(t, w, n, "createSecret"); out.Action != credentials.Minted || out.Consumer.Name != "reporting" {
		t.Errorf("createSecret = %+v", out)
	}
	if out := take(t, w, n, "setSecret"); out.Action != credentials.NothingToSet {
		t.Errorf("setSecret = %s", out.Action)
	}
	if out := take(t, w, n, "testSecret"); out.Action != credentials.Verified || w.Redshift.Calls("Probe") != 2 {
		t.Errorf("testSecret = %s", out.Action)
	}
	if out := take(t, w, n, "finishSecret"); out.Action != credentials.Promoted || out.Lease.User != "IAM:app" || !out.Lease.ExpiresAt.Equal(w.Clock.Now().Add(time.Hour)) {
		t.Errorf("finishSecret = %+v", out)
	}
	now, works := w.Readable()
	want := credentials.Content{Lease: now.Lease, Host: "examplecluster.example.com", Port: 5439, Database: "sales", Cluster: "examplecluster"}
	if now != want || !works || now.Password.Reveal() == old.Password.Reveal() {
		t.Errorf("readers find %+v (works: %t), want a new lease in %+v", now, works, want)
	}
	t.Run("the lease before it works until its own expiry", func(t *testing.T) {
		w.Clock.Advance(40*time.Minute - time.Second)
		if !w.Redshift.Works(old) {
			t.Error("the old lease died early")
		}
	})
}

func TestFirstRotationFillsTheDeployedSecret(t *testing.T) {
	w := credentialstest.New()
	if _, works := w.Readable(); works {
		t.Fatal("the placeholder is a lease")
	}
	keepsLease(t, w, w.Rotate(t.Context()).Token)
}

func TestEveryStepMayBeRepeated(t *testing.T) {
	w := rotated(t)
	n := w.Begin()
	for _, step := range credentialstest.Steps {
		first := take(t, w, n, step)
		for range 2 { // a crash before the answer looks the same to Secrets Manager
			again := take(t, w, n, step)
			want := map[string]credentials.Action{"createSecret": credentials.Kept, "finishSecret": credentials.AlreadyDone}[step]
			if again.Action != want && again.Action != first.Action || again.Lease.ExpiresAt != first.Lease.ExpiresAt {
				t.Errorf("%s repeated = %+v, first %+v", step, again, first)
			}
		}
	}
	for _, step := range credentialstest.Steps { // all of them once more, after success
		if out := take(t, w, n, step); out.Action != credentials.AlreadyDone {
			t.Errorf("%s after success = %s", step, out.Action)
		}
	}
	for call, got := range map[string]int{"Mint": w.Redshift.Calls("Mint"), "Store": w.Secrets.Calls("Store"), "Promote": w.Secrets.Calls("Promote")} {
		if got != 2 { // one of the rotation before, one of this
			t.Errorf("%d calls of %s in two rotations", got, call)
		}
	}
	keepsLease(t, w, n.Token)
}

func TestLateStepsChangeNothing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(t *testing.T, w *credentialstest.World) (late credentials.Rotation)
		reason string
	}{
		{"after a newer rotation", func(t *testing.T, w *credentialstest.World) credentials.Rotation {
			late := w.Begin()
			take(t, w, late, "createSecret", "setSecret", "testSecret")
			w.Rotate(t.Context())
			return late
		}, credentials.TokenUnknown},
		{"after this rotation and a newer one", func(t *testing.T, w *credentialstest.World) credentials.Rotation {
			late := w.Rotate(t.Context())
			w.Rotate(t.Context())
			return late
		}, credentials.TokenNotPending},
		{"while a newer rotation runs", func(t *testing.T, w *credentialstest.World) credentials.Rotation {
			late := w.Begin()
			take(t, w, late, "createSecret")
			w.Begin()
			return late
		}, credentials.TokenNotPending},
		{"after somebody wrote the secret", func(t *testing.T, w *credentialstest.World) credentials.Rotation {
			late := w.Begin()
			take(t, w, late, "createSecret")
			content, _ := w.Readable()
			w.Secrets.Put(w.Secret, content.Encode())
			return late
		}, credentials.TokenNotPending},
		{"with a token that was never reserved", func(*testing.T, *credentialstest.World) credentials.Rotation {
			return credentials.Rotation{Token: "made-up"}
		}, credentials.TokenUnknown},
	} {
		for _, step := range credentialstest.Steps {
			t.Run(tc.name+"/"+step, func(t *testing.T) {
				w := rotated(t)
				late := tc.before(t, w)
				late.Secret = w.Secret
				now, next, minted := current(w), pending(w), len(w.Redshift.Passwords())
				refused(t, w, late, step, tc.reason, fault.Blocked)
				keepsLease(t, w, now)
				if pending(w) != next || len(w.Redshift.Passwords()) != minted {
					t.Errorf("AWSPENDING went from %q to %q, %d leases from %d", next, pending(w), len(w.Redshift.Passwords()), minted)
				}
			})
		}
	}
}

func TestExpiredCurrentLeaseIsNoObstacle(t *testing.T) {
	w := rotated(t)
	w.Clock.Advance(5 * time.Hour)
	if _, works := w.Readable(); works {
		t.Fatal("the lease outlived itself")
	}
	keepsLease(t, w, w.Rotate(t.Context()).Token)
}

func TestDeadPendingLeaseIsAbandonedAndNeverPromoted(t *testing.T) {
	for _, step := range []string{"createSecret", "testSecret", "finishSecret"} {
		for _, tc := range []struct {
			name string
			left time.Duration
			dead bool
		}{
			{"exactly enough life left", 20 * time.Minute, false},
			{"a second too little", 20*time.Minute - time.Second, true},
			{"expired", -time.Hour, true},
		} {
			t.Run(step+"/"+tc.name, func(t *testing.T) {
				w := rotated(t)
				old := current(w)
				n := w.Begin()
				take(t, w, n, "createSecret", "setSecret", "testSecret")
				w.Clock.Advance(time.Hour - tc.left)
				if !tc.dead {
					take(t, w, n, step)
					return
				}
				refused(t, w, n, step, credentials.LeaseExpired, fault.Retry)
				if pending(w) != "" || current(w) != old {
					t.Errorf("AWSPENDING is on %q and AWSCURRENT on %q, want nowhere and %s", pending(w), current(w), old)
				}
				keepsLease(t, w, w.Rotate(t.Context()).Token) // nothing is left in the way of the next
			})
		}
	}
}

func TestPromotionIsACompareAndSwap(t *testing.T) {
	unavailable := &fault.Error{Kind: fault.Retry, Reason: "Unavailable", Op: "promote", Fix: "nothing"}
	conflict := &fault.Error{Kind: fault.Retry, Reason: credentials.Conflict, Op: "promote", Fix: "nothing"}
	begin := func(t *testing.T) (*credentialstest.World, credentials.Rotation) {
		w := rotated(t)
		n := w.Begin()
		take(t, w, n, "createSecret", "setSecret", "testSecret")
		return w, n
	}
	t.Run("another writer is first", func(t *testing.T) {
		w, n := begin(t)
		var theirs string
		w.Secrets.Before("Promote", func() {
			content, _ := w.Readable()
			theirs = w.Secrets.Put(w.Secret, content.Encode())
		})
		refused(t, w, n, "finishSecret", credentials.Conflict, fault.Retry)
		keepsLease(t, w, theirs)
	})
	t.Run("a newer rotation is first", func(t *testing.T) {
		w, n := begin(t)
		var newer credentials.Rotation
		w.Secrets.Before("Promote", func() { newer = w.Rotate(t.Context()) })
		refused(t, w, n, "finishSecret", credentials.Conflict, fault.Retry)
		keepsLease(t, w, newer.Token)
	})
	t.Run("the same step runs twice at once", func(t *testing.T) {
		w, n := begin(t)
		w.Secrets.Before("Promote", func() { take(t, w, n, "finishSecret") })
		if out := take(t, w, n, "finishSecret"); out.Action != credentials.AlreadyDone || out.Lease.User == "" {
			t.Errorf("the second = %+v", out)
		}
		keepsLease(t, w, n.Token)
	})
	t.Run("the answer is lost and the client's own retry meets its effect", func(t *testing.T) {
		w, n := begin(t)
		w.Secrets.Lose("Promote", conflict)
		if out := take(t, w, n, "finishSecret"); out.Action != credentials.AlreadyDone {
			t.Errorf("finishSecret = %s", out.Action)
		}
		keepsLease(t, w, n.Token)
	})
	t.Run("the answer is lost and Secrets Manager tries again", func(t *testing.T) {
		w, n := begin(t)
		w.Secrets.Lose("Promote", unavailable)
		refused(t, w, n, "finishSecret", "Unavailable", fault.Retry)
		if out := take(t, w, n, "finishSecret"); out.Action != credentials.AlreadyDone || out.Lease.User != "IAM:app" {
			t.Errorf("finishSecret again = %+v, want the lease for the report", out)
		}
		keepsLease(t, w, n.Token)
	})
	t.Run("the call fails without effect", func(t *testing.T) {
		w, n := begin(t)
		old := current(w)
		w.Secrets.Fail("Promote", unavailable)
		refused(t, w, n, "finishSecret", "Unavailable", fault.Retry)
		keepsLease(t, w, old)
		take(t, w, n, "finishSecret")
		keepsLease(t, w, n.Token)
	})
}

func TestCreateRunsTwiceAtOnce(t *testing.T) {
	w := rotated(t)
	n := w.Begin()
	var first credentials.Outcome
	w.Secrets.Before("Store", func() { first = take(t, w, n, "createSecret") })
	if out := take(t, w, n, "createSecret"); out.Action != credentials.Kept || out.Lease.Password.Reveal() != first.Lease.Password.Reveal() {
		t.Errorf("the second = %s, with the first one's lease: %t", out.Action, out.Lease.Password.Reveal() == first.Lease.Password.Reveal())
	}
	take(t, w, n, "setSecret", "testSecret", "finishSecret")
	keepsLease(t, w, n.Token)
}

func TestCreateAfterLostAnswerOfStoring(t *testing.T) {
	w := rotated(t)
	n := w.Begin()
	w.Secrets.Lose("Store", &fault.Error{Kind: fault.Retry, Reason: "Unavailable", Op: "store", Fix: "nothing"})
	refused(t, w, n, "createSecret", "Unavailable", fault.Retry)
	if out := take(t, w, n, credentialstest.Steps...); out.Action != credentials.Promoted || w.Redshift.Calls("Mint") != 2 {
		t.Errorf("the rotation after it = %s, %d leases minted in two rotations", out.Action, w.Redshift.Calls("Mint"))
	}
	keepsLease(t, w, n.Token)
}

// Whatever an event or a tag asks for: what the configuration does not allow is refused before anything is minted.
func TestWhatIsNotAllowedIsRefusedInEveryStep(t *testing.T) {
	for _, tc := range []struct {
		name   string
		tags   map[string]string
		change func(w *credentialstest.World)
		reason string
		names  string // what the error must name
	}{
		{name: "secret of another stage", tags: map[string]string{settings.TagStage: "production"}, reason: credentials.NotOurs, names: "sluice:stage"},
		{name: "secret of nobody", tags: map[string]string{settings.TagStage: ""}, reason: credentials.NotOurs, names: "sluice:stage"},
		{name: "secret of another warehouse", tags: map[string]string{settings.TagWarehouse: "finance"}, reason: credentials.NotOurs, names: "finance"},
		{name: "tag missing", tags: map[string]string{settings.TagUser: ""}, reason: credentials.NotOurs, names: "sluice:user"},
		{name: "tag unknown", tags: map[string]string{"sluice:role": "admin"}, reason: credentials.NotOurs, names: "sluice:role"},
		{name: "API unknown", tags: map[string]string{settings.TagAPI: "GetCredentials"}, reason: credentials.NotOurs, names: "GetCredentials"},
		{name: "secret scheduled for deletion", change: func(w *credentialstest.World) { w.Secrets.Delete(w.Secret) }, reason: credentials.BeingDeleted, names: "deletion"},
		{name: "replica", change: func(w *credentialstest.World) { w.Secrets.Replicate(w.Secret) }, reason: credentials.Replica, names: "primary region"},
		{name: "user not allowed", tags: map[string]string{settings.TagUser: "owner"}, reason: credentials.LoginNotAllowed, names: `"owner"`},
		{name: "user is a reserved word", tags: map[string]string{settings.TagUser: "public"}, reason: credentials.LoginNotAllowed, names: "reserved"},
		{name: "user with upper case", tags: map[string]string{settings.TagUser: "App"}, reason: credentials.LoginNotAllowed, names: "lower-case"},
		{name: "user too long", tags: map[string]string{settings.TagUser: "app" + strings.Repeat("x", 62)}, reason: credentials.LoginNotAllowed, names: "65 bytes"},
		{name: "database not allowed", tags: map[string]string{settings.TagDatabase: "payroll"}, reason: credentials.LoginNotAllowed, names: `"payroll"`},
		{name: "group not allowed", tags: map[string]string{settings.TagGroups: "readers:writers"}, reason: credentials.LoginNotAllowed, names: `"writers"`},
		{name: "auto-create not allowed", tags: map[string]string{settings.TagAutoCreate: "true"}, reason: credentials.LoginNotAllowed, names: "allow.autoCreate"},
	} {
		for _, step := range credentialstest.Steps {
			t.Run(tc.name+"/"+step, func(t *testing.T) {
				w := rotated(t)
				old := current(w)
				n := w.Begin()
				if step != "createSecret" {
					take(t, w, n, "createSecret")
				}
				minted := len(w.Redshift.Passwords())
				w.Retag(tc.tags)
				if tc.change != nil {
					tc.change(w)
				}
				if err := refused(t, w, n, step, tc.reason, fault.Blocked); !strings.Contains(err.Error(), tc.names) {
					t.Errorf("%v: does not name %s", err, tc.names)
				}
				keepsLease(t, w, old)
				if len(w.Redshift.Passwords()) != minted || w.Redshift.Calls("Probe") != 1 {
					t.Error("minted or logged in all the same")
				}
			})
		}
	}
}

func TestSuperuserIsRefused(t *testing.T) {
	t.Run("the cluster's master user is not even minted for", func(t *testing.T) {
		w := rotated(t)
		c := w.Redshift.Clusters["examplecluster"]
		c.Master = "app"
		w.Redshift.Clusters["examplecluster"] = c
		old := current(w)
		refused(t, w, w.Begin(), "createSecret", credentials.Superuser, fault.Blocked)
		keepsLease(t, w, old)
		if w.Redshift.Calls("Mint") != 1 {
			t.Error("minted for a superuser")
		}
	})
	t.Run("any other is found at login", func(t *testing.T) {
		w := rotated(t)
		w.Redshift.Users["app"] = true
		old, n := current(w), w.Begin()
		take(t, w, n, "createSecret", "setSecret")
		refused(t, w, n, "testSecret", credentials.Superuser, fault.Blocked)
		keepsLease(t, w, old)
		refused(t, w, n, "finishSecret", credentials.TokenNotPending, fault.Blocked)
		keepsLease(t, w, old)
	})
}

func TestMintingFails(t *testing.T) {
	failing := func(call string, kind fault.Kind, reason string) func(*credentialstest.World) {
		return func(w *credentialstest.World) {
			w.Redshift.Fail(call, &fault.Error{Kind: kind, Reason: reason, Op: "mint lease", Err: errors.New("x"), Fix: "y"})
		}
	}
	for _, tc := range []struct {
		name   string
		change func(w *credentialstest.World)
		reason string
		kind   fault.Kind
	}{
		{"no such cluster", func(w *credentialstest.World) { delete(w.Redshift.Clusters, "examplecluster") }, credentials.ClusterMissing, fault.Blocked},
		{"cluster paused", func(w *credentialstest.World) { w.Redshift.SetStatus("examplecluster", "paused") }, credentials.ClusterParked, fault.Retry},
		{"cluster not described in time", failing("Cluster", fault.Retry, "Unavailable"), "Unavailable", fault.Retry},
		{"too many calls", failing("Mint", fault.Retry, "Throttled"), "Throttled", fault.Retry},
		{"no permission", failing("Mint", fault.Blocked, "Unauthorized"), "Unauthorized", fault.Blocked},
		{"wrong API for the warehouse", failing("Mint", fault.Blocked, "WrongAPI"), "WrongAPI", fault.Blocked},
		{"lease shorter than asked for", func(w *credentialstest.World) { w.Redshift.Short = time.Minute + time.Second }, credentials.LeaseTooShort, fault.Retry},
		{"lease that is dead on arrival", func(w *credentialstest.World) { w.Redshift.Short = 2 * time.Hour }, credentials.LeaseTooShort, fault.Retry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			old := current(w)
			tc.change(w)
			n := w.Begin()
			refused(t, w, n, "createSecret", tc.reason, tc.kind)
			keepsLease(t, w, old)
			if w.Secrets.Value(w.Secret, n.Token) != "" {
				t.Error("something was stored")
			}
		})
	}
	t.Run("a minute less than asked for is good enough", func(t *testing.T) {
		w := rotated(t)
		w.Redshift.Short = time.Minute
		take(t, w, w.Begin(), "createSecret")
	})
	t.Run("no more versions today", func(t *testing.T) {
		w := rotated(t)
		old := current(w)
		w.Secrets.Fail("Store", &fault.Error{Kind: fault.Retry, Reason: "VersionsExhausted", Op: "store", Fix: "wait"})
		refused(t, w, w.Begin(), "createSecret", "VersionsExhausted", fault.Retry)
		keepsLease(t, w, old)
	})
}

// A lease that failed its test is abandoned if it can never pass, and kept if it may.
func TestLoginFails(t *testing.T) {
	probe := func(kind fault.Kind, reason string) func(*credentialstest.World) {
		return func(w *credentialstest.World) {
			w.Redshift.Fail("Probe", &fault.Error{Kind: kind, Reason: reason, Op: "log in", Err: errors.New("x"), Fix: "y"})
		}
	}
	for _, tc := range []struct {
		name      string
		change    func(w *credentialstest.World)
		reason    string
		kind      fault.Kind
		abandoned bool
	}{
		{"user does not exist", func(w *credentialstest.World) { delete(w.Redshift.Users, "app") }, login.UserMissing, fault.Blocked, true},
		{"group does not exist", func(w *credentialstest.World) { w.Redshift.Groups = nil }, login.GroupMissing, fault.Blocked, true},
		{"user is mapped to another", func(w *credentialstest.World) { w.Redshift.Renamed = map[string]string{"app": "owner"} }, credentials.ContentMismatch, fault.Blocked, true},
		{"certificate for another name", probe(fault.Blocked, login.TLSWrongName), login.TLSWrongName, fault.Blocked, true},
		{"password not accepted", probe(fault.Blocked, login.WrongPassword), login.WrongPassword, fault.Blocked, true},
		{"expired by the warehouse's clock", probe(fault.Retry, login.LoginExpired), login.LoginExpired, fault.Retry, true},
		{"warehouse cannot be reached", probe(fault.Retry, login.Unreachable), login.Unreachable, fault.Retry, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			old, n := current(w), w.Begin()
			take(t, w, n, "createSecret", "setSecret")
			tc.change(w)
			refused(t, w, n, "testSecret", tc.reason, tc.kind)
			keepsLease(t, w, old)
			if got := pending(w) == ""; got != tc.abandoned {
				t.Fatalf("abandoned: %t, want %t", got, tc.abandoned)
			}
			if !tc.abandoned {
				take(t, w, n, "testSecret", "finishSecret")
				keepsLease(t, w, n.Token)
			}
		})
	}
	t.Run("and the label cannot be taken away either", func(t *testing.T) {
		w := rotated(t)
		old, n := current(w), w.Begin()
		take(t, w, n, "createSecret", "setSecret")
		delete(w.Redshift.Users, "app")
		w.Secrets.Fail("Abandon", &fault.Error{Kind: fault.Blocked, Reason: "Unauthorized", Op: "abandon", Fix: "allow it"})
		if err := refused(t, w, n, "testSecret", login.UserMissing, fault.Blocked); !strings.Contains(err.Error(), "Unauthorized") {
			t.Errorf("%v: hides that the version was not abandoned", err)
		}
		keepsLease(t, w, old)
	})
}

// Secrets Manager tries a new rotation configuration with testSecret alone, on a version with a copy of the current
// value. Nothing must be promoted, and nothing abandoned that a rotation made.
func TestRotationConfigurationIsTried(t *testing.T) {
	placeholder := secret.New(settings.Placeholder)
	for _, tc := range []struct {
		name   string
		value  func(w *credentialstest.World) secret.Value
		change func(w *credentialstest.World)
		probes int
		reason string // "" for success
	}{
		{name: "no value", value: func(*credentialstest.World) secret.Value { return secret.Value{} }},
		{name: "placeholder", value: func(*credentialstest.World) secret.Value { return placeholder }},
		{name: "living lease", value: copyOfCurrent, probes: 1},
		{name: "dead lease", value: copyOfCurrent, change: func(w *credentialstest.World) { w.Clock.Advance(time.Hour) }},
		{name: "lease of another user", value: func(w *credentialstest.World) secret.Value {
			content, _ := w.Readable()
			content.User = "IAM:somebody"
			return content.Encode()
		}},
		{name: "living lease that does not log in", value: copyOfCurrent, probes: 1, reason: login.TLSWrongName, change: func(w *credentialstest.World) {
			w.Redshift.Fail("Probe", &fault.Error{Kind: fault.Blocked, Reason: login.TLSWrongName, Op: "log in", Fix: "y"})
		}},
		{name: "no such cluster", value: func(*credentialstest.World) secret.Value { return placeholder }, reason: credentials.ClusterMissing,
			change: func(w *credentialstest.World) { delete(w.Redshift.Clusters, "examplecluster") }},
		{name: "value that may not be read", value: copyOfCurrent, reason: "KeyUnusable", change: func(w *credentialstest.World) {
			w.Secrets.Fail("Content", &fault.Error{Kind: fault.Blocked, Reason: "KeyUnusable", Op: "read", Fix: "y"})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := rotated(t)
			old, versions, probes := current(w), w.Secrets.Versions24(w.Secret), w.Redshift.Calls("Probe")
			value := tc.value(w)
			if tc.change != nil {
				tc.change(w)
			}
			err := w.Secrets.Try(t.Context(), w.Secret, value)
			if tc.reason == "" && err != nil || tc.reason != "" && fault.ReasonOf(err) != tc.reason {
				t.Errorf("Try: %v, want reason %q", err, tc.reason)
			}
			if got := w.Redshift.Calls("Probe") - probes; got != tc.probes {
				t.Errorf("%d logins, want %d", got, tc.probes)
			}
			if current(w) != old || pending(w) != "" || w.Secrets.Versions24(w.Secret) != versions || w.Secrets.Calls("Abandon") != 0 {
				t.Error("something was left behind")
			}
		})
	}
	t.Run("before the first rotation", func(t *testing.T) {
		w := credentialstest.New()
		if err := w.Secrets.Try(t.Context(), w.Secret, placeholder); err != nil {
			t.Error(err)
		}
	})
}

func copyOfCurrent(w *credentialstest.World) secret.Value {
	content, _ := w.Readable()
	return content.Encode()
}

// The labels of leases that last an hour.
var labelA, labelB = credentials.LeaseLabel(credentials.LeaseA, time.Hour), credentials.LeaseLabel(credentials.LeaseB, time.Hour)

// What the service stored a moment ago it may not show yet. No step mistakes that for leave to skip its check.
func TestStepsReadBeforeTheWriteShows(t *testing.T) {
	hide := func(w *credentialstest.World, n credentials.Rotation) {
		for _, label := range []string{labelA, labelB} {
			if w.Secrets.Holder(w.Secret, label) == n.Token {
				w.Secrets.Unlabel(w.Secret, label)
			}
		}
	}
	t.Run("testSecret logs in although the mark does not show", func(t *testing.T) {
		w := rotated(t)
		n := w.Begin()
		take(t, w, n, "createSecret", "setSecret")
		hide(w, n)
		if out := take(t, w, n, "testSecret"); out.Action != credentials.Verified {
			t.Errorf("testSecret = %s", out.Action)
		}
	})
	t.Run("createSecret finds its own lease although the mark does not show", func(t *testing.T) {
		w := rotated(t)
		n := w.Begin()
		take(t, w, n, "createSecret")
		hide(w, n)
		if out := take(t, w, n, "createSecret"); out.Action != credentials.Kept {
			t.Errorf("createSecret = %s", out.Action)
		}
	})
	t.Run("finishSecret promotes nothing that does not show", func(t *testing.T) {
		w := rotated(t)
		old, n := current(w), w.Begin()
		take(t, w, n, "createSecret", "setSecret", "testSecret")
		hide(w, n)
		refused(t, w, n, "finishSecret", credentials.NoLease, fault.Retry)
		keepsLease(t, w, old)
	})
	t.Run("the value does not show", func(t *testing.T) {
		w := rotated(t)
		old, n := current(w), w.Begin()
		take(t, w, n, "createSecret", "setSecret")
		w.Secrets.Fail("Content", &fault.Error{Kind: fault.Retry, Reason: credentials.NoLease, Op: "read", Fix: "nothing"})
		refused(t, w, n, "testSecret", credentials.NoLease, fault.Retry)
		keepsLease(t, w, old)
		take(t, w, n, "testSecret", "finishSecret")
		keepsLease(t, w, n.Token)
	})
	t.Run("finishSecret without createSecret", func(t *testing.T) {
		w := rotated(t)
		old := current(w)
		refused(t, w, w.Begin(), "finishSecret", credentials.NoLease, fault.Retry)
		keepsLease(t, w, old)
	})
}

// A pending value that is not what the tags ask for is never logged in with and never promoted.
func TestContentOfAnotherIsAbandoned(t *testing.T) {
	with := func(change func(c *credentials.Content)) func(credentials.Content) secret.Value {
		return func(c credentials.Content) secret.Value { change(&c); return c.Encode() }
	}
	for _, tc := range []struct {
		name  string
		value func(credentials.Content) secret.Value
	}{
		{"user", with(func(c *credentials.Content) { c.User = "IAM:owner" })},
		{"user with a group after it", with(func(c *credentials.Content) { c.User = "IAMA:owner:app" })},
		{"identity of a role", with(func(c *credentials.Content) { c.User = "IAMR:app" })},
		{"name without prefix", with(func(c *credentials.Content) { c.User = "app" })},
		{"database", with(func(c *credentials.Content) { c.Database = "payroll" })},
		{"cluster", with(func(c *credentials.Content) { c.Cluster = "othercluster" })},
		{"no lease at all", func(credentials.Content) secret.Value { return secret.New(`{"engine":"redshift","password":"leak"}`) }},
		{"no JSON at all", func(credentials.Content) secret.Value { return secret.New("leak") }},
	} {
		for _, step := range []string{"createSecret", "testSecret", "finishSecret"} {
			t.Run(tc.name+"/"+step, func(t *testing.T) {
				w := rotated(t)
				old, n := current(w), w.Begin()
				lease := take(t, w, n, "createSecret").Lease
				w.Secrets.Rewrite(w.Secret, n.Token, tc.value(credentials.Content{Lease: lease, Host: "h", Port: 5439, Database: "sales", Cluster: "examplecluster"}))
				probes := w.Redshift.Calls("Probe")
				if err := refused(t, w, n, step, credentials.ContentMismatch, fault.Blocked); strings.Contains(err.Error(), "leak") {
					t.Errorf("%v: shows the value", err)
				}
				keepsLease(t, w, old)
				if pending(w) != "" || w.Redshift.Calls("Probe") != probes {
					t.Errorf("AWSPENDING is on %q, %d logins", pending(w), w.Redshift.Calls("Probe")-probes)
				}
			})
		}
	}
}

func TestVerifyMintTrustsTheMintingCall(t *testing.T) {
	w := credentialstest.New()
	w.Warehouse.Verify = warehouse.VerifyMint
	n := w.Begin()
	take(t, w, n, "createSecret", "setSecret")
	if out := take(t, w, n, "testSecret"); out.Action != credentials.Unverified || w.Redshift.Calls("Probe") != 0 {
		t.Errorf("testSecret = %s with %d logins", out.Action, w.Redshift.Calls("Probe"))
	}
	take(t, w, n, "finishSecret")
	keepsLease(t, w, n.Token)
}

func TestAutoCreateKeepsTheNameThatRedshiftReturned(t *testing.T) {
	w := credentialstest.New()
	w.Warehouse.Allow.AutoCreate = true
	delete(w.Redshift.Users, "app")
	w.Retag(map[string]string{settings.TagAutoCreate: "true"})
	w.Rotate(t.Context())
	if content, works := w.Readable(); content.User != "IAMA:app:readers" || !works {
		t.Errorf("readers find user %q, which works: %t", content.User, works)
	}
}

// The two labels take turns, and readers' lease keeps its own while the next one is pending.
func TestLeaseLabelsTakeTurns(t *testing.T) {
	w := credentialstest.New()
	var used []string
	for range 4 {
		before := current(w)
		n := w.Begin()
		take(t, w, n, "createSecret")
		holders := map[string]string{}
		for _, label := range []string{labelA, labelB} {
			if v := w.Secrets.Holder(w.Secret, label); v != "" {
				holders[v] = label
			}
		}
		if holders[n.Token] == "" || len(used) > 0 && holders[before] != used[len(used)-1] {
			t.Fatalf("labels are on %v, want one on the current version %s and the other on the pending %s", holders, before, n.Token)
		}
		used = append(used, holders[n.Token])
		take(t, w, n, "setSecret", "testSecret", "finishSecret")
	}
	if want := []string{labelA, labelB, labelA, labelB}; !slices.Equal(used, want) {
		t.Errorf("labels used: %v, want %v", used, want)
	}
}

func TestDescribeFails(t *testing.T) {
	w := rotated(t)
	old, n := current(w), w.Begin()
	for _, step := range credentialstest.Steps {
		w.Secrets.Fail("Describe", &fault.Error{Kind: fault.Retry, Reason: "Throttled", Op: "describe", Fix: "nothing"})
		refused(t, w, n, step, "Throttled", fault.Retry)
	}
	keepsLease(t, w, old)
}
