package federation_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// What was made without leaving a record is found by names and tags when it is asked for again: nothing is made twice, and no
// statement defines anything.
//
// Scenarios 22, 40
func TestStateThatWasLost(t *testing.T) {
	w := provisioned(t)
	before := w.State()
	delete(w.Records, name)
	since := len(w.Calls)
	w.Request(federationtest.Wanted())
	settle(t, w)
	ready(t, w)
	if w.State() != before {
		t.Errorf("the world is another: %s", diff(before, w.State()))
	}
	for _, c := range w.Calls[since:] {
		if c.Op == "ModifyClusterIamRoles" || c.Subject == "drop schema" {
			t.Errorf("what was there is touched: %s", c)
		}
	}
	w.Withdraw(name)
	settle(t, w)
	gone(t, w)
}

// Our own secret went for good, and the one that is made in its place has another ARN: policy and schema follow, and what others
// granted stays. What is built on the schema keeps it as it is, until people have looked at it.
//
// Scenario 12
func TestSecretWithAnotherARN(t *testing.T) {
	w := provisioned(t)
	made := w.Records[name].Made
	w.Schemas["orders_live"].Usage["group:of_others"] = true
	delete(w.Secrets, made.SecretName)
	w.Suffix = "GhIjKl"
	w.Schemas["orders_live"].Dependents = []string{"a materialized view"}
	since := len(w.Calls)
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Blocked, warehouse.Dependents)
	w.Schemas["orders_live"].Dependents = nil
	w.Look(name)
	settle(t, w)
	rec := phase(t, w, federation.Ready, "")
	if rec.Made.Secret == made.Secret {
		t.Fatalf("the ARN is still %s", made.Secret)
	}
	if is := w.Schemas["orders_live"].Is.Secret; is != rec.Made.Secret {
		t.Errorf("the schema reads %s, want %s", is, rec.Made.Secret)
	}
	if got := slices.Sorted(maps.Keys(w.Usage("orders_live"))); !slices.Equal(got, []warehouse.Grantee{"group:example_group", "group:of_others"}) {
		t.Errorf("usage %v", got)
	}
	all := ops(w, since)
	policy := slices.IndexFunc(all, func(c string) bool { return c == "iam.PutRolePolicy "+made.Role })
	schema := slices.IndexFunc(w.Calls[since:], func(c federationtest.Call) bool { return c.Subject == "drop schema" })
	if policy < 0 || schema < policy {
		t.Errorf("the policy changed with call %d and the schema with call %d: %v", policy, schema, all)
	}
}

// Events about an instance that is gone by now make nothing, whatever they tell.
//
// Scenario 2
func TestCreationToldAfterDeletion(t *testing.T) {
	w := tagged(t)
	delete(w.Instances, federationtest.Instance)
	before := w.State()
	for range 2 {
		lookAt(t, w)
	}
	if got := writes(w, 0); len(got) > 0 || w.State() != before || len(w.Records) > 0 {
		t.Errorf("written: %v, records %v", got, w.Records)
	}
}
