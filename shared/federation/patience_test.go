package federation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// until delivers messages until the record is in a phase.
func until(t testing.TB, w *federationtest.World, want federation.Phase) {
	t.Helper()
	for w.Records[name].Phase != want {
		if len(w.Calls) > 20000 || !w.Deliver(t.Context()) {
			t.Fatalf("it never is %s: %+v", want, w.Records[name])
		}
	}
}

// Refusals as they come from IAM are waited out for five minutes after our last change, and are a matter for people then.
//
// Scenario 17
func TestPatienceWithIAM(t *testing.T) {
	for reason, message := range map[string]string{
		warehouse.RoleRefused:   "Not authorized to get credentials of role x",
		warehouse.SecretRefused: "AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue",
		warehouse.KeyRefused:    "Access to KMS is not allowed",
	} {
		t.Run(reason, func(t *testing.T) {
			w := world(t)
			failing("prove by tables", message)(w, nil)
			w.Request(federationtest.Wanted())
			until(t, w, federation.Blocked)
			rec := phase(t, w, federation.Blocked, reason)
			if waited := w.Now().Sub(rec.IAMChanged); waited < 5*time.Minute || waited > 11*time.Minute {
				t.Errorf("blocked after %v", waited)
			}
		})
	}
	w := world(t)
	w.IAMLag = 3 * time.Minute // the role is not assumable for long
	w.Request(federationtest.Wanted())
	settle(t, w)
	if ready(t, w); len(w.Announced) != 1 {
		t.Errorf("announced %+v", w.Announced)
	}
	w = world(t)
	w.IAMLag = time.Hour
	w.Request(federationtest.Wanted())
	until(t, w, federation.Blocked)
	phase(t, w, federation.Blocked, federation.NotAssumable)
}

// A refusal long after the last change of IAM is nobody's delay.
func TestNoPatienceWithoutChange(t *testing.T) {
	w := provisioned(t)
	w.Advance(24 * time.Hour)
	failing("prove by tables", "Access to KMS is not allowed")(w, nil)
	w.Look(name)
	w.Deliver(t.Context())
	phase(t, w, federation.Blocked, warehouse.KeyRefused)
}

// A password that rotates is tried again before it is reported.
//
// Scenario 24
func TestPatienceWithPasswords(t *testing.T) {
	w := provisioned(t)
	w.Advance(2 * time.Hour)
	left := 2
	w.StatementFails = func(purpose, _ string) string {
		if purpose == "prove by tables" && left > 0 {
			left--
			return `FATAL: password authentication failed for user "x"`
		}
		return ""
	}
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	for _, a := range w.Announced {
		if a.Type == event.FederationBlocked {
			t.Errorf("announced %+v", a)
		}
	}
}

// What the cluster and the source are doing tells apart who waits, who is parked, and who needs a person.
func TestWaits(t *testing.T) {
	cluster := func(status, availability string) func(*federationtest.World) {
		return func(w *federationtest.World) {
			c := w.Clusters[federationtest.Cluster]
			c.Status, c.Availability = status, availability
		}
	}
	instance := func(change func(*federationtest.RDS)) func(*federationtest.World) {
		return func(w *federationtest.World) { change(w.Instances[federationtest.Instance]) }
	}
	calm := func(w *federationtest.World) {
		cluster("available", "Available")(w)
		db := w.Instances[federationtest.Instance]
		db.Status, db.SecretStatus, db.Host = "available", "active", "orders-prod.abc123xyz789.us-east-1.rds.amazonaws.com"
	}
	for what, tc := range map[string]struct {
		happens func(*federationtest.World)
		phase   federation.Phase
		reason  string
		says    string
		atMost  time.Duration
	}{
		// Scenario 13
		"paused":   {cluster("paused", "Unavailable"), federation.Parked, federation.ClusterPaused, "is paused", 15 * time.Minute},
		"pausing":  {cluster("pausing", "Modifying"), federation.Parked, federation.ClusterPaused, "is pausing", 15 * time.Minute},
		"resuming": {cluster("resuming", "Modifying"), federation.Parked, federation.ClusterPaused, "is resuming", 15 * time.Minute},
		// Scenario 14
		"resizing": {cluster("resizing", "Unavailable"), federation.Waiting, federation.ClusterResizing, "is resizing", 2 * time.Minute},
		// Scenario 14
		"maintenance": {cluster("available", "Maintenance"), federation.Parked, federation.ClusterMaintenance, "in maintenance", 2 * time.Minute},
		// Scenario 14
		"modifying": {cluster("modifying", "Modifying"), federation.Waiting, federation.ClusterChanging, "is modifying", 2 * time.Minute},
		// Scenario 29
		"creating": {instance(func(db *federationtest.RDS) { db.Status, db.Host = "creating", "" }), federation.Waiting, federation.SourceAway, "is creating", time.Minute},
		// Scenario 29
		"no address yet": {instance(func(db *federationtest.RDS) { db.Host = "" }), federation.Waiting, federation.SourceAway, "is available", time.Minute},
		"stopped":        {instance(func(db *federationtest.RDS) { db.Status = "stopped" }), federation.Parked, federation.SourceAway, "is stopped", 15 * time.Minute},
		// Scenario 10
		"rotating": {instance(func(db *federationtest.RDS) { db.SecretStatus = "rotating" }), federation.Waiting, federation.SecretRotating, "is rotating", time.Minute},
	} {
		t.Run(what, func(t *testing.T) {
			w := world(t)
			tc.happens(w)
			w.Request(federationtest.Wanted())
			w.Deliver(t.Context())
			rec := phase(t, w, tc.phase, tc.reason)
			if !strings.Contains(rec.Message, tc.says) || rec.Remedy != "" || len(w.Messages) != 1 || w.Messages[0].Due.Sub(w.Now()) > tc.atMost {
				t.Errorf("message %q, remedy %q, messages %+v", rec.Message, rec.Remedy, w.Messages)
			}
			w.Deliver(t.Context())
			phase(t, w, tc.phase, tc.reason)
			calm(w)
			settle(t, w)
			ready(t, w)
			if len(w.Announced) != 1 {
				t.Errorf("announced %+v", w.Announced)
			}
		})
	}
	for what, happens := range map[string]func(*federationtest.World){"paused": cluster("paused", "Unavailable"), "deleting": cluster("deleting", "Unavailable")} {
		t.Run("withdrawn while "+what, func(t *testing.T) {
			w := provisioned(t)
			happens(w)
			w.Withdraw(name)
			w.Deliver(t.Context())
			if rec := w.Records[name]; rec.Phase != federation.Parked && rec.Phase != federation.Waiting || len(w.Roles) != 1 {
				t.Errorf("%s %s, roles %d", rec.Phase, rec.Reason, len(w.Roles))
			}
			calm(w)
			settle(t, w)
			phase(t, w, federation.Removed, "")
			gone(t, w)
		})
	}
}

// Scenario 15
func TestWithdrawnAfterTheClusterIsGone(t *testing.T) {
	w := provisioned(t)
	delete(w.Clusters, federationtest.Cluster)
	w.Schemas = nil
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	if len(w.Roles)+len(w.Rules) > 0 || len(w.Instances[federationtest.Instance].Logins) > 1 {
		t.Errorf("%s", w.State())
	}
}

func TestWithdrawnAfterTheSourceIsGone(t *testing.T) {
	w := provisioned(t)
	delete(w.Instances, federationtest.Instance)
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
}

// A schema on which something is built stays, and with it all that it needs.
//
// Scenario 31
func TestWithdrawnWithDependents(t *testing.T) {
	w := provisioned(t)
	w.Schemas["orders_live"].Dependents = []string{"a materialized view"}
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Blocked, warehouse.Dependents)
	if len(w.Roles) != 1 || len(w.Rules) != 1 || w.Clusters[federationtest.Cluster].Attached()[w.Records[name].Made.RoleARN] != federation.InSync {
		t.Errorf("%s", w.State())
	}
	w.Schemas["orders_live"].Dependents = nil
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	gone(t, w)
}

// A warehouse that is not declared any more cannot be cleaned up.
func TestWithdrawnFromAWarehouseThatIsNotDeclared(t *testing.T) {
	w := provisioned(t)
	declared := w.Config.Warehouses
	w.Config.Warehouses = nil
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Blocked, federation.WarehouseUnknown)
	w.Config.Warehouses = declared
	w.Look(name)
	settle(t, w)
	gone(t, w)
}

// Another cluster under the warehouse's name: what was made in the old one goes first.
func TestWarehouseWithAnotherCluster(t *testing.T) {
	w := provisioned(t)
	old := w.Records[name].Made.RoleARN
	w.Clusters["second"] = federationtest.NewCluster()
	gate(w, func(f *warehouse.Federating) { f.Cluster = "second" })
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if len(w.Clusters[federationtest.Cluster].Attached()) > 0 || w.Clusters["second"].Attached()[old] != federation.InSync {
		t.Errorf("%s", w.State())
	}
}

// Statements that run for long are left and found again, wherever they are.
func TestSlowStatements(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			calm := s.make(t)
			s.tell(calm)
			settle(t, calm)
			w := s.make(t)
			w.StatementTakes = 25 * time.Second
			s.tell(w)
			settle(t, w)
			if got, want := w.State(), calm.State(); got != want {
				t.Errorf("the world is another: %s", diff(want, got))
			}
		})
	}
}

// A statement that the warehouse has forgotten says nothing of what it did.
//
// Scenario 6: where the token has expired.
func TestForgottenStatements(t *testing.T) {
	w := world(t)
	w.StatementTakes = time.Minute
	w.Request(federationtest.Wanted())
	forgotten := 0
	w.Before = func(c federationtest.Call) {
		if c.Op == "ExecuteStatement" && forgotten < 3 {
			return
		}
		if c.Op == "Get" && w.Records[name].Statement != nil && forgotten < 3 {
			forgotten++
			w.Forget()
		}
	}
	settle(t, w)
	if ready(t, w); forgotten == 0 {
		t.Error("nothing was forgotten")
	}
}

// Without visible tables it is ready, and says so.
func TestEmptySource(t *testing.T) {
	w := world(t)
	w.Instances[federationtest.Instance].Tables = nil
	w.Request(federationtest.Wanted())
	settle(t, w)
	if rec := phase(t, w, federation.Ready, ""); !slices.ContainsFunc(rec.Conditions, func(c federation.Condition) bool {
		return c.Type == federation.CondEmpty && strings.Contains(c.Message, "schema public")
	}) {
		t.Errorf("%+v", rec.Conditions)
	}
	w.Instances[federationtest.Instance].Tables = []string{"items"}
	w.Advance(2 * time.Hour)
	w.Look(name)
	settle(t, w)
	if rec := phase(t, w, federation.Ready, ""); len(rec.Conditions) > 0 {
		t.Errorf("%+v", rec.Conditions)
	}
}

// Conditions are stored also where nothing else is.
func TestConditions(t *testing.T) {
	w := world(t)
	gate(w, func(f *warehouse.Federating) { f.RoleLimit = 5 })
	w.Rules = []federation.Rule{{ID: "sgr-theirs", Group: "sg-orders-prod", From: "sg-warehouse", Ports: [2]int{5000, 6000}, Tags: map[string]string{}}}
	w.Clusters[federationtest.Cluster].Attach("a")
	w.Clusters[federationtest.Cluster].Attach("b")
	w.Clusters[federationtest.Cluster].Attach("c")
	w.Request(federationtest.Wanted())
	settle(t, w)
	w.Look(name)
	settle(t, w)
	message := func(kind string) string {
		for _, c := range w.Records[name].Conditions {
			if c.Type == kind {
				return c.Message
			}
		}
		return ""
	}
	if got := message(federation.CondRoles); got != "the cluster has 4 of at most 5 IAM roles" {
		t.Errorf("roles: %q", got)
	}
	if got := message(federation.CondOpened); !strings.Contains(got, "sgr-theirs") || len(w.Rules) != 1 {
		t.Errorf("ingress: %q, rules %+v", got, w.Rules)
	}
	w.Clusters[federationtest.Cluster].Attach("d")
	w.Look(name)
	settle(t, w)
	if got := message(federation.CondRoles); got != "the cluster has 5 of at most 5 IAM roles" {
		t.Errorf("roles: %q", got)
	}
	w.Withdraw(name)
	settle(t, w)
	if len(w.Rules) != 1 {
		t.Errorf("a rule of others went: %+v", w.Rules)
	}
}

// Login's trouble that may pass is tried again, and its answer about owners is in the status.
func TestLoginTrouble(t *testing.T) {
	w := world(t)
	left := 2
	w.LoginFails = func(source.Request) error {
		if left--; left >= 0 {
			return &fault.Error{Kind: fault.Retry, Reason: source.SourceUnreachable, Op: "keep login"}
		}
		return nil
	}
	w.Request(federationtest.Wanted())
	settle(t, w)
	if ready(t, w); len(w.Announced) != 1 {
		t.Errorf("announced %+v", w.Announced)
	}
}

// What a statement does that was left running comes after all, so that nothing else is begun before it is over.
func TestLeftRunning(t *testing.T) {
	other := federationtest.Wanted()
	other.Schema = "orders_now"
	ask := map[string]func(*federationtest.World){
		"withdrawn":        func(w *federationtest.World) { w.Withdraw(name) },
		"another document": func(w *federationtest.World) { w.Request(other) },
		"withdrawn and requested again": func(w *federationtest.World) {
			w.Withdraw(name)
			w.Advance(time.Second)
			w.Request(federationtest.Wanted())
		},
	}
	// running settles until a statement of this kind is left running.
	running := func(t *testing.T, w *federationtest.World, verb string) {
		t.Helper()
		for w.Records[name].Statement == nil || w.Records[name].Statement.Purpose != verb {
			if !w.Deliver(t.Context()) {
				t.Fatalf("%q never runs", verb)
			}
		}
		w.StatementTakes = 0 // of all others
	}
	for what, then := range ask {
		t.Run("create, "+what, func(t *testing.T) {
			w := world(t)
			w.StatementTakes = 25 * time.Second
			w.Request(federationtest.Wanted())
			running(t, w, "create schema")
			then(w)
			settle(t, w)
			switch what {
			case "withdrawn":
				phase(t, w, federation.Removed, "")
				gone(t, w)
			case "another document":
				if phase(t, w, federation.Ready, ""); len(w.Schemas) != 1 || w.Schemas["orders_now"] == nil {
					t.Errorf("%s", w.State())
				}
			default:
				ready(t, w)
			}
		})
	}
	t.Run("drop, requested again", func(t *testing.T) {
		w := world(t)
		w.Request(federationtest.Wanted())
		settle(t, w)
		w.StatementTakes = 25 * time.Second
		w.Withdraw(name)
		running(t, w, "drop schema")
		w.Request(federationtest.Wanted())
		settle(t, w)
		ready(t, w)
	})
}

// A statement that was left may not be looked at any more, as where another role began it.
func TestStatementThatMayNotBeLookedAt(t *testing.T) {
	w := world(t)
	w.StatementTakes = 25 * time.Second
	w.Request(federationtest.Wanted())
	for w.Records[name].Statement == nil {
		w.Deliver(t.Context())
	}
	left := w.Records[name].Statement.ID
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Op == "DescribeStatement" && c.Subject == left {
			return federationtest.Refused
		}
		return federationtest.None
	}
	settle(t, w)
	ready(t, w)
}

// Redshift folds names, so that a table with an upper-case letter cannot prove anything by a row. It does not hide the others.
func TestMixedCase(t *testing.T) {
	for what, tc := range map[string]struct {
		tables    []string
		condition bool
	}{"and others": {[]string{"Users", "items"}, false}, "only": {[]string{"Users"}, true}} {
		t.Run(what, func(t *testing.T) {
			w := world(t)
			w.Instances[federationtest.Instance].Tables = tc.tables
			w.Request(federationtest.Wanted())
			settle(t, w)
			has := slices.ContainsFunc(phase(t, w, federation.Ready, "").Conditions, func(c federation.Condition) bool {
				return c.Type == federation.CondFolded && strings.Contains(c.Message, "Users") && strings.Contains(c.Message, "enable_case_sensitive_identifier")
			})
			if has != tc.condition {
				t.Errorf("%+v", w.Records[name].Conditions)
			}
		})
	}
	t.Run("database that RDS names", func(t *testing.T) {
		w := world(t)
		w.Instances[federationtest.Instance].Endpoint.Database = "Orders"
		wanted := federationtest.Wanted()
		wanted.Source.Database = ""
		w.Request(wanted)
		settle(t, w)
		if rec := phase(t, w, federation.Blocked, warehouse.DatabaseMissing); !strings.Contains(rec.Remedy, "lower-case") || len(w.Schemas) > 0 {
			t.Errorf("%+v", rec)
		}
	})
}
