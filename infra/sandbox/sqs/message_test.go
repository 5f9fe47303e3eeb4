package sqs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// TestMessageComesAsItWasSent also has the SDK check the digest of the body.
func TestMessageComesAsItWasSent(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	out, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("größer\n"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"trace": {DataType: aws.String("String"), StringValue: aws.String("abc")},
			"count": {DataType: aws.String("Number.int"), StringValue: aws.String("3")},
			"bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	m := w.receiveOne(t, url)
	if *m.Body != "größer\n" || *m.MessageId != *out.MessageId {
		t.Errorf("received %+v", m)
	}
	if aws.ToString(m.MD5OfMessageAttributes) != *out.MD5OfMessageAttributes || len(*out.MD5OfMessageAttributes) != 32 {
		t.Errorf("digests of the attributes: %v sent, %v received", *out.MD5OfMessageAttributes, aws.ToString(m.MD5OfMessageAttributes))
	}
	if a := m.MessageAttributes; len(a) != 3 || *a["trace"].StringValue != "abc" || string(a["bytes"].BinaryValue) != "\x01\x02" {
		t.Errorf("attributes are %v", a)
	}
	a := m.Attributes
	if a["SenderId"] != "AIDAOPERATOR" || a["ApproximateReceiveCount"] != "1" || len(a["SentTimestamp"]) != 13 || a["ApproximateFirstReceiveTimestamp"] == "" {
		t.Errorf("system attributes are %v", a)
	}
}

// TestDigestOfAttributes compares with an answer of AWS that the tests of moto (getmoto/moto, tests/test_sqs) quote.
func TestDigestOfAttributes(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	out, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("derp"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"timestamp": {DataType: aws.String("Number"), StringValue: aws.String("1493147359900")},
		}})
	if err != nil || *out.MD5OfMessageAttributes != "235c5c510d26fb653d073faed50ae77c" {
		t.Errorf("digest of the attributes is %v, %v", aws.ToString(out.MD5OfMessageAttributes), err)
	}
}

func TestReceiverPicksAttributes(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work", "VisibilityTimeout", "0")
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	_, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("b"),
		MessageAttributes: map[string]types.MessageAttributeValue{"a.x": text("1"), "a.y": text("2"), "b": text("3")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		want []string
		n    int
	}{{nil, 0}, {[]string{"b"}, 1}, {[]string{"a.*"}, 2}, {[]string{".*"}, 3}, {[]string{"All"}, 3}} {
		out, err := w.client.ReceiveMessage(t.Context(), &api.ReceiveMessageInput{QueueUrl: &url, MessageAttributeNames: tc.want})
		if err != nil || len(out.Messages) != 1 || len(out.Messages[0].MessageAttributes) != tc.n || len(out.Messages[0].Attributes) != 0 {
			t.Errorf("%v: %+v, %v; want %d attributes and no others", tc.want, out, err, tc.n)
		}
	}
}

func TestMessageIsHiddenAndComesAgain(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	w.send(t, url, "b", 0)
	first := w.receiveOne(t, url)
	if got := w.receive(t, url); len(got) != 0 || w.counts(t, url) != "0 1 0" {
		t.Errorf("received %d while it was hidden; counts %s", len(got), w.counts(t, url))
	}
	w.clock.Advance(31 * second)
	again := w.receiveOne(t, url)
	if *again.MessageId != *first.MessageId || again.Attributes["ApproximateReceiveCount"] != "2" || *again.ReceiptHandle == *first.ReceiptHandle {
		t.Errorf("second receive is %+v", again)
	}
	w.delete(t, url, first) // stale: a success that deletes nothing
	if w.counts(t, url) != "0 1 0" {
		t.Errorf("a stale handle has deleted; counts %s", w.counts(t, url))
	}
	w.clock.Advance(31 * second)
	w.delete(t, url, again) // visible again, and the handle is still the last one
	w.delete(t, url, again) // gone already
	if got := w.Messages(workARN); len(got) != 0 {
		t.Errorf("left over: %+v", got)
	}
	_, err := w.client.DeleteMessage(t.Context(), &api.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("nonsense")})
	checkCode(t, err, "ReceiptHandleIsInvalid")
}

func TestDelay(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work", "DelaySeconds", "100")
	w.send(t, url, "of the queue", 0) // the SDK leaves a zero out
	w.send(t, url, "of the message", 10)
	if w.counts(t, url) != "0 0 2" {
		t.Errorf("counts are %s", w.counts(t, url))
	}
	w.clock.Advance(11 * second)
	if m := w.receiveOne(t, url); *m.Body != "of the message" {
		t.Errorf("received %s", *m.Body)
	}
	w.clock.Advance(90 * second)
	if got := w.receive(t, url); len(got) != 2 {
		t.Errorf("received %d after both delays and the timeout, want 2", len(got))
	}
	_, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("b"), DelaySeconds: 901})
	checkCode(t, err, "InvalidParameterValue")
}

func TestVisibilityIsChanged(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	w.send(t, url, "b", 0)
	m := w.receiveOne(t, url)
	change := func(seconds int32) error {
		_, err := w.client.ChangeMessageVisibility(t.Context(), &api.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	if err := change(100); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(60 * second)
	if len(w.receive(t, url)) != 0 {
		t.Error("visible before the longer timeout is over")
	}
	checkCode(t, change(43_200), "InvalidParameterValue") // with the minute that has passed it is too long
	if err := change(0); err != nil {
		t.Fatal(err)
	}
	checkCode(t, change(10), "InvalidParameterValue") // not hidden any more
	w.receiveOne(t, url)
	checkCode(t, change(10), "InvalidParameterValue") // a stale handle
}

func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	dead := w.create(t, "dead")
	url := w.create(t, "work", "RedrivePolicy", redriveTo(deadARN))
	id := w.send(t, url, "poison", 0)
	for range 2 {
		w.receiveOne(t, url)
		w.clock.Advance(31 * second)
	}
	if got := w.receive(t, url); len(got) != 0 || w.counts(t, url) != "0 0 0" {
		t.Errorf("received %d a third time; counts %s", len(got), w.counts(t, url))
	}
	all := w.Messages("dead")
	if len(all) != 1 || all[0].ID != id || all[0].Body != "poison" || all[0].Receives != 2 || all[0].Source != workARN || !all[0].Visible {
		t.Fatalf("dead letters are %+v", all)
	}
	if m := w.receiveOne(t, dead); m.Attributes["DeadLetterQueueSourceArn"] != workARN {
		t.Errorf("dead letter has %v", m.Attributes)
	}
}

func TestOldMessagesAreDropped(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work", "MessageRetentionPeriod", "60")
	w.send(t, url, "b", 0)
	w.clock.Advance(61 * second)
	if w.counts(t, url) != "0 0 0" {
		t.Errorf("counts are %s", w.counts(t, url))
	}
}

func TestBatches(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	out, err := w.client.SendMessageBatch(t.Context(), &api.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("good"), MessageBody: aws.String("b")},
		{Id: aws.String("bad"), MessageBody: aws.String("b"), DelaySeconds: 1000},
		{Id: aws.String("later"), MessageBody: aws.String("c"), DelaySeconds: 5},
	}})
	if err != nil || len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" ||
		*out.Failed[0].Code != "InvalidParameterValue" || !out.Failed[0].SenderFault {
		t.Fatalf("SendMessageBatch = %+v, %v", out, err)
	}
	m := w.receiveOne(t, url)
	hidden, err := w.client.ChangeMessageVisibilityBatch(t.Context(), &api.ChangeMessageVisibilityBatchInput{QueueUrl: &url,
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0}}})
	if err != nil || len(hidden.Successful) != 1 || w.counts(t, url) != "1 0 1" {
		t.Errorf("ChangeMessageVisibilityBatch = %+v, %v; counts %s", hidden, err, w.counts(t, url))
	}
	gone, err := w.client.DeleteMessageBatch(t.Context(), &api.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: m.ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("nonsense")}}})
	if err != nil || len(gone.Successful) != 1 || len(gone.Failed) != 1 || *gone.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("DeleteMessageBatch = %+v, %v", gone, err)
	}
}

func TestWrongBatches(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work")
	entries := func(n int, id func(int) string, body string) (all []types.SendMessageBatchRequestEntry) {
		for i := range n {
			all = append(all, types.SendMessageBatchRequestEntry{Id: aws.String(id(i)), MessageBody: &body})
		}
		return all
	}
	number := func(i int) string { return fmt.Sprint(i) }
	for code, all := range map[string][]types.SendMessageBatchRequestEntry{
		"EmptyBatchRequest":            {},
		"TooManyEntriesInBatchRequest": entries(11, number, "b"),
		"BatchEntryIdsNotDistinct":     entries(2, func(int) string { return "same" }, "b"),
		"InvalidBatchEntryId":          entries(1, func(int) string { return "a b" }, "b"),
		"BatchRequestTooLong":          entries(2, number, strings.Repeat("x", 600_000)),
	} {
		_, err := w.client.SendMessageBatch(t.Context(), &api.SendMessageBatchInput{QueueUrl: &url, Entries: all})
		checkCode(t, err, "AWS.SimpleQueueService."+code)
	}
}

func TestWrongMessages(t *testing.T) {
	w := newWorld(t)
	url := w.create(t, "work", "MaximumMessageSize", "1024")
	for body, code := range map[string]string{
		"":                        "MissingParameter",
		"bell \a":                 "InvalidMessageContents",
		strings.Repeat("x", 1025): "InvalidParameterValue",
	} {
		_, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: &body})
		checkCode(t, err, code)
	}
	for _, a := range []types.MessageAttributeValue{
		{DataType: aws.String("Date"), StringValue: aws.String("x")},
		{DataType: aws.String("String")},
		{DataType: aws.String("Binary"), StringValue: aws.String("x")},
	} {
		_, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("b"),
			MessageAttributes: map[string]types.MessageAttributeValue{"a": a}})
		checkCode(t, err, "InvalidParameterValue")
	}
	_, err := w.client.ReceiveMessage(t.Context(), &api.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 11})
	checkCode(t, err, "InvalidParameterValue")
}

func TestSendInProcess(t *testing.T) {
	w := newWorld(t)
	policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + workARN + `"}}`
	w.create(t, "work", "Policy", policy)
	for service, code := range map[string]string{"events.amazonaws.com": "", "s3.amazonaws.com": "AccessDeniedException"} {
		err := w.Send(t.Context(), awshttp.Principal{Service: service}, workARN, "from "+service, 1500*time.Millisecond)
		if code != "" {
			checkCode(t, err, code)
		} else if err != nil {
			t.Error(err)
		}
	}
	all := w.Messages("work")
	if len(all) != 1 || all[0].Body != "from events.amazonaws.com" || all[0].Visible || all[0].VisibleAt.Sub(all[0].Sent) != 2*time.Second {
		t.Errorf("messages are %+v", all)
	}
	checkCode(t, w.Send(t.Context(), operator, deadARN, "b", 0), "QueueDoesNotExist")
	checkCode(t, w.Send(t.Context(), operator, "arn:aws:sqs:us-east-1:444455556666:work", "b", 0), "QueueDoesNotExist")
}

func TestWatch(t *testing.T) {
	w := newWorld(t)
	wakes := map[string]int{}
	for _, arn := range []string{workARN, deadARN} {
		defer w.Watch(arn, func() {
			if w.Waiting(arn) > 0 {
				wakes[arn]++
			}
		})()
	}
	w.create(t, "dead")
	url := w.create(t, "work", "RedrivePolicy", redriveTo(deadARN))
	w.send(t, url, "b", 50)
	for _, step := range []struct {
		name       string
		work, dead int
	}{{"delayed", 0, 0}, {"visible", 1, 0}, {"visible again", 2, 0}, {"dead", 2, 1}} {
		if wakes[workARN] != step.work || wakes[deadARN] != step.dead {
			t.Errorf("%s: woken %v, want %d and %d", step.name, wakes, step.work, step.dead)
		}
		w.receive(t, url)
		w.clock.Advance(51 * second)
	}
}
