package federation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// many requests n sources on one cluster at once.
func many(w *federationtest.World, n int) {
	for i := range n {
		id := fmt.Sprintf("source-%02d", i)
		w.AddInstance(id, "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-"+id+"-AbCdEf")
		d := federationtest.Wanted()
		d.Name, d.Source.Instance, d.Schema = id, id, strings.ReplaceAll(id, "-", "_")
		w.Request(d)
	}
}

func allReady(t *testing.T, w *federationtest.World, n int) {
	t.Helper()
	count := 0
	for _, rec := range w.Records {
		if rec.Phase == federation.Ready {
			count++
		} else {
			t.Errorf("%s: %s %s %s", rec.Name, rec.Phase, rec.Reason, rec.Message)
		}
	}
	if count != n || len(w.Dead) > 0 {
		t.Errorf("%d are ready, of %d; dead %+v", count, n, w.Dead)
	}
}

func modifications(w *federationtest.World) (n int) {
	for _, c := range w.Calls {
		if c.Op == "ModifyClusterIamRoles" {
			n++
		}
	}
	return n
}

// Many sources at once take no more calls each than one, and their roles are attached ten at a time.
//
// Scenario 21
func TestManySources(t *testing.T) {
	alone := 0
	for _, tc := range []struct{ sources, modify int }{{1, 1}, {10, 1}, {50, 5}} {
		w := world(t)
		many(w, tc.sources)
		settle(t, w)
		allReady(t, w, tc.sources)
		each := (len(w.Calls) + tc.sources - 1) / tc.sources
		t.Logf("%d sources: %d calls each, %d changes of roles, %d runs, ready after %v", tc.sources, each, modifications(w), w.Runs(), w.Now().Sub(federationtest.Start))
		if tc.sources == 1 {
			alone = each
		}
		if n := modifications(w); n > tc.modify {
			t.Errorf("%d sources: roles were changed %d times, of at most %d", tc.sources, n, tc.modify)
		}
		if each > alone || w.Runs()*10 > 33*tc.sources {
			t.Errorf("%d sources: %d calls each, of at most %d; %d runs", tc.sources, each, alone, w.Runs())
		}
		if got := len(w.Listed[federationtest.Cluster].Add); got > 0 {
			t.Errorf("%d roles still wait: %v", got, w.Listed[federationtest.Cluster].Add)
		}
		start := w.Now()
		for id := range w.Records {
			w.Withdraw(id)
		}
		settle(t, w)
		gone(t, w)
		t.Logf("withdrawn after %v", w.Now().Sub(start))
	}
}

// One role that cannot be attached keeps none of the others from being.
func TestOneBadRole(t *testing.T) {
	w := world(t)
	many(w, 12)
	bad := "source-03"
	w.Before = func(c federationtest.Call) {
		for _, r := range w.Roles {
			if r.Tags[federation.TagFederation] == bad {
				r.Seen = w.Now().Add(24 * time.Hour)
			}
		}
	}
	settle(t, w)
	for id, rec := range w.Records {
		if id == bad && (rec.Phase != federation.Blocked || rec.Reason != federation.NotAssumable) || id != bad && rec.Phase != federation.Ready {
			t.Errorf("%s: %s %s", id, rec.Phase, rec.Message)
		}
	}
	for line := range strings.Lines(w.Log.String()) {
		if strings.Contains(line, "step failed") && !strings.Contains(line, bad) {
			t.Errorf("another paid for it: %s", line)
		}
	}
	for _, e := range w.Listed[federationtest.Cluster].Add {
		if strings.Contains(e, bad) {
			t.Errorf("the bad role still waits")
		}
	}
	for _, a := range w.Announced {
		if a.Type == event.FederationBlocked && !strings.Contains(a.Detail, bad) {
			t.Errorf("announced %+v", a)
		}
	}
}

// A cluster takes as many roles as it takes: those that find a place are attached, the others are blocked.
//
// Scenario 16
func TestMoreRolesThanPlaces(t *testing.T) {
	w := world(t)
	gate(w, func(f *warehouse.Federating) { f.RoleLimit = 8 })
	c := w.Clusters[federationtest.Cluster]
	c.Limit = 8
	c.Attach("a")
	c.Attach("b")
	many(w, 9)
	settle(t, w)
	phases := make(map[string]int)
	for _, rec := range w.Records {
		phases[string(rec.Phase)+rec.Reason]++
	}
	if phases["Ready"] != 6 || phases["BlockedRoleLimit"] != 3 || len(c.Attached()) != 8 || len(w.Listed[federationtest.Cluster].Add) > 0 {
		t.Errorf("%v, attached %d, waiting %v", phases, len(c.Attached()), w.Listed)
	}
	blocked := 0
	for _, a := range w.Announced {
		if a.Type == event.FederationBlocked {
			blocked++
		}
	}
	for i := range 9 { // who came first is served first
		if rec := w.Records[fmt.Sprintf("source-%02d", i)]; (rec.Phase == federation.Ready) != (i < 6) {
			t.Errorf("%s is %s", rec.Name, rec.Phase)
		}
	}
	if blocked != 3 {
		t.Errorf("%d were announced as blocked, of 3", blocked)
	}
	c.Detach("a")
	c.Detach("b")
	for id := range w.Records {
		w.Look(id)
	}
	settle(t, w)
	phases = make(map[string]int)
	for _, rec := range w.Records {
		phases[string(rec.Phase)+rec.Reason]++
	}
	if phases["Ready"] != 8 {
		t.Errorf("%v", phases)
	}
}

// Some come while others go.
//
// Scenario 33: roles are for one source alone.
func TestComingAndGoing(t *testing.T) {
	w := world(t)
	many(w, 15)
	settle(t, w)
	for i := range 15 {
		if i%2 == 0 {
			w.Withdraw(fmt.Sprintf("source-%02d", i))
		}
	}
	w.Request(federationtest.Wanted())
	w.Deliver(t.Context())
	w.Deliver(t.Context())
	again := w.Records["source-00"].Wanted
	w.Send(federationtest.Message{Request: &again, At: w.Now().Add(time.Second)})
	settle(t, w)
	for id, rec := range w.Records {
		if rec.Withdrawn != (rec.Phase == federation.Removed) || !rec.Withdrawn && rec.Phase != federation.Ready {
			t.Errorf("%s: %s %s", id, rec.Phase, rec.Message)
		}
		if on := w.Clusters[federationtest.Cluster].Attached()[rec.Made.RoleARN] != ""; on == rec.Withdrawn {
			t.Errorf("%s: attached %t, withdrawn %t", id, on, rec.Withdrawn)
		}
	}
	if l := w.Listed[federationtest.Cluster]; len(l.Remove) > 0 {
		t.Errorf("still waiting: %v", l)
	}
}

// One blocked source among many holds nobody up.
func TestOneBlockedAmongMany(t *testing.T) {
	w := world(t)
	many(w, 10)
	w.Groups["sg-source-04"] = nil
	settle(t, w)
	for id, rec := range w.Records {
		if blocked := id == "source-04"; blocked != (rec.Phase == federation.Blocked) || !blocked && rec.Phase != federation.Ready {
			t.Errorf("%s: %s %s", id, rec.Phase, rec.Message)
		}
	}
}

// A role that is wanted again while it waits to be taken off is not taken off by whoever changes the roles next.
func TestWantedAgainWhileItWaitsToGo(t *testing.T) {
	w := provisioned(t)
	arn := w.Records[name].Made.RoleARN
	w.Clusters[federationtest.Cluster].Adding("theirs", w.Now().Add(time.Minute))
	w.Withdraw(name)
	w.Deliver(t.Context())
	if l := w.Listed[federationtest.Cluster]; len(l.Remove) != 1 {
		t.Fatalf("%v, %+v", l, w.Records[name])
	}
	w.Advance(time.Second)
	w.Request(federationtest.Wanted())
	many(w, 1)
	settle(t, w)
	on := w.Clusters[federationtest.Cluster].Attached()[arn] == federation.InSync
	if l := w.Listed[federationtest.Cluster]; !on || len(l.Remove) > 0 || w.Records[name].Phase != federation.Ready {
		t.Errorf("attached %t, waiting %v, %+v", on, l, w.Records[name])
	}
	for _, c := range w.Calls {
		if c.Op == "ModifyClusterIamRoles" && !strings.HasSuffix(c.Subject, "-0") {
			t.Errorf("%s", c)
		}
	}
}

// What a dead run left among the roles that wait attaches no role that goes or has gone.
func TestLeftoverAmongTheRolesThatWait(t *testing.T) {
	left := func() *federationtest.World {
		w := provisioned(t)
		made := w.Records[name].Made
		w.Listed[federationtest.Cluster] = federation.RoleChange{Add: []string{made.Asked.UTC().Format("20060102T150405Z") + " " + made.RoleARN}}
		return w
	}
	w := left()
	w.Before = func(c federationtest.Call) {
		if c.Op == "ModifyClusterIamRoles" && len(w.Listed[federationtest.Cluster].Add) > 0 {
			t.Errorf("others may attach it again: %v", w.Listed)
		}
	}
	w.Withdraw(name)
	settle(t, w)
	gone(t, w)
	w = left()
	w.Clusters[federationtest.Cluster].Detach(w.Records[name].Made.RoleARN)
	w.Withdraw(name)
	settle(t, w)
	gone(t, w)
	w = left()
	delete(w.Clusters, federationtest.Cluster)
	w.Schemas = nil
	w.Withdraw(name)
	settle(t, w)
	if l := w.Listed[federationtest.Cluster]; len(l.Add) > 0 {
		t.Errorf("%v", l)
	}
}
