package stack_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/infra/stack"
	"github.com/sluicehq/sluice/shared/settings"
)

// TestResources: a stage without a federation gets this, and none of what a federation takes.
func TestResources(t *testing.T) {
	s := read(t, "sandbox.json")
	s.Federation = nil
	same(t, "resources", types(synthesize(t, s)), `{
		"Bus": "AWS::Events::EventBus",
		"ConsumeringestSecret": "AWS::SecretsManager::Secret", "ConsumerreportingSecret": "AWS::SecretsManager::Secret",
		"ConsumeringestPolicy": "AWS::SecretsManager::ResourcePolicy", "ConsumerreportingPolicy": "AWS::SecretsManager::ResourcePolicy",
		"ConsumeringestPermission": "AWS::Lambda::Permission", "ConsumerreportingPermission": "AWS::Lambda::Permission",
		"ConsumeringestRotation": "AWS::SecretsManager::RotationSchedule", "ConsumerreportingRotation": "AWS::SecretsManager::RotationSchedule",
		"ConsumeringestTick": "AWS::Scheduler::Schedule", "ConsumerreportingTick": "AWS::Scheduler::Schedule",
		"RotateanalyticsFunction": "AWS::Lambda::Function", "RotateanalyticsRole": "AWS::IAM::Role", "RotateanalyticsLogs": "AWS::Logs::LogGroup",
		"RefreshFunction": "AWS::Lambda::Function", "RefreshRole": "AWS::IAM::Role", "RefreshLogs": "AWS::Logs::LogGroup",
		"TickGroup": "AWS::Scheduler::ScheduleGroup", "TickRole": "AWS::IAM::Role", "TickInvoke": "AWS::Lambda::EventInvokeConfig",
		"AlarmanalyticsAlarm": "AWS::CloudWatch::Alarm"
	}`)
}

// types are the types of all resources, by name.
func types(tpl template) map[string]string {
	out := make(map[string]string)
	for name, r := range tpl {
		out[name] = r.Type
	}
	return out
}

func TestSecret(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	same(t, "the secret of reporting", tpl.named(t, "ConsumerreportingSecret", "AWS::SecretsManager::Secret").Properties, `{
		"Name": "sluice/sandbox/analytics/reporting",
		"Description": "Temporary Redshift login of reporting, kept fresh by Sluice",
		"SecretString": "{\"engine\":\"redshift\"}",
		"Tags": [
			{"Key": "sluice:api", "Value": "GetClusterCredentials"},
			{"Key": "sluice:auto-create", "Value": "false"},
			{"Key": "sluice:consumer", "Value": "reporting"},
			{"Key": "sluice:database", "Value": "exampledb"},
			{"Key": "sluice:groups", "Value": "example_group"},
			{"Key": "sluice:stage", "Value": "sandbox"},
			{"Key": "sluice:user", "Value": "temp_creds_user"},
			{"Key": "sluice:warehouse", "Value": "analytics"}
		]
	}`)
}

// TestSecretTags: what the tags say is what rotate reads, for every consumer.
func TestSecretTags(t *testing.T) {
	s := read(t, "example.json")
	tpl := synthesize(t, s)
	for _, name := range s.ConsumerNames() {
		tags := make(map[string]string)
		for _, tag := range tpl.named(t, "Consumer"+strings.ReplaceAll(name, "-", "")+"Secret", "AWS::SecretsManager::Secret").Properties["Tags"].([]any) {
			tags[tag.(map[string]any)["Key"].(string)] = tag.(map[string]any)["Value"].(string)
		}
		if got, err := settings.LoadConsumer(tags); err != nil || !reflect.DeepEqual(got, s.Consumer(name)) {
			t.Errorf("tags of %s read as %+v, %v; want %+v", name, got, err, s.Consumer(name))
		}
	}
}

// TestStableIDs: CloudFormation replaces what gets another logical id. A secret would be deleted, with the login that
// readers use, or fail to be made, because its name is taken.
func TestStableIDs(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	for name, want := range map[string]string{
		"ConsumerreportingSecret": "ConsumerreportingSecret69C446EA",
		"ConsumeringestSecret":    "ConsumeringestSecret9C594577",
		"RotateanalyticsFunction": "RotateanalyticsFunction895902B9",
		"Bus":                     "Bus",
		"TickGroup":               "TickGroup98DFA5ED",
		"Table":                   "Table",
		"Boundary":                "Boundary",
		"WorkQueue":               "WorkQueue62201182",
		"ProvisionFunction":       "ProvisionFunction389FD30A",
	} {
		if got := tpl[name].ID; got != want {
			t.Errorf("logical id of %s is %s, want %s", name, got, want)
		}
	}
}

func TestSecretPolicies(t *testing.T) {
	s := read(t, "sandbox.json")
	tpl := synthesize(t, s)
	for _, name := range s.ConsumerNames() {
		same(t, "the policy of "+name, tpl.named(t, "Consumer"+name+"Policy", "AWS::SecretsManager::ResourcePolicy").Properties, map[string]any{
			"SecretId": "${Consumer" + name + "Secret}", "BlockPublicPolicy": true,
			"ResourcePolicy": access.Document(access.Secret(s, name)),
		})
	}
}

// TestRoles: each role may do what access says, nothing more and nothing less, and there is no other way in.
func TestRoles(t *testing.T) {
	for _, example := range []string{"sandbox.json", "example.json"} {
		t.Run(example, func(t *testing.T) {
			s := read(t, example)
			tpl := synthesize(t, s)
			var secrets []string
			for _, name := range s.ConsumerNames() {
				secrets = append(secrets, "${Consumer"+strings.ReplaceAll(name, "-", "")+"Secret}")
			}
			want := map[string][]access.Statement{
				"RotateanalyticsRole": access.Rotate(s, "analytics", access.Resources{Secrets: secrets, Bus: "${Bus.Arn}", Logs: "${RotateanalyticsLogs.Arn}"}),
				"RefreshRole":         access.Refresh(s, access.Resources{Secrets: secrets, Functions: []string{"${RotateanalyticsFunction.Arn}"}, Bus: "${Bus.Arn}", Logs: "${RefreshLogs.Arn}"}),
				"TickRole":            access.Schedules("${RefreshFunction.Arn}"),
				"SweepRole":           access.Sweep("${WorkQueue.Arn}"),
				"LoginRole":           access.Login(s, "${LoginLogs.Arn}"),
				"ProvisionRole": access.Provision(s, access.Federation{
					Work: "${WorkQueue.Arn}", Dead: "${WorkDead.Arn}", Table: "${Table.Arn}", Login: "${LoginFunction.Arn}",
					Boundary: "${Boundary}", Bus: "${Bus.Arn}", Logs: "${ProvisionLogs.Arn}",
				}),
			}
			lambda := access.Trust("lambda.amazonaws.com", nil)
			scheduler := access.Trust("scheduler.amazonaws.com", access.Conditions{
				"StringEquals": {"aws:SourceAccount": {s.Account}}, "ArnEquals": {"aws:SourceArn": {"${TickGroup.Arn}"}},
			})
			trust := map[string][]access.Statement{
				"RotateanalyticsRole": lambda, "RefreshRole": lambda, "LoginRole": lambda, "ProvisionRole": lambda,
				"TickRole": scheduler, "SweepRole": scheduler,
			}
			same(t, "roles", tpl.ofType("AWS::IAM::Role"), slices.Sorted(maps.Keys(want)))
			for name, statements := range want {
				same(t, name, tpl[name].Properties, map[string]any{
					"AssumeRolePolicyDocument": access.Document(trust[name]),
					"Policies":                 []any{map[string]any{"PolicyName": "sluice", "PolicyDocument": access.Document(statements)}},
				})
			}
			same(t, "policies that are not a role's own", tpl.ofType("AWS::IAM::ManagedPolicy"), `["Boundary"]`) // and no role has it attached
			for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy"} {
				if got := tpl.ofType(kind); len(got) > 0 {
					t.Errorf("there are also %s: %v", kind, got)
				}
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	same(t, "permissions", tpl.ofType("AWS::Lambda::Permission"), `["ConsumeringestPermission", "ConsumerreportingPermission"]`)
	for _, consumer := range []string{"Consumeringest", "Consumerreporting"} {
		same(t, "the permission of "+consumer, tpl[consumer+"Permission"].Properties, map[string]any{
			"Action": "lambda:InvokeFunction", "FunctionName": "${RotateanalyticsFunction}",
			"Principal": "secretsmanager.amazonaws.com", "SourceAccount": "111122223333", "SourceArn": "${" + consumer + "Secret}",
		})
	}
}

func TestRotation(t *testing.T) {
	r := synthesize(t, read(t, "sandbox.json")).named(t, "ConsumerreportingRotation", "AWS::SecretsManager::RotationSchedule")
	same(t, "rotation", r.Properties, `{
		"SecretId": "${ConsumerreportingSecret}", "RotationLambdaARN": "${RotateanalyticsFunction.Arn}",
		"RotationRules": {"ScheduleExpression": "rate(999 days)"}, "RotateImmediatelyOnUpdate": true
	}`)
	same(t, "what rotation waits for", r.DependsOn, `["ConsumerreportingPermission", "ConsumerreportingPolicy"]`)
}

func TestTick(t *testing.T) {
	s := read(t, "sandbox.json")
	tpl := synthesize(t, s)
	r := tpl.named(t, "ConsumeringestTick", "AWS::Scheduler::Schedule")
	same(t, "schedule", r.Properties, `{
		"GroupName": "${TickGroup}", "ScheduleExpression": "rate(5 minutes)",
		"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1},
		"Target": {
			"Arn": "${RefreshFunction.Arn}", "RoleArn": "${TickRole.Arn}", "Input": "{\"secret\":\"${ConsumeringestSecret}\"}",
			"RetryPolicy": {"MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 0}
		}
	}`)
	same(t, "what the schedule waits for", r.DependsOn, `["ConsumeringestRotation"]`)
	same(t, "group", tpl.named(t, "TickGroup", "AWS::Scheduler::ScheduleGroup").Properties, `{"Name": "sluice-sandbox"}`)
	same(t, "asynchronous invocation", tpl.named(t, "TickInvoke", "AWS::Lambda::EventInvokeConfig").Properties, `{
		"FunctionName": "${RefreshFunction}", "Qualifier": "$LATEST", "MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 0
	}`)

	s.Timings.Tick /= 5 // one minute
	same(t, "every minute", synthesize(t, s)["ConsumeringestTick"].Properties["ScheduleExpression"], `"rate(1 minute)"`)
}

func TestFunctions(t *testing.T) {
	s := read(t, "example.json")
	tpl := synthesize(t, s)
	told := s.Provision()
	told.Table, told.Queue, told.DeadLetters, told.Login, told.Boundary = "${Table}", "${WorkQueue}", "${WorkDead}", "${LoginFunction}", "${Boundary}"
	for name, want := range map[string]struct {
		name    string
		env     map[string]string
		timeout int
		memory  int
		network *config.Network
	}{
		"Rotateanalytics": {"", s.Rotate("analytics").Env(), 30, 128, s.Warehouses["analytics"].Network},
		"Refresh":         {"", s.Refresh().Env(), 60, 128, nil},
		"Login":           {"sluice-prod-login", s.Login().Env(), 30, 128, s.Federation.Network},
		"Provision":       {"sluice-prod-provision", told.Env(), 60, 256, nil},
	} {
		got := maps.Clone(tpl.named(t, name+"Function", "AWS::Lambda::Function").Properties)
		delete(got, "Description")
		code := got["Code"].(map[string]any)
		if key, _ := code["S3Key"].(string); code["S3Bucket"] != "cdk-hnb659fds-assets-111122223333-eu-central-1" || !strings.HasSuffix(key, ".zip") {
			t.Errorf("code of %s is %v", name, code)
		}
		delete(got, "Code")
		properties := map[string]any{
			"Architectures": []string{"arm64"}, "Runtime": "provided.al2023", "Handler": "bootstrap", "MemorySize": want.memory, "Timeout": want.timeout,
			"Role": "${" + name + "Role.Arn}", "Environment": map[string]any{"Variables": want.env},
			"LoggingConfig": map[string]any{"LogFormat": "JSON", "LogGroup": "${" + name + "Logs}"},
		}
		if want.name != "" {
			properties["FunctionName"] = want.name
		}
		if n := want.network; n != nil {
			properties["VpcConfig"] = map[string]any{"SubnetIds": n.Subnets, "SecurityGroupIds": n.SecurityGroups}
		}
		same(t, name, got, properties)
	}
	if a, b := tpl["RotateanalyticsFunction"].Properties["Code"], tpl["RefreshFunction"].Properties["Code"]; reflect.DeepEqual(a, b) {
		t.Errorf("both functions have the code %v", a)
	}
}

func TestLogs(t *testing.T) {
	tpl := synthesize(t, read(t, "example.json"))
	for name, group := range map[string]string{
		"RefreshLogs": "/sluice/prod/refresh", "RotateanalyticsLogs": "/sluice/prod/rotate-analytics",
		"LoginLogs": "/sluice/prod/login", "ProvisionLogs": "/sluice/prod/provision",
	} {
		r := tpl.named(t, name, "AWS::Logs::LogGroup")
		same(t, name, r.Properties, map[string]any{"LogGroupName": group, "RetentionInDays": 90})
		if r.DeletionPolicy != "Delete" {
			t.Errorf("%s is kept after the stack: deletion policy %q", name, r.DeletionPolicy)
		}
	}
}

func TestAlarm(t *testing.T) {
	r := synthesize(t, read(t, "sandbox.json")).named(t, "AlarmanalyticsAlarm", "AWS::CloudWatch::Alarm")
	delete(r.Properties, "AlarmDescription")
	metric := func(name string) string {
		return `{"Namespace": "Sluice", "MetricName": "` + name + `", "Dimensions": [
			{"Name": "Stage", "Value": "sandbox"}, {"Name": "Warehouse", "Value": "analytics"}]}`
	}
	same(t, "alarm", r.Properties, `{
		"Metrics": [
			{"Id": "life", "ReturnData": false, "MetricStat": {"Metric": `+metric("RemainingLife")+`, "Period": 300, "Stat": "Minimum"}},
			{"Id": "parked", "ReturnData": false, "MetricStat": {"Metric": `+metric("Parked")+`, "Period": 300, "Stat": "Maximum"}},
			{"Id": "watched", "Label": "Seconds of life that matter", "ReturnData": true, "Expression": "IF(parked > 0, 1200, life)"}
		],
		"ComparisonOperator": "LessThanThreshold", "Threshold": 1200, "TreatMissingData": "breaching",
		"EvaluationPeriods": 2, "DatapointsToAlarm": 2
	}`)
}

// TestAlarmTopics: every alarm of a stage tells its topics when it goes on, and when it goes off.
func TestAlarmTopics(t *testing.T) {
	s := read(t, "sandbox.json")
	s.AlarmTopics = []string{"arn:aws:sns:us-east-1:111122223333:on-call", "arn:aws:sns:us-east-1:444455556666:pager"}
	tpl := synthesize(t, s)
	for name, r := range tpl {
		if r.Type == "AWS::CloudWatch::Alarm" {
			same(t, "whom "+name+" tells", []any{r.Properties["AlarmActions"], r.Properties["OKActions"]}, []any{s.AlarmTopics, s.AlarmTopics})
		}
	}
	same(t, "alarms", tpl.ofType("AWS::CloudWatch::Alarm"), `["AlarmanalyticsAlarm", "WorkDeadAlarm", "WorkStaleAlarm"]`)
}

func TestBus(t *testing.T) {
	same(t, "bus", synthesize(t, read(t, "sandbox.json")).named(t, "Bus", "AWS::Events::EventBus").Properties, `{"Name": "sluice-sandbox"}`)
}

func TestCustomerKey(t *testing.T) {
	s := read(t, "sandbox.json")
	s.Key = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	tpl := synthesize(t, s)
	same(t, "key of the secret", tpl["ConsumeringestSecret"].Properties["KmsKeyId"], `"arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"`)
}

func TestManyConsumers(t *testing.T) {
	exact, err := withConsumers(t, 25)
	if err != nil {
		t.Fatal(err)
	}
	if got := synthesize(t, exact).ofType("AWS::Lambda::Permission"); len(got) != 25 {
		t.Errorf("25 consumers have the permissions %v", got)
	}

	many, err := withConsumers(t, 26)
	if err != nil {
		t.Fatal(err)
	}
	const pattern = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/sandbox/analytics/*-??????"
	tpl := synthesize(t, many)
	same(t, "permissions", tpl.ofType("AWS::Lambda::Permission"), `["RotateanalyticsFunctionPermission"]`)
	same(t, "whom rotate serves", tpl["RotateanalyticsFunctionPermission"].Properties["SourceArn"], `"`+pattern+`"`)
	same(t, "what rotation waits for", tpl["Consumerapp000Rotation"].DependsOn, `["Consumerapp000Policy", "RotateanalyticsFunctionPermission"]`)
	for role, want := range map[string]string{"RotateanalyticsRole": "KeepLeases", "RefreshRole": "StartRotations"} {
		policy := tpl[role].Properties["Policies"].([]any)[0].(map[string]any)["PolicyDocument"].(map[string]any)
		first := policy["Statement"].([]any)[0].(map[string]any)
		same(t, role, map[string]any{"Sid": first["Sid"], "Resource": first["Resource"]}, map[string]any{"Sid": want, "Resource": []string{pattern}})
	}
}

func TestMostConsumers(t *testing.T) {
	s, err := withConsumers(t, config.MaxConsumers)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(synthesize(t, s)); n > 500 {
		t.Errorf("%d consumers make %d resources, and CloudFormation takes 500", config.MaxConsumers, n)
	}
	if _, err := withConsumers(t, config.MaxConsumers+1); err == nil || !strings.Contains(err.Error(), "Consumer Requested") {
		t.Errorf("%d consumers: %v; want a pointer to events", config.MaxConsumers+1, err)
	}
}

func TestIdleWarehouseGetsNothing(t *testing.T) {
	s := read(t, "sandbox.json")
	before := synthesize(t, s)
	s.Warehouses["idle"] = config.Warehouse{Cluster: "idle"}
	same(t, "resources", slices.Sorted(maps.Keys(synthesize(t, s))), slices.Sorted(maps.Keys(before)))
}

func TestNewReportsProblems(t *testing.T) {
	s := read(t, "sandbox.json")
	s.Architecture = config.ARM64
	w := s.Warehouses["analytics"]
	w.Allow.Users = slices.Repeat([]string{strings.Repeat("u", 64)}, 120)
	s.Warehouses["analytics"] = w
	assets := t.TempDir()
	_, err := stack.New(awscdk.NewApp(nil), "under-test", stack.Props{Config: s, Assets: assets})
	if err == nil {
		t.Fatal("a stack without binaries was made")
	}
	for _, want := range []string{
		"warehouses.analytics.allow: make a role's policy of ",
		filepath.Join(assets, "arm64", "login", "bootstrap") + ": is not there; run make build",
		filepath.Join(assets, "arm64", "provision", "bootstrap") + ": is not there; run make build",
		filepath.Join(assets, "arm64", "refresh", "bootstrap") + ": is not there; run make build",
		filepath.Join(assets, "arm64", "rotate", "bootstrap") + ": is not there; run make build",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if _, err := os.Stat("cdk.out"); err == nil {
		t.Error("something was written to cdk.out")
	}
}
