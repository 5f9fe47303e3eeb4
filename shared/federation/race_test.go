package federation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// at calls then once, before the n-th call from now on.
func at(w *federationtest.World, n int, then func()) {
	since := len(w.Calls)
	w.Before = func(federationtest.Call) {
		if len(w.Calls) == since+n {
			w.Before = nil
			then()
		}
	}
}

// handle lets a run work on a message at once, in the midst of another.
func handle(t testing.TB, w *federationtest.World, m federationtest.Message) {
	t.Helper()
	if _, err := w.Handle(t.Context(), m); fault.KindOf(err) == fault.Retry && err != nil {
		m.Due = w.Now().Add(federationtest.Visibility)
		w.Send(m)
	} else if err != nil {
		t.Errorf("%+v: %v", m, err)
	}
}

// lengthOf is how many calls a story takes.
func lengthOf(t testing.TB, s story) int {
	w := s.make(t)
	since := len(w.Calls)
	s.tell(w)
	settle(t, w)
	return len(w.Calls) - since
}

// While a source is provisioned, at each single call, something else happens. The newest document wins.
func TestWhileProvisioning(t *testing.T) {
	other := federationtest.Wanted()
	other.Schema = "orders_now"
	for name, tc := range map[string]struct {
		then  func(*federationtest.World) federationtest.Message
		check func(*testing.T, *federationtest.World)
	}{
		// Scenario 30
		"withdrawn": {
			func(w *federationtest.World) federationtest.Message {
				return federationtest.Message{Withdraw: name, At: w.Now().Add(time.Second)}
			},
			func(t *testing.T, w *federationtest.World) { phase(t, w, federation.Removed, ""); gone(t, w) },
		},
		"another document": {
			func(w *federationtest.World) federationtest.Message {
				return federationtest.Message{Request: &other, At: w.Now().Add(time.Second)}
			},
			func(t *testing.T, w *federationtest.World) {
				phase(t, w, federation.Ready, "")
				if w.Schemas["orders_live"] != nil || w.Schemas["orders_now"] == nil || len(w.Roles) != 1 {
					t.Errorf("%s", w.State())
				}
			},
		},
		// Scenario 1
		"the same event": {
			func(*federationtest.World) federationtest.Message {
				return federationtest.Message{Request: new(federationtest.Wanted()), At: federationtest.Start}
			}, ready,
		},
		"a look": {func(*federationtest.World) federationtest.Message { return federationtest.Message{Look: "orders"} }, ready},
		"a stale withdrawal": {func(*federationtest.World) federationtest.Message {
			return federationtest.Message{Withdraw: "orders", At: federationtest.Start.Add(-time.Hour)}
		}, ready},
		"an old follow-up": {func(*federationtest.World) federationtest.Message {
			return federationtest.Message{FollowUp: "orders", Number: 1}
		}, ready},
		"a follow-up to come": {func(*federationtest.World) federationtest.Message {
			return federationtest.Message{FollowUp: "orders", Number: 2}
		}, ready},
		"nobody's withdrawal": {func(w *federationtest.World) federationtest.Message {
			return federationtest.Message{Withdraw: "others", At: w.Now()}
		}, ready},
		"a look at the source": {func(*federationtest.World) federationtest.Message {
			return federationtest.Message{LookAt: "orders-prod"}
		}, ready},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 3; n <= lengthOf(t, stories[0]); n++ { // the request is noted with the second call
				w := world(t)
				w.Request(federationtest.Wanted())
				at(w, n, func() { handle(t, w, tc.then(w)) })
				settle(t, w)
				tc.check(t, w)
				if len(w.Dead) > 0 || t.Failed() {
					t.Fatalf("at call %d, %s: dead %+v", n, w.Calls[n-1], w.Dead)
				}
			}
		})
	}
}

func ready(t *testing.T, w *federationtest.World) {
	t.Helper()
	phase(t, w, federation.Ready, "")
	if w.Usage("orders_live") == nil || len(w.Roles) != 1 || len(w.Rules) != 1 || len(w.Instances[federationtest.Instance].Logins) != 2 {
		t.Errorf("%s", w.State())
	}
}

// While a source is withdrawn, at each single call, somebody wants it again.
//
// Scenario 8: the secret is in its recovery window by then.
func TestWantedAgainWhileWithdrawn(t *testing.T) {
	for n := 1; n <= lengthOf(t, stories[1]); n++ {
		w := provisioned(t)
		w.Withdraw(name)
		at(w, n, func() {
			handle(t, w, federationtest.Message{Request: new(federationtest.Wanted()), At: w.Now().Add(time.Second)})
		})
		settle(t, w)
		ready(t, w)
		if s := w.Secrets[w.Records[name].Made.SecretName]; !s.Deleted.IsZero() || len(w.Dead) > 0 {
			t.Errorf("secret is deleted: %v; dead %+v", s.Deleted, w.Dead)
		}
		if t.Failed() {
			t.Fatalf("at call %d", n)
		}
	}
}

// A run that outlives its claim stops where it notices, and the one that took over decides.
func TestClaimThatRanOut(t *testing.T) {
	for n := 1; n <= lengthOf(t, stories[0]); n++ {
		w := world(t)
		w.Request(federationtest.Wanted())
		at(w, n, func() {
			w.Advance(3 * time.Minute)
			handle(t, w, federationtest.Message{Request: new(federationtest.Wanted()), At: federationtest.Start})
		})
		settle(t, w)
		if ready(t, w); t.Failed() {
			t.Fatalf("at call %d", n)
		}
	}
}

func TestFollowUps(t *testing.T) {
	w := world(t)
	w.Request(federationtest.Wanted())
	w.Deliver(t.Context())
	rec := phase(t, w, federation.Waiting, "RoleSettling")
	since := len(w.Calls)
	for number, dropped := range map[int]string{rec.FollowUp - 1: "an old follow-up", rec.FollowUp: ""} {
		if number == 0 {
			continue
		}
		o, err := w.Handle(t.Context(), federationtest.Message{FollowUp: name, Number: number})
		if err != nil || o.Dropped != dropped {
			t.Errorf("follow-up %d: %+v, %v", number, o, err)
		}
	}
	if n := calls(w, since, "rds") + calls(w, since, "ec2") + calls(w, since, "iam"); n > 0 {
		t.Errorf("the follow-up did not go on where it waited: %v", ops(w, since))
	}
	if o, err := w.Handle(t.Context(), federationtest.Message{FollowUp: name, Number: 1}); err != nil || o.Dropped != "an old follow-up" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := w.Handle(t.Context(), federationtest.Message{FollowUp: "nobody", Number: 1}); err != nil || o.Dropped != "no federation has this name" {
		t.Errorf("%+v, %v", o, err)
	}
}

// A follow-up that is newer than the record was sent by a run that still works, which makes it come again, or by one that died.
func TestFollowUpBeforeItsRecord(t *testing.T) {
	w := world(t)
	w.Request(federationtest.Wanted())
	early := 0
	w.Before = func(c federationtest.Call) {
		if c.Service == "store" && c.Op == "Put" && strings.HasPrefix(w.Calls[len(w.Calls)-2].Subject, "follow-up") {
			w.Before = nil
			if _, err := w.Handle(t.Context(), federationtest.Message{FollowUp: name, Number: 1}); fault.KindOf(err) == fault.Retry && fault.ReasonOf(err) == federation.Conflict {
				early++
			} else {
				t.Errorf("%v", err)
			}
		}
	}
	settle(t, w)
	if ready(t, w); early != 1 {
		t.Errorf("it met no record that was still to be saved")
	}
	o, err := w.Handle(t.Context(), federationtest.Message{FollowUp: name, Number: w.Records[name].FollowUp + 1})
	if err != nil || o.Phase != federation.Ready || o.Dropped != "" {
		t.Errorf("a follow-up of a run that died: %+v, %v", o, err)
	}
}

// An event that is older than what is wanted is a reason to look, whatever lies between.
//
// Scenario 39
func TestStaleEvents(t *testing.T) {
	w := world(t)
	at := func(minutes int) time.Time { return federationtest.Start.Add(time.Duration(minutes) * time.Minute) }
	other := federationtest.Wanted()
	other.GrantUsageTo = []warehouse.Grantee{"group:others"}
	for _, m := range []federationtest.Message{
		{Request: new(federationtest.Wanted()), At: at(1)}, {Request: &other, At: at(3)}, {Request: new(federationtest.Wanted()), At: at(2)},
		{Request: &other, At: at(9)}, {Withdraw: name, At: at(8)}, {Request: new(federationtest.Wanted()), At: at(7)},
	} {
		w.Send(m)
		settle(t, w)
	}
	rec := phase(t, w, federation.Ready, "")
	if rec.Generation != 2 || !rec.Wanted.Same(other) || w.Usage("orders_live")["group:example_group"] || !w.Usage("orders_live")["group:others"] {
		t.Errorf("generation %d: %+v, usage %v", rec.Generation, rec.Wanted, w.Usage("orders_live"))
	}
}

// Another document under the same name takes down what was made for the old one, first.
func TestAnotherDocument(t *testing.T) {
	for what, change := range map[string]func(*federationtest.World, *federation.Wanted){
		"schema":        func(_ *federationtest.World, w *federation.Wanted) { w.Schema = "orders_now" },
		"remote schema": func(_ *federationtest.World, w *federation.Wanted) { w.Source.Schema = "sales" },
		"database":      func(_ *federationtest.World, w *federation.Wanted) { w.Source.Database = "sales" },
		"source": func(world *federationtest.World, w *federation.Wanted) {
			world.AddInstance("orders-eu", "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-orders-eu-AbCdEf")
			w.Source.Instance = "orders-eu"
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			was := w.Records[name].Made
			other := federationtest.Wanted()
			change(w, &other)
			since := len(w.Calls)
			w.Request(other)
			settle(t, w)
			rec := phase(t, w, federation.Ready, "")
			var order []string
			for _, c := range w.Calls[since:] {
				if c.Service == "redshift-data" && (c.Subject == "drop schema" || c.Subject == "create schema") || c.Service == "iam" && c.Writes && strings.HasSuffix(c.Op, "Role") {
					order = append(order, c.Op+" "+c.Subject)
				}
			}
			want := "ExecuteStatement drop schema, DeleteRole " + was.Role + ", CreateRole " + rec.Made.Role + ", ExecuteStatement create schema"
			if got := strings.Join(order, ", "); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			if len(w.Schemas) != 1 || len(w.Roles) != 1 || len(w.Rules) != 1 {
				t.Errorf("%s", w.State())
			}
			s := w.Schemas[other.Schema]
			if s == nil || s.Is.RemoteSchema != other.Source.Schema || s.Is.Database != other.Source.Database {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A withdrawal that overtakes its request wins: it is the newer of the two.
func TestWithdrawalBeforeItsRequest(t *testing.T) {
	w := world(t)
	wanted, at := federationtest.Wanted(), w.Now()
	w.Send(federationtest.Message{Withdraw: name, At: at})
	settle(t, w)
	phase(t, w, federation.Removed, "")
	for _, before := range []time.Duration{time.Minute, 0} { // of one second they may both be
		w.Send(federationtest.Message{Request: &wanted, At: at.Add(-before)})
		settle(t, w)
		phase(t, w, federation.Removed, "")
		if len(w.Roles) > 0 {
			t.Errorf("the older request made %v", w.Roles)
		}
	}
	w.Send(federationtest.Message{Request: &wanted, At: w.Now().Add(time.Minute)})
	settle(t, w)
	phase(t, w, federation.Ready, "")
}

// Events have whole seconds, and come more than once: what was withdrawn in the second of its request stays withdrawn.
func TestRequestOfTheSameSecondTwice(t *testing.T) {
	w := provisioned(t)
	w.Withdraw(name)
	asked := federationtest.Message{Request: new(federationtest.Wanted()), At: w.Now()}
	settle(t, w)
	w.Send(asked)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
}

// The same document, asked for anew while a run works on the federation: it does not begin again, and what is older than the
// newest request comes late.
func TestSameDocumentWhileProvisioning(t *testing.T) {
	for n := 3; n <= lengthOf(t, stories[0]); n++ {
		w := world(t)
		w.Request(federationtest.Wanted())
		at(w, n, func() {
			handle(t, w, federationtest.Message{Request: new(federationtest.Wanted()), At: federationtest.Start.Add(time.Hour)})
		})
		settle(t, w)
		ready(t, w)
		w.Send(federationtest.Message{Withdraw: name, At: federationtest.Start.Add(30 * time.Minute)})
		settle(t, w)
		ready(t, w)
		if len(w.Calls) > 75 || len(w.Dead) > 0 || t.Failed() {
			t.Fatalf("at call %d: %d calls, dead %+v", n, len(w.Calls), w.Dead)
		}
	}
}

// While what was made for the old document does not come down, the message says that it is not the new one that fails; of a
// federation that is withdrawn it says no such thing.
func TestAnotherDocumentWaitsForTheOld(t *testing.T) {
	const old = "taking down what was made before: "
	w := provisioned(t)
	refusing(fault.Blocked, source.LoginInUse)(w, nil)
	other := federationtest.Wanted()
	other.Source.Database = "sales"
	w.Request(other)
	settle(t, w)
	if rec := phase(t, w, federation.Blocked, source.LoginInUse); !strings.HasPrefix(rec.Message, old) {
		t.Errorf("message %q does not begin with %q", rec.Message, old)
	}
	w.Withdraw(name)
	settle(t, w)
	if rec := phase(t, w, federation.Blocked, source.LoginInUse); strings.Contains(rec.Message, old) {
		t.Errorf("message %q", rec.Message)
	}
	loginWorks(w)
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
}
