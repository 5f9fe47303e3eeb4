package endtoend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
)

// Two sources that come at once both get ready, and what one of them lacks does not hold up the others.
//
// Scenario 21
func TestFederationsAtOnce(t *testing.T) {
	t.Parallel()
	f := federating(t)
	const foreign = "arn:aws:iam::" + awshttp.Account + ":role/bi"
	f.do("iam", "CreateRole", map[string]any{"RoleName": "bi", "AssumeRolePolicyDocument": federation.Trust()})
	f.pass(world.IAMDelay)
	f.changeRole("AddIamRoles", foreign)
	before := f.snapshot("base")
	f.newSource("orders-eu", nil)
	f.Clock.Settle()
	var all []string
	for i := range 6 {
		name := fmt.Sprintf("many-%d", i)
		all = append(all, name)
		f.send(event.SourceRequested, orders(name, func(w *federation.Wanted) {
			switch i {
			case 1:
				w.Source.Instance, w.Source.Database = "orders-eu", "orders_eu"
			case 2:
				w.GrantUsageTo = append(w.GrantUsageTo, "group:analysts") // whom nobody has made
			case 3:
				w.Source.Schema = "nowhere"
			}
		}))
	}
	for i, name := range all {
		phase := federation.Ready
		if i == 2 || i == 3 {
			phase = federation.Blocked
		}
		if rec := f.settleWithin(name, 10*time.Minute); rec.Phase != phase {
			t.Errorf("%s is %s %s (%s), want %s", name, rec.Phase, rec.Reason, rec.Message, phase)
		}
	}
	for i, name := range all { // all at once again
		f.withdraw(name)
		if i%2 == 0 {
			f.post(event.Look(name))
		}
	}
	for _, name := range all {
		f.becomes(name, federation.Removed, "", 20*time.Minute)
	}
	f.must(f.RemoveSource(t.Context(), "orders-eu"))
	f.pass(15 * time.Minute) // old follow-ups
	if after := f.snapshot("base"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// noise is how much more calls a source may take in a crowd than alone.
const noise = 1.1

// What a source costs does not depend on how many come with it, and the cluster takes their roles ten at a time.
//
// Scenario 21
func TestFederationCrowd(t *testing.T) {
	t.Parallel()
	costs := map[int]float64{}
	for _, n := range []int{1, 10, 48} { // a cluster has 50 roles at most
		f := federating(t)
		last := f.AWS.Calls().Last()
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("crowd-%d", i))
			f.request(orders(all[i]))
		}
		for _, name := range all {
			f.settleWithin(name, 30*time.Minute)
			if rec := f.record(name); rec.Phase != federation.Ready {
				t.Fatalf("of %d, %s is %s %s (%s)\n%s", n, name, rec.Phase, rec.Reason, rec.Message, f.lastWords())
			}
		}
		calls := f.made(last)
		costs[n] = float64(withoutPolls(calls)) / float64(n)
		changes := 0
		for _, c := range calls {
			if c.Operation == "ModifyClusterIamRoles" && c.Code == "" { // who comes a moment too late is refused
				changes++
			}
		}
		t.Logf("%d sources: %.1f calls each, %d changes of the cluster; %v", n, costs[n], changes, of(calls))
		if want := (n + 9) / 10; changes != want {
			t.Errorf("%d sources: %d changes of the cluster, want %d", n, changes, want)
		}
		if got := len(f.Redshift.AttachedRoles(world.Cluster)); got != n {
			t.Errorf("%d roles are attached for %d sources", got, n)
		}
		if n == 48 {
			f.request(orders("one-too-many"))
			f.request(orders("two-too-many"))
			f.request(orders("three-too-many"))
			ready := 0
			for _, name := range []string{"one-too-many", "two-too-many", "three-too-many"} {
				rec := f.settleWithin(name, 20*time.Minute)
				switch {
				case rec.Phase == federation.Ready:
					ready++
					if !strings.Contains(condition(rec, federation.CondRoles), "of at most 50") {
						t.Errorf("nothing warns of the limit: %+v", rec.Conditions)
					}
				case rec.Phase != federation.Blocked || rec.Reason != federation.RoleLimit:
					t.Errorf("%s is %s %s (%s)", name, rec.Phase, rec.Reason, rec.Message)
				}
			}
			if ready != 2 {
				t.Errorf("%d of three got the last two roles", ready)
			}
		}
	}
	for _, n := range []int{10, 48} {
		if costs[n] > costs[1]*noise {
			t.Errorf("%d sources take %.1f calls each, one alone %.1f", n, costs[n], costs[1])
		}
	}
}
