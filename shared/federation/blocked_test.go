package federation_test

import (
	"fmt"
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

const ownKey = "arn:aws:kms:us-east-1:111122223333:key/1"

type blockage struct {
	name   string
	breaks func(*federationtest.World, *federation.Wanted)
	reason string
	says   string // part of the message
	remedy string // part of it
	mend   func(*federationtest.World)
	made   bool // something was made before it was found
}

// foreign is a secret that somebody else keeps for the source.
func foreign(w *federationtest.World) *federationtest.Secret {
	s := w.AddSecret("reader", "reader", "EXAMPLE-password-reader", map[string]string{federation.TagSource: federationtest.Instance})
	w.Instances[federationtest.Instance].Logins["reader"] = federationtest.Login{Password: s.Password}
	return s
}

func gate(w *federationtest.World, change func(*warehouse.Federating)) {
	f := w.Config.Warehouses["analytics"]
	change(&f)
	w.Config.Warehouses["analytics"] = f
}

// failing lets statements of one purpose fail.
func failing(purpose, message string) func(*federationtest.World, *federation.Wanted) {
	return func(w *federationtest.World, _ *federation.Wanted) {
		w.StatementFails = func(p, _ string) string {
			if p == purpose {
				return message
			}
			return ""
		}
	}
}

func statementsWork(w *federationtest.World) { w.StatementFails = nil }

func refusing(kind fault.Kind, reason string) func(*federationtest.World, *federation.Wanted) {
	return func(w *federationtest.World, _ *federation.Wanted) {
		w.LoginFails = func(source.Request) error {
			return &fault.Error{Kind: kind, Reason: reason, Op: "keep login", Fix: "do what login says"}
		}
	}
}

func loginWorks(w *federationtest.World) { w.LoginFails = nil }

var blockages = []blockage{
	{"unknown warehouse", func(_ *federationtest.World, d *federation.Wanted) { d.Warehouse = "elsewhere" }, federation.WarehouseUnknown, `"elsewhere"`, "declare the warehouse",
		func(w *federationtest.World) { w.Config.Warehouses["elsewhere"] = w.Config.Warehouses["analytics"] }, false},
	{"source that nobody allowed", func(w *federationtest.World, _ *federation.Wanted) {
		gate(w, func(f *warehouse.Federating) { f.Sources = []string{"others-*"} })
	},
		federation.SourceNotAllowed, "orders-prod", "sources in the configuration", func(w *federationtest.World) {
			gate(w, func(f *warehouse.Federating) { f.Sources = []string{"orders-prod"} })
		}, false},
	{"source tag that nobody allowed", func(w *federationtest.World, _ *federation.Wanted) {
		gate(w, func(f *warehouse.Federating) { f.Sources, f.SourceTags = nil, map[string]string{"team": "orders"} })
		w.Instances[federationtest.Instance].Tags["team"] = "others"
	}, federation.SourceNotAllowed, "orders-prod", "sourceTags", func(w *federationtest.World) { w.Instances[federationtest.Instance].Tags["team"] = "orders" }, false},
	{"host that is not listed", func(_ *federationtest.World, d *federation.Wanted) {
		d.Source, d.ManageIngress = source.Source{Engine: source.Postgres, Host: "db.example.com", Database: "orders"}, false
		d.Credentials.Admin = federationtest.Master
	}, federation.HostNotListed, "db.example.com:5432", "federation.hosts", nil, false},
	{"grantee that nobody allowed", func(_ *federationtest.World, d *federation.Wanted) {
		d.GrantUsageTo = []warehouse.Grantee{"user:alice"}
	}, federation.GranteeNotAllowed, "user:alice", "grantees",
		func(w *federationtest.World) {
			gate(w, func(f *warehouse.Federating) { f.Grantees = []string{"user:alice"} })
		}, false},
	{"secret of another account", func(_ *federationtest.World, d *federation.Wanted) {
		d.Credentials.Secret = "arn:aws:secretsmanager:us-east-1:444455556666:secret:x-AbCdEf"
	},
		federation.OtherAccount, "444455556666", "this account and region", nil, false},
	{"admin of another region", func(_ *federationtest.World, d *federation.Wanted) {
		d.Credentials.Admin = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf"
	},
		federation.OtherAccount, "eu-west-1", "this account and region", nil, false},
	{"no such instance", func(w *federationtest.World, _ *federation.Wanted) { delete(w.Instances, federationtest.Instance) }, federation.SourceMissing, "orders-prod", "withdraw the source",
		func(w *federationtest.World) { w.AddInstance(federationtest.Instance, federationtest.Master) }, false},
	{"another engine", func(w *federationtest.World, _ *federation.Wanted) {
		w.Instances[federationtest.Instance].Engine = "mysql"
	}, federation.EngineDiffers, "mysql", "correct the engine",
		func(w *federationtest.World) { w.Instances[federationtest.Instance].Engine = "postgres" }, false},
	{"no such cluster", func(w *federationtest.World, _ *federation.Wanted) {
		gate(w, func(f *warehouse.Federating) { f.Cluster = "gone" })
	}, federation.ClusterMissing, "gone", "identifier",
		func(w *federationtest.World) {
			gate(w, func(f *warehouse.Federating) { f.Cluster = federationtest.Cluster })
		}, false},
	{"cluster that is deleted", func(w *federationtest.World, _ *federation.Wanted) {
		w.Clusters[federationtest.Cluster].Status = "deleting"
	}, federation.ClusterMissing, "deleting", "restore the cluster", available, false},
	{"broken cluster", func(w *federationtest.World, _ *federation.Wanted) {
		w.Clusters[federationtest.Cluster].Status = "incompatible-network"
	}, federation.ClusterBroken, "incompatible-network", "mend the cluster", available, false},
	// Scenario 16
	{"all roles taken", func(w *federationtest.World, _ *federation.Wanted) {
		gate(w, func(f *warehouse.Federating) { f.RoleLimit = 2 })
		w.Clusters[federationtest.Cluster].Attach("arn:aws:iam::111122223333:role/a")
		w.Clusters[federationtest.Cluster].Attach("arn:aws:iam::111122223333:role/b")
	}, federation.RoleLimit, "2 of at most 2", "detach a role", func(w *federationtest.World) {
		w.Clusters[federationtest.Cluster].Detach("arn:aws:iam::111122223333:role/a")
	}, false},
	// Scenario 25
	{"ingress that nobody allowed", func(w *federationtest.World, _ *federation.Wanted) { w.Groups["sg-orders-prod"] = nil }, federation.IngressNotAllowed, "sg-orders-prod", "tag one of the source's security groups with sluice:ingress = allow",
		func(w *federationtest.World) {
			w.Groups["sg-orders-prod"] = map[string]string{federation.TagIngress: federation.Allow}
		}, false},
	{"cluster without a security group", func(w *federationtest.World, _ *federation.Wanted) { w.Clusters[federationtest.Cluster].Groups = nil }, federation.IngressNotAllowed, "no security group", "open the network yourself",
		func(w *federationtest.World) { w.Clusters[federationtest.Cluster].Groups = []string{"sg-warehouse"} }, false},
	{"no admin", func(w *federationtest.World, _ *federation.Wanted) {
		w.Instances[federationtest.Instance].MasterSecret = ""
	}, federation.AdminMissing, "orders-prod", "credentials.admin",
		func(w *federationtest.World) {
			w.Instances[federationtest.Instance].MasterSecret = federationtest.Master
		}, true},
	{"secret that serves another source", func(w *federationtest.World, d *federation.Wanted) {
		s := foreign(w)
		s.Tags[federation.TagSource], d.Credentials.Secret = "others", s.ARN
	}, federation.SecretNotServing, "secret:reader", "tag it with sluice:source = orders-prod", func(w *federationtest.World) {
		w.Secrets["reader"].Tags[federation.TagSource] = federationtest.Instance
	}, true},
	{"admin that serves another source", func(w *federationtest.World, d *federation.Wanted) {
		s := w.AddSecret("admin", "postgres", w.Secrets[federationtest.Master].Password, map[string]string{})
		d.Credentials.Admin = s.ARN
	}, federation.SecretNotServing, "secret:admin", "tag it with sluice:source = orders-prod", func(w *federationtest.World) { w.Secrets["admin"].Tags[federation.TagSource] = federationtest.Instance }, true},
	{"no such secret", func(_ *federationtest.World, d *federation.Wanted) {
		d.Credentials.Secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:reader-AbCdEf"
	}, federation.SecretMissing, "reader", "correct the secret's ARN",
		func(w *federationtest.World) { foreign(w) }, true},
	{"part of an ARN", func(w *federationtest.World, d *federation.Wanted) {
		s := foreign(w)
		w.Secrets[strings.TrimSuffix(s.ARN, "-AbCdEf")], d.Credentials.Secret = s, strings.TrimSuffix(s.ARN, "-AbCdEf")
	}, federation.SecretMissing, "a part of the ARN", "whole ARN", nil, true},
	// Scenario 11: found at the first provisioning.
	{"secret in its recovery window", func(w *federationtest.World, d *federation.Wanted) {
		s := foreign(w)
		s.Deleted, d.Credentials.Secret = w.Now(), s.ARN
	}, federation.SecretDeleted, "reader", "restore the secret", func(w *federationtest.World) { w.Secrets["reader"].Deleted = time.Time{} }, true},
	// Scenario 9
	{"own secret's name taken", func(w *federationtest.World, d *federation.Wanted) {
		w.AddSecret(w.Config.Namer.Secret(*d), "x", "EXAMPLE-password-x", map[string]string{})
	}, federation.SecretTaken, "is not Sluice's", "delete or rename", func(w *federationtest.World) { delete(w.Secrets, w.Config.Namer.Secret(federationtest.Wanted())) }, true},
	{"no such key", func(w *federationtest.World, _ *federation.Wanted) { w.Config.Key = ownKey }, federation.KeyUnusable, ownKey, "a key that exists",
		func(w *federationtest.World) {
			w.Keys[ownKey] = federation.Key{ARN: ownKey, Customer: true, State: "Enabled"}
		}, true},
	// Scenario 27
	{"disabled key", func(w *federationtest.World, d *federation.Wanted) {
		s := foreign(w)
		s.Key, d.Credentials.Secret = ownKey, s.ARN
		w.Keys[ownKey] = federation.Key{ARN: ownKey, Customer: true, State: "Disabled"}
	}, federation.KeyUnusable, "is Disabled", "enable the key", func(w *federationtest.World) {
		w.Keys[ownKey] = federation.Key{ARN: ownKey, Customer: true, State: "Enabled"}
	}, true},
	// Scenario 18
	{"role's name taken", func(w *federationtest.World, d *federation.Wanted) {
		w.Roles[w.Config.Role(*d)] = &federationtest.Role{Role: federation.Role{ARN: w.Config.RoleARN(w.Config.Role(*d))}}
	}, federation.RoleTaken, "is not Sluice's", "delete or rename that role", func(w *federationtest.World) { delete(w.Roles, w.Config.Role(federationtest.Wanted())) }, true},
	// Scenario 23
	{"schema of the warehouse", func(w *federationtest.World, _ *federation.Wanted) {
		w.Schemas["orders_live"] = &federationtest.Schema{}
	}, warehouse.SchemaTaken, "a schema of the warehouse itself", "another schema name",
		func(w *federationtest.World) { delete(w.Schemas, "orders_live") }, true},
	// Scenario 23
	{"external schema of somebody else", func(w *federationtest.World, _ *federation.Wanted) {
		w.Schemas["orders_live"] = &federationtest.Schema{External: true, Is: warehouse.ExternalSchema{Role: "arn:aws:iam::111122223333:role/theirs"}}
	}, warehouse.SchemaTaken, "role/theirs", "another schema name", func(w *federationtest.World) { delete(w.Schemas, "orders_live") }, true},
	{"schema of another federation", func(w *federationtest.World, _ *federation.Wanted) {
		w.Schemas["orders_live"] = &federationtest.Schema{External: true, Is: warehouse.ExternalSchema{Role: "arn:aws:iam::111122223333:role/sluice/test/sluice-test-other-01234567"}}
	}, warehouse.SchemaTaken, "another federation of this stage, which reads with role arn:aws:iam::111122223333:role/sluice/test/sluice-test-other-01234567", "withdraw the federation that has this one",
		func(w *federationtest.World) { delete(w.Schemas, "orders_live") }, true},
	{"login's name taken", refusing(fault.Blocked, source.LoginTaken), source.LoginTaken, "keep login", "do what login says", loginWorks, true},
	{"admin's password refused", refusing(fault.Blocked, source.AdminRefused), source.AdminRefused, "keep login", "do what login says", loginWorks, true},
	{"source takes SCRAM alone", refusing(fault.Blocked, source.ScramOnly), source.ScramOnly, "keep login", "do what login says", loginWorks, true},
	{"SCRAM, found by the warehouse", failing("prove by tables", "ERROR: authentication method 10 not supported"), warehouse.ScramOnly, "method 10", "md5", statementsWork, true},
	// Scenario 25
	{"network closed", func(w *federationtest.World, d *federation.Wanted) { d.ManageIngress = false }, warehouse.NetworkClosed, "timeout expired", "security group",
		func(w *federationtest.World) {
			w.Rules = []federation.Rule{{ID: "sgr-theirs", Group: "sg-orders-prod", Any: true, Ports: [2]int{-1, -1}}}
		}, true},
	// Scenario 26
	{"enhanced routing without an endpoint", func(w *federationtest.World, _ *federation.Wanted) { w.Clusters[federationtest.Cluster].Routed = true }, warehouse.SecretsUnreachable,
		"vpc-1 has no interface endpoint for com.amazonaws.us-east-1.secretsmanager", "make an interface VPC endpoint for com.amazonaws.us-east-1.secretsmanager in vpc-1, with private DNS and a security group that lets sg-warehouse in at port 443",
		func(w *federationtest.World) { w.Endpoints[federationtest.VPC] = []string{federationtest.Service} }, true},
	{"endpoint that does not answer", func(w *federationtest.World, d *federation.Wanted) {
		w.Clusters[federationtest.Cluster].Routed, w.Endpoints[federationtest.VPC] = true, []string{federationtest.Service}
		failing("prove by tables", "Error=: curlCode: 28, Timeout was reached")(w, d)
	}, warehouse.SecretsUnreachable, "no answer from com.amazonaws.us-east-1.secretsmanager", "let sg-warehouse out at port 443, and in at port 443 of the interface endpoint", statementsWork, true},
	{"Secrets Manager that does not answer", failing("prove by tables", "Error=: curlCode: 7, Couldn't connect to server"), warehouse.SecretsUnreachable, "curlCode: 7", "outbound rules", statementsWork, true},
	// Scenario 24
	{"wrong password in the secret", func(w *federationtest.World, d *federation.Wanted) {
		s := foreign(w)
		s.Password, d.Credentials.Secret = "EXAMPLE-password-wrong", s.ARN
	}, warehouse.PasswordRefused, "password authentication failed", "password into the secret", func(w *federationtest.World) { w.Secrets["reader"].Password = "EXAMPLE-password-reader" }, true},
	{"login gone in the source", failing("prove by tables", `FATAL: role "sluice_orders_1" does not exist`), warehouse.PasswordRefused, "sluice_orders_1", "in the source", statementsWork, true},
	{"remote schema missing", failing("prove by tables", `ERROR: schema "public" does not exist`), source.SchemaMissing, "public", "in the source", statementsWork, true},
	{"host without an address", failing("prove by tables", `could not translate host name "x" to address`), warehouse.HostUnknown, "host name", "DNS", statementsWork, true},
	{"not admitted", failing("prove by tables", `FATAL: no pg_hba.conf entry for host "10.0.0.1"`), source.LoginRefused, "pg_hba.conf", "with TLS", statementsWork, true},
	{"wrong database", failing("prove by tables", `ERROR: database "orders" does not exist`), warehouse.DatabaseMissing, "orders", "upper-case", statementsWork, true},
	// Scenario 27
	{"key that the role may not use", failing("prove by tables", "Access to KMS is not allowed"), warehouse.KeyRefused, "KMS", "key's policy", statementsWork, true},
	{"no such group", failing("grant usage", `ERROR: group "example_group" does not exist`), warehouse.GranteeMissing, "example_group", "create the group", statementsWork, true},
	{"no such user", failing("grant usage", `ERROR: user "alice" does not exist`), warehouse.GranteeMissing, "alice", "create the user", statementsWork, true},
	{"own user missing", failing("create schema", `FATAL: user "sluice" does not exist`), warehouse.LoginMissing, "sluice", "sluice bootstrap", statementsWork, true},
	{"own user powerless", failing("create schema", "ERROR: permission denied for database dev"), warehouse.StatementDenied, "permission denied", "sluice bootstrap", statementsWork, true},
	// Scenario 35
	{"wrong SQL", failing("create schema", "ERROR: syntax error at or near"), warehouse.StatementWrong, "syntax error", "report this message", nil, true},
	{"what nobody explains", failing("prove by tables", "ERROR: the moon is full"), warehouse.StatementFailed, "the moon is full", "the warehouse's own", statementsWork, true},
}

func available(w *federationtest.World) { w.Clusters[federationtest.Cluster].Status = "available" }

// Each reason has its message and remedy, in the record and in one event. What is refused before anything is made leaves nothing,
// and what the remedy mends becomes ready. What was made can be withdrawn in any case.
func TestBlocked(t *testing.T) {
	for _, tc := range blockages {
		t.Run(tc.name, func(t *testing.T) {
			w := world(t)
			wanted := federationtest.Wanted()
			tc.breaks(w, &wanted)
			before := w.State()
			w.Request(wanted)
			settle(t, w)
			rec := phase(t, w, federation.Blocked, tc.reason)
			if !strings.Contains(rec.Message, tc.says) || !strings.Contains(rec.Remedy, tc.remedy) {
				t.Errorf("message %q, remedy %q; want %q and %q in them", rec.Message, rec.Remedy, tc.says, tc.remedy)
			}
			blocked := 0
			for _, a := range w.Announced {
				if a.Type == event.FederationBlocked && strings.Contains(a.Detail, fmt.Sprintf(`"reason":%q`, tc.reason)) && strings.Contains(a.Detail, `"remedy"`) {
					blocked++
				}
			}
			if blocked != 1 || len(w.Announced) != 1 {
				t.Errorf("announced %+v", w.Announced)
			}
			if !tc.made {
				after := federationtest.New()
				tc.breaks(after, new(federationtest.Wanted()))
				if delete(w.Records, name); w.State() != before {
					t.Errorf("something was made: %s", diff(before, w.State()))
				}
				w.Records[name] = rec
			}
			if len(w.Dead) > 0 != (tc.reason == warehouse.StatementWrong) {
				t.Errorf("dead %+v", w.Dead) // a bug is kept for people
			}
			if tc.mend == nil {
				return
			}
			tc.mend(w)
			w.Look(name)
			settle(t, w)
			phase(t, w, federation.Ready, "")
		})
	}
}

// What is blocked is looked at by itself a few times, and then by the sweep alone.
func TestBlockedIsNoStorm(t *testing.T) {
	w := world(t)
	w.Groups["sg-orders-prod"] = nil
	w.Request(federationtest.Wanted())
	settle(t, w)
	runs := w.Runs()
	if runs != 4 || len(w.Announced) != 1 {
		t.Errorf("%d runs, %d events", runs, len(w.Announced))
	}
	w.Look(name)
	settle(t, w)
	if w.Runs() != runs+1 || len(w.Announced) != 1 {
		t.Errorf("a look became %d, %d events", w.Runs()-runs, len(w.Announced))
	}
}

// What is blocked can be withdrawn.
func TestBlockedIsWithdrawn(t *testing.T) {
	for _, tc := range blockages {
		if slices.Contains([]string{"unknown warehouse", "own user missing", "own user powerless", "wrong SQL", "admin's password refused", "broken cluster", "cluster that is deleted", "no admin"}, tc.name) {
			continue // of which nothing was made, or which keep Sluice from taking it down as well
		}
		t.Run(tc.name, func(t *testing.T) {
			w := world(t)
			wanted := federationtest.Wanted()
			tc.breaks(w, &wanted)
			roles, schemas, secrets := len(w.Roles), len(w.Schemas), len(w.Secrets)
			w.Request(wanted)
			settle(t, w)
			phase(t, w, federation.Blocked, tc.reason)
			w.LoginFails = nil
			w.Withdraw(name)
			settle(t, w)
			phase(t, w, federation.Removed, "")
			if len(w.Roles) != roles || len(w.Schemas) != schemas {
				t.Errorf("%s", w.State())
			}
			for _, s := range w.Secrets {
				if s.Tags[federation.TagFederation] == name && s.Deleted.IsZero() {
					t.Errorf("%d secrets, %d before; own is there: %s", len(w.Secrets), secrets, s.ARN)
				}
			}
		})
	}
}
