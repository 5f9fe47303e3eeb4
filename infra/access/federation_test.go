package access_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

const (
	here  = ":us-east-1:111122223333:"
	key   = "arn:aws:kms" + here + "key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	bound = "arn:aws:iam::111122223333:policy/sluice-test-boundary"
	own   = "arn:aws:secretsmanager" + here + "secret:sluice/test/source/orders-0a1b2c3d-AbCdEf"
	other = "arn:aws:secretsmanager" + here + "secret:orders/app-AbCdEf"
	rds   = "arn:aws:secretsmanager" + here + "secret:rds!db-0a1b2c3d-AbCdEf"
	role  = "arn:aws:iam::111122223333:role/sluice/test/sluice-test-orders-0a1b2c3d"
)

// federating is plain with a federation of two warehouses in one cluster and one in another.
func federating() config.Stage {
	s := plain()
	s.Federation = &config.Federation{Key: key, Policy: settings.PolicyDocumented, Warehouses: map[string]warehouse.Federating{
		"lake": {Cluster: "big", Database: "sales", User: "sluice"}, "pond": {Cluster: "big", Database: "stock", User: "sluice"}, "sea": {Cluster: "huge", Database: "all", User: "diver"},
	}}
	return s
}

var parts = access.Federation{
	Work: "arn:aws:sqs" + here + "sluice-test-work", Dead: "arn:aws:sqs" + here + "sluice-test-dead", Table: "arn:aws:dynamodb" + here + "table/sluice-test",
	Login: "arn:aws:lambda" + here + "function:sluice-test-login", Boundary: bound, Bus: bus, Logs: logs,
}

// An ask is one request. Conditions are key and value in turn.
type ask struct {
	action, resource string
	by               string // Sid of the statement that allows it; "" if none does
	conditions       []string
}

// decide puts requests to a role's statements. Each action of each statement must be what allows one of them: what nobody
// asks for is too much.
func decide(t *testing.T, statements []access.Statement, asks []ask) {
	t.Helper()
	text, err := json.Marshal(access.Document(statements))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(policy.Identity, "sluice", string(text))
	if err != nil {
		t.Fatal(err)
	}
	idle := make(map[string]bool)
	for _, s := range statements {
		for _, action := range s.Actions {
			if !s.Deny {
				idle[s.Sid+" "+action] = true
			}
		}
	}
	for _, a := range asks {
		keys := map[string][]string{"aws:userid": {"AROAEXAMPLE:sluice-test-provision"}}
		for i := 0; i < len(a.conditions); i += 2 {
			keys[a.conditions[i]] = []string{a.conditions[i+1]}
		}
		d := policy.Set{Identity: []*policy.Policy{p}}.Decide(policy.Request{
			Principal: awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/x/y", Account: awshttp.Account}, Action: a.action, Resource: a.resource, Context: keys,
		})
		if d.Allowed != (a.by != "") || d.Allowed && d.By != a.by {
			t.Errorf("%s on %s with %v: allowed %v by %q, want %q", a.action, a.resource, a.conditions, d.Allowed, d.By, a.by)
		}
		delete(idle, d.By+" "+a.action)
	}
	for unused := range maps.Keys(idle) {
		t.Errorf("%s: nothing asks for it", unused)
	}
}

func TestProvision(t *testing.T) {
	const (
		group   = "arn:aws:ec2" + here + "security-group/sg-1"
		rule    = "arn:aws:ec2" + here + "security-group-rule/*"
		cluster = "arn:aws:redshift" + here + "cluster:big"
		via     = "secretsmanager.us-east-1.amazonaws.com"
	)
	ours, elses := []string{"aws:ResourceTag/sluice:stage", "test"}, []string{"aws:ResourceTag/sluice:stage", "prod"}
	decide(t, access.Provision(federating(), parts), []ask{
		{"sqs:ReceiveMessage", parts.Work, "TakeWork", nil},
		{"sqs:DeleteMessage", parts.Work, "TakeWork", nil},
		{"sqs:GetQueueAttributes", parts.Work, "TakeWork", nil},
		{"sqs:ReceiveMessage", parts.Dead, "", nil},
		{"sqs:SendMessage", parts.Work, "SendWork", nil},
		{"sqs:SendMessage", parts.Dead, "SendWork", nil},
		{"sqs:SendMessage", "arn:aws:sqs" + here + "sluice-prod-work", "", nil},

		{"dynamodb:GetItem", parts.Table, "KeepState", nil},
		{"dynamodb:PutItem", parts.Table, "KeepState", nil},
		{"dynamodb:UpdateItem", parts.Table, "KeepState", nil},
		{"dynamodb:Scan", parts.Table, "KeepState", nil},
		{"dynamodb:DeleteItem", parts.Table, "", nil},

		{"rds:DescribeDBInstances", "arn:aws:rds" + here + "db:orders-prod", "FindSources", nil},
		{"rds:ModifyDBInstance", "arn:aws:rds" + here + "db:orders-prod", "", nil},

		{"redshift:DescribeClusters", "*", "FindWarehouses", nil},
		{"redshift:ModifyClusterIamRoles", cluster, "AttachRoles", nil},
		{"redshift:ModifyClusterIamRoles", "arn:aws:redshift" + here + "cluster:small", "", nil}, // not of the federation
		{"redshift-data:ExecuteStatement", cluster, "RunStatements", nil},
		{"redshift-data:ExecuteStatement", "arn:aws:redshift" + here + "cluster:small", "", nil},
		{"redshift-data:DescribeStatement", "*", "FollowStatements", []string{"redshift-data:statement-owner-iam-userid", "AROAEXAMPLE:sluice-test-provision"}},
		{"redshift-data:GetStatementResult", "*", "FollowStatements", []string{"redshift-data:statement-owner-iam-userid", "AROAEXAMPLE:sluice-test-provision"}},
		{"redshift-data:GetStatementResult", "*", "", []string{"redshift-data:statement-owner-iam-userid", "AROAEXAMPLE:somebody"}},
		{"redshift:GetClusterCredentials", "arn:aws:redshift" + here + "dbuser:big/sluice", "LogIn", nil},
		{"redshift:GetClusterCredentials", "arn:aws:redshift" + here + "dbname:big/stock", "LogIn", nil},
		{"redshift:GetClusterCredentials", "arn:aws:redshift" + here + "dbuser:huge/diver", "LogIn", nil},
		{"redshift:GetClusterCredentials", "arn:aws:redshift" + here + "dbuser:big/awsuser", "", nil},
		{"redshift:GetClusterCredentials", "arn:aws:redshift" + here + "dbname:big/payroll", "", nil},
		{"redshift:CreateClusterUser", "arn:aws:redshift" + here + "dbuser:big/sluice", "", nil},

		{"iam:GetRole", role, "LookForRoles", nil},
		{"iam:GetRole", "arn:aws:iam::111122223333:role/sluice-test-orders-00000000", "LookForRoles", nil},
		{"iam:GetRole", "arn:aws:iam::111122223333:role/team/sluice-test-orders-00000000", "LookForRoles", nil},
		{"iam:GetRole", "arn:aws:iam::111122223333:role/admin", "", nil},
		{"iam:GetRolePolicy", role, "KeepRoles", nil},
		{"iam:ListRoles", "arn:aws:iam::111122223333:role/sluice/test/", "ListRoles", nil},
		{"iam:ListRoleTags", role, "KeepRoles", nil},
		{"iam:TagRole", role, "KeepRoles", nil},
		{"iam:UpdateAssumeRolePolicy", role, "KeepRoles", nil},
		{"iam:DeleteRolePolicy", role, "KeepRoles", nil},
		{"iam:DeleteRole", role, "KeepRoles", nil},
		{"iam:DeleteRole", "arn:aws:iam::111122223333:role/sluice/production/x", "", nil},
		{"iam:DeleteRole", "arn:aws:iam::111122223333:role/admin", "", nil},
		{"iam:CreateRole", role, "MakeBoundedRoles", []string{"iam:PermissionsBoundary", bound}},
		{"iam:PutRolePolicy", role, "MakeBoundedRoles", []string{"iam:PermissionsBoundary", bound}},
		{"iam:PutRolePermissionsBoundary", role, "MakeBoundedRoles", []string{"iam:PermissionsBoundary", bound}},
		{"iam:CreateRole", role, "", nil}, // without the boundary
		{"iam:PutRolePolicy", role, "", nil},
		{"iam:PutRolePermissionsBoundary", role, "", []string{"iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess"}},
		{"iam:CreateRole", "arn:aws:iam::111122223333:role/admin", "", []string{"iam:PermissionsBoundary", bound}},
		{"iam:DeleteRolePermissionsBoundary", role, "", []string{"iam:PermissionsBoundary", bound}},
		{"iam:AttachRolePolicy", role, "", []string{"iam:PermissionsBoundary", bound}},
		{"iam:PassRole", role, "PassRoles", []string{"iam:PassedToService", "redshift.amazonaws.com"}},
		{"iam:PassRole", role, "", []string{"iam:PassedToService", "lambda.amazonaws.com"}},
		{"iam:PassRole", "arn:aws:iam::111122223333:role/admin", "", []string{"iam:PassedToService", "redshift.amazonaws.com"}},

		{"secretsmanager:CreateSecret", own, "MakeSecrets", []string{"aws:RequestTag/sluice:stage", "test"}},
		{"secretsmanager:TagResource", own, "MakeSecrets", []string{"aws:RequestTag/sluice:stage", "test"}},
		{"secretsmanager:CreateSecret", own, "", nil}, // without its tag
		{"secretsmanager:TagResource", other, "", []string{"aws:RequestTag/sluice:stage", "test"}},
		{"secretsmanager:PutSecretValue", own, "KeepSecrets", ours},
		{"secretsmanager:RestoreSecret", own, "KeepSecrets", ours},
		{"secretsmanager:DeleteSecret", own, "KeepSecrets", ours},
		{"secretsmanager:DeleteSecret", own, "", elses},
		{"secretsmanager:DeleteSecret", other, "", ours},
		{"secretsmanager:PutSecretValue", "arn:aws:secretsmanager" + here + "secret:sluice/test/analytics/report-AbCdEf", "", ours}, // a consumer's
		{"secretsmanager:DescribeSecret", other, "LookAtSecrets", nil},
		{"secretsmanager:DescribeSecret", "sluice/test/source/orders-0a1b2c3d", "LookAtSecrets", nil}, // that is not there
		{"secretsmanager:GetRandomPassword", "*", "LookAtSecrets", nil},
		{"secretsmanager:GetSecretValue", own, "", ours},
		{"secretsmanager:GetSecretValue", rds, "", nil},
		{"kms:DescribeKey", "arn:aws:kms:us-east-1:444455556666:key/k", "LookAtKeys", nil},
		{"kms:GenerateDataKey", key, "UseKey", []string{"kms:ViaService", via, "kms:EncryptionContext:SecretARN", own}},
		{"kms:Decrypt", key, "UseKey", []string{"kms:ViaService", via, "kms:EncryptionContext:SecretARN", own}},
		{"kms:Decrypt", key, "", []string{"kms:ViaService", via, "kms:EncryptionContext:SecretARN", other}},
		{"kms:Decrypt", key, "", []string{"kms:EncryptionContext:SecretARN", own}}, // not through Secrets Manager

		{"ec2:DescribeSecurityGroups", "*", "LookAtNetwork", nil},
		{"ec2:DescribeSecurityGroupRules", "*", "LookAtNetwork", nil},
		{"ec2:DescribeVpcEndpoints", "*", "LookAtNetwork", nil},
		{"ec2:AuthorizeSecurityGroupIngress", group, "OpenGroups", []string{"ec2:ResourceTag/sluice:ingress", "allow"}},
		{"ec2:RevokeSecurityGroupIngress", group, "OpenGroups", []string{"ec2:ResourceTag/sluice:ingress", "allow"}},
		{"ec2:AuthorizeSecurityGroupIngress", group, "", nil},
		{"ec2:AuthorizeSecurityGroupIngress", group, "", []string{"ec2:ResourceTag/sluice:ingress", "deny"}},
		{"ec2:RevokeSecurityGroupIngress", group, "", []string{"aws:ResourceTag/sluice:stage", "test"}},
		{"ec2:AuthorizeSecurityGroupIngress", rule, "AddRules", []string{"aws:RequestTag/sluice:stage", "test"}},
		{"ec2:AuthorizeSecurityGroupIngress", rule, "", []string{"aws:RequestTag/sluice:stage", "prod"}},
		{"ec2:CreateTags", rule, "TagNewRules", []string{"aws:RequestTag/sluice:stage", "test", "ec2:CreateAction", "AuthorizeSecurityGroupIngress"}},
		{"ec2:CreateTags", rule, "", []string{"aws:RequestTag/sluice:stage", "test"}}, // of a rule that is there
		{"ec2:CreateTags", group, "", []string{"aws:RequestTag/sluice:ingress", "allow"}},

		{"lambda:InvokeFunction", parts.Login, "AskLogin", nil},
		{"events:PutEvents", bus, "Announce", []string{"events:source", "sluice"}},
		{"events:PutEvents", bus, "", []string{"events:source", "aws.rds"}},
		{"logs:CreateLogStream", logs, "WriteLogs", nil},
		{"logs:PutLogEvents", logs, "WriteLogs", nil},
	})
}

// marks are requests to read secrets, each allowed by one statement of access.Login and access.Boundary alike.
func marks(action string) []ask {
	return []ask{
		{action, own, "OwnSecrets", []string{"aws:ResourceTag/sluice:stage", "test", "aws:ResourceTag/sluice:federation", "orders"}},
		{action, own, "", []string{"aws:ResourceTag/sluice:stage", "prod", "aws:ResourceTag/sluice:federation", "orders"}},
		{action, own, "", []string{"aws:ResourceTag/sluice:stage", "test"}}, // not of a federation
		{action, rds, "ManagedSecrets", nil},
		{action, other, "TaggedSecrets", []string{"aws:ResourceTag/sluice:source", "orders-prod"}},
		{action, other, "", []string{"aws:ResourceTag/sluice:source", ""}},
		{action, other, "", nil},
		// A consumer's secret, and one that only says that it is Sluice's.
		{action, "arn:aws:secretsmanager" + here + "secret:sluice/test/analytics/report-AbCdEf", "", []string{"aws:ResourceTag/sluice:stage", "test"}},
		{action, other, "", []string{"aws:ResourceTag/sluice:stage", "test", "aws:ResourceTag/sluice:federation", "orders"}},
	}
}

func TestLogin(t *testing.T) {
	asks := append(marks("secretsmanager:GetSecretValue"),
		ask{"kms:Decrypt", key, "DecryptSecrets", []string{"kms:ViaService", "secretsmanager.us-east-1.amazonaws.com"}},
		ask{"kms:Decrypt", key, "", []string{"kms:ViaService", "s3.us-east-1.amazonaws.com"}},
		ask{"kms:Decrypt", key, "", nil},
		ask{"secretsmanager:PutSecretValue", own, "", []string{"aws:ResourceTag/sluice:stage", "test", "aws:ResourceTag/sluice:federation", "orders"}},
		ask{"logs:CreateLogStream", logs, "WriteLogs", nil},
		ask{"logs:PutLogEvents", logs, "WriteLogs", nil},
	)
	s := federating()
	outside := access.Login(s, logs)
	decide(t, outside, asks)

	s.Federation.Network = &config.Network{}
	inside := access.Login(s, logs)
	check(t, inside[:len(outside)], outside...)
	got := ""
	for _, statement := range inside[len(outside):] {
		got += statement.Sid + " "
	}
	if want := "FindNetwork AttachNetwork LeaveNetworkToLambda "; got != want {
		t.Errorf("in a network login gets %s, want %s", got, want)
	}
}

// TestBoundary: the roles of federations can do what their own policies say, whichever profile, and nothing with what is not
// marked.
func TestBoundary(t *testing.T) {
	var asks []ask
	for _, action := range []string{"GetResourcePolicy", "GetSecretValue", "DescribeSecret", "ListSecretVersionIds"} {
		asks = append(asks, marks("secretsmanager:"+action)...)
	}
	asks = append(asks,
		ask{"secretsmanager:GetRandomPassword", "*", "AsDocumented", nil},
		ask{"secretsmanager:ListSecrets", "*", "AsDocumented", nil},
		ask{"secretsmanager:PutSecretValue", rds, "", nil},
		ask{"kms:Decrypt", key, "DecryptSecrets", []string{"kms:ViaService", "secretsmanager.us-east-1.amazonaws.com"}},
		ask{"kms:Decrypt", key, "", nil},
		ask{"s3:GetObject", "arn:aws:s3:::b/o", "", nil},
	)
	decide(t, access.Boundary(federating()), asks)

	own := make(map[string]bool)
	for _, profile := range []string{federation.Documented, federation.Strict} {
		var document struct {
			Statement []struct{ Action []string }
		}
		if err := json.Unmarshal([]byte(federation.Policy(profile, federating().Place(), other, key)), &document); err != nil {
			t.Fatal(err)
		}
		for _, s := range document.Statement {
			for _, action := range s.Action {
				own[action] = true
			}
		}
	}
	for _, s := range access.Boundary(federating()) {
		for _, action := range s.Actions {
			delete(own, action)
		}
	}
	if len(own) > 0 {
		t.Errorf("the boundary takes away %v, which the roles' own policies have", own)
	}
}

// TestTagsAreThoseOfTheFunctions: conditions look at what the functions write and read.
func TestTagsAreThoseOfTheFunctions(t *testing.T) {
	s := federating()
	text, err := json.Marshal([]any{access.Document(access.Provision(s, parts)), access.Document(access.Login(s, logs))})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"aws:RequestTag/` + federation.TagStage + `"`, `"aws:ResourceTag/` + federation.TagStage + `"`, `"aws:ResourceTag/` + federation.TagFederation + `"`,
		`"aws:ResourceTag/` + federation.TagSource + `"`, `"ec2:ResourceTag/` + federation.TagIngress + `":["` + federation.Allow + `"]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no condition is about %s", want)
		}
	}
	namer := federation.Namer{Stage: s.Name, Place: s.Place()}
	w := federation.Wanted{Name: "orders"}
	if got, want := namer.RolePath(), s.RolePath(); got != want {
		t.Errorf("roles are made under %s and allowed under %s", got, want)
	}
	if got := "arn:aws:secretsmanager" + here + "secret:" + namer.Secret(w) + "-AbCdEf"; !strings.HasPrefix(got, strings.TrimSuffix(access.OwnSecretPattern(s), "*")) {
		t.Errorf("secret %s is not within %s", got, access.OwnSecretPattern(s))
	}
}

func TestQueueTakesFromRulesOnly(t *testing.T) {
	check(t, access.Queue("arn:queue", list("arn:a", "arn:b")), access.Statement{
		Sid: "TakeEvents", Principals: map[string][]string{"Service": {"events.amazonaws.com"}}, Actions: list("sqs:SendMessage"), Resources: list("arn:queue"),
		Conditions: access.Conditions{"ArnEquals": {"aws:SourceArn": {"arn:a", "arn:b"}}},
	})
	check(t, access.Sweep("arn:queue"), statement("SendSweep", list("sqs:SendMessage"), list("arn:queue"), nil))
}

func TestRequesters(t *testing.T) {
	s := federating()
	s.Federation.Requesters = list("arn:aws:iam::111122223333:role/catalog")
	check(t, []access.Statement{access.Requesters(s, bus)}, access.Statement{
		Sid: "Request", Principals: map[string][]string{"AWS": {"arn:aws:iam::111122223333:role/catalog"}}, Actions: list("events:PutEvents"), Resources: list(bus),
		Conditions: access.Conditions{"StringEquals": {"events:detail-type": {"Source Requested", "Source Withdrawn"}}},
	})
}

func TestKeyIsNamedOnlyWhereThereIsOne(t *testing.T) {
	s := federating()
	s.Federation.Key = ""
	for _, got := range access.Provision(s, parts) {
		if got.Sid == "UseKey" {
			t.Errorf("with AWS's own key there is %+v", got)
		}
	}
}

func TestTooManyClustersAreRefused(t *testing.T) {
	s := federating()
	if problems := access.Problems(s); len(problems) > 0 {
		t.Errorf("three warehouses: %v", problems)
	}
	for i := range 20 {
		s.Federation.Warehouses[fmt.Sprint("more", i)] = warehouse.Federating{Cluster: fmt.Sprintf("%s%02d", strings.Repeat("c", 60), i), Database: "d", User: "u"}
	}
	got := access.Problems(s).Error()
	if !strings.HasPrefix(got, "federation.warehouses: make a role's policy of 1") || !strings.HasSuffix(got, "and IAM takes 10240; split them into several stages") {
		t.Errorf("23 warehouses: %s", got)
	}
}

// TestBoundaryFits: a policy of its own takes 6,144 characters. Source: IAM User Guide, "IAM and AWS STS quotas".
func TestBoundaryFits(t *testing.T) {
	s := federating()
	s.Name = strings.Repeat("n", 40)
	text, err := json.Marshal(access.Document(access.Boundary(s)))
	if err != nil || len(text) > 6144 {
		t.Errorf("the boundary has %d characters, %v", len(text), err)
	}
}
