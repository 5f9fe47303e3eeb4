package template_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/shared/fault"
)

// consumer is a stack with a secret that a function rotates; %s takes further members of the secret's properties.
const consumer = `{
	"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/version"}},
	"Rules": {"CheckBootstrapVersion": {"Assertions": []}},
	"Resources": {
		"CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2"}},
		"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "app", "SecretString": "first"%s}},
		"Attach": {"Type": "AWS::SecretsManager::RotationSchedule", "DependsOn": ["Policy"], "Properties": {
			"SecretId": {"Ref": "Secret"}, "RotationLambdaARN": {"Fn::GetAtt": ["Rotate", "Arn"]},
			"RotateImmediatelyOnUpdate": false, "RotationRules": {"ScheduleExpression": "rate(999 days)"}}},
		"Policy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "mint", "Roles": [{"Ref": "Role"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "redshift:GetClusterCredentials", "Resource": "*"}}}},
		"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}},
		"Rotate": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Timeout": 30,
			"Code": {"S3Bucket": {"Fn::Sub": "assets-${AWS::Region}"}, "S3Key": "abc.zip"}}}
	}
}`

func TestOrder(t *testing.T) {
	c := newCloud()
	if err := newDeployer(c).Deploy(t.Context(), load(t, fmt.Sprintf(consumer, ""))); err != nil {
		t.Fatal(err)
	}
	rotation := c.input(t, "secretsmanager RotateSecret")
	if rotation["RotateImmediately"] != false || len(rotation["ClientRequestToken"].(string)) != 36 || rotation["SecretId"] != "arn:aws:secretsmanager:us-east-1:111122223333:app" {
		t.Errorf("RotateSecret(%v)", rotation)
	}
	if code, _ := c.input(t, "lambda CreateFunction")["Code"].(map[string]any); !strings.HasSuffix(fmt.Sprint(code["SandboxFolder"]), "/asset.abc") {
		t.Errorf("CreateFunction has code %v, want the asset's folder", code)
	}
	got := c.operations()
	want := []string{"iam CreateRole", "iam PutRolePolicy", "lambda CreateFunction", "secretsmanager CreateSecret", "secretsmanager RotateSecret"}
	if !slices.Equal(got, want) {
		t.Errorf("calls\n%v, want\n%v", got, want)
	}
}

func TestDeployAgain(t *testing.T) {
	c := newCloud()
	d := newDeployer(c)
	for _, step := range []struct {
		name, secret string
		want         []string
	}{
		{"first", ``, []string{"iam CreateRole", "iam PutRolePolicy", "lambda CreateFunction", "secretsmanager CreateSecret", "secretsmanager RotateSecret"}},
		{"unchanged", ``, nil},
		{"described", `, "Description": "of the app"`, []string{"secretsmanager UpdateSecret"}},
		{"tagged", `, "Description": "of the app", "Tags": [{"Key": "a", "Value": "1"}]`, []string{"secretsmanager TagResource"}},
		{"tag gone", `, "Description": "of the app"`, []string{"secretsmanager UntagResource"}},
	} {
		if err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, step.secret))); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		for _, made := range c.calls {
			if _, written := made.input["SecretString"]; written && step.name != "first" {
				t.Errorf("%s: %s writes the value again", step.name, made.operation)
			}
		}
		if got := c.operations(); !slices.Equal(got, step.want) {
			t.Errorf("%s: calls %v, want %v", step.name, got, step.want)
		}
	}
}

func TestReplaceAndRemove(t *testing.T) {
	stack := func(resources string) *template.Assembly { return load(t, `{"Resources": {`+resources+`}}`) }
	const bus, kept = `"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "%s"}}`,
		`"Kept": {"Type": "AWS::SecretsManager::Secret", "DeletionPolicy": "Retain", "Properties": {"Name": "kept"}}`
	c := newCloud()
	d := newDeployer(c)
	deploy := func(resources string) []string {
		t.Helper()
		if err := d.Deploy(t.Context(), stack(resources)); err != nil {
			t.Fatal(err)
		}
		return c.operations()
	}
	deploy(fmt.Sprintf(bus, "one") + "," + kept)
	got := deploy(fmt.Sprintf(bus, "two"))
	if want := []string{"events CreateEventBus", "events DeleteEventBus"}; !slices.Equal(got, want) {
		t.Errorf("a new name and a resource less: calls %v, want %v", got, want)
	}
	if !c.things["Secret kept"] || !c.things["EventBus two"] || c.things["EventBus one"] {
		t.Errorf("left: %v", c.things)
	}
	deploy(``)
	if len(d.Resources()) > 0 || c.things["EventBus two"] {
		t.Errorf("after an empty template: %v; %v", d.Resources(), c.things)
	}
}

func TestRemovedResourcesGoInReverse(t *testing.T) {
	c := newCloud()
	d := newDeployer(c)
	if err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, ""))); err != nil {
		t.Fatal(err)
	}
	c.operations()
	if err := d.Deploy(t.Context(), load(t, `{"Resources": {}}`)); err != nil {
		t.Fatal(err)
	}
	want := []string{"secretsmanager CancelRotateSecret", "secretsmanager DeleteSecret", "lambda DeleteFunction", "iam DeleteRolePolicy", "iam DeleteRole"}
	if got := c.operations(); !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestDelete(t *testing.T) {
	c := newCloud()
	d := newDeployer(c)
	if err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, ""))); err != nil {
		t.Fatal(err)
	}
	c.operations()
	c.fail["CancelRotateSecret"] = &awshttp.Error{Code: "InternalServiceError", Message: "not now"}
	if err := d.Delete(t.Context()); err == nil || !strings.Contains(err.Error(), "delete stack1/Attach") {
		t.Errorf("Delete() = %v, want the failure of Attach", err)
	}
	if input := c.input(t, "secretsmanager DeleteSecret"); input["ForceDeleteWithoutRecovery"] != true {
		t.Errorf("DeleteSecret(%v): CloudFormation leaves no recovery window", input)
	}
	want := []string{"secretsmanager CancelRotateSecret", "secretsmanager DeleteSecret", "lambda DeleteFunction", "iam DeleteRolePolicy", "iam DeleteRole"}
	if got := c.operations(); !slices.Equal(got, want) || len(c.things) > 0 {
		t.Errorf("calls %v, want %v; left %v", got, want, c.things)
	}
	delete(c.fail, "CancelRotateSecret")
	if err := d.Delete(t.Context()); err != nil || len(d.Resources()) > 0 {
		t.Errorf("Delete() again = %v, left %v", err, d.Resources())
	}
}

func TestFailedResource(t *testing.T) {
	c := newCloud()
	d := newDeployer(c)
	c.fail["CreateFunction"] = &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "not authorized to perform: iam:PassRole"}
	err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, "")))
	failed, ok := errors.AsType[*template.Error](err)
	if !ok || failed.LogicalID != "Rotate" || failed.Op != "create" {
		t.Fatalf("Deploy() = %v", err)
	}
	if refusal, ok := errors.AsType[*awshttp.Error](err); !ok || refusal.Code != "AccessDeniedException" {
		t.Errorf("Deploy() = %v, want the service's refusal in it", err)
	}
	c.operations()
	clear(c.fail)
	if err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, ""))); err != nil {
		t.Fatal(err)
	}
	want := []string{"lambda CreateFunction", "secretsmanager CreateSecret", "secretsmanager RotateSecret"}
	if got := c.operations(); !slices.Equal(got, want) {
		t.Errorf("after a failure: calls %v, want the rest, %v", got, want)
	}
}

func TestFailedUpdateIsTriedAgain(t *testing.T) {
	c := newCloud()
	d := newDeployer(c)
	described := fmt.Sprintf(consumer, `, "Description": "of the app"`)
	if err := d.Deploy(t.Context(), load(t, fmt.Sprintf(consumer, ""))); err != nil {
		t.Fatal(err)
	}
	c.fail["UpdateSecret"] = errors.New("lost")
	if err := d.Deploy(t.Context(), load(t, described)); err == nil {
		t.Fatal("Deploy() hides that an update failed")
	}
	clear(c.fail)
	c.operations()
	if err := d.Deploy(t.Context(), load(t, described)); err != nil {
		t.Fatal(err)
	}
	if got := c.operations(); !slices.Contains(got, "secretsmanager UpdateSecret") {
		t.Errorf("after a failed update: calls %v, want the update again", got)
	}
}

func TestRefusals(t *testing.T) {
	text := `{
		"Transform": "AWS::Serverless-2016-10-31",
		"Resources": {}
	}`
	if _, err := template.Load(write(t, text)); err == nil || !strings.Contains(err.Error(), "stack1/Transform") {
		t.Errorf("Load() = %v, want a refusal of the transform", err)
	}
	c := newCloud()
	err := newDeployer(c).Deploy(t.Context(), load(t, `{"Resources": {
		"Table": {"Type": "AWS::Timestream::Table"},
		"Secret": {"Type": "AWS::SecretsManager::Secret", "DependsOn": "Nobody", "Properties": {"Replicas": [], "GenerateSecretString": {"Length": 1}}},
		"Attach": {"Type": "AWS::SecretsManager::RotationSchedule", "Properties": {"SecretId": {"Ref": "Attach"}}},
		"Rule": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Id": "a", "Kinesis": {}}], "State": {"Fn::Chance": []}}}
	}}`))
	problems, ok := errors.AsType[fault.Problems](err)
	if !ok {
		t.Fatalf("Deploy() = %v, want problems", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Where)
	}
	want := []string{
		"stack1/Attach.Properties.RotationLambdaARN",
		"stack1/Rule.Properties.State",
		"stack1/Rule.Properties.Targets.0.Kinesis",
		"stack1/Secret.Properties.GenerateSecretString.Length",
		"stack1/Secret.Properties.Replicas",
		"stack1/Secret.DependsOn",
		"stack1/Table",
		"stack1/Attach",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems at\n%q, want\n%q", got, want)
	}
	if len(c.calls) > 0 {
		t.Errorf("something was made: %v", c.operations())
	}
}

func TestCircle(t *testing.T) {
	role := `{"Type": "AWS::IAM::Role", "DependsOn": %q, "Properties": {"AssumeRolePolicyDocument": "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"lambda.amazonaws.com\"}, \"Action\": \"sts:AssumeRole\"}}"}}`
	text := `{"Resources": {"A": ` + fmt.Sprintf(role, "B") + `, "B": ` + fmt.Sprintf(role, "C") + `, "C": ` + fmt.Sprintf(role, "A") + `}}`
	err := newDeployer(newCloud()).Deploy(t.Context(), load(t, text))
	if err == nil || !strings.Contains(err.Error(), `["A" "B" "C" "A"]`) {
		t.Errorf("Deploy() = %v, want the circle", err)
	}
}

func TestForeignAssemblies(t *testing.T) {
	for _, tc := range []struct{ name, manifest, want string }{
		{"another account", `{"artifacts": {"s": {"type": "aws:cloudformation:stack", "environment": "aws://999999999999/eu-west-1", "properties": {"templateFile": "s.json"}}}}`, "account 999999999999"},
		{"unknown artifact", `{"artifacts": {"n": {"type": "cdk:cloud-assembly"}}}`, `"cdk:cloud-assembly" is not understood`},
		{"no JSON", `{`, "unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			put(t, folder+"/manifest.json", tc.manifest)
			put(t, folder+"/s.json", `{"Resources": {}}`)
			if _, err := template.Load(folder); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Load() = %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := template.Load(t.TempDir()); err == nil {
		t.Error("Load() of an empty folder succeeds")
	}
}

func TestResourcesShowNoSecret(t *testing.T) {
	d := newDeployer(newCloud())
	text := `{"Resources": {
		"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "hidden"}},
		"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}}}}`
	if err := d.Deploy(t.Context(), load(t, text)); err != nil {
		t.Fatal(err)
	}
	all := d.Resources()
	if shown := fmt.Sprint(all); strings.Contains(shown, "hidden") || !strings.Contains(shown, "RetentionInDays:30") {
		t.Errorf("Resources() = %s; want the retention and not the secret", shown)
	}
	if len(all) != 2 || !strings.Contains(all[0].PhysicalID, "stack1-Logs-") || all[0].Note == "" {
		t.Errorf("Resources() = %+v, want generated names and a note", all)
	}
}

func TestPoliciesAreVetted(t *testing.T) {
	const statement = `{"Effect": "Allow", "Principal": %s, "Action": "*", "Resource": {"Fn::GetAtt": ["Bus", "Arn"]}, "Condition": {%q: {"aws:PrincipalArn": {"Ref": "Bus"}}}}`
	text := `{"Resources": {
		"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "own"}},
		"Guard": {"Type": "AWS::SecretsManager::ResourcePolicy", "Properties": {"SecretId": "app", "ResourcePolicy": {"Statement": [` +
		fmt.Sprintf(statement, `{"AWS": {"Ref": "Bus"}}`, "OPERATOR") + `]}}}}}`
	if err := newDeployer(newCloud()).Deploy(t.Context(), load(t, strings.ReplaceAll(text, "OPERATOR", "ArnLike"))); err != nil {
		t.Errorf("Deploy() of a policy with ArnLike = %v", err)
	}
	c := newCloud()
	err := newDeployer(c).Deploy(t.Context(), load(t, strings.ReplaceAll(text, "OPERATOR", "ArnAlmost")))
	if err == nil || !strings.Contains(err.Error(), "stack1/Guard.Properties.ResourcePolicy") || !strings.Contains(err.Error(), "ArnAlmost") || len(c.calls) > 0 {
		t.Errorf("Deploy() of a policy with ArnAlmost = %v after %v; want a refusal before anything is made", err, c.operations())
	}
}
