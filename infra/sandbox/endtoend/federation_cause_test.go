package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/ec2"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/secret"
	wanted "github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A cause is one thing that is wrong with the world of a federation.
type cause struct {
	name   string
	change func(f *federator, w *federation.Wanted)
	// arrange makes it wrong, undo right again. name is that of the federation.
	arrange func(f *federator, name string) (undo func())
	phase   federation.Phase // empty is Blocked
	want    refusal
	tidy    func(f *federator) // takes away what undo has left, once the federation is gone; may be nil
	never   []string           // operations that are not called as long as it is wrong
}

// Each thing that can be wrong, alone: the message names it and nothing else, the remedy says what to do, and once that is
// done the federation gets ready by itself.
func TestFederationCauses(t *testing.T) {
	t.Parallel()
	for part, causes := range [][]cause{networkCauses, secretCauses, nameCauses} {
		t.Run(fmt.Sprintf("part %d", part+1), func(t *testing.T) {
			t.Parallel()
			f := federating(t)
			before := f.snapshot("cause")
			for i, c := range causes {
				f.run(c.name, func(f *federator) { f.cause(c, fmt.Sprintf("cause-%d%d", part+1, i+1)) })
			}
			if after := f.snapshot("cause"); after != before {
				t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func (f *federator) cause(c cause, name string) {
	undo := c.arrange(f, name)
	w := orders(name)
	if c.change != nil {
		c.change(f, &w)
	}
	last := f.AWS.Calls().Last()
	f.request(w)
	phase := c.phase
	if phase == "" {
		phase = federation.Blocked
	}
	rec := f.becomes(name, phase, c.want.reason, 20*time.Minute)
	if phase == federation.Blocked {
		f.refuses(rec, c.want)
	}
	for _, part := range c.want.says {
		if !strings.Contains(rec.Message, part) {
			f.t.Errorf("message %q does not say %q", rec.Message, part)
		}
	}
	for _, operation := range f.changed(last) {
		if slices.Contains(c.never, operation) {
			f.t.Errorf("%s was called", operation)
		}
	}
	undo()
	f.becomes(name, federation.Ready, "", 30*time.Minute)
	f.gone(name)
	if c.tidy != nil {
		c.tidy(f)
	}
}

// secretFor lets the document use a secret that serves the source.
func secretFor(f *federator, name string, w *federation.Wanted) {
	w.Credentials.Secret = fmt.Sprint(f.do("secretsmanager", "DescribeSecret", map[string]any{"SecretId": "team/" + name})["ARN"])
}

func existing(f *federator, w *federation.Wanted) { secretFor(f, w.Name, w) }

func (f *federator) ordersSource() *source.Source {
	f.t.Helper()
	s, err := f.Sources.Find(world.Orders)
	f.must(err)
	return s
}

// byHand is a rule that lets the cluster in at the source, as its owner adds one.
func (f *federator) byHand(operation string) {
	f.t.Helper()
	f.do("ec2", operation, map[string]any{"GroupId": "sg-" + world.Orders, "IpPermissions": []map[string]any{{
		"IpProtocol": "tcp", "FromPort": f.sourcePort(), "ToPort": f.sourcePort(), "Groups": []map[string]any{{"GroupId": world.ClusterGroup}},
	}}})
}

var networkCauses = []cause{
	{ // Scenario 25
		name:   "a closed network",
		change: func(_ *federator, w *federation.Wanted) { w.ManageIngress = false },
		arrange: func(f *federator, _ string) func() {
			return func() { f.byHand("AuthorizeSecurityGroupIngress") }
		},
		tidy: func(f *federator) { f.byHand("RevokeSecurityGroupIngress") },
		want: refusal{warehouse.NetworkClosed, []string{"timeout expired", "localhost:"}, "sg-orders-prod"},
	},
	{ // Scenario 25
		name: "a security group that is not tagged",
		arrange: func(f *federator, _ string) func() {
			f.must(f.EC2.SetTag("sg-"+world.Orders, federation.TagIngress, ""))
			return func() { f.must(f.EC2.SetTag("sg-"+world.Orders, federation.TagIngress, federation.Allow)) }
		},
		want:  refusal{federation.IngressNotAllowed, []string{"sg-orders-prod"}, "sluice:ingress = allow"},
		never: []string{"AuthorizeSecurityGroupIngress", "CreateSecret", "CreateRole"},
	},
	{ // Scenario 26
		name: "enhanced VPC routing without an endpoint",
		arrange: func(f *federator, name string) func() {
			f.must(f.Redshift.SetEnhancedRouting(world.Cluster, true))
			return func() {
				if got := condition(f.record(name), federation.CondEndpoint); !strings.Contains(got, world.VPC+" has no interface endpoint for "+world.SecretsService) {
					f.t.Errorf("the condition EndpointMissing says %q", got)
				}
				f.must(f.EC2.SetEndpoint(ec2.Endpoint{ID: "vpce-secrets", VPC: world.VPC, Service: world.SecretsService, PrivateDNS: true}))
			}
		},
		tidy: func(f *federator) {
			f.must(f.EC2.RemoveEndpoint("vpce-secrets"))
			f.must(f.Redshift.SetEnhancedRouting(world.Cluster, false))
		},
		want: refusal{warehouse.SecretsUnreachable, []string{"Timeout was reached", world.VPC + " has no interface endpoint for " + world.SecretsService}, "make an interface VPC endpoint for " + world.SecretsService + " in " + world.VPC},
	},
	{ // Scenario 29
		name: "a source that is stopped",
		arrange: func(f *federator, _ string) func() {
			f.must(f.RDS.SetStatus(f.t.Context(), world.Orders, "stopped"))
			return func() { f.must(f.RDS.SetStatus(f.t.Context(), world.Orders, "available")) }
		},
		phase: federation.Parked,
		want:  refusal{federation.SourceAway, []string{"the instance is stopped"}, ""},
		never: changing,
	},
	{ // Scenario 29
		name: "a source that is being made",
		arrange: func(f *federator, _ string) func() {
			f.must(f.RDS.SetStatus(f.t.Context(), world.Orders, "creating"))
			return func() { f.must(f.RDS.SetStatus(f.t.Context(), world.Orders, "available")) }
		},
		phase: federation.Waiting,
		want:  refusal{federation.SourceAway, []string{"the instance is creating"}, ""},
		never: changing,
	},
	{
		name: "a source that is not there",
		change: func(_ *federator, w *federation.Wanted) {
			w.Source.Instance, w.Source.Database = "orders-new", "orders_new"
		},
		arrange: func(f *federator, _ string) func() {
			return func() {
				_, err := f.AddSource(f.t.Context(), world.Source{Identifier: "orders-new", Managed: true, GroupTags: map[string]string{federation.TagIngress: federation.Allow}})
				f.must(err)
			}
		},
		tidy:  func(f *federator) { f.must(f.RemoveSource(f.t.Context(), "orders-new")) },
		want:  refusal{federation.SourceMissing, []string{"orders-new"}, "identifier"},
		never: changing,
	},
	{
		name:   "a schema that the source does not have",
		change: func(_ *federator, w *federation.Wanted) { w.Source.Schema = "archive" },
		arrange: func(f *federator, _ string) func() {
			return func() { f.must(f.FurnishSource(f.t.Context(), world.Orders, "CREATE SCHEMA archive")) }
		},
		tidy: func(f *federator) {
			f.must(f.FurnishSource(f.t.Context(), world.Orders, "DROP SCHEMA archive CASCADE"))
		},
		want: refusal{wanted.SchemaMissing, []string{"archive"}, ""},
	},
	{ // Scenario 16
		name: "a cluster with all the roles that it takes",
		arrange: func(f *federator, _ string) func() {
			c, _ := f.Redshift.RemoveCluster(world.Cluster)
			kept := c.Roles
			for i := len(kept); i < warehouse.DefaultRoleLimit; i++ {
				c.Roles = append(c.Roles, fmt.Sprintf("arn:aws:iam::%s:role/of-others-%d", awshttp.Account, i))
			}
			f.must(f.Redshift.AddCluster(c))
			return func() {
				c, _ := f.Redshift.RemoveCluster(world.Cluster)
				c.Roles = kept
				f.must(f.Redshift.AddCluster(c))
			}
		},
		want:  refusal{federation.RoleLimit, []string{"50 of at most 50"}, "withdraw a source"},
		never: changing,
	},
	{
		name:   "a group that the warehouse does not have",
		change: func(_ *federator, w *federation.Wanted) { w.GrantUsageTo = []warehouse.Grantee{"group:analysts"} },
		arrange: func(f *federator, _ string) func() {
			return func() { f.sql("CREATE GROUP analysts") }
		},
		want: refusal{warehouse.GranteeMissing, []string{"analysts"}, "create the group"},
	},
}

var secretCauses = []cause{
	{ // Scenario 24
		name: "a wrong password", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "md5")
			arn := f.secretOf("team/"+name, "reader", "the wrong one", serving(world.Orders))
			return func() { f.setPassword(arn, "reader", "the right one") }
		},
		want: refusal{warehouse.PasswordRefused, []string{"password authentication failed", "reader"}, "password into the secret"},
	},
	{
		name: "a login with a SCRAM verifier", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "scram-sha-256")
			f.secretOf("team/"+name, "reader", "the right one", serving(world.Orders))
			return func() { f.reader("reader", "the right one", "md5") }
		},
		want: refusal{warehouse.ScramOnly, []string{"authentication method 10"}, "md5 password"},
	},
	{
		name: "a source that accepts SCRAM only",
		arrange: func(f *federator, _ string) func() {
			f.must(f.ordersSource().SetAuthentication(f.t.Context(), source.SCRAM))
			return func() { f.must(f.ordersSource().SetAuthentication(f.t.Context(), source.MD5)) }
		},
		want: refusal{wanted.ScramOnly, []string{"SCRAM"}, "md5"},
	},
	{ // Scenario 27
		name: "a key that refuses the role", change: existing,
		arrange: func(f *federator, name string) func() {
			key := f.keyed(name)
			f.keyPolicy(key, "kms:DescribeKey")
			return func() { f.keyPolicy(key, "kms:*") }
		},
		want: refusal{warehouse.KeyRefused, []string{":key/", "Access to KMS is not allowed"}, "in the key's policy"},
	},
	{ // Scenario 27
		name: "a key that refuses everybody", change: existing,
		arrange: func(f *federator, name string) func() {
			key := f.keyed(name)
			f.keyPolicy(key, "")
			return func() { f.keyPolicy(key, "kms:*") }
		},
		want: refusal{federation.KeyUnusable, []string{"kms:DescribeKey", ":key/"}, "in the key's policy"},
	},
	{ // Scenario 27
		name: "a key that is disabled", change: existing,
		arrange: func(f *federator, name string) func() {
			key := f.keyed(name)
			f.do("kms", "DisableKey", map[string]any{"KeyId": key})
			return func() { f.do("kms", "EnableKey", map[string]any{"KeyId": key}) }
		},
		want: refusal{federation.KeyUnusable, []string{"Disabled", ":key/"}, "enable the key"},
	},
	{ // Scenario 27
		name: "a key that is being deleted", change: existing,
		arrange: func(f *federator, name string) func() {
			key := f.keyed(name)
			f.do("kms", "ScheduleKeyDeletion", map[string]any{"KeyId": key})
			return func() {
				f.do("kms", "CancelKeyDeletion", map[string]any{"KeyId": key})
				f.do("kms", "EnableKey", map[string]any{"KeyId": key})
			}
		},
		want: refusal{federation.KeyUnusable, []string{"PendingDeletion", ":key/"}, "cancel its deletion"},
	},
	{ // Scenario 11
		name: "a secret that is being deleted", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "md5")
			arn := f.secretOf("team/"+name, "reader", "the right one", serving(world.Orders))
			f.do("secretsmanager", "DeleteSecret", map[string]any{"SecretId": arn})
			return func() { f.do("secretsmanager", "RestoreSecret", map[string]any{"SecretId": arn}) }
		},
		want:  refusal{federation.SecretDeleted, []string{"team/"}, "restore the secret"},
		never: changing,
	},
	{
		name: "a secret without a mark", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "md5")
			arn := f.secretOf("team/"+name, "reader", "the right one", nil)
			return func() {
				f.do("secretsmanager", "TagResource", map[string]any{"SecretId": arn, "Tags": tagList(federation.TagSource, world.Orders)})
			}
		},
		want:  refusal{federation.SecretNotServing, []string{"team/"}, "sluice:source = orders-prod"},
		never: changing,
	},
	{
		name: "a secret whose policy denies the role", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "md5")
			arn := f.secretOf("team/"+name, "reader", "the right one", serving(world.Orders))
			f.do("secretsmanager", "PutResourcePolicy", map[string]any{"SecretId": arn, "ResourcePolicy": `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",
				"Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::` + awshttp.Account + `:role/sluice/*"}}}}`})
			return func() { f.do("secretsmanager", "DeleteResourcePolicy", map[string]any{"SecretId": arn}) }
		},
		want: refusal{warehouse.SecretRefused, []string{"secretsmanager:GetSecretValue", "deny"}, "resource policy"},
	},
	{
		name: "a secret without a user", change: existing,
		arrange: func(f *federator, name string) func() {
			f.reader("reader", "the right one", "md5")
			arn := f.secretOf("team/"+name, "", "the right one", serving(world.Orders))
			return func() { f.setPassword(arn, "reader", "the right one") }
		},
		want: refusal{warehouse.SecretUnreadable, []string{"username"}, "username"},
	},
	{ // Scenario 24
		name: "an admin whom the source refuses",
		arrange: func(f *federator, _ string) func() {
			other := secret.New("known to nobody but the source")
			f.must(f.ordersSource().SetMasterPassword(f.t.Context(), other))
			return func() { f.must(f.RDS.SetMasterPassword(world.Orders, other)) }
		},
		want: refusal{wanted.AdminRefused, []string{"orders_prod_master"}, "password"},
	},
}

var nameCauses = []cause{
	{ // Scenario 23
		name: "a schema of the warehouse itself",
		arrange: func(f *federator, name string) func() {
			schema := strings.ReplaceAll(name, "-", "_")
			f.sql("CREATE SCHEMA " + schema + "; CREATE TABLE " + schema + ".kept (n integer)")
			return func() { f.sql("DROP SCHEMA " + schema + " CASCADE") }
		},
		want: refusal{warehouse.SchemaTaken, []string{"schema of the warehouse itself"}, "another schema name"},
	},
	{ // Scenario 23
		name:   "a schema of another federation",
		change: func(_ *federator, w *federation.Wanted) { w.Schema = "shared" },
		arrange: func(f *federator, _ string) func() {
			f.request(orders("shared"))
			f.reaches("shared", federation.Ready, "")
			return func() { f.gone("shared") }
		},
		want: refusal{warehouse.SchemaTaken, []string{"another federation", "reads with role", "sluice-sandbox-shared-"}, "another schema name, or withdraw"},
	},
	{ // Scenario 18
		name: "a role of somebody else",
		arrange: func(f *federator, name string) func() {
			role := names.Role(orders(name))
			f.do("iam", "CreateRole", map[string]any{"RoleName": role, "Path": "/team/", "AssumeRolePolicyDocument": federation.Trust()})
			return func() { f.do("iam", "DeleteRole", map[string]any{"RoleName": role}) }
		},
		want:  refusal{federation.RoleTaken, []string{"role/team/sluice-sandbox-cause-"}, "rename that role"},
		never: []string{"PutRolePolicy", "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary", "ModifyClusterIamRoles"},
	},
	{ // Scenario 9
		name: "a secret of somebody else",
		arrange: func(f *federator, name string) func() {
			arn := f.secretOf(names.Secret(orders(name)), "their-user", "their password", nil)
			return func() {
				f.do("secretsmanager", "DeleteSecret", map[string]any{"SecretId": arn, "ForceDeleteWithoutRecovery": true})
			}
		},
		want:  refusal{federation.SecretTaken, []string{"sluice/sandbox/source/cause-"}, "rename that secret"},
		never: []string{"PutSecretValue", "TagResource", "DeleteSecret", "CreateRole"},
	},
	{
		name: "a user of somebody else in the source",
		arrange: func(f *federator, name string) func() {
			login := names.Login(orders(name))
			f.reader(login, "their password", "md5")
			return func() { f.atSource(fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %[1]s", login)) }
		},
		want:  refusal{wanted.LoginTaken, []string{"sluice_cause_"}, ""},
		never: []string{"CreateRole"},
	},
}

// keyed makes a secret that serves the source with a customer's key, and returns the key's ARN.
func (f *federator) keyed(name string) string {
	f.t.Helper()
	made, _ := f.do("kms", "CreateKey", nil)["KeyMetadata"].(map[string]any)
	key := fmt.Sprint(made["Arn"])
	f.reader("reader", "the right one", "md5")
	in := serving(world.Orders)
	in["KmsKeyId"] = key
	f.secretOf("team/"+name, "reader", "the right one", in)
	return key
}

// keyPolicy lets the policies of the account's principals allow some actions with a key; the operator may do everything.
func (f *federator) keyPolicy(key, actions string) {
	f.t.Helper()
	statements := fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:*","Resource":"*"}`, operator.ARN)
	if actions != "" {
		statements += fmt.Sprintf(`,{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":%q,"Resource":"*"}`, awshttp.Account, actions)
	}
	f.do("kms", "PutKeyPolicy", map[string]any{"KeyId": key, "Policy": `{"Version":"2012-10-17","Statement":[` + statements + `]}`})
}
