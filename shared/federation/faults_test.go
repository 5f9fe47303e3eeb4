package federation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
)

var troubles = map[string]federationtest.Trouble{
	"throttled": federationtest.Throttled, "refused once": federationtest.Refused, "answer lost": federationtest.Lost,
	"killed before": federationtest.Killed, "killed after": federationtest.KilledAfter,
}

// A story is something that happens to a world, until the world stands still.
type story struct {
	name string
	make func(testing.TB) *federationtest.World // before it happens
	tell func(*federationtest.World)
}

func fresh(t testing.TB) *federationtest.World { return world(t) }

var stories = []story{
	{"provision", fresh, func(w *federationtest.World) { w.Request(federationtest.Wanted()) }},
	{"withdraw", func(t testing.TB) *federationtest.World { return provisioned(t) }, func(w *federationtest.World) { w.Withdraw(name) }},
	{"provision again", func(t testing.TB) *federationtest.World {
		w := provisioned(t)
		w.Withdraw(name)
		settle(t, w)
		return w
	}, func(w *federationtest.World) { w.Request(federationtest.Wanted()) }},
	{"change the document", func(t testing.TB) *federationtest.World { return provisioned(t) }, func(w *federationtest.World) {
		other := federationtest.Wanted()
		other.Schema, other.GrantUsageTo = "orders_now", nil
		w.Request(other)
	}},
	{"repair the schema", func(t testing.TB) *federationtest.World {
		w := provisioned(t)
		s := w.Schemas["orders_live"]
		s.Is.Host, s.Usage["group:of_others"] = "elsewhere.example.com", true
		w.Rules = nil // so that the run has begun to act before
		return w
	}, func(w *federationtest.World) { w.Look(name) }},
	{"replace the source", func(t testing.TB) *federationtest.World {
		w := provisioned(t)
		w.Instances[federationtest.Instance].ResourceID = "db-orders-prod-2"
		return w
	}, func(w *federationtest.World) { w.Look(name) }},
	{"existing secret", func(t testing.TB) *federationtest.World {
		w := world(t)
		s := w.AddSecret("orders-reader", "reader", "EXAMPLE-password-reader", map[string]string{federation.TagSource: federationtest.Instance})
		w.Instances[federationtest.Instance].Logins["reader"] = federationtest.Login{Password: s.Password}
		return w
	}, func(w *federationtest.World) {
		other := federationtest.Wanted()
		other.Credentials.Secret = w.Secrets["orders-reader"].ARN
		w.Request(other)
	}},
}

// Whatever happens to whichever call, once: in the end the world is the same as if nothing had happened.
//
// Scenarios 4, 5, 6, 32, 34: some of the calls, and of the ways.
func TestEveryCallMayFailOnce(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			calm := s.make(t)
			since := len(calm.Calls)
			s.tell(calm)
			settle(t, calm)
			want, n := calm.State(), len(calm.Calls)-since
			if n < 10 {
				t.Fatalf("only %d calls: %v", n, ops(calm, since))
			}
			for kind, trouble := range troubles {
				for i := 1; i <= n; i++ {
					met := ""
					w := s.make(t)
					since := len(w.Calls)
					w.Trouble = func(call int, c federationtest.Call) federationtest.Trouble {
						if call != since+i {
							return federationtest.None
						}
						met = c.String()
						return trouble
					}
					s.tell(w)
					settle(t, w)
					if got := w.State(); got != want {
						t.Errorf("%s at call %d, %s: the world is another:\n%s", kind, i, met, diff(want, got))
					}
				}
			}
		})
	}
}

// A run whose time is over notes how far it came, so that its follow-up goes on and nothing waits for the message to come again.
func TestTimeIsOver(t *testing.T) {
	calm := provisioned(t).State()
	for n := 3; n <= lengthOf(t, stories[0]); n++ {
		w := world(t)
		w.Request(federationtest.Wanted())
		ctx, cancel := context.WithCancel(t.Context())
		at(w, n, cancel)
		for range 3 {
			w.Deliver(ctx)
			if ctx.Err() != nil {
				break
			}
		}
		took := w.Now().Sub(federationtest.Start)
		for _, m := range w.Messages {
			if m.Receives > 0 && w.Calls[n-1].Op != "Get" { // before which nothing is known
				t.Errorf("at call %d, %s: the message has to come again: %+v", n, w.Calls[n-1], m)
			}
		}
		cancel()
		settle(t, w)
		if got := w.State(); got != calm {
			t.Errorf("at call %d, %s, after %v: the world is another: %s", n, w.Calls[n-1], took, diff(calm, got))
		}
	}
}

// A run that dies at every n-th call makes progress all the same.
func TestRunsDieAgainAndAgain(t *testing.T) {
	for _, s := range stories {
		calm := s.make(t)
		s.tell(calm)
		settle(t, calm)
		for every := 8; every < 20; every += 3 {
			w, left := s.make(t), 4 // a message that meets five dead runs is put aside
			w.Trouble = func(call int, _ federationtest.Call) federationtest.Trouble {
				if call%every != 0 || left == 0 {
					return federationtest.None
				}
				left--
				return federationtest.KilledAfter
			}
			s.tell(w)
			settle(t, w)
			if want, got := calm.State(), w.State(); got != want {
				t.Errorf("%s, dying at every %d. call: the world is another:\n%s", s.name, every, diff(want, got))
			}
		}
	}
}

// diff is the lines that differ.
func diff(want, got string) string {
	var out strings.Builder
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	in := make(map[string]int)
	for _, line := range a {
		in[line]++
	}
	for _, line := range b {
		if in[line]--; in[line] < 0 {
			fmt.Fprintln(&out, "+", line)
		}
	}
	for _, line := range a {
		if in[line] > 0 {
			in[line]--
			fmt.Fprintln(&out, "-", line)
		}
	}
	return out.String()
}

// A statement that changes something happens once, also where a run died before it could note it.
func TestStatementsHappenOnce(t *testing.T) {
	w, happened, killed := world(t), make(map[string]int), make(map[string]bool)
	w.StatementFails = func(purpose, _ string) string { happened[purpose]++; return "" }
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Op != "ExecuteStatement" || !c.Writes || killed[c.Subject] {
			return federationtest.None
		}
		killed[c.Subject] = true
		return federationtest.KilledAfter
	}
	w.Request(federationtest.Wanted())
	settle(t, w)
	w.Withdraw(name)
	settle(t, w)
	for _, purpose := range []string{"create schema", "grant usage", "drop schema"} {
		if !killed[purpose] || happened[purpose] > 1 && purpose != "grant usage" { // the grants are seen to be there
			t.Errorf("%s happened %d times; killed %t", purpose, happened[purpose], killed[purpose])
		}
	}
}
