package stack_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/stack"
	"github.com/sluicehq/sluice/shared/event"
)

// federationOnly is what a stage gets for its federation, whether or not it also has consumers.
const federationOnly = `{
	"Table": "AWS::DynamoDB::Table", "Boundary": "AWS::IAM::ManagedPolicy",
	"WorkQueue": "AWS::SQS::Queue", "WorkDead": "AWS::SQS::Queue", "WorkPolicy": "AWS::SQS::QueuePolicy", "WorkMapping": "AWS::Lambda::EventSourceMapping",
	"WorkDeadAlarm": "AWS::CloudWatch::Alarm", "WorkStaleAlarm": "AWS::CloudWatch::Alarm",
	"RulesRequests": "AWS::Events::Rule", "RulesInstances": "AWS::Events::Rule",
	"SweepSchedule": "AWS::Scheduler::Schedule", "SweepRole": "AWS::IAM::Role",
	"ProvisionFunction": "AWS::Lambda::Function", "ProvisionRole": "AWS::IAM::Role", "ProvisionLogs": "AWS::Logs::LogGroup",
	"LoginFunction": "AWS::Lambda::Function", "LoginRole": "AWS::IAM::Role", "LoginLogs": "AWS::Logs::LogGroup"
}`

func TestFederationResources(t *testing.T) {
	var want map[string]string
	if err := json.Unmarshal([]byte(federationOnly), &want); err != nil {
		t.Fatal(err)
	}
	s := read(t, "sandbox.json")
	both := synthesize(t, s)

	s.Federation = nil
	got := types(both)
	for name := range synthesize(t, s) {
		delete(got, name)
	}
	same(t, "what a federation adds", got, want)

	s = read(t, "sandbox.json")
	s.Consumers, s.Warehouses = nil, nil
	want["Bus"], want["TickGroup"] = "AWS::Events::EventBus", "AWS::Scheduler::ScheduleGroup"
	alone := synthesize(t, s)
	same(t, "a stage without consumers", types(alone), want)
	for _, name := range slices.Sorted(maps.Keys(alone)) {
		if alone[name].ID != both[name].ID {
			t.Errorf("%s is %s without consumers and %s with them: CloudFormation would make it twice", name, alone[name].ID, both[name].ID)
		}
	}
}

func TestTable(t *testing.T) {
	r := synthesize(t, read(t, "sandbox.json")).named(t, "Table", "AWS::DynamoDB::Table")
	same(t, "table", r.Properties, `{
		"TableName": "sluice-sandbox", "BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": [{"AttributeName": "name", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}],
		"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}, "SSESpecification": {"SSEEnabled": true},
		"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true}
	}`)
	if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
		t.Errorf("the state goes with the stack: deletion policy %q, at replacement %q", r.DeletionPolicy, r.UpdateReplacePolicy)
	}
}

func TestQueues(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	same(t, "queue", tpl.named(t, "WorkQueue", "AWS::SQS::Queue").Properties, `{
		"QueueName": "sluice-sandbox-work", "SqsManagedSseEnabled": true, "VisibilityTimeout": 360,
		"RedrivePolicy": {"deadLetterTargetArn": "${WorkDead.Arn}", "maxReceiveCount": 5}
	}`)
	same(t, "dead letters", tpl.named(t, "WorkDead", "AWS::SQS::Queue").Properties, `{
		"QueueName": "sluice-sandbox-dead", "SqsManagedSseEnabled": true, "MessageRetentionPeriod": 1209600
	}`)
	same(t, "queue's policy", tpl.named(t, "WorkPolicy", "AWS::SQS::QueuePolicy").Properties, map[string]any{
		"Queues": []string{"${WorkQueue}"}, "PolicyDocument": access.Document(access.Queue("${WorkQueue.Arn}", []string{"${RulesRequests.Arn}", "${RulesInstances.Arn}"})),
	})
	same(t, "mapping", tpl.named(t, "WorkMapping", "AWS::Lambda::EventSourceMapping").Properties, `{
		"EventSourceArn": "${WorkQueue.Arn}", "FunctionName": "${ProvisionFunction}", "BatchSize": 5,
		"FunctionResponseTypes": ["ReportBatchItemFailures"], "ScalingConfig": {"MaximumConcurrency": 5}
	}`)
}

func TestQueueAlarms(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	for name, want := range map[string]struct {
		metric, queue string
		above         int
	}{
		"WorkDeadAlarm":  {"ApproximateNumberOfMessagesVisible", "${WorkDead.QueueName}", 0},
		"WorkStaleAlarm": {"ApproximateAgeOfOldestMessage", "${WorkQueue.QueueName}", 1800},
	} {
		r := tpl.named(t, name, "AWS::CloudWatch::Alarm")
		if text, _ := r.Properties["AlarmDescription"].(string); !strings.HasPrefix(text, "Sluice: ") {
			t.Errorf("%s says %q", name, text)
		}
		delete(r.Properties, "AlarmDescription")
		same(t, name, r.Properties, map[string]any{
			"Namespace": "AWS/SQS", "MetricName": want.metric, "Dimensions": []any{map[string]string{"Name": "QueueName", "Value": want.queue}},
			"Statistic": "Maximum", "Period": 300, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": want.above,
			"TreatMissingData": "notBreaching",
		})
	}
}

func TestRules(t *testing.T) {
	tpl := synthesize(t, read(t, "sandbox.json"))
	requests, instances := tpl.named(t, "RulesRequests", "AWS::Events::Rule").Properties, tpl.named(t, "RulesInstances", "AWS::Events::Rule").Properties
	for _, r := range []map[string]any{requests, instances} {
		same(t, "targets", r["Targets"], `[{"Id": "work", "Arn": "${WorkQueue.Arn}"}]`)
		if state := r["State"]; state != nil && state != "ENABLED" {
			t.Errorf("the rule is %v", state)
		}
	}
	same(t, "requests' bus", requests["EventBusName"], `"${Bus}"`)
	same(t, "requests", requests["EventPattern"], `{"detail-type": ["Source Requested", "Source Withdrawn"]}`)
	if bus, there := instances["EventBusName"]; there {
		t.Errorf("events of RDS are expected on %v, not on the default bus", bus)
	}
	pattern := instances["EventPattern"].(map[string]any)
	ids := pattern["detail"].(map[string]any)["EventID"].([]any)
	for _, id := range []string{"RDS-EVENT-0003", "RDS-EVENT-0005", "RDS-EVENT-0088"} {
		if !slices.Contains(ids, any(id)) {
			t.Errorf("%s is not among %v", id, ids)
		}
	}
	delete(pattern, "detail")
	same(t, "instances", pattern, `{"source": ["aws.rds"], "detail-type": ["RDS DB Instance Event"]}`)
}

func TestSweep(t *testing.T) {
	r := synthesize(t, read(t, "sandbox.json")).named(t, "SweepSchedule", "AWS::Scheduler::Schedule")
	same(t, "sweep", r.Properties, map[string]any{
		"GroupName": "${TickGroup}", "ScheduleExpression": "rate(15 minutes)",
		"FlexibleTimeWindow": map[string]any{"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 2},
		"Target": map[string]any{
			"Arn": "${WorkQueue.Arn}", "RoleArn": "${SweepRole.Arn}", "Input": event.Sweep(),
			"RetryPolicy": map[string]any{"MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 0},
		},
	})
	if w, err := event.DecodeWork([]byte(event.Sweep())); err != nil || w.Task != event.TaskSweep {
		t.Errorf("the sweep is read as %+v, %v", w, err)
	}
}

func TestBoundary(t *testing.T) {
	s := read(t, "sandbox.json")
	r := synthesize(t, s).named(t, "Boundary", "AWS::IAM::ManagedPolicy")
	same(t, "boundary", r.Properties, map[string]any{
		"ManagedPolicyName": "sluice-sandbox-boundary", "Description": "Sluice: the most that a role of a federation of stage sandbox can do",
		"PolicyDocument": access.Document(access.Boundary(s)),
	})
}

func TestRequesters(t *testing.T) {
	s := read(t, "sandbox.json")
	s.Federation.Requesters = []string{"arn:aws:iam::111122223333:role/catalog"}
	same(t, "policy of the bus", synthesize(t, s).named(t, "Requesters", "AWS::Events::EventBusPolicy").Properties, `{
		"EventBusName": "${Bus}", "StatementId": "Request",
		"Statement": {
			"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:role/catalog"]}, "Action": ["events:PutEvents"], "Resource": ["${Bus.Arn}"],
			"Condition": {"StringEquals": {"events:detail-type": ["Source Requested", "Source Withdrawn"]}}
		}
	}`)
}

// TestOutputs: what people and the operator's command look for, and nothing of it where there is no federation.
func TestOutputs(t *testing.T) {
	s := read(t, "sandbox.json")
	same(t, "outputs", outputs(t, s), `{
		"BusName": "${Bus}", "QueueUrl": "${WorkQueue}", "DeadLettersUrl": "${WorkDead}", "TableName": "${Table}",
		"ProvisionName": "${ProvisionFunction}", "LoginName": "${LoginFunction}", "BoundaryArn": "${Boundary}"
	}`)
	s.Federation = nil
	same(t, "outputs without a federation", outputs(t, s), `{}`)
}

// TestWildcards: a policy that names no resource has a reason, and they are all here.
func TestWildcards(t *testing.T) {
	reasons := map[string]string{
		"FindWarehouses":       "redshift:DescribeClusters takes no resource",
		"FindNetwork":          "describing a network takes no resource",
		"LeaveNetworkToLambda": "it denies",
		"FollowStatements":     "statements are no resources; the condition leaves the function's own",
		"ListRoles":            "lists by path take no resource",
		"LookAtSecrets":        "a secret that is not there has no ARN, and a password none at all",
		"LookAtNetwork":        "describing a network takes no resource",
		"AsDocumented":         "AWS documents them so, and they take no resource",
	}
	seen := make(map[string]bool)
	tpl := synthesize(t, read(t, "example.json"))
	for _, name := range append(tpl.ofType("AWS::IAM::Role"), "Boundary") {
		documents := []any{tpl[name].Properties["PolicyDocument"]}
		if inline, ok := tpl[name].Properties["Policies"].([]any); ok {
			documents = nil
			for _, p := range inline {
				documents = append(documents, p.(map[string]any)["PolicyDocument"])
			}
		}
		for _, d := range documents {
			for _, item := range d.(map[string]any)["Statement"].([]any) {
				statement := item.(map[string]any)
				for _, action := range statement["Action"].([]any) {
					if strings.Contains(action.(string), "*") {
						t.Errorf("%s may do %s", name, action)
					}
				}
				if sid := statement["Sid"].(string); slices.Contains(statement["Resource"].([]any), any("*")) {
					seen[sid] = true
					if reasons[sid] == "" {
						t.Errorf("%s of %s is for every resource, without a reason", sid, name)
					}
				}
			}
		}
	}
	same(t, "wildcards", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(reasons)))
}

// TestAuthorities: nothing but the warning says before the first federation that login can verify no source of RDS.
func TestAuthorities(t *testing.T) {
	s := read(t, "sandbox.json")
	for _, tc := range []struct{ there, sandbox, warned bool }{{false, false, true}, {true, false, false}, {false, true, false}} {
		assets := binaries(t, s)
		if tc.there {
			folder := filepath.Join(assets, s.Architecture, "login", "authorities")
			if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "rds.pem"), nil, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		out := t.TempDir()
		made, err := stack.New(awscdk.NewApp(&awscdk.AppProps{Outdir: &out}), "under-test", stack.Props{Config: s, Assets: assets, Sandbox: tc.sandbox})
		if err != nil {
			t.Fatal(err)
		}
		warnings := assertions.Annotations_FromStack(made).FindWarning(new("*"), assertions.Match_StringLikeRegexp(new("infra/authorities")))
		if warned := len(*warnings) > 0; warned != tc.warned {
			t.Errorf("with %+v there is a warning: %t", tc, warned)
		}
	}
}
