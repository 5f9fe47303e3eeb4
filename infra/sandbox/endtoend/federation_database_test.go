package endtoend_test

import (
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	wanted "github.com/sluicehq/sluice/shared/source"
)

// A mistyped database of the source is no dead end, although the login has to be looked for where there is no such database.
func TestFederationWrongDatabase(t *testing.T) {
	t.Parallel()
	f := federating(t)
	before := f.snapshot("typo")
	mistyped := func(w *federation.Wanted) { w.Source.Database = "ordrs" }
	missing := refusal{wanted.DatabaseMissing, []string{`database "ordrs" does not exist`}, "name a database"}

	f.request(orders("typo", mistyped))
	f.refuses(f.becomes("typo", federation.Blocked, missing.reason, 20*time.Minute), missing)
	f.request(orders("typo"))
	rec := f.becomes("typo", federation.Ready, "", 20*time.Minute)
	if rec.Made.Source.Database != world.OrdersDatabase {
		t.Errorf("the correction reads %s", rec.Made.Endpoint)
	}
	f.gone("typo")
	f.pass(15 * time.Minute) // until the follow-ups of what was blocked have come
	if after := f.snapshot("typo"); after != before {
		t.Errorf("left behind after the correction:\n%s\nbefore:\n%s", after, before)
	}

	f.request(orders("typo", mistyped))
	f.refuses(f.becomes("typo", federation.Blocked, missing.reason, 20*time.Minute), missing)
	f.gone("typo")
	f.pass(15 * time.Minute) // until the follow-ups of what was blocked have come
	if after := f.snapshot("typo"); after != before {
		t.Errorf("left behind after the withdrawal:\n%s\nbefore:\n%s", after, before)
	}
}
