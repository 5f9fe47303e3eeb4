package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

// newQueueRegion is a region with queues and functions.
func newQueueRegion(t *testing.T) (*region, *clock.Clock) {
	t.Helper()
	c := clock.New(t.Context())
	people := identity.New(c)
	people.AddUser("operator", map[string]string{"all": `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`})
	server := awshttp.New(awshttp.Config{Clock: c, Caller: people, Authorizer: people})
	queues := sqs.New(sqs.Config{Clock: c, Authorizer: people, Endpoint: "http://sandbox"})
	functions := lambda.New(lambda.Config{Clock: c, Authorizer: people, Roles: people, Queues: queues, API: server})
	t.Cleanup(functions.Close)
	server.Register(people.Services()...)
	server.Register(queues.AWS(), functions.AWS())
	return &region{template.New(template.Config{API: server, Principal: operator}), t, server}, c
}

// attributes are those of the queue with this logical id.
func (r *region) attributes(logical string) map[string]any {
	r.t.Helper()
	out := r.ask("sqs", "GetQueueAttributes", map[string]any{"QueueUrl": r.has(logical).PhysicalID, "AttributeNames": []string{"All"}})
	return out["Attributes"].(map[string]any)
}

const (
	deadQueue = `"Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sluice-test-dead", "MessageRetentionPeriod": 1209600}}`
	workQueue = `"Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sluice-test-work", "VisibilityTimeout": 360, "SqsManagedSseEnabled": true,
		"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}, "Tags": [{"Key": "sluice:stage", "Value": "test"}]}}`
	workPolicy = `"Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Work"}], "PolicyDocument": {"Version": "2012-10-17",
		"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Work", "Arn"]}}}}}`
)

func TestQueue(t *testing.T) {
	r, c := newQueueRegion(t)
	r.deploy(deadQueue + "," + workQueue + "," + workPolicy)
	const arn = "arn:aws:sqs:us-east-1:111122223333:sluice-test-work"
	made := r.has("Work")
	if made.PhysicalID != "http://sandbox/111122223333/sluice-test-work" || made.Attributes["Arn"] != arn ||
		made.Attributes["QueueName"] != "sluice-test-work" || made.Attributes["QueueUrl"] != made.PhysicalID {
		t.Errorf("made %+v", made)
	}
	got := r.attributes("Work")
	if got["VisibilityTimeout"] != "360" || got["RedrivePolicy"] != `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:sluice-test-dead","maxReceiveCount":5}` ||
		!strings.Contains(got["Policy"].(string), arn) {
		t.Errorf("attributes are %v", got)
	}
	r.deploy(deadQueue + `, "Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sluice-test-work", "DelaySeconds": 7, "Tags": [{"Key": "b", "Value": "2"}]}}`)
	got = r.attributes("Work")
	if got["VisibilityTimeout"] != "30" || got["DelaySeconds"] != "7" || got["RedrivePolicy"] != nil || got["Policy"] != nil {
		t.Errorf("attributes after the update are %v", got)
	}
	tags := r.ask("sqs", "ListQueueTags", map[string]any{"QueueUrl": made.PhysicalID})["Tags"].(map[string]any)
	if len(tags) != 1 || tags["b"] != "2" {
		t.Errorf("tags after the update are %v", tags)
	}
	r.deploy(deadQueue)
	c.Advance(time.Minute)
	if urls := r.ask("sqs", "ListQueues", nil)["QueueUrls"].([]any); len(urls) != 1 {
		t.Errorf("left are %v", urls)
	}
}

func TestQueueProblems(t *testing.T) {
	r, _ := newQueueRegion(t)
	for text, says := range map[string]string{
		`"Q": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": true}}`:                                         "FifoQueue",
		`"P": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": ["q"], "PolicyDocument": {"Statement": 1}}}`: "PolicyDocument",
	} {
		err := r.Deploy(t.Context(), load(t, `{"Resources": {`+text+`}}`))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v does not say %q", text, err, says)
		}
	}
}

func TestEventSourceMapping(t *testing.T) {
	r, _ := newQueueRegion(t)
	folder := write(t, `{"Resources": {`+deadQueue+","+workQueue+","+reader+","+worker+`,
		"Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"EventSourceArn": {"Fn::GetAtt": ["Work", "Arn"]}, "FunctionName": {"Ref": "Worker"},
			"BatchSize": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"], "ScalingConfig": {"MaximumConcurrency": 4}, "Tags": [{"Key": "a", "Value": "1"}]}}}}`)
	deployWith := func(change ...string) {
		t.Helper()
		path := filepath.Join(folder, "stack1.template.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(t, path, strings.NewReplacer(change...).Replace(string(text)))
		if err := os.MkdirAll(filepath.Join(folder, "asset.abc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "asset.abc", "bootstrap"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		a, err := template.Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Deploy(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	deployWith()
	made := r.has("Mapping")
	mapping := func() map[string]any {
		return r.ask("lambda", "GetEventSourceMapping", map[string]any{"UUID": made.PhysicalID})
	}
	if got := mapping(); got["BatchSize"] != 5.0 || got["State"] != "Enabled" || got["ScalingConfig"].(map[string]any)["MaximumConcurrency"] != 4.0 ||
		got["EventSourceMappingArn"] != made.Attributes["EventSourceMappingArn"] {
		t.Errorf("made %+v: %v", made, got)
	}
	deployWith(`"BatchSize": 5, `, `"Enabled": false, `, `"ScalingConfig": {"MaximumConcurrency": 4}, `, "", `"Key": "a"`, `"Key": "b"`)
	if got := mapping(); got["BatchSize"] != 10.0 || got["State"] != "Disabled" || len(got["ScalingConfig"].(map[string]any)) != 0 {
		t.Errorf("after the update it is %v", got)
	}
	tags := r.ask("lambda", "ListTags", map[string]any{"Resource": made.Attributes["EventSourceMappingArn"]})["Tags"].(map[string]any)
	if len(tags) != 1 || tags["b"] != "1" {
		t.Errorf("tags are %v", tags)
	}
	r.deploy(deadQueue)
	if got := r.ask("lambda", "ListEventSourceMappings", nil)["EventSourceMappings"].([]any); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

const (
	reader = `"Reader": {"Type": "AWS::IAM::Role", "Properties": {
		"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}},
		"Policies": [{"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow",
			"Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "Resource": {"Fn::GetAtt": ["Work", "Arn"]}}}}]}}`
	worker = `"Worker": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 60,
		"Role": {"Fn::GetAtt": ["Reader", "Arn"]}, "Code": {"S3Bucket": "b", "S3Key": "abc.zip"}}}`
)
