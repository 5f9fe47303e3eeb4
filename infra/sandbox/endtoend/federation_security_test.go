package endtoend_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
)

const otherAccount = "999900001111"

// An event is a request, never an authority: what the configuration and the owners' tags do not allow is refused, with its
// reason and its remedy, before anything is made.
func TestFederationRefusals(t *testing.T) {
	t.Parallel()
	f := federating(t)
	_, err := f.AddSource(t.Context(), world.Source{Identifier: "payroll", Managed: true, GroupTags: map[string]string{federation.TagIngress: federation.Allow}})
	f.must(err)
	f.Clock.Settle()
	unmarked := f.secretOf("team/unmarked", "reader", "of nobody", nil)
	elsewhere := f.secretOf("team/elsewhere", "reader", "of another source", serving("payroll"))
	foreign := func(account, region string) string {
		return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:team/orders-AbCdEf", region, account)
	}
	type change = func(*federation.Wanted)
	for i, tc := range []struct {
		name   string
		change change
		want   refusal
	}{
		{"a secret without a mark", func(w *federation.Wanted) { w.Credentials.Secret = unmarked },
			refusal{federation.SecretNotServing, []string{unmarked, "orders-prod"}, "sluice:source = orders-prod"}},
		{"a secret of another source", func(w *federation.Wanted) { w.Credentials.Secret = elsewhere },
			refusal{federation.SecretNotServing, []string{elsewhere, "orders-prod"}, "sluice:source = orders-prod"}},
		{"the managed secret of another source", func(w *federation.Wanted) { w.Credentials.Secret = f.masterSecret("payroll") },
			refusal{federation.SecretNotServing, []string{"rds!db-", "orders-prod"}, "sluice:source = orders-prod"}},
		{"a secret of Sluice's consumers", func(w *federation.Wanted) { w.Credentials.Secret = f.reporting },
			refusal{federation.SecretNotServing, []string{f.reporting}, "sluice:source = orders-prod"}},
		{"an admin without a mark", func(w *federation.Wanted) { w.Credentials.Admin = unmarked },
			refusal{federation.SecretNotServing, []string{unmarked, "orders-prod"}, "sluice:source = orders-prod"}},
		{"an admin of another source", func(w *federation.Wanted) { w.Credentials.Admin = f.masterSecret("payroll") },
			refusal{federation.SecretNotServing, []string{"rds!db-", "orders-prod"}, "sluice:source = orders-prod"}},
		{"a secret that is not there", func(w *federation.Wanted) { w.Credentials.Secret = foreign(awshttp.Account, "us-east-1") },
			refusal{federation.SecretMissing, []string{"team/orders-AbCdEf"}, "correct the secret's ARN"}},
		{"a secret of another account", func(w *federation.Wanted) { w.Credentials.Secret = foreign(otherAccount, "us-east-1") },
			refusal{federation.OtherAccount, []string{otherAccount, awshttp.Account}, "a secret of this account and region"}},
		{"an admin of another account", func(w *federation.Wanted) { w.Credentials.Admin = foreign(otherAccount, "us-east-1") },
			refusal{federation.OtherAccount, []string{otherAccount, awshttp.Account}, "a secret of this account and region"}},
		{"a secret of another region", func(w *federation.Wanted) { w.Credentials.Secret = foreign(awshttp.Account, "eu-west-1") },
			refusal{federation.OtherAccount, []string{"eu-west-1", "us-east-1"}, "a secret of this account and region"}},
		{"a host that is not listed", func(w *federation.Wanted) {
			w.Source = source.Source{Engine: source.Postgres, Host: "db.example.com", Database: "orders"}
			w.Credentials.Secret, w.ManageIngress = unmarked, false
		}, refusal{federation.HostNotListed, []string{"db.example.com:5432"}, "federation.hosts"}},
		{"a host whose name is allowed to instances", func(w *federation.Wanted) {
			w.Source = source.Source{Engine: source.Postgres, Host: "orders.example.com", Database: "orders"}
			w.Credentials.Secret, w.ManageIngress = unmarked, false
		}, refusal{federation.HostNotListed, []string{"orders.example.com:5432"}, "federation.hosts"}},
		{"a warehouse that is not declared", func(w *federation.Wanted) { w.Warehouse = "finance" },
			refusal{federation.WarehouseUnknown, []string{`"finance"`}, "declare the warehouse"}},
		{"a group that is not allowed", func(w *federation.Wanted) { w.GrantUsageTo = append(w.GrantUsageTo, "group:payroll") },
			refusal{federation.GranteeNotAllowed, []string{"group:payroll", "analytics"}, "grantees in the configuration"}},
		{"everybody, who is not allowed", func(w *federation.Wanted) { w.GrantUsageTo = append(w.GrantUsageTo, "public") },
			refusal{federation.GranteeNotAllowed, []string{"public", "analytics"}, "grantees in the configuration"}},
		{"a source that is not allowed", func(w *federation.Wanted) { w.Source.Instance, w.Source.Database = "payroll", "payroll" },
			refusal{federation.SourceNotAllowed, []string{"payroll", "analytics"}, "the warehouse's sources"}},
	} {
		f.run(tc.name, func(f *federator) {
			name := fmt.Sprintf("refused-%d", i+1)
			before, last := f.snapshot(name), f.AWS.Calls().Last()
			f.request(orders(name, tc.change))
			rec := f.settle(name)
			f.refuses(rec, tc.want)
			if calls := f.changed(last); len(calls) > 0 {
				f.t.Errorf("the functions called %v", calls)
			}
			f.gone(name)
			if after := f.snapshot(name); after != before {
				f.t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
			f.valuesStay(last)
		})
	}
	f.run("a tag that nobody allowed", tagThatNobodyAllowed)
	f.run("an event of another account", eventOfAnotherAccount)
}

// Whoever may tag an instance does not decide which instances are read.
func tagThatNobodyAllowed(f *federator) {
	before, last := f.snapshot("finance"), f.AWS.Calls().Last()
	_, err := f.AddSource(f.t.Context(), world.Source{Identifier: "finance", Managed: true, GroupTags: map[string]string{federation.TagIngress: federation.Allow},
		Tags: map[string]string{federation.TagWarehouse: "analytics", federation.TagNetwork: "true", "data-class": "secret"}})
	f.must(err)
	rec := f.settle("finance")
	f.refuses(rec, refusal{federation.SourceNotAllowed, []string{"finance", "analytics"}, "sourceTags"})
	if calls := f.changed(last); len(calls) > 0 {
		f.t.Errorf("the functions called %v", calls)
	}
	if rules := f.EC2.Rules("sg-finance"); len(rules) > 0 {
		f.t.Errorf("the instance's network was opened: %+v", rules)
	}
	f.must(f.RemoveSource(f.t.Context(), "finance"))
	f.becomes("finance", federation.Removed, "", time.Hour)
	if after := f.snapshot("finance"); after != before {
		f.t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// A bus that somebody opened for another account brings its events to the queue. The function does not take them.
func eventOfAnotherAccount(f *federator) {
	before := f.snapshot("stranger")
	detail, err := json.Marshal(orders("stranger"))
	f.must(err)
	for _, detailType := range []string{event.SourceRequested, event.SourceWithdrawn} {
		f.post(fmt.Sprintf(`{"version":"0","id":"1","detail-type":%q,"source":"test","account":%q,"time":%q,"region":"us-east-1","resources":[],"detail":%s}`,
			detailType, otherAccount, f.Clock.Now().Format(time.RFC3339), detail))
	}
	f.Clock.Settle()
	dead := f.deadLetters()
	if len(dead) != 2 {
		f.t.Fatalf("dead letters: %+v; want both", dead)
	}
	for _, d := range dead {
		if d.reason != federation.OtherAccount || !strings.Contains(d.message, otherAccount) || !strings.Contains(d.message, awshttp.Account) {
			f.t.Errorf("dead letter with %s: %s", d.reason, d.message)
		}
	}
	if rec := f.record("stranger"); rec.Generation > 0 {
		f.t.Errorf("the event was taken: %+v", rec)
	}
	f.must(f.as(operator, "sqs", "PurgeQueue", map[string]any{"QueueUrl": f.SQS.URL("arn:aws:sqs:us-east-1:" + awshttp.Account + ":" + deadQueue)}))
	f.Clock.Settle()
	if after := f.snapshot("stranger"); after != before {
		f.t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// valuesStay checks that provision has read no secret's value since the call with the given number.
func (f *federator) valuesStay(after uint64) {
	f.t.Helper()
	for _, c := range f.calls(f.provision, after) {
		if c.Operation == "GetSecretValue" || slices.ContainsFunc(c.Accesses, func(a awshttp.AskedAccess) bool { return a.Action == "secretsmanager:GetSecretValue" }) {
			f.t.Errorf("provision asked for the value of a secret: %+v", c)
		}
	}
}

// What the functions, and the roles that they make, could not do even if they were told to.
func TestFederationPermissions(t *testing.T) {
	t.Parallel()
	f := federating(t)
	last := f.AWS.Calls().Last()
	f.request(orders("live"))
	rec := f.reaches("live", federation.Ready, "")
	f.valuesStay(last)
	for _, c := range f.calls(f.login, last) {
		for _, a := range c.Accesses {
			if a.Action == "secretsmanager:GetSecretValue" && a.Resource != rec.Made.Secret && a.Resource != rec.Made.Admin {
				t.Errorf("login read %s", a.Resource)
			}
		}
	}
	unmarked, tagged := f.secretOf("team/unmarked", "reader", "of nobody", nil), f.secretOf("team/orders", "reader", "of orders-prod", serving(world.Orders))
	type in = map[string]any
	f.do("iam", "CreateRole", in{"RoleName": "foreign", "AssumeRolePolicyDocument": federation.Trust()})
	f.must(f.EC2.SetTag("sg-"+world.Orders, federation.TagIngress, "")) // whose owner has changed their mind

	// The role, given more by somebody who may.
	f.do("iam", "PutRolePolicy", in{"RoleName": rec.Made.Role, "PolicyName": "more", "PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`})
	f.pass(world.IAMDelay)
	warehouse, err := f.Identity.AssumeAs(federation.RedshiftService, rec.Made.RoleARN)
	f.must(err)
	rule := []in{{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "Groups": []in{{"GroupId": world.ClusterGroup}}}}
	const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}`
	for _, tc := range []struct {
		name               string
		by                 awshttp.Principal
		service, operation string
		action, resource   string
		input              in
	}{
		{"provision reads the master's secret", f.provision.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", rec.Made.Admin, in{"SecretId": rec.Made.Admin}},
		{"provision reads its own secret", f.provision.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", rec.Made.Secret, in{"SecretId": rec.Made.Secret}},
		{"provision reads a secret that is marked", f.provision.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", tagged, in{"SecretId": tagged}},
		{"provision reads a lease", f.provision.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", f.reporting, in{"SecretId": f.reporting}},
		{"provision marks a secret", f.provision.by, "secretsmanager", "TagResource", "secretsmanager:TagResource", unmarked, in{"SecretId": unmarked, "Tags": tagList(federation.TagSource, world.Orders)}},
		{"provision changes a foreign secret", f.provision.by, "secretsmanager", "PutSecretValue", "secretsmanager:PutSecretValue", tagged, in{"SecretId": tagged, "SecretString": "x", "ClientRequestToken": foreignToken}},
		{"provision deletes a foreign secret", f.provision.by, "secretsmanager", "DeleteSecret", "secretsmanager:DeleteSecret", tagged, in{"SecretId": tagged}},
		{"provision deletes the master's secret", f.provision.by, "secretsmanager", "DeleteSecret", "secretsmanager:DeleteSecret", rec.Made.Admin, in{"SecretId": rec.Made.Admin}},
		{"provision makes a role without the boundary", f.provision.by, "iam", "CreateRole", "iam:CreateRole", "role/sluice/sandbox/free", in{"RoleName": "free", "Path": "/sluice/sandbox/", "AssumeRolePolicyDocument": trust}},
		{"provision makes a role elsewhere", f.provision.by, "iam", "CreateRole", "iam:CreateRole", "role/elsewhere", in{"RoleName": "elsewhere", "AssumeRolePolicyDocument": trust, "PermissionsBoundary": boundaryARN}},
		{"provision takes the boundary away", f.provision.by, "iam", "DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", rec.Made.Role, in{"RoleName": rec.Made.Role}},
		{"provision changes a foreign role", f.provision.by, "iam", "PutRolePolicy", "iam:PutRolePolicy", "role/foreign", in{"RoleName": "foreign", "PolicyName": "p", "PolicyDocument": federation.Policy(federation.Strict, place, tagged, "")}},
		{"provision attaches a foreign role", f.provision.by, "redshift", "ModifyClusterIamRoles", "iam:PassRole", "role/foreign", in{"ClusterIdentifier": world.Cluster, "AddIamRoles": []string{"arn:aws:iam::" + awshttp.Account + ":role/foreign"}}},
		{"provision assumes its role", f.provision.by, "sts", "AssumeRole", "sts:AssumeRole", rec.Made.RoleARN, in{"RoleArn": rec.Made.RoleARN, "RoleSessionName": "session"}},
		{"provision opens a group that is not tagged for it", f.provision.by, "ec2", "AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", "security-group/sg-" + world.Orders,
			in{"GroupId": "sg-" + world.Orders, "IpPermissions": rule, "TagSpecification": []in{{"ResourceType": "security-group-rule", "Tag": tagList("sluice:stage", "sandbox")}}}},
		{"provision opens the cluster's group", f.provision.by, "ec2", "AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", "security-group/" + world.ClusterGroup,
			in{"GroupId": world.ClusterGroup, "IpPermissions": rule, "TagSpecification": []in{{"ResourceType": "security-group-rule", "Tag": tagList("sluice:stage", "sandbox")}}}},
		{"provision logs in as the superuser", f.provision.by, "redshift", "GetClusterCredentials", "redshift:GetClusterCredentials", "dbuser:examplecluster/awsuser", in{"ClusterIdentifier": world.Cluster, "DbUser": world.Master, "DbName": world.Database}},
		{"provision pauses the cluster", f.provision.by, "redshift", "PauseCluster", "redshift:PauseCluster", world.Cluster, in{"ClusterIdentifier": world.Cluster}},
		{"login reads a secret without a mark", f.login.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", unmarked, in{"SecretId": unmarked}},
		{"login reads a lease", f.login.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", f.reporting, in{"SecretId": f.reporting}},
		{"login writes a secret", f.login.by, "secretsmanager", "PutSecretValue", "secretsmanager:PutSecretValue", rec.Made.Secret, in{"SecretId": rec.Made.Secret, "SecretString": "x", "ClientRequestToken": foreignToken}},
		{"login announces", f.login.by, "events", "PutEvents", "events:PutEvents", busName, in{"Entries": []in{{"EventBusName": busName, "Source": "sluice", "DetailType": event.FederationReady, "Detail": "{}"}}}},
		{"the role reads a secret without a mark", warehouse, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", unmarked, in{"SecretId": unmarked}},
		{"the role reads a lease", warehouse, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", f.reporting, in{"SecretId": f.reporting}},
		{"the role changes its secret", warehouse, "secretsmanager", "PutSecretValue", "secretsmanager:PutSecretValue", rec.Made.Secret, in{"SecretId": rec.Made.Secret, "SecretString": "x", "ClientRequestToken": foreignToken}},
		{"the role makes roles", warehouse, "iam", "CreateRole", "iam:CreateRole", "role/more", in{"RoleName": "more", "AssumeRolePolicyDocument": trust}},
		{"the application asks login", application, "lambda", "Invoke", "lambda:InvokeFunction", f.login.name, in{"FunctionName": f.login.name, "Payload": []byte("{}")}},
		{"the application asks for a source", application, "events", "PutEvents", "events:PutEvents", busName, in{"Entries": []in{{"EventBusName": busName, "Source": "x", "DetailType": event.SourceRequested, "Detail": "{}"}}}},
		{"the application writes to the queue", application, "sqs", "SendMessage", "sqs:SendMessage", workQueue, in{"QueueUrl": f.SQS.URL("arn:aws:sqs:us-east-1:" + awshttp.Account + ":" + workQueue), "MessageBody": event.Sweep()}},
		{"the application reads the state", application, "dynamodb", "GetItem", "dynamodb:GetItem", tableName, in{"TableName": tableName, "Key": in{"name": in{"S": "live"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			denied(t, f.as(tc.by, tc.service, tc.operation, tc.input), tc.by.ARN, tc.action, tc.resource)
		})
	}
	// What it may: the tests above would pass, too, if it were allowed nothing.
	for _, id := range []string{rec.Made.Secret, tagged, f.masterSecret(world.Orders)} {
		if err := f.as(warehouse, "secretsmanager", "GetSecretValue", in{"SecretId": id}); err != nil {
			t.Errorf("a role that is given everything: %v", err)
		}
	}
}

const boundaryARN = "arn:aws:iam::" + awshttp.Account + ":policy/sluice-sandbox-boundary"
