package endtoend_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/event"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	s.run("denied", deniedByPolicy)
	s.run("application", applicationReadsItsOwnSecretOnly)
	s.run("taken away", permissionTakenAway)
}

// denied checks that AWS refused a call with a message that names who, what and on what.
func denied(t *testing.T, err error, who, action, resource string) {
	t.Helper()
	text := ""
	refuses := func(code string) bool {
		return strings.HasPrefix(code, "AccessDenied") || code == "UnauthorizedOperation"
	} // EC2's word
	if refusal, ok := errors.AsType[*awshttp.Error](err); ok && refuses(refusal.Code) {
		text = refusal.Message
	} else if refusal, ok := errors.AsType[smithy.APIError](err); ok && refuses(refusal.ErrorCode()) {
		text = refusal.ErrorMessage()
	} else {
		t.Errorf("%s: %v; want that access is denied", action, err)
		return
	}
	for _, part := range []string{who, action, resource} {
		if !strings.Contains(text, part) {
			t.Errorf("denial %q does not name %s", text, part)
		}
	}
}

// What each of the deployed roles, and the people around them, may not do.
func deniedByPolicy(s *stage) {
	t := s.t
	foreign, err := s.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: new("sluice/production/analytics/reporting"), SecretString: new(`{"engine":"redshift"}`),
		Tags: []types.Tag{{Key: new("sluice:stage"), Value: new("sandbox")}}, // whoever may tag decides nothing
	})
	s.must(err)
	function := func(f function) string {
		return "arn:aws:lambda:us-east-1:" + awshttp.Account + ":function:" + f.name
	}
	type in = map[string]any
	rotation := []byte(`{"Step":"createSecret"}`)
	for _, tc := range []struct {
		name               string
		by                 awshttp.Principal
		service, operation string
		action, resource   string
		input              in
	}{
		{"refresh reads a lease", s.refresh.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", s.reporting, in{"SecretId": s.reporting}},
		{"refresh writes a lease", s.refresh.by, "secretsmanager", "PutSecretValue", "secretsmanager:PutSecretValue", s.reporting, in{"SecretId": s.reporting, "SecretString": "x", "ClientRequestToken": foreignToken}},
		{"refresh mints", s.refresh.by, "redshift", "GetClusterCredentials", "redshift:GetClusterCredentials", "dbuser:examplecluster/temp_creds_user", in{"ClusterIdentifier": "examplecluster", "DbUser": "temp_creds_user"}},
		{"refresh rotates a foreign secret", s.refresh.by, "secretsmanager", "RotateSecret", "secretsmanager:RotateSecret", *foreign.ARN, in{"SecretId": *foreign.ARN, "ClientRequestToken": foreignToken}},
		{"rotate reads a foreign secret", s.rotate.by, "secretsmanager", "GetSecretValue", "secretsmanager:GetSecretValue", *foreign.ARN, in{"SecretId": *foreign.ARN}},
		{"rotate describes a foreign secret", s.rotate.by, "secretsmanager", "DescribeSecret", "secretsmanager:DescribeSecret", *foreign.ARN, in{"SecretId": *foreign.ARN}},
		{"rotate starts a rotation", s.rotate.by, "secretsmanager", "RotateSecret", "secretsmanager:RotateSecret", s.reporting, in{"SecretId": s.reporting, "ClientRequestToken": foreignToken}},
		{"rotate changes the tags", s.rotate.by, "secretsmanager", "TagResource", "secretsmanager:TagResource", s.reporting, in{"SecretId": s.reporting, "Tags": []in{{"Key": "sluice:user", "Value": "owner"}}}},
		{"rotate mints for a user outside the pattern", s.rotate.by, "redshift", "GetClusterCredentials", "redshift:GetClusterCredentials", "dbuser:examplecluster/awsuser", in{"ClusterIdentifier": "examplecluster", "DbUser": "awsuser", "DbName": "exampledb"}},
		{"rotate mints for another database", s.rotate.by, "redshift", "GetClusterCredentials", "redshift:GetClusterCredentials", "dbname:examplecluster/payroll", in{"ClusterIdentifier": "examplecluster", "DbUser": "temp_creds_user", "DbName": "payroll"}},
		{"rotate joins another group", s.rotate.by, "redshift", "GetClusterCredentials", "redshift:JoinGroup", "dbgroup:examplecluster/owners", in{"ClusterIdentifier": "examplecluster", "DbUser": "temp_creds_user", "DbName": "exampledb", "DbGroups": []string{"owners"}}},
		{"the application invokes rotate", application, "lambda", "Invoke", "lambda:InvokeFunction", function(s.rotate), in{"FunctionName": s.rotate.name, "Payload": rotation}},
		{"the application invokes refresh", application, "lambda", "Invoke", "lambda:InvokeFunction", function(s.refresh), in{"FunctionName": s.refresh.name, "Payload": rotation}},
		{"rotate invokes itself", s.rotate.by, "lambda", "Invoke", "lambda:InvokeFunction", function(s.rotate), in{"FunctionName": s.rotate.name, "Payload": rotation}},
		{"the schedules invoke rotate", session(s.deployed("AWS::IAM::Role", "TickRole"), "tick"), "lambda", "Invoke", "lambda:InvokeFunction", function(s.rotate), in{"FunctionName": s.rotate.name, "Payload": rotation}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			denied(t, s.in(t).as(tc.by, tc.service, tc.operation, tc.input), tc.by.ARN, tc.action, tc.resource)
		})
	}
	t.Run("the operator, who may do everything else, changes tags or the policy that says so", func(t *testing.T) {
		_, err := s.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &s.reporting, Tags: []types.Tag{{Key: new("sluice:user"), Value: new("temp_other")}}})
		denied(t, err, operator.ARN, "secretsmanager:TagResource", s.reporting)
		_, err = s.secrets.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: &s.reporting, TagKeys: []string{"sluice:groups"}})
		denied(t, err, operator.ARN, "secretsmanager:UntagResource", s.reporting)
		_, err = s.secrets.DeleteResourcePolicy(t.Context(), &secretsmanager.DeleteResourcePolicyInput{SecretId: &s.reporting})
		denied(t, err, operator.ARN, "secretsmanager:DeleteResourcePolicy", s.reporting)
	})
	t.Run("services invoke rotate", func(t *testing.T) {
		by := func(service, secretARN string) awshttp.Principal {
			return awshttp.Principal{Service: service, Account: awshttp.Account, Context: map[string][]string{
				"aws:SourceAccount": {awshttp.Account}, "aws:SourceArn": {secretARN}}}
		}
		if err := s.Lambda.MayInvoke(t.Context(), by("secretsmanager.amazonaws.com", s.reporting), s.rotate.name); err != nil {
			t.Errorf("Secrets Manager for a consumer's secret: %v", err)
		}
		for _, p := range []awshttp.Principal{by("secretsmanager.amazonaws.com", *foreign.ARN), by("events.amazonaws.com", s.reporting)} {
			if err := s.Lambda.MayInvoke(t.Context(), p, s.rotate.name); err == nil {
				t.Errorf("%s for %s may", p.Service, p.Context["aws:SourceArn"])
			}
		}
	})
	s.healthy()
}

// foreignToken stands where an operation needs a token that is never used.
const foreignToken = "0d9f6a1e-7f3e-4a55-9b0e-5b8f3a2c1d10"

// The application goes the way that applications go: it assumes its role and asks with an SDK.
func applicationReadsItsOwnSecretOnly(s *stage) {
	t := s.t
	out, err := sts.NewFromConfig(s.aws).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &application.Role, RoleSessionName: new("test")})
	s.must(err)
	config := s.aws.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	client := secretsmanager.NewFromConfig(config)
	own, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new("sluice/sandbox/analytics/reporting")})
	if err != nil || *own.VersionId != s.read(s.reporting).version {
		t.Errorf("its own secret: %v", err)
	}
	_, err = client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.ingest})
	denied(t, err, application.ARN, "secretsmanager:GetSecretValue", s.ingest)
	_, err = client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &s.reporting})
	denied(t, err, application.ARN, "secretsmanager:RotateSecret", s.reporting)
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.reporting, SecretString: new("x")})
	denied(t, err, application.ARN, "secretsmanager:PutSecretValue", s.reporting)
}

// forbid takes an action out of a function's role. The function that it returns puts it back.
func (s *stage) forbid(f function, action string) (undo func()) {
	s.t.Helper()
	role := strings.Split(f.by.ARN, "/")[1]
	which := map[string]any{"RoleName": role, "PolicyName": "sluice"}
	out, err := s.AWS.Do(s.t.Context(), operator, "iam", "GetRolePolicy", which)
	s.must(err)
	text, err := url.QueryUnescape(out["PolicyDocument"].(string))
	s.must(err)
	var policy struct {
		Version   string
		Statement []map[string]any
	}
	s.must(json.Unmarshal([]byte(text), &policy))
	removed := false
	for _, statement := range policy.Statement {
		actions := statement["Action"].([]any)
		statement["Action"] = slices.DeleteFunc(slices.Clone(actions), func(a any) bool { return a == action })
		removed = removed || len(statement["Action"].([]any)) < len(actions)
	}
	if !removed {
		s.t.Fatalf("role %s does not have %s", role, action)
	}
	policy.Statement = slices.DeleteFunc(policy.Statement, func(statement map[string]any) bool { return len(statement["Action"].([]any)) == 0 })
	less, err := json.Marshal(policy)
	s.must(err)
	put := func(document string) {
		s.must(s.as(operator, "iam", "PutRolePolicy", map[string]any{"RoleName": role, "PolicyName": "sluice", "PolicyDocument": document}))
	}
	put(string(less))
	return func() { put(text) }
}

func permissionTakenAway(s *stage) {
	t := s.t
	for _, tc := range []struct {
		name, action, resource string
		by                     func(*stage) function
		step                   string // of rotate; empty for the tick of refresh
	}{
		{"rotate describes the secret", "secretsmanager:DescribeSecret", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.rotate }, "createSecret"},
		{"rotate looks for the cluster", "redshift:DescribeClusters", "", func(s *stage) function { return s.rotate }, "createSecret"},
		{"rotate mints", "redshift:GetClusterCredentials", "dbuser:examplecluster/temp_creds_user", func(s *stage) function { return s.rotate }, "createSecret"},
		{"rotate joins the group", "redshift:JoinGroup", "dbgroup:examplecluster/example_group", func(s *stage) function { return s.rotate }, "createSecret"},
		{"rotate stores", "secretsmanager:PutSecretValue", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.rotate }, "createSecret"},
		{"rotate reads what it stored", "secretsmanager:GetSecretValue", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.rotate }, "testSecret"},
		{"rotate promotes", "secretsmanager:UpdateSecretVersionStage", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.rotate }, "finishSecret"},
		{"refresh describes the secret", "secretsmanager:DescribeSecret", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.refresh }, ""},
		{"refresh lists the versions", "secretsmanager:ListSecretVersionIds", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.refresh }, ""},
		{"refresh looks for the cluster", "redshift:DescribeClusters", "", func(s *stage) function { return s.refresh }, ""},
		{"refresh starts the rotation", "secretsmanager:RotateSecret", "secret:sluice/sandbox/analytics/reporting-", func(s *stage) function { return s.refresh }, ""},
		{"refresh may not invoke rotate", "lambda:InvokeFunction", "function:", func(s *stage) function { return s.refresh }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.wait()
			f, kept := tc.by(s), s.read(s.reporting)
			restore := s.forbid(f, tc.action)
			failing := len(s.announced(event.CredentialsFailing))
			var a answer
			if tc.step == "" {
				a = s.tick(s.reporting)
			} else {
				token := s.begin()
				for _, step := range steps[:slices.Index(steps, tc.step)+1] {
					a = s.step(step, token)
				}
				s.reported(failing, tc.step, a)
			}
			s.refused(a, "Unauthorized", f.by.ARN, tc.action, tc.resource, "in the policy of the principal that it names")
			s.keeps(kept)
			restore()
			s.ticks("Consumerreporting", true)
			s.pass(4 * everyN)
			s.healed(kept)
		})
	}
}
