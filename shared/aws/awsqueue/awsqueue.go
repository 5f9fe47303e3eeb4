// Package awsqueue sends messages to Sluice's own SQS queues.
package awsqueue

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Queue implements [federation.Queue], and knows the queue for messages that can never succeed.
type Queue struct {
	api        *sqs.Client
	work, dead string
}

var _ federation.Queue = (*Queue)(nil)

// New returns the Queue with these URLs: of the work, and of the dead letters.
func New(api *sqs.Client, work, dead string) *Queue { return &Queue{api, work, dead} }

// maxDelay is the longest that SQS holds a message back.
//
// Source: Amazon SQS API Reference, SendMessage (DelaySeconds).
const maxDelay = 900

// FollowUp implements [federation.Queue]. after is rounded up to whole seconds.
func (q *Queue) FollowUp(ctx context.Context, name string, number int, after time.Duration) error {
	seconds := min(max((after+time.Second-1)/time.Second, 0), maxDelay)
	return q.send(ctx, "send follow-up", "federation "+name, &sqs.SendMessageInput{
		QueueUrl: &q.work, MessageBody: new(event.FollowUp(name, number)), DelaySeconds: int32(seconds),
	})
}

// Look implements [federation.Queue].
func (q *Queue) Look(ctx context.Context, name string) error {
	return q.send(ctx, "send look", "federation "+name, &sqs.SendMessageInput{QueueUrl: &q.work, MessageBody: new(event.Look(name))})
}

// LookAt implements [federation.Queue].
func (q *Queue) LookAt(ctx context.Context, instance string) error {
	return q.send(ctx, "send look", "instance "+instance, &sqs.SendMessageInput{QueueUrl: &q.work, MessageBody: new(event.LookAt(instance))})
}

// Attributes of a dead letter.
const (
	ReasonAttribute  = "Reason"
	MessageAttribute = "Message"
)

// maxMessage bounds the attribute with the message, in bytes; the log has all of it.
const maxMessage = 1000

// DeadLetter keeps the body of a message that can never succeed for people, with the reason in its attributes.
func (q *Queue) DeadLetter(ctx context.Context, body, reason, message string) error {
	attributes := make(map[string]types.MessageAttributeValue)
	for name, value := range map[string]string{ReasonAttribute: reason, MessageAttribute: cut(clean(message), maxMessage)} {
		if value != "" { // SQS takes no empty one
			attributes[name] = types.MessageAttributeValue{DataType: new("String"), StringValue: &value}
		}
	}
	return q.send(ctx, "send dead letter", reason, &sqs.SendMessageInput{QueueUrl: &q.dead, MessageBody: &body, MessageAttributes: attributes})
}

func (q *Queue) send(ctx context.Context, op, subject string, in *sqs.SendMessageInput) error {
	_, err := q.api.SendMessage(ctx, in)
	missing := awserror.Cause{Kind: fault.Blocked, Reason: QueueMissing, Fix: "deploy Sluice, which makes the queue"}
	return awserror.Explain(err, op, subject, awserror.Table{
		"AWS.SimpleQueueService.NonExistentQueue": missing,
		"QueueDoesNotExist":                       missing,
		"KmsThrottled":                            {Kind: fault.Retry, Reason: awserror.Throttled, Fix: "nothing; it is tried again"},
		"KMS.ThrottlingException":                 {Kind: fault.Retry, Reason: awserror.Throttled, Fix: "nothing; it is tried again"},
	})
}

// QueueMissing is the reason where the deployment's queue is not there.
const QueueMissing = "QueueMissing"

// clean replaces characters that SQS takes in no message.
//
// Source: Amazon SQS API Reference, SendMessage (MessageBody).
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\n' || c == '\r' || c >= ' ' && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000:
			return c
		}
		return utf8.RuneError
	}, s)
}

// cut is the first n bytes of s, without half a character at the end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
