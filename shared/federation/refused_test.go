package federation_test

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A document that is refused, or whose source or cluster is away, takes nothing down of what works. The old document makes all well.
func TestRefusedDocumentLeavesWhatWorks(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*federationtest.World, *federation.Wanted)
		phase  federation.Phase
		reason string
	}{
		"unknown warehouse": {func(_ *federationtest.World, d *federation.Wanted) { d.Warehouse = "elsewhere" }, federation.Blocked, federation.WarehouseUnknown},
		"no such instance":  {func(_ *federationtest.World, d *federation.Wanted) { d.Source.Instance = "orders-lost" }, federation.Blocked, federation.SourceMissing},
		"instance that nobody allowed": {func(w *federationtest.World, d *federation.Wanted) {
			w.AddInstance("theirs", federationtest.Master)
			d.Source.Instance = "theirs"
		}, federation.Blocked, federation.SourceNotAllowed},
		"instance that is stopped": {func(w *federationtest.World, d *federation.Wanted) {
			w.AddInstance("orders-eu", federationtest.Master).Status = "stopped"
			d.Source.Instance = "orders-eu"
		}, federation.Parked, federation.SourceAway},
		"another engine": {func(_ *federationtest.World, d *federation.Wanted) { d.Source.Engine = source.AuroraPostgres }, federation.Blocked, federation.EngineDiffers},
		"no such secret": {func(_ *federationtest.World, d *federation.Wanted) {
			d.Credentials.Secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:reader-AbCdEf"
		}, federation.Blocked, federation.SecretMissing},
		"secret that serves another source": {func(w *federationtest.World, d *federation.Wanted) {
			s := foreign(w)
			s.Tags[federation.TagSource], d.Credentials.Secret = "others", s.ARN
		}, federation.Blocked, federation.SecretNotServing},
		"source whose admin nobody knows": {func(w *federationtest.World, d *federation.Wanted) {
			w.AddInstance("orders-eu", "")
			d.Source.Instance = "orders-eu"
		}, federation.Blocked, federation.AdminMissing},
		"no such cluster": {func(w *federationtest.World, d *federation.Wanted) {
			w.Config.Warehouses["second"] = warehouse.Federating{Cluster: "gone", Sources: []string{"*"}, Grantees: []string{"*"}}
			d.Warehouse = "second"
		}, federation.Blocked, federation.ClusterMissing},
	} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			other := federationtest.Wanted()
			tc.change(w, &other)
			before, since := w.State(), len(w.Calls)
			w.Request(other)
			w.Deliver(t.Context())
			phase(t, w, tc.phase, tc.reason)
			w.Deliver(t.Context()) // also when it is looked at again
			phase(t, w, tc.phase, tc.reason)
			for _, c := range w.Calls[since:] {
				if c.Writes && !slices.Contains([]string{"store", "sqs", "events"}, c.Service) {
					t.Errorf("%s", c)
				}
			}
			w.Request(federationtest.Wanted())
			settle(t, w)
			rec := phase(t, w, federation.Ready, "")
			rec.Generation = 1
			w.Records[name] = rec
			if w.State() != before {
				t.Errorf("the world is another: %s", diff(before, w.State()))
			}
		})
	}
}

// What was refused can be withdrawn, with all that the document before it made.
func TestRefusedDocumentIsWithdrawn(t *testing.T) {
	w := provisioned(t)
	other := federationtest.Wanted()
	other.Source.Instance = "orders-lost"
	w.Request(other)
	w.Deliver(t.Context())
	phase(t, w, federation.Blocked, federation.SourceMissing)
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
}

// admins are those with whose secrets login was asked.
func admins(w *federationtest.World) *[]string {
	var asked []string
	w.LoginFails = func(r source.Request) error {
		asked = append(asked, r.Action+" "+r.Admin)
		return nil
	}
	return &asked
}

// The secret of an admin is used for no source for which nobody vouches, neither for the login nor to take it away.
func TestAdminNobodyVouchesFor(t *testing.T) {
	for what, early := range map[string]bool{"looked at": false, "withdrawn before anybody looks": true} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			s := w.AddSecret("admin", "postgres", w.Secrets[federationtest.Master].Password, map[string]string{federation.TagSource: "others"})
			asked := admins(w)
			other := federationtest.Wanted()
			other.Credentials.Admin = s.ARN
			w.Request(other)
			if early {
				at(w, 3, func() { handle(t, w, federationtest.Message{Withdraw: name, At: w.Now()}) })
				settle(t, w)
			} else {
				settle(t, w)
				if rec := phase(t, w, federation.Blocked, federation.SecretNotServing); rec.Made.Admin != federationtest.Master {
					t.Errorf("the admin is %s", rec.Made.Admin)
				}
			}
			w.Withdraw(name)
			settle(t, w)
			phase(t, w, federation.Removed, "")
			gone(t, w)
			if want := []string{"drop " + federationtest.Master}; !slices.Equal(*asked, want) {
				t.Errorf("login was asked %v, want %v", *asked, want)
			}
		})
	}
}

// An admin for whom somebody vouches takes over, and is asked for again before the login goes.
func TestAnotherAdmin(t *testing.T) {
	w := provisioned(t)
	s := w.AddSecret("admin", "postgres", w.Secrets[federationtest.Master].Password, map[string]string{federation.TagSource: federationtest.Instance})
	asked := admins(w)
	other := federationtest.Wanted()
	other.Credentials.Admin = s.ARN
	w.Request(other)
	settle(t, w)
	if rec := phase(t, w, federation.Ready, ""); rec.Made.Admin != s.ARN {
		t.Errorf("the admin is %s", rec.Made.Admin)
	}
	s.Tags[federation.TagSource] = "others"
	w.Withdraw(name)
	w.Deliver(t.Context())
	until(t, w, federation.Blocked)
	if phase(t, w, federation.Blocked, federation.SecretNotServing); len(*asked) > 0 {
		t.Errorf("login was asked %v", *asked)
	}
	s.Tags[federation.TagSource] = federationtest.Instance
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
	if want := []string{"drop " + s.ARN}; !slices.Equal(*asked, want) {
		t.Errorf("login was asked %v, want %v", *asked, want)
	}
}

// Without an admin nothing is asked of login where it never made anything.
func TestAdminOfNothing(t *testing.T) {
	w := world(t)
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Service == "rds" {
			return federationtest.Throttled
		}
		return federationtest.None
	}
	wanted := federationtest.Wanted()
	wanted.Credentials.Admin = "arn:aws:secretsmanager:us-east-1:111122223333:secret:theirs-AbCdEf"
	w.Request(wanted)
	w.Deliver(t.Context())
	w.Trouble = nil
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
}

// What the configuration allows no more ends also where the work only waited.
func TestConfigurationThatChangesWhileItWaits(t *testing.T) {
	for what, change := range map[string]func(*federationtest.World) string{
		"grantees": func(w *federationtest.World) string {
			gate(w, func(f *warehouse.Federating) { f.Grantees = nil })
			return federation.GranteeNotAllowed
		},
		"warehouse": func(w *federationtest.World) string {
			delete(w.Config.Warehouses, "analytics")
			return federation.WarehouseUnknown
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := world(t)
			w.Request(federationtest.Wanted())
			w.Deliver(t.Context())
			w.Deliver(t.Context())
			phase(t, w, federation.Waiting, "RoleAttaching")
			reason := change(w)
			w.Deliver(t.Context())
			if phase(t, w, federation.Blocked, reason); len(w.Schemas) > 0 {
				t.Errorf("%s", w.State())
			}
		})
	}
}

// The withdrawal of what nobody asked for is noted, and told nobody.
func TestWithdrawalOfNothing(t *testing.T) {
	w := world(t)
	w.Withdraw(name)
	settle(t, w)
	if phase(t, w, federation.Removed, ""); len(w.Announced) > 0 {
		t.Errorf("announced %+v", w.Announced)
	}
}
