package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/dynamodb"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

var operator = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account}

// A region has the real services of the sandbox in it, for an operator who may do everything.
type region struct {
	*template.Deployer
	t      *testing.T
	server *awshttp.Server
}

func newRegion(t *testing.T) *region {
	t.Helper()
	c := clock.New(t.Context())
	people := identity.New(c)
	people.AddUser("operator", map[string]string{"all": `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`})
	tables := dynamodb.New(dynamodb.Config{Clock: c, NodeModules: "../../node_modules"})
	t.Cleanup(func() { _ = tables.Close() })
	server := awshttp.New(awshttp.Config{Clock: c, Caller: people, Authorizer: people})
	server.Register(people.Services()...)
	server.Register(tables.AWS())
	return &region{template.New(template.Config{API: server, Principal: operator}), t, server}
}

// deploy makes the stack have these resources.
func (r *region) deploy(resources string) {
	r.t.Helper()
	if err := r.Deploy(r.t.Context(), load(r.t, `{"Resources": {`+resources+`}}`)); err != nil {
		r.t.Fatal(err)
	}
}

// ask calls an operation as the operator.
func (r *region) ask(service, operation string, in map[string]any) map[string]any {
	r.t.Helper()
	out, err := r.server.Do(r.t.Context(), operator, service, operation, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// has is the resource with that logical id.
func (r *region) has(logical string) template.Resource {
	r.t.Helper()
	for _, resource := range r.Resources() {
		if resource.LogicalID == logical {
			return resource
		}
	}
	r.t.Fatalf("there is no %s", logical)
	return template.Resource{}
}

const records = `"Records": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "sluice-test", "BillingMode": "PAY_PER_REQUEST",
	"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]%s}}`

func TestTable(t *testing.T) {
	r := newRegion(t)
	r.deploy(fmt.Sprintf(records, `, "DeletionProtectionEnabled": true, "SSESpecification": {"SSEEnabled": true},
		"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}, "Tags": [{"Key": "sluice:stage", "Value": "test"}],
		"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true}`))
	made := r.has("Records")
	const arn = "arn:aws:dynamodb:us-east-1:111122223333:table/sluice-test"
	if made.PhysicalID != "sluice-test" || made.Attributes["Arn"] != arn {
		t.Errorf("made %+v", made)
	}
	// is lists what the table's settings say.
	is := func() string {
		t.Helper()
		name := map[string]any{"TableName": "sluice-test"}
		table := r.ask("dynamodb", "DescribeTable", name)["Table"].(map[string]any)
		backups := r.ask("dynamodb", "DescribeContinuousBackups", name)["ContinuousBackupsDescription"].(map[string]any)["PointInTimeRecoveryDescription"].(map[string]any)
		live := r.ask("dynamodb", "DescribeTimeToLive", name)["TimeToLiveDescription"].(map[string]any)
		tags := r.ask("dynamodb", "ListTagsOfResource", map[string]any{"ResourceArn": arn})["Tags"].([]any)
		return fmt.Sprint(table["DeletionProtectionEnabled"], " ", table["SSEDescription"] != nil, " ", backups["PointInTimeRecoveryStatus"], " ", live["TimeToLiveStatus"], live["AttributeName"], " ", len(tags))
	}
	if got, want := is(), "true true ENABLED ENABLEDexpires 1"; got != want {
		t.Errorf("after the first deployment: %s; want %s", got, want)
	}
	r.deploy(fmt.Sprintf(records, `, "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": true}`))
	if got, want := is(), "false false DISABLED ENABLEDuntil 0"; got != want {
		t.Errorf("after the second deployment: %s; want %s", got, want)
	}
	r.deploy("")
	if got := r.ask("dynamodb", "ListTables", nil)["TableNames"].([]any); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestTableProblems(t *testing.T) {
	r := newRegion(t)
	err := r.Deploy(t.Context(), load(t, `{"Resources": {`+fmt.Sprintf(records, `, "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}`)+`}}`))
	if err == nil || !strings.Contains(err.Error(), "StreamSpecification") {
		t.Errorf("a table with a stream: %v", err)
	}
	r.deploy(fmt.Sprintf(records, `, "DeletionProtectionEnabled": "true"`))
	err = r.Deploy(t.Context(), load(t, `{"Resources": {}}`))
	if err == nil || !strings.Contains(err.Error(), "protected against deletion") {
		t.Errorf("a protected table is removed: %v", err)
	}
}

const boundary = `"Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "sluice-test-boundary", "Path": "/sluice/", "Description": "",
	"PolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "%s", "Resource": "*"}}}},
	"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "worker", "PermissionsBoundary": {"Ref": "Boundary"}, "AssumeRolePolicyDocument":
		{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}}`

func TestManagedPolicy(t *testing.T) {
	r := newRegion(t)
	r.deploy(fmt.Sprintf(boundary, "sqs:SendMessage"))
	const arn = "arn:aws:iam::111122223333:policy/sluice/sluice-test-boundary"
	if made := r.has("Boundary"); made.PhysicalID != arn || made.Attributes["PolicyArn"] != arn {
		t.Errorf("made %+v", made)
	}
	for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage"} {
		r.deploy(fmt.Sprintf(boundary, action))
		current := r.ask("iam", "GetPolicy", map[string]any{"PolicyArn": arn})["Policy"].(map[string]any)
		version := r.ask("iam", "GetPolicyVersion", map[string]any{"PolicyArn": arn, "VersionId": current["DefaultVersionId"]})["PolicyVersion"].(map[string]any)
		if document := version["Document"].(string); !strings.Contains(document, strings.TrimPrefix(action, "sqs:")) || current["PermissionsBoundaryUsageCount"] != 1.0 {
			t.Errorf("policy %v has the document %s; want %s in it", current, document, action)
		}
	}
	r.deploy("")
	if left := r.ask("iam", "ListPolicies", nil)["Policies"].([]any); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestManagedPolicyOfRoles(t *testing.T) {
	r := newRegion(t)
	const role = `"%s": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "%[1]s", "AssumeRolePolicyDocument":
		{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}}`
	const shared = `"Shared": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Roles": [{"Ref": "%s"}],
		"PolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}}}`
	attached := func(role string) int {
		t.Helper()
		return len(r.ask("iam", "ListAttachedRolePolicies", map[string]any{"RoleName": role})["AttachedPolicies"].([]any))
	}
	roles := fmt.Sprintf(role, "one") + "," + fmt.Sprintf(role, "two") + ","
	r.deploy(roles + fmt.Sprintf(shared, "one"))
	if attached("one") != 1 || attached("two") != 0 {
		t.Errorf("attached to one: %d, two: %d", attached("one"), attached("two"))
	}
	r.deploy(roles + fmt.Sprintf(shared, "two"))
	if attached("one") != 0 || attached("two") != 1 {
		t.Errorf("after the change attached to one: %d, two: %d", attached("one"), attached("two"))
	}
}
