package sqs_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestQueueIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work", "VisibilityTimeout", "60")
	if !strings.HasSuffix(url, "/111122223333/work") || !strings.HasPrefix(url, "http://") {
		t.Errorf("URL is %s", url)
	}
	if again := w.create(t, "work", "VisibilityTimeout", "60"); again != url {
		t.Errorf("the same queue again has URL %s, want %s", again, url)
	}
	_, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: aws.String("work"), Attributes: map[string]string{"VisibilityTimeout": "61"}})
	checkCode(t, err, "QueueAlreadyExists")
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		t.Errorf("error is %T, want QueueNameExists", err)
	}
	out, err := w.client.GetQueueUrl(t.Context(), &api.GetQueueUrlInput{QueueName: aws.String("work")})
	if err != nil || *out.QueueUrl != url {
		t.Errorf("GetQueueUrl = %v, %v", out, err)
	}
}

func TestQueueThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.GetQueueUrl(t.Context(), &api.GetQueueUrlInput{QueueName: aws.String("work")})
	checkCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("error is %T, want QueueDoesNotExist", err)
	}
	url := w.create(t, "work")
	for _, wrong := range []string{url + "2", strings.Replace(url, "111122223333", "444455556666", 1), "work"} {
		_, err := w.client.ReceiveMessage(t.Context(), &api.ReceiveMessageInput{QueueUrl: &wrong})
		checkCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	}
}

func TestDeletedQueue(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	w.send(t, url, "lost", 0)
	if _, err := w.client.DeleteQueue(t.Context(), &api.DeleteQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: aws.String("work")})
	checkCode(t, err, "AWS.SimpleQueueService.QueueDeletedRecently")
	w.clock.Advance(61 * second)
	if w.create(t, "work"); len(w.Messages("work")) != 0 {
		t.Error("the new queue has messages of the deleted one")
	}
}

func TestQueuesAreListed(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"b", "a", "other"} {
		w.create(t, name)
	}
	out, err := w.client.ListQueues(t.Context(), &api.ListQueuesInput{QueueNamePrefix: aws.String("o")})
	if err != nil || len(out.QueueUrls) != 1 || !strings.HasSuffix(out.QueueUrls[0], "/other") {
		t.Errorf("ListQueues = %v, %v", out, err)
	}
	if got := w.Queues(); !slices.Equal(got, []string{"a", "b", "other"}) {
		t.Errorf("Queues = %v", got)
	}
}

func TestAttributes(t *testing.T) {
	w := newWorld(t)
	w.create(t, "dead")
	policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}`
	url := w.create(t, "work", "RedrivePolicy", redriveTo(deadARN), "DelaySeconds", "5")
	_, err := w.client.SetQueueAttributes(t.Context(), &api.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{
		"Policy": policy, "MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "false", "DelaySeconds": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"QueueArn": workARN, "VisibilityTimeout": "30", "DelaySeconds": "0", "MessageRetentionPeriod": "60",
		"MaximumMessageSize": "1048576", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "false", "Policy": policy,
		"RedrivePolicy":               `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":2}`,
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
	}
	got := w.attributes(t, url)
	for _, name := range []string{"CreatedTimestamp", "LastModifiedTimestamp"} {
		if got[name] == "" {
			t.Errorf("no %s", name)
		}
		delete(got, name)
	}
	if !maps.Equal(got, want) {
		t.Errorf("attributes are %v\nwant %v", got, want)
	}
}

func TestWrongAttributes(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ name, value, code, says string }{
		{"VisibilityTimeout", "43201", "InvalidAttributeValue", "VisibilityTimeout"},
		{"DelaySeconds", "soon", "InvalidAttributeValue", "DelaySeconds"},
		{"Policy", `{"Statement":1}`, "InvalidAttributeValue", "Policy"},
		{"RedrivePolicy", redriveTo(deadARN), "InvalidParameterValue", "Dead letter target does not exist"},
		{"RedrivePolicy", `{"deadLetterTargetArn":"` + deadARN + `"}`, "InvalidParameterValue", "mandatory"},
		{"Size", "1", "InvalidAttributeName", "Size"},
		{"KmsMasterKeyId", "alias/aws/sqs", "UnknownOperationException", "KmsMasterKeyId"},
		{"FifoQueue", "true", "UnknownOperationException", "FifoQueue"},
	} {
		_, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: aws.String("work"), Attributes: map[string]string{tc.name: tc.value}})
		checkCode(t, err, tc.code)
		if err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v does not say %q", tc.name, err, tc.says)
		}
	}
	for _, name := range []string{"a b", "work.fifo", strings.Repeat("x", 81)} {
		if _, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: &name}); err == nil {
			t.Errorf("queue %q was made", name)
		}
	}
}

func TestPurge(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	w.send(t, url, "one", 0)
	purge := func() error {
		_, err := w.client.PurgeQueue(t.Context(), &api.PurgeQueueInput{QueueUrl: &url})
		return err
	}
	if err := purge(); err != nil || w.counts(t, url) != "0 0 0" {
		t.Errorf("PurgeQueue: %v; counts %s", err, w.counts(t, url))
	}
	checkCode(t, purge(), "AWS.SimpleQueueService.PurgeQueueInProgress")
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	out, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: aws.String("work"), Tags: map[string]string{"a": "1", "b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if a := w.land.last(); a.Action != "sqs:TagQueue" || a.Context["aws:RequestTag/a"][0] != "1" {
		t.Errorf("last asked %+v, want sqs:TagQueue with the tag", a)
	}
	if _, err := w.client.TagQueue(t.Context(), &api.TagQueueInput{QueueUrl: out.QueueUrl, Tags: map[string]string{"b": "3"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.UntagQueue(t.Context(), &api.UntagQueueInput{QueueUrl: out.QueueUrl, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := w.client.ListQueueTags(t.Context(), &api.ListQueueTagsInput{QueueUrl: out.QueueUrl})
	if err != nil || !maps.Equal(tags.Tags, map[string]string{"b": "3"}) {
		t.Errorf("tags are %v, %v", tags, err)
	}
	if a := w.land.last(); a.Context["aws:ResourceTag/b"][0] != "3" {
		t.Errorf("asked %+v without the tag of the queue", a)
	}
}

func TestEveryCallIsAuthorized(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	entry := []map[string]any{{"Id": "1", "MessageBody": "b", "ReceiptHandle": "r", "VisibilityTimeout": 1}}
	pick := func(names ...string) map[string]any {
		in := map[string]any{"QueueUrl": url}
		for _, name := range names {
			in[name] = map[string]any{"QueueName": "work", "Attributes": map[string]any{}, "Tags": map[string]any{}, "TagKeys": []string{"a"},
				"MessageBody": "b", "ReceiptHandle": "r", "VisibilityTimeout": 1}[name]
		}
		return in
	}
	batch := func(names ...string) map[string]any {
		one := map[string]any{"Id": "1"}
		for _, name := range names {
			one[name] = entry[0][name]
		}
		return map[string]any{"QueueUrl": url, "Entries": []any{one}}
	}
	for operation, input := range map[string]map[string]any{
		"GetQueueUrl": {"QueueName": "work"}, "CreateQueue": {"QueueName": "work"}, "ListQueues": {}, "GetQueueAttributes": pick(),
		"SetQueueAttributes": pick("Attributes"), "DeleteQueue": pick(), "PurgeQueue": pick(), "TagQueue": pick("Tags"),
		"UntagQueue": pick("TagKeys"), "ListQueueTags": pick(), "SendMessage": pick("MessageBody"), "ReceiveMessage": pick(),
		"DeleteMessage": pick("ReceiptHandle"), "ChangeMessageVisibility": pick("ReceiptHandle", "VisibilityTimeout"),
		"SendMessageBatch": batch("MessageBody"), "DeleteMessageBatch": batch("ReceiptHandle"),
		"ChangeMessageVisibilityBatch": batch("ReceiptHandle", "VisibilityTimeout"),
	} {
		action := "sqs:" + strings.TrimSuffix(operation, "Batch")
		w.land.refused = map[string]bool{action: true}
		_, err := w.server.Do(t.Context(), operator, "sqs", operation, input)
		checkCode(t, err, "AccessDeniedException")
		if a := w.land.last(); a.Action != action || a.Resource != workARN && operation != "ListQueues" {
			t.Errorf("%s asked for %s on %s", operation, a.Action, a.Resource)
		}
	}
}

func TestRefusalHasTheOlderCode(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	w.land.refused["sqs:SendMessage"] = true
	_, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("b")})
	checkCode(t, err, "AccessDenied")
}
