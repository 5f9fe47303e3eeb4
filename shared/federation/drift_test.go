package federation_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Whatever is changed by hand, one look brings it back as it was.
func TestDrift(t *testing.T) {
	made := func(w *federationtest.World) federation.Made { return w.Records[name].Made }
	role := func(w *federationtest.World) *federationtest.Role { return w.Roles[made(w).Role] }
	for what, drift := range map[string]func(*federationtest.World){
		// Scenarios 20, 37
		"role detached": func(w *federationtest.World) { w.Clusters[federationtest.Cluster].Detach(made(w).RoleARN) },
		"role deleted": func(w *federationtest.World) {
			delete(w.Roles, made(w).Role)
			w.Clusters[federationtest.Cluster].Detach(made(w).RoleARN)
		},
		// Scenario 19
		"policy edited": func(w *federationtest.World) {
			role(w).Policies[federation.PolicyName] = `{"Version":"2012-10-17","Statement":[]}`
		},
		"policy deleted": func(w *federationtest.World) { delete(role(w).Policies, federation.PolicyName) },
		// Scenario 19
		"trust edited":     func(w *federationtest.World) { role(w).Trust = strings.ReplaceAll(role(w).Trust, "redshift", "lambda") },
		"boundary removed": func(w *federationtest.World) { role(w).Boundary = "" },
		"schema dropped":   func(w *federationtest.World) { delete(w.Schemas, "orders_live") },
		// Scenario 23
		"schema with another host": func(w *federationtest.World) { w.Schemas["orders_live"].Is.Host = "elsewhere.example.com" },
		"grant lost":               func(w *federationtest.World) { w.Schemas["orders_live"].Usage = map[warehouse.Grantee]bool{} },
		"rule revoked":             func(w *federationtest.World) { w.Rules = nil },
		// Scenario 8
		"secret deleted": func(w *federationtest.World) { w.Secrets[made(w).SecretName].Deleted = w.Now() },
		"everything but the source": func(w *federationtest.World) {
			clear(w.Roles)
			clear(w.Schemas)
			w.Rules = nil
			w.Clusters[federationtest.Cluster].Detach(made(w).RoleARN)
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			before, grants := w.State(), maps.Clone(w.Usage("orders_live"))
			drift(w)
			if w.State() == before {
				t.Fatal("nothing has changed")
			}
			w.Look(name)
			settle(t, w)
			phase(t, w, federation.Ready, "")
			if w.State() != before || !maps.Equal(w.Usage("orders_live"), grants) {
				t.Errorf("the world is another: %s", diff(before, w.State()))
			}
		})
	}
}

// What no description shows is found by the proof: a login whose password was changed, a secret that was made anew.
func TestDriftThatOnlyTheProofFinds(t *testing.T) {
	for what, drift := range map[string]func(*federationtest.World){
		"login dropped": func(w *federationtest.World) {
			delete(w.Instances[federationtest.Instance].Logins, w.Records[name].Made.Login)
		},
		"password changed": func(w *federationtest.World) {
			l := w.Instances[federationtest.Instance].Logins
			l[w.Records[name].Made.Login] = federationtest.Login{Password: "EXAMPLE-password-other", Mark: l[w.Records[name].Made.Login].Mark}
		},
		"secret's value changed": func(w *federationtest.World) {
			w.Secrets[w.Records[name].Made.SecretName].Password = "EXAMPLE-password-other"
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			before := w.State()
			drift(w)
			w.Advance(2 * time.Hour)
			w.Look(name)
			settle(t, w)
			phase(t, w, federation.Ready, "")
			if w.State() != before {
				t.Errorf("the world is another: %s", diff(before, w.State()))
			}
		})
	}
}

// A login that is refused again after it was mended is not mended for ever.
func TestLoginThatCannotBeMended(t *testing.T) {
	w := provisioned(t)
	w.Advance(2 * time.Hour)
	failing("prove by tables", `FATAL: password authentication failed for user "x"`)(w, nil)
	since := len(w.Calls)
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Blocked, warehouse.PasswordRefused)
	if n := calls(w, since, "login"); n > 10 || len(w.Dead) > 0 {
		t.Errorf("login was asked %d times; dead %+v", n, w.Dead)
	}
}

// The source has moved: secret and schema follow, and what others granted stays.
//
// Scenarios 23, 28: the host is another.
func TestSourceWithAnotherAddress(t *testing.T) {
	w := provisioned(t)
	w.Schemas["orders_live"].Usage["group:of_others"] = true
	w.Schemas["orders_live"].Usage[warehouse.Public] = true
	w.Instances[federationtest.Instance].Host = "moved.example.com"
	w.Instances[federationtest.Instance].Port = 5433
	w.Look(name)
	settle(t, w)
	rec := phase(t, w, federation.Ready, "")
	if is := w.Schemas["orders_live"].Is; is.Host != "moved.example.com" || is.Port != 5433 || !strings.HasPrefix(w.Secrets[rec.Made.SecretName].Tags[federation.TagEndpoint], "moved.example.com:5433/") {
		t.Errorf("%+v, %+v", is, w.Secrets[rec.Made.SecretName].Tags)
	}
	if got := slices.Sorted(maps.Keys(w.Usage("orders_live"))); !slices.Equal(got, []warehouse.Grantee{"group:example_group", "group:of_others", "public"}) || len(rec.Made.Kept) > 0 {
		t.Errorf("usage %v, kept %v", got, rec.Made.Kept)
	}
}

// The same name, another database: credentials are made anew and not inherited.
//
// Scenario 38
func TestSourceMadeAgain(t *testing.T) {
	w := provisioned(t)
	made := w.Records[name].Made
	was := w.Secrets[made.SecretName].Password
	db := w.AddInstance(federationtest.Instance, federationtest.Master)
	db.ResourceID = "db-orders-prod-2"
	w.Send(federationtest.Message{LookAt: federationtest.Instance})
	settle(t, w)
	rec := phase(t, w, federation.Ready, "")
	if rec.Made.ResourceID != "db-orders-prod-2" || rec.Made.Gone || w.Secrets[made.SecretName].Password == was || db.Logins[made.Login].Mark == "" || len(w.Rules) != 1 {
		t.Errorf("%s", w.State())
	}
}

// Grants that Sluice gave and that are not wanted any more are taken back; those of others stay.
func TestGrants(t *testing.T) {
	w := provisioned(t)
	w.Schemas["orders_live"].Usage["group:of_others"] = true
	other := federationtest.Wanted()
	other.GrantUsageTo = []warehouse.Grantee{"group:second"}
	w.Request(other)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if got := slices.Sorted(maps.Keys(w.Usage("orders_live"))); !slices.Equal(got, []warehouse.Grantee{"group:of_others", "group:second"}) {
		t.Errorf("usage %v", got)
	}
	// what is taken back is not kept where the schema is made anew at the same time
	w.Schemas["orders_live"].Is.Host = "elsewhere.example.com"
	other.GrantUsageTo = nil
	w.Request(other)
	settle(t, w)
	if got := slices.Sorted(maps.Keys(w.Usage("orders_live"))); !slices.Equal(got, []warehouse.Grantee{"group:of_others"}) {
		t.Errorf("usage %v", got)
	}
}

// Ingress that is not wanted any more is closed.
func TestIngressTurnedOff(t *testing.T) {
	w := provisioned(t)
	theirs := federation.Rule{ID: "sgr-theirs", Group: "sg-orders-prod", Any: true, Ports: [2]int{-1, -1}, Tags: map[string]string{federation.TagStage: "prod", federation.TagFederation: name}}
	w.Rules = append(w.Rules, theirs)
	other := federationtest.Wanted()
	other.ManageIngress = false
	w.Request(other)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if len(w.Rules) != 1 || w.Rules[0].ID != "sgr-theirs" {
		t.Errorf("%+v", w.Rules)
	}
}

// What has our names and not our tags is never changed and never deleted.
//
// Scenarios 9, 18
func TestWhatIsNotOursIsNotTouched(t *testing.T) {
	w := provisioned(t)
	made := w.Records[name].Made
	w.Roles[made.Role].Tags = map[string]string{federation.TagStage: "prod", federation.TagFederation: name}
	w.Roles[made.Role].Trust = "theirs"
	w.Secrets[made.SecretName].Tags = map[string]string{}
	l := w.Instances[federationtest.Instance].Logins
	l[made.Login] = federationtest.Login{Password: "EXAMPLE-password-other", Mark: "theirs"}
	w.Schemas["orders_live"].Is.Role = "arn:aws:iam::111122223333:role/theirs"
	w.Rules[0].Tags = map[string]string{}
	before := w.State()
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Blocked, federation.SecretTaken)
	w.Withdraw(name)
	settle(t, w)
	phase(t, w, federation.Removed, "")
	if w.Roles[made.Role] == nil || w.Roles[made.Role].Trust != "theirs" || len(w.Roles[made.Role].Policies) != 1 || !w.Secrets[made.SecretName].Deleted.IsZero() ||
		l[made.Login].Mark != "theirs" || w.Schemas["orders_live"] == nil || len(w.Rules) != 1 {
		t.Errorf("%s", diff(before, w.State()))
	}
}

// What Sluice granted is taken back also where its user does not see it: the record knows.
func TestRevokeUnseen(t *testing.T) {
	w := world(t)
	both, one := federationtest.Wanted(), federationtest.Wanted()
	both.GrantUsageTo, one.GrantUsageTo = []warehouse.Grantee{"group:example_group", "group:gone", "group:left"}, []warehouse.Grantee{"group:example_group"}
	w.Request(both)
	settle(t, w)
	ready(t, w)
	w.Blind = true
	delete(w.Schemas["orders_live"].Usage, "group:gone") // with the group
	w.StatementFails = func(purpose, sql string) string {
		if purpose == "revoke usage" && strings.Contains(sql, `"gone"`) {
			return `ERROR: group "gone" does not exist`
		}
		return ""
	}
	w.Advance(time.Minute)
	w.Request(one)
	settle(t, w)
	rec := phase(t, w, federation.Ready, "")
	if got := w.Schemas["orders_live"].Usage; len(got) != 1 || !got["group:example_group"] || !slices.Equal(rec.Made.Grants, one.GrantUsageTo) {
		t.Errorf("usage %v, noted %v", got, rec.Made.Grants)
	}
	if !strings.Contains(w.Log.String(), "sluice bootstrap") {
		t.Error("nobody is told that the user does not see its own grants")
	}
}

// AWS documents neither the options' keys nor their forms, so that a difference which a schema made anew still has is none.
func TestSchemaIsMadeAnewOnce(t *testing.T) {
	for what, tc := range map[string]struct {
		tells func(string) string
		drops int
	}{
		"a key is not told":     {func(o string) string { return strings.Replace(o, `,"SECRET_ARN"`, `,"SOMETHING"`, 1) }, 0},
		"written in other case": {func(o string) string { return strings.Replace(o, "orders-prod.abc", "ORDERS-PROD.abc", 1) }, 1},
	} {
		t.Run(what, func(t *testing.T) {
			w := provisioned(t)
			w.Tells = tc.tells
			drops := 0
			w.Before = func(c federationtest.Call) {
				if c.Op == "ExecuteStatement" && c.Subject == "drop schema" {
					drops++
				}
			}
			for range 4 {
				w.Advance(2 * time.Hour)
				w.Look(name)
				settle(t, w)
				ready(t, w)
			}
			if drops != tc.drops {
				t.Errorf("the schema is dropped %d times", drops)
			}
			w.Tells = nil // and what differs then is repaired again
			w.Look(name)
			settle(t, w)
			w.Schemas["orders_live"].Is.Host = "elsewhere"
			w.Advance(2 * time.Hour)
			w.Look(name)
			settle(t, w)
			if got := w.Schemas["orders_live"].Is.Host; got == "elsewhere" {
				t.Error("a schema that reads from elsewhere stays")
			}
		})
	}
}

// A warehouse that is declared with another database gets its schemas there, and none stays behind.
func TestAnotherDatabase(t *testing.T) {
	w := provisioned(t)
	declared := w.Config.Warehouses["analytics"]
	declared.Database = "sales"
	w.Config.Warehouses["analytics"] = declared
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if len(w.Schemas) != 1 || w.Schemas["sales.orders_live"] == nil {
		t.Errorf("%s", w.State())
	}
	// Where the policies do not let Sluice into the old one any more, it says what to do.
	declared.Database = "third"
	w.Config.Warehouses["analytics"] = declared
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Op == "ExecuteStatement" {
			return federationtest.Refused
		}
		return federationtest.None
	}
	w.Look(name)
	settle(t, w)
	if rec := phase(t, w, federation.Blocked, federation.Unauthorized); !strings.Contains(rec.Remedy, "database sales") || len(w.Roles) != 1 {
		t.Errorf("%+v", rec)
	}
}
