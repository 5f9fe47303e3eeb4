package lambda_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestConfigurationIsShown(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{
		"Description": "says what it sees", "MemorySize": "256", // CloudFormation may write numbers as strings
		"Architectures": []string{"arm64"}, "Tags": map[string]string{"sluice:stage": "demo"},
		"Environment": map[string]any{"Variables": map[string]string{"A_NAME": "value"}},
		"VpcConfig":   map[string]any{"SubnetIds": []string{"subnet-1"}, "SecurityGroupIds": []string{"sg-1"}},
	})
	out, err := w.client.GetFunction(t.Context(), &api.GetFunctionInput{FunctionName: aws.String(echoARN)})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Configuration
	for _, tc := range []struct{ name, got, want string }{
		{"name", *c.FunctionName, "echo"},
		{"ARN", *c.FunctionArn, echoARN},
		{"role", *c.Role, role},
		{"runtime", string(c.Runtime), "provided.al2023"},
		{"description", *c.Description, "says what it sees"},
		{"architecture", string(c.Architectures[0]), "arm64"},
		{"variable", c.Environment.Variables["A_NAME"], "value"},
		{"subnet", c.VpcConfig.SubnetIds[0], "subnet-1"},
		{"state", string(c.State), "Active"},
		{"update", string(c.LastUpdateStatus), "Successful"},
		{"log format", string(c.LoggingConfig.LogFormat), "Text"},
		{"log group", *c.LoggingConfig.LogGroup, "/aws/lambda/echo"},
		{"tag", out.Tags["sluice:stage"], "demo"},
		{"location", *out.Code.Location, "file://" + bootstrapFolder},
	} {
		if tc.got != tc.want {
			t.Errorf("%s is %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	if *c.Timeout != 30 || *c.MemorySize != 256 || c.CodeSize == 0 || len(*c.CodeSha256) != 44 {
		t.Errorf("configuration %+v", c)
	}

	list, err := w.client.ListFunctions(t.Context(), &api.ListFunctionsInput{})
	if err != nil || len(list.Functions) != 1 || *list.Functions[0].FunctionName != "echo" {
		t.Errorf("ListFunctions = %+v, %v", list, err)
	}
	if _, err := w.client.DeleteFunction(t.Context(), &api.DeleteFunctionInput{FunctionName: aws.String("echo")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.GetFunctionConfiguration(t.Context(), &api.GetFunctionConfigurationInput{FunctionName: aws.String("echo")})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestUpdateLeavesTheRest(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{"Description": "old", "Environment": map[string]any{"Variables": map[string]string{"A_NAME": "value"}}})
	before, err := w.client.GetFunctionConfiguration(t.Context(), &api.GetFunctionConfigurationInput{FunctionName: aws.String("echo")})
	if err != nil {
		t.Fatal(err)
	}
	update := &api.UpdateFunctionConfigurationInput{FunctionName: aws.String("echo"), Timeout: aws.Int32(60), RevisionId: before.RevisionId}
	after, err := w.client.UpdateFunctionConfiguration(t.Context(), update)
	if err != nil {
		t.Fatal(err)
	}
	if *after.Timeout != 60 || *after.Description != "old" || after.Environment.Variables["A_NAME"] != "value" {
		t.Errorf("after the update: %+v", after)
	}
	_, err = w.client.UpdateFunctionConfiguration(t.Context(), update) // with the revision before
	checkCode(t, err, "PreconditionFailedException")
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{"FunctionName": "taken"})
	w.land.closed["arn:aws:iam::111122223333:role/others"] = true
	for _, tc := range []struct {
		name    string
		members map[string]any
		code    string
		text    string
	}{
		{"a name that is taken", map[string]any{"FunctionName": "taken"}, "ResourceConflictException", "taken"},
		{"a name with blanks", map[string]any{"FunctionName": "a b"}, "InvalidParameterValueException", "function name"},
		{"no name", map[string]any{"FunctionName": nil}, "InvalidParameterValueException", "FunctionName"},
		{"an archive", map[string]any{"Code": map[string]any{"ZipFile": "UEsDBA=="}}, "InvalidParameterValueException", "give SandboxFolder"},
		{"an archive in S3", map[string]any{"Code": map[string]any{"S3Bucket": "b", "S3Key": "k"}}, "InvalidParameterValueException", "give SandboxFolder"},
		{"a folder without bootstrap", map[string]any{"Code": map[string]any{"SandboxFolder": t.TempDir()}}, "InvalidParameterValueException", "bootstrap"},
		{"a runtime", map[string]any{"Runtime": "python3.13"}, "InvalidParameterValueException", "provided.al2023"},
		{"an image", map[string]any{"PackageType": "Image"}, "InvalidParameterValueException", "Zip"},
		{"a timeout of 0", map[string]any{"Timeout": 0}, "InvalidParameterValueException", "between 1 and 900"},
		{"a timeout of an hour", map[string]any{"Timeout": 3600}, "InvalidParameterValueException", "between 1 and 900"},
		{"little memory", map[string]any{"MemorySize": 64}, "InvalidParameterValueException", "between 128 and 10240"},
		{"an architecture", map[string]any{"Architectures": []string{"riscv"}}, "InvalidParameterValueException", "x86_64"},
		{"a role that is none", map[string]any{"Role": "echo"}, "InvalidParameterValueException", "ARN of a role"},
		{"a role that does not trust Lambda", map[string]any{"Role": "arn:aws:iam::111122223333:role/others"}, "InvalidParameterValueException", "cannot be assumed by Lambda"},
		{"variables of Lambda", environment("AWS_REGION", "x", "LAMBDA_TASK_ROOT", "y"), "InvalidParameterValueException", "AWS_REGION, LAMBDA_TASK_ROOT"},
		{"a variable that is no name", environment("1ST", "x"), "InvalidParameterValueException", "1ST"},
		{"too many variables", environment("LONG", strings.Repeat("x", 4096)), "InvalidParameterValueException", "4100 bytes"},
		{"a log level without JSON", map[string]any{"LoggingConfig": map[string]any{"ApplicationLogLevel": "INFO"}}, "InvalidParameterValueException", "LogFormat JSON"},
		{"something that the sandbox does not have", map[string]any{"Layers": []string{"arn"}}, "UnknownOperationException", "Layers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.tryCreate(t.Context(), tc.members)
			checkCode(t, err, tc.code)
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", err, tc.text)
			}
		})
	}
}

func environment(pairs ...string) map[string]any {
	variables := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		variables[pair[0]] = pair[1]
	}
	return map[string]any{"Environment": map[string]any{"Variables": variables}}
}

func TestRoleHasToBePassed(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	i := slices.IndexFunc(w.land.asked, func(a awshttp.Access) bool { return a.Action == "iam:PassRole" })
	if i < 0 {
		t.Fatalf("nobody asked for iam:PassRole: %v", w.land.asked)
	}
	if a := w.land.asked[i]; a.Resource != role || a.Context["iam:PassedToService"][0] != "lambda.amazonaws.com" {
		t.Errorf("asked for %+v", a)
	}
	w.land.refused["iam:PassRole"] = true
	_, err := w.tryCreate(t.Context(), map[string]any{"FunctionName": "second"})
	checkCode(t, err, "AccessDeniedException")
	_, err = w.client.UpdateFunctionConfiguration(t.Context(), &api.UpdateFunctionConfigurationInput{FunctionName: aws.String("echo"), Role: aws.String(role)})
	checkCode(t, err, "AccessDeniedException")
}

func TestEveryOperationAsks(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	inputs := map[string]map[string]any{
		"CreateFunction":         {"FunctionName": "other", "Role": role, "Runtime": "provided.al2023", "Code": map[string]any{"SandboxFolder": bootstrapFolder}},
		"UpdateFunctionCode":     {"FunctionName": "echo", "SandboxFolder": bootstrapFolder},
		"AddPermission":          {"FunctionName": "echo", "StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
		"RemovePermission":       {"FunctionName": "echo", "StatementId": "a"},
		"TagResource":            {"Resource": echoARN, "Tags": map[string]string{}},
		"UntagResource":          {"Resource": echoARN, "TagKeys": []string{"a"}},
		"ListTags":               {"Resource": echoARN},
		"ListFunctions":          {},
		"PutFunctionConcurrency": {"FunctionName": "echo", "ReservedConcurrentExecutions": 1},

		"CreateEventSourceMapping": {"FunctionName": "echo", "EventSourceArn": workARN},
		"GetEventSourceMapping":    {"UUID": "a"},
		"UpdateEventSourceMapping": {"UUID": "a"},
		"DeleteEventSourceMapping": {"UUID": "a"},
	}
	actions := map[string]string{"Invoke": "InvokeFunction"}
	for operation := range w.AWS().Operations {
		t.Run(operation, func(t *testing.T) {
			input, ok := inputs[operation]
			if !ok {
				input = map[string]any{"FunctionName": "echo"}
			}
			action := "lambda:" + operation
			if other, ok := actions[operation]; ok {
				action = "lambda:" + other
			}
			w.land.refused[action] = true
			_, err := w.server.Do(t.Context(), operator, "lambda", operation, input)
			checkCode(t, err, "AccessDeniedException")
			if err != nil && !strings.Contains(err.Error(), action) {
				t.Errorf("error %v, want one about %s", err, action)
			}
		})
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{"Tags": map[string]string{"a": "1", "b": "2"}})
	if _, err := w.client.TagResource(t.Context(), &api.TagResourceInput{Resource: aws.String(echoARN), Tags: map[string]string{"b": "3", "c": "4"}}); err != nil {
		t.Fatal(err)
	}
	out, err := w.client.ListTags(t.Context(), &api.ListTagsInput{Resource: aws.String(echoARN)})
	if want := map[string]string{"a": "1", "b": "3", "c": "4"}; err != nil || !reflect.DeepEqual(out.Tags, want) {
		t.Errorf("ListTags = %v, %v, want %v", out, err, want)
	}
	if _, err := w.client.UntagResource(t.Context(), &api.UntagResourceInput{Resource: aws.String(echoARN), TagKeys: []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	function, err := w.client.GetFunction(t.Context(), &api.GetFunctionInput{FunctionName: aws.String("echo")})
	if want := map[string]string{"c": "4"}; err != nil || !reflect.DeepEqual(function.Tags, want) {
		t.Errorf("tags %v, %v, want %v", function.Tags, err, want)
	}
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	service := awshttp.Principal{Service: "secretsmanager.amazonaws.com"}
	add := &api.AddPermissionInput{
		FunctionName: aws.String("echo"), StatementId: aws.String("rotation"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("secretsmanager.amazonaws.com"), SourceAccount: aws.String(awshttp.Account), SourceArn: aws.String("arn:aws:secretsmanager:*"),
	}
	if _, _, err := w.Invoke(t.Context(), service, "echo", nil); err == nil {
		t.Error("the service may invoke before it is allowed to")
	}
	checkCode(t, w.MayInvoke(t.Context(), service, "echo"), "AccessDeniedException")
	_, err := w.client.GetPolicy(t.Context(), &api.GetPolicyInput{FunctionName: aws.String("echo")})
	checkCode(t, err, "ResourceNotFoundException")

	added, err := w.client.AddPermission(t.Context(), add)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Sid":"rotation","Effect":"Allow","Principal":{"Service":"secretsmanager.amazonaws.com"},"Action":"lambda:InvokeFunction",
		"Resource":"arn:aws:lambda:us-east-1:111122223333:function:echo",
		"Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:secretsmanager:*"}}}`
	sameJSON(t, *added.Statement, want)
	_, err = w.client.AddPermission(t.Context(), add)
	checkCode(t, err, "ResourceConflictException")
	policy, err := w.client.GetPolicy(t.Context(), &api.GetPolicyInput{FunctionName: aws.String("echo")})
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, *policy.Policy, `{"Version":"2012-10-17","Id":"default","Statement":[`+want+`]}`)
	if err := w.MayInvoke(t.Context(), service, "echo"); err != nil {
		t.Errorf("MayInvoke with permission: %v", err)
	}
	if got := w.Logs("echo"); len(got) != 0 {
		t.Errorf("MayInvoke ran the function: %q", got)
	}
	if _, _, err := w.Invoke(t.Context(), service, "echo", nil); err != nil {
		t.Errorf("Invoke with permission: %v", err)
	}

	remove := &api.RemovePermissionInput{FunctionName: aws.String("echo"), StatementId: aws.String("rotation")}
	if _, err := w.client.RemovePermission(t.Context(), remove); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.RemovePermission(t.Context(), remove)
	checkCode(t, err, "ResourceNotFoundException")
	if _, _, err := w.Invoke(t.Context(), service, "echo", nil); err == nil {
		t.Error("the service may invoke after its permission was removed")
	}
}

func TestPrincipalsOfPermissions(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	for principal, want := range map[string]string{
		"*":                                `"*"`,
		"123456789012":                     `{"AWS":"arn:aws:iam::123456789012:root"}`,
		"arn:aws:iam::123456789012:role/x": `{"AWS":"arn:aws:iam::123456789012:role/x"}`,
		"events.amazonaws.com":             `{"Service":"events.amazonaws.com"}`,
	} {
		out, err := w.server.Do(t.Context(), operator, "lambda", "AddPermission", map[string]any{
			"FunctionName": "echo", "StatementId": principal, "Action": "lambda:*", "Principal": principal})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out["Statement"].(string), `"Principal":`+want) {
			t.Errorf("%s became %s, want %s", principal, out["Statement"], want)
		}
	}
	_, err := w.server.Do(t.Context(), operator, "lambda", "AddPermission", map[string]any{
		"FunctionName": "echo", "StatementId": "a", "Action": "s3:GetObject", "Principal": "*"})
	checkCode(t, err, "InvalidParameterValueException")
}

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestJSONLogFormat(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{"LoggingConfig": map[string]any{"LogFormat": "JSON"}})
	w.invoke(t, `{}`)
	var kinds []string
	for _, line := range w.Logs("echo") {
		var entry struct {
			Type   string
			Record struct{ Status string }
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		kinds = append(kinds, entry.Type+" "+entry.Record.Status)
	}
	if want := []string{"platform.start ", "platform.report success"}; !slices.Equal(kinds, want) {
		t.Errorf("lines %q, want %q", kinds, want)
	}
}
