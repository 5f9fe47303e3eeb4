package federation_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// tagged is a world whose instance asks for its federation.
func tagged(t testing.TB) *federationtest.World {
	t.Helper()
	w := world(t)
	maps.Copy(w.Instances[federationtest.Instance].Tags, map[string]string{
		federation.TagWarehouse: "analytics", federation.TagName: name, federation.TagSchema: "orders_live", federation.TagGrant: "group:example_group", federation.TagNetwork: "true",
	})
	return w
}

func lookAt(t testing.TB, w *federationtest.World) {
	t.Helper()
	w.Send(federationtest.Message{LookAt: federationtest.Instance, At: w.Now()})
	settle(t, w)
}

func TestFromTags(t *testing.T) {
	db := source.Database{Engine: source.Postgres, Endpoint: source.Endpoint{Database: "orders"}, Tags: map[string]string{federation.TagWarehouse: "analytics"}}
	for what, tc := range map[string]struct {
		tags map[string]string
		want federation.Wanted
	}{
		"warehouse alone": {nil, federation.Wanted{Name: "orders-prod", Warehouse: "analytics", Schema: "orders_prod", Isolation: federation.Dedicated,
			Source: source.Source{Engine: source.Postgres, Instance: "orders-prod", Database: "orders", Schema: "public"}}},
		"everything": {map[string]string{
			federation.TagName: "live", federation.TagDatabase: "sales", federation.TagRemote: "eu", federation.TagSchema: "live_sales", federation.TagGrant: "group:b role:a  public",
			federation.TagSecret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf", federation.TagNetwork: "true",
		}, federation.Wanted{Name: "live", Warehouse: "analytics", Schema: "live_sales", Isolation: federation.Dedicated, ManageIngress: true,
			GrantUsageTo: []warehouse.Grantee{"group:b", "public", "role:a"}, Credentials: federation.Credentials{Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf"},
			Source: source.Source{Engine: source.Postgres, Instance: "orders-prod", Database: "sales", Schema: "eu"}}},
	} {
		db := db
		db.Tags = maps.Clone(db.Tags)
		maps.Copy(db.Tags, tc.tags)
		if got, err := federation.FromTags("orders-prod", db); err != nil || !got.Same(tc.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", what, got, err, tc.want)
		}
	}
	db.Tags[federation.TagGrant], db.Tags[federation.TagName] = "analysts", "No Name"
	_, err := federation.FromTags("orders-prod", db)
	if fault.ReasonOf(err) != federation.TagsWrong || fault.KindOf(err) != fault.Blocked || !strings.Contains(err.Error(), "analysts") || !strings.Contains(err.Error(), "No Name") {
		t.Errorf("%v", err)
	}
}

// A tagged instance is provisioned when it appears, follows its tags, and is withdrawn when it or the tag goes.
func TestTaggedInstance(t *testing.T) {
	w := tagged(t)
	tags := w.Instances[federationtest.Instance].Tags
	lookAt(t, w)
	if ready(t, w); w.Records[name].Origin != federation.ByTag {
		t.Errorf("origin %s", w.Records[name].Origin)
	}
	since := len(w.Calls)
	w.Send(federationtest.Message{LookAt: federationtest.Instance}) // as a sweep says it
	settle(t, w)
	if got := writes(w, since); len(got) > 0 {
		t.Errorf("written: %v", got)
	}
	tags[federation.TagGrant] = ""
	w.Send(federationtest.Message{LookAt: federationtest.Instance})
	settle(t, w)
	if phase(t, w, federation.Ready, ""); len(w.Usage("orders_live")) > 0 {
		t.Errorf("usage %v", w.Usage("orders_live"))
	}
	tags[federation.TagSchema] = "No Schema" // what cannot be read takes nothing down
	lookAt(t, w)
	if phase(t, w, federation.Ready, ""); len(w.Dead) != 1 {
		t.Errorf("dead %+v", w.Dead)
	}
	w.Dead = nil
	tags[federation.TagSchema], tags[federation.TagName] = "orders_live", "renamed"
	lookAt(t, w)
	w.Look("renamed")
	settle(t, w)
	if w.Records[name].Phase != federation.Removed || w.Records["renamed"].Phase != federation.Ready && w.Records["renamed"].Reason != warehouse.SchemaTaken {
		t.Errorf("%s, renamed %s %s", w.Records[name].Phase, w.Records["renamed"].Phase, w.Records["renamed"].Message)
	}
	delete(tags, federation.TagWarehouse)
	lookAt(t, w)
	if w.Records["renamed"].Phase != federation.Removed {
		t.Errorf("%+v", w.Records["renamed"])
	}
	gone(t, w)
}

func TestTaggedInstanceDeleted(t *testing.T) {
	w := tagged(t)
	lookAt(t, w)
	ready(t, w)
	tags := w.Instances[federationtest.Instance].Tags
	delete(w.Instances, federationtest.Instance)
	lookAt(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
	w.AddInstance(federationtest.Instance, federationtest.Master).Tags = tags
	lookAt(t, w)
	ready(t, w)
}

// A tag of an instance that others asked for by name asks for nothing more.
func TestRequestComesBeforeTag(t *testing.T) {
	w := tagged(t)
	other := federationtest.Wanted()
	other.GrantUsageTo = nil
	w.Request(other)
	settle(t, w)
	lookAt(t, w)
	if ready(t, w); w.Records[name].Origin != federation.ByRequest || len(w.Usage("orders_live")) > 0 {
		t.Errorf("%+v", w.Records[name].Wanted)
	}
	w.Instances[federationtest.Instance].Tags = map[string]string{}
	lookAt(t, w)
	ready(t, w) // the tag's going is nothing to it
}

// Who asks by name for what a tag asked for takes it over, also while a run works on it: the tag's going is nothing to it any more.
func TestRequestTakesOverFromTag(t *testing.T) {
	for what, busy := range map[string]bool{"ready": false, "claimed": true} {
		t.Run(what, func(t *testing.T) {
			w := tagged(t)
			request := func() {
				handle(t, w, federationtest.Message{Request: new(federationtest.Wanted()), At: w.Now()})
			}
			if busy {
				at(w, 10, request)
			}
			lookAt(t, w)
			if !busy {
				request()
			}
			w.Instances[federationtest.Instance].Tags = map[string]string{}
			lookAt(t, w)
			if ready(t, w); w.Records[name].Origin != federation.ByRequest || w.Records[name].Generation != 1 {
				t.Errorf("%+v", w.Records[name])
			}
		})
	}
}

// Who withdraws by name what went with its tag keeps it down when the tag comes back.
func TestWithdrawalTakesOverFromTag(t *testing.T) {
	w := tagged(t)
	lookAt(t, w)
	tags := w.Instances[federationtest.Instance].Tags
	w.Instances[federationtest.Instance].Tags = map[string]string{}
	lookAt(t, w)
	phase(t, w, federation.Removed, "")
	w.Withdraw(name)
	settle(t, w)
	w.Instances[federationtest.Instance].Tags = tags
	lookAt(t, w)
	phase(t, w, federation.Removed, "")
}

// What is withdrawn by name stays so, until the tags ask for something else.
func TestWithdrawalComesBeforeTag(t *testing.T) {
	w := tagged(t)
	lookAt(t, w)
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	w.Advance(time.Hour)
	lookAt(t, w)
	phase(t, w, federation.Removed, "")
	w.Instances[federationtest.Instance].Tags[federation.TagGrant] = "group:others"
	lookAt(t, w)
	ready(t, w)
}

// Two instances with one name do not take turns.
func TestTwoInstancesOfOneName(t *testing.T) {
	w := tagged(t)
	lookAt(t, w)
	second := w.AddInstance("orders-eu", "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-orders-eu-AbCdEf")
	second.Tags = maps.Clone(w.Instances[federationtest.Instance].Tags)
	before := w.State()
	w.Send(federationtest.Message{LookAt: "orders-eu"})
	settle(t, w)
	if w.State() != before {
		t.Errorf("%s", diff(before, w.State()))
	}
}

// An instance of which an event tells: who asked for it by name is looked at, too.
func TestInstanceEvents(t *testing.T) {
	w := provisioned(t)
	delete(w.Instances, federationtest.Instance)
	lookAt(t, w)
	phase(t, w, federation.Blocked, federation.SourceMissing)
	w.AddInstance(federationtest.Instance, federationtest.Master)
	lookAt(t, w)
	phase(t, w, federation.Ready, "")
	w.Send(federationtest.Message{LookAt: "nobodys"})
	settle(t, w)
}

// One failure keeps none of the others of an instance waiting, and the message comes again.
func TestInstanceEventsWithFailures(t *testing.T) {
	w := tagged(t)
	lookAt(t, w)
	for _, other := range []string{"first", "second"} {
		d := federationtest.Wanted()
		d.Name, d.Schema = other, other
		w.Request(d)
		settle(t, w)
	}
	broken := name
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Service == "store" && c.Op == "Get" && c.Subject == broken {
			return federationtest.Throttled
		}
		return federationtest.None
	}
	for _, broken = range []string{name, "first", "second"} {
		out, err := w.Reconciler().Instance(t.Context(), federationtest.Instance, "run")
		if fault.KindOf(err) != fault.Retry || len(out) != 2 || slices.ContainsFunc(out, func(o federation.Outcome) bool { return o.Federation == broken }) {
			t.Errorf("%s: %+v, %v", broken, out, err)
		}
	}
	w.Instances[federationtest.Instance].Tags[federation.TagGrant] = "analysts" // no grantee
	if out, err := w.Reconciler().Instance(t.Context(), federationtest.Instance, "run"); fault.KindOf(err) != fault.Retry || len(out) != 2 || !strings.Contains(err.Error(), "analysts") {
		t.Errorf("%+v, %v", out, err)
	}
}

// The sweep looks at everything that is wanted, finds what no event told of, and names what belongs to nobody.
//
// Scenario 3
func TestSweep(t *testing.T) {
	w := provisioned(t)
	second := w.AddInstance("orders-eu", "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-orders-eu-AbCdEf")
	second.Tags[federation.TagWarehouse], second.Tags[federation.TagNetwork] = "analytics", "true"
	w.AddInstance("orders-us", "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-orders-us-AbCdEf")
	d := federationtest.Wanted()
	d.Name, d.Source.Instance, d.Schema = "removed", "orders-us", "removed"
	w.Request(d)
	settle(t, w)
	w.Withdraw("removed")
	settle(t, w)
	ours := map[string]string{federation.TagStage: "test", federation.TagFederation: "lost"}
	w.Roles["sluice-test-lost-00000000"] = &federationtest.Role{Path: "/sluice/test/", Role: federation.Role{Tags: ours}}
	w.Roles["theirs"] = &federationtest.Role{Path: "/sluice/test/", Role: federation.Role{Tags: map[string]string{}}}
	w.Roles["elsewhere"] = &federationtest.Role{Path: "/sluice/prod/", Role: federation.Role{Tags: ours}}

	swept, err := w.Reconciler().Sweep(t.Context())
	if err != nil || swept.Looks != 2 || !slices.Equal(swept.Missed, []string{"orders-eu"}) || !slices.Equal(swept.Unclaimed, []string{"sluice-test-lost-00000000 (federation lost)"}) {
		t.Errorf("%+v, %v", swept, err)
	}
	w.Clusters[federationtest.Cluster].Detach(w.Records[name].Made.RoleARN)
	settle(t, w)
	if rec := w.Records["orders-eu"]; rec.Phase != federation.Ready || rec.Origin != federation.ByTag {
		t.Errorf("%+v", rec)
	}
	if w.Clusters[federationtest.Cluster].Attached()[w.Records[name].Made.RoleARN] != federation.InSync || w.Roles["sluice-test-lost-00000000"] == nil {
		t.Errorf("%s", w.State())
	}
	swept, err = w.Reconciler().Sweep(t.Context())
	if err != nil || swept.Looks != 2 || len(swept.Missed) > 0 {
		t.Errorf("%+v, %v", swept, err)
	}
	settle(t, w)
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Op == "ListRoles" {
			return federationtest.Throttled
		}
		return federationtest.None
	}
	if swept, err := w.Reconciler().Sweep(t.Context()); err != nil || swept.Looks != 2 || !strings.Contains(w.Log.String(), "roles not listed") {
		t.Errorf("%+v, %v: the looks do not wait for the list", swept, err)
	}
}

// Whose tags are wrong is told apart from who asks for nothing by tag, and from who asks rightly.
func TestMistagged(t *testing.T) {
	w := tagged(t)
	if wrong, err := w.Reconciler().Mistagged(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("right tags: %v, %v", wrong, err)
	}
	w.Instances[federationtest.Instance].Tags[federation.TagGrant] = "analysts"
	wrong, err := w.Reconciler().Mistagged(t.Context())
	if err != nil || len(wrong) != 1 || fault.ReasonOf(wrong[0]) != federation.TagsWrong {
		t.Errorf("wrong tags: %v, %v", wrong, err)
	}
	w.Instances[federationtest.Instance].Tags[federation.TagWarehouse] = ""
	if wrong, err := w.Reconciler().Mistagged(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("no warehouse: %v, %v", wrong, err)
	}
}
