package lambda_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	workARN  = "arn:aws:sqs:us-east-1:111122223333:work"
	otherARN = "arn:aws:sqs:us-east-1:111122223333:other"
)

// queue makes a queue that hides messages for a minute and moves them to the queue dead after three receives.
func (w *world) queue(t *testing.T, name string) {
	t.Helper()
	w.do(t, "sqs", "CreateQueue", map[string]any{"QueueName": "dead"})
	w.do(t, "sqs", "CreateQueue", map[string]any{"QueueName": name, "Attributes": map[string]string{
		"VisibilityTimeout": "60", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead","maxReceiveCount":3}`}})
}

func (w *world) do(t *testing.T, service, operation string, input any) map[string]any {
	t.Helper()
	out, err := w.server.Do(t.Context(), operator, service, operation, input)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mapped makes function and queue and maps them. change changes what the mapping is made with.
func (w *world) mapped(t *testing.T, change ...func(*api.CreateEventSourceMappingInput)) string {
	t.Helper()
	w.create(t, nil)
	w.queue(t, "work")
	out, err := w.tryMap(t, workARN, change...)
	if err != nil {
		t.Fatal(err)
	}
	return *out.UUID
}

func (w *world) tryMap(t *testing.T, source string, change ...func(*api.CreateEventSourceMappingInput)) (*api.CreateEventSourceMappingOutput, error) {
	t.Helper()
	in := &api.CreateEventSourceMappingInput{FunctionName: aws.String("echo"), EventSourceArn: &source,
		FunctionResponseTypes: []types.FunctionResponseType{"ReportBatchItemFailures"}}
	for _, f := range change {
		f(in)
	}
	return w.client.CreateEventSourceMapping(t.Context(), in)
}

func (w *world) mapping(t *testing.T, id string) *api.GetEventSourceMappingOutput {
	t.Helper()
	out, err := w.client.GetEventSourceMapping(t.Context(), &api.GetEventSourceMappingInput{UUID: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMappingIsKept(t *testing.T) {
	w := newWorld(t)
	id := w.mapped(t, func(in *api.CreateEventSourceMappingInput) {
		in.BatchSize, in.ScalingConfig = aws.Int32(5), &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}
		in.Tags = map[string]string{"a": "1"}
	})
	got := w.mapping(t, id)
	if *got.BatchSize != 5 || *got.ScalingConfig.MaximumConcurrency != 2 || *got.EventSourceArn != workARN || *got.FunctionArn != echoARN ||
		*got.State != "Enabled" || *got.LastProcessingResult != "No records processed" || got.LastModified == nil || len(got.FunctionResponseTypes) != 1 {
		t.Errorf("mapping is %+v", got)
	}
	_, err := w.client.UpdateEventSourceMapping(t.Context(), &api.UpdateEventSourceMappingInput{UUID: &id, Enabled: aws.Bool(false), BatchSize: aws.Int32(7)})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.mapping(t, id); *got.State != "Disabled" || *got.BatchSize != 7 || *got.ScalingConfig.MaximumConcurrency != 2 {
		t.Errorf("after the update it is %+v", got)
	}
	list, err := w.client.ListEventSourceMappings(t.Context(), &api.ListEventSourceMappingsInput{FunctionName: aws.String("echo"), EventSourceArn: aws.String(workARN)})
	if err != nil || len(list.EventSourceMappings) != 1 || *list.EventSourceMappings[0].UUID != id {
		t.Errorf("ListEventSourceMappings = %+v, %v", list, err)
	}
	tags, err := w.client.ListTags(t.Context(), &api.ListTagsInput{Resource: got.EventSourceMappingArn})
	if err != nil || tags.Tags["a"] != "1" {
		t.Errorf("tags are %+v, %v", tags, err)
	}
	if _, err := w.client.DeleteEventSourceMapping(t.Context(), &api.DeleteEventSourceMappingInput{UUID: &id}); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.GetEventSourceMapping(t.Context(), &api.GetEventSourceMappingInput{UUID: &id})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestMappingsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.mapped(t)
	w.do(t, "sqs", "CreateQueue", map[string]any{"QueueName": "short", "Attributes": map[string]string{"VisibilityTimeout": "29"}})
	w.do(t, "sqs", "CreateQueue", map[string]any{"QueueName": "other"})
	for _, tc := range []struct {
		name, source string
		change       func(*api.CreateEventSourceMappingInput)
		code, says   string
	}{
		{"twice", workARN, nil, "ResourceConflictException", "already exists"},
		{"timeouts", strings.Replace(workARN, "work", "short", 1), nil, "InvalidParameterValueException", "Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds"},
		{"no queue", strings.Replace(workARN, "work", "none", 1), nil, "InvalidParameterValueException", "NonExistentQueue"},
		{"a stream", "arn:aws:kinesis:us-east-1:111122223333:stream/s", nil, "InvalidParameterValueException", "kinesis"},
		{"no function", otherARN, func(in *api.CreateEventSourceMappingInput) { in.FunctionName = aws.String("none") }, "ResourceNotFoundException", "none"},
		{"concurrency", otherARN, func(in *api.CreateEventSourceMappingInput) {
			in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(1)}
		}, "InvalidParameterValueException", "MaximumConcurrency"},
		{"batch without window", otherARN, func(in *api.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(11) }, "InvalidParameterValueException", "batch window"},
		{"what is not there", otherARN, func(in *api.CreateEventSourceMappingInput) {
			in.FilterCriteria = &types.FilterCriteria{}
		}, "UnknownOperationException", "FilterCriteria"},
	} {
		_, err := w.tryMap(t, tc.source, func(in *api.CreateEventSourceMappingInput) {
			if tc.change != nil {
				tc.change(in)
			}
		})
		checkCode(t, err, tc.code)
		if err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v does not say %q", tc.name, err, tc.says)
		}
	}
	for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		w.land.refused = map[string]bool{"sqs:" + action: true}
		_, err := w.tryMap(t, otherARN)
		checkCode(t, err, "InvalidParameterValueException")
		if err != nil && !strings.Contains(err.Error(), "does not have permissions to call "+action+" on SQS") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestQuestionsAboutAMappingNameItAndItsFunction(t *testing.T) {
	w := newWorld(t)
	id := w.mapped(t)
	for operation, input := range map[string]map[string]any{
		"GetEventSourceMapping": {"UUID": id}, "UpdateEventSourceMapping": {"UUID": id}, "DeleteEventSourceMapping": {"UUID": id},
	} {
		w.land.refused = map[string]bool{"lambda:" + operation: true}
		_, err := w.server.Do(t.Context(), operator, "lambda", operation, input)
		checkCode(t, err, "AccessDeniedException")
		last := w.land.asked[len(w.land.asked)-1]
		if !strings.HasSuffix(last.Resource, ":event-source-mapping:"+id) || last.Context["lambda:FunctionArn"][0] != echoARN {
			t.Errorf("%s asked %+v", operation, last)
		}
	}
}

const minute = time.Minute
