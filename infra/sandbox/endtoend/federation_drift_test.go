package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Whatever somebody has changed by hand, a sweep puts right, and touches nothing of others.
func TestFederationDrift(t *testing.T) {
	t.Parallel()
	f := federating(t)
	f.ticks("Consumerreporting", true)
	f.do("iam", "CreateRole", map[string]any{"RoleName": "bi", "AssumeRolePolicyDocument": federation.Trust()})
	f.pass(world.IAMDelay)
	const foreign = "arn:aws:iam::111122223333:role/bi"
	f.changeRole("AddIamRoles", foreign)
	f.request(orders("drift"))
	made := f.reaches("drift", federation.Ready, "").Made
	healthy := f.snapshot("drift")
	role := func(operation string, more map[string]any) {
		more["RoleName"] = made.Role
		f.do("iam", operation, more)
	}
	for _, tc := range []struct {
		name   string
		change func(*federator)
		proof  bool // no description shows it: the next proof by query does
	}{
		// Scenario 19
		{name: "trust", change: func(*federator) {
			role("UpdateAssumeRolePolicy", map[string]any{"PolicyDocument": strings.ReplaceAll(federation.Trust(), "redshift", "ec2")})
		}},
		// Scenario 19
		{name: "policy", change: func(*federator) {
			role("PutRolePolicy", map[string]any{"PolicyName": federation.PolicyName, "PolicyDocument": federation.Policy(federation.Documented, place, "*", "")})
		}},
		{name: "policy gone", change: func(*federator) { role("DeleteRolePolicy", map[string]any{"PolicyName": federation.PolicyName}) }},
		{name: "boundary gone", change: func(*federator) { role("DeleteRolePermissionsBoundary", map[string]any{}) }},
		{name: "role gone", change: func(*federator) {
			role("DeleteRolePolicy", map[string]any{"PolicyName": federation.PolicyName})
			role("DeleteRole", map[string]any{})
		}},
		// Scenario 20
		{name: "role detached", change: func(f *federator) { f.changeRole("RemoveIamRoles", made.RoleARN) }},
		// Scenario 37
		{name: "cluster restored", change: func(f *federator) {
			c, _ := f.Redshift.RemoveCluster(world.Cluster)
			c.Roles = []string{foreign}
			f.must(f.Redshift.AddCluster(c))
		}},
		{name: "schema dropped", change: func(f *federator) { f.sql("DROP SCHEMA drift CASCADE") }},
		{name: "usage revoked", change: func(f *federator) { f.sql("REVOKE USAGE ON SCHEMA drift FROM GROUP " + world.Group) }},
		{name: "rule gone", change: func(f *federator) { f.byHand("RevokeSecurityGroupIngress") }},
		// Scenario 8
		{name: "secret in its recovery window", change: func(f *federator) {
			f.do("secretsmanager", "DeleteSecret", map[string]any{"SecretId": made.Secret})
		}},
		// Scenario 12
		{name: "secret gone", change: func(f *federator) {
			f.do("secretsmanager", "DeleteSecret", map[string]any{"SecretId": made.Secret, "ForceDeleteWithoutRecovery": true})
		}},
		{name: "value of the secret", proof: true, change: func(f *federator) {
			f.setPassword(made.SecretName, made.Login, "of somebody else")
		}},
		{name: "password of the login", proof: true, change: func(f *federator) { f.reader(made.Login, "of somebody else", "md5") }},
		{name: "login gone", proof: true, change: func(f *federator) {
			f.atSource(fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %[1]s", made.Login))
		}},
		// Scenario 28
		{name: "host renamed", change: func(f *federator) {
			f.must(f.RDS.SetEndpoint(world.Orders, "127.0.0.1", f.sourcePort()))
			f.sweep(0)
			f.becomes("drift", federation.Ready, "", time.Hour)
			if got := f.record("drift").Made.Endpoint.Host; got != "127.0.0.1" || !strings.Contains(f.snapshot("drift"), `"127.0.0.1"`) {
				f.t.Errorf("the schema is not that of the new host: %s", f.snapshot("drift"))
			}
			f.must(f.RDS.SetEndpoint(world.Orders, "localhost", f.sourcePort()))
		}},
	} {
		f.run(tc.name, func(f *federator) {
			tc.change(f)
			wait := world.IAMDelay // so that what was done counts here and not in a later case
			if tc.proof {
				wait = time.Hour + time.Minute // by which a proof counts no more
			}
			f.sweep(wait)
			f.becomes("drift", federation.Ready, "", time.Hour)
			f.pass(world.IAMDelay) // and so that its repair does
			if after := f.snapshot("drift"); after != healthy {
				f.t.Errorf("it is now:\n%s\nand was:\n%s", after, healthy)
			}
			if got := f.read("SELECT count(*)::text FROM drift.orders"); got == "0" {
				f.t.Error("nothing is read through the schema")
			}
			if told := f.told(event.FederationBlocked, "drift"); len(told) > 0 {
				f.t.Errorf("announced as blocked: %+v", told)
			}
		})
	}
	f.gone("drift")
	if roles := f.Redshift.AttachedRoles(world.Cluster); !slices.Equal(roles, []string{foreign}) {
		t.Errorf("the cluster has %v; want the role of others alone", roles)
	}
}

// sweep lets time go by and then sends what the schedule of the sweep sends.
func (f *federator) sweep(after time.Duration) {
	f.t.Helper()
	f.pass(after)
	f.post(event.Sweep())
	f.Clock.Settle()
}

// changeRole changes one role of the cluster and waits until that is done.
func (f *federator) changeRole(list, role string) {
	f.t.Helper()
	f.do("redshift", "ModifyClusterIamRoles", map[string]any{"ClusterIdentifier": world.Cluster, list: []string{role}})
	f.pass(time.Minute)
}

// atSource runs statements in the source as its server's superuser.
func (f *federator) atSource(statements string) {
	f.t.Helper()
	conn, err := f.ordersSource().Open(f.t.Context())
	f.must(err)
	defer func() { _ = conn.Close(f.t.Context()) }()
	_, err = conn.Exec(f.t.Context(), statements)
	f.must(err)
}

// What people have built on a schema is not dropped with it. It is named, and once it is gone the rest comes down.
//
// Scenario 31
func TestFederationDependents(t *testing.T) {
	t.Parallel()
	f := federating(t)
	before := f.snapshot("base")
	f.request(orders("base"))
	made := f.reaches("base", federation.Ready, "").Made
	f.sql("CREATE MATERIALIZED VIEW per_venue AS SELECT venueid, sum(seats) AS seats FROM base.orders GROUP BY venueid; GRANT SELECT ON per_venue TO GROUP " + world.Group)
	f.withdraw("base")
	rec := f.becomes("base", federation.Blocked, warehouse.Dependents, 20*time.Minute)
	f.refuses(rec, refusal{warehouse.Dependents, []string{"per_venue"}, "drop what the message lists"})
	if roles := f.Redshift.AttachedRoles(world.Cluster); !slices.Equal(roles, []string{made.RoleARN}) {
		t.Errorf("the cluster has %v; queries need %s", roles, made.RoleARN)
	}
	if got := f.read("SELECT count(*)::text FROM base.orders"); got != "9" {
		t.Errorf("through the schema %s rows are read", got)
	}
	f.sql("DROP MATERIALIZED VIEW per_venue")
	f.becomes("base", federation.Removed, "", 20*time.Minute)
	if after := f.snapshot("base"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// A secret may have a key of the customer: the role may decrypt with it, for this secret, through Secrets Manager.
func TestFederationWithAKey(t *testing.T) {
	t.Parallel()
	f := federating(t)
	key := f.keyed("base")
	w := orders("base")
	secretFor(f, "base", &w)
	f.request(w)
	rec := f.reaches("base", federation.Ready, "")
	if rec.Made.Key != key {
		t.Errorf("the record says key %q, want %s", rec.Made.Key, key)
	}
	snapshot := f.snapshot("base")
	for _, part := range []string{`"Action":["kms:Decrypt"],"Resource":["` + key + `"]`, `"kms:ViaService":"secretsmanager.us-east-1.amazonaws.com"`, `"kms:EncryptionContext:SecretARN":`} {
		if !strings.Contains(snapshot, part) {
			t.Errorf("the role's policy does not have %s:\n%s", part, snapshot)
		}
	}
	if strings.Count(snapshot, "kms:Decrypt") != 1 || strings.Contains(snapshot, "kms:*") || strings.Contains(snapshot, "kms:GenerateDataKey") {
		t.Errorf("the role may do more with the key than decrypt:\n%s", snapshot)
	}
	f.do("kms", "DisableKey", map[string]any{"KeyId": key})
	f.sweep(time.Hour + time.Minute)
	rec = f.becomes("base", federation.Blocked, federation.KeyUnusable, time.Hour)
	f.refuses(rec, refusal{federation.KeyUnusable, []string{key, "Disabled"}, "enable the key"})
	f.do("kms", "EnableKey", map[string]any{"KeyId": key})
	f.becomes("base", federation.Ready, "", 20*time.Minute)
	f.gone("base")
}
