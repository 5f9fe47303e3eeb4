package sqs

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// maxVisibility is the longest visibility timeout, also in all since a message was received.
const maxVisibility = 12 * time.Hour

// systemAttributes are the attributes that SQS itself gives to the messages of a standard queue.
var systemAttributes = []string{"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
	"DeadLetterQueueSourceArn", "AWSTraceHeader", "MessageGroupId", "MessageDeduplicationId", "SequenceNumber", "All"}

type receiveInput struct {
	QueueUrl                    string `aws:"required"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int     // of no effect: see the package comment
	AttributeNames              []string // the older name of MessageSystemAttributeNames
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

// A receivedMessage is a message as its receiver gets it.
type receivedMessage struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string    `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
	MessageAttributes      map[string]attribute `json:",omitempty"`
}

func (s *Service) receiveMessage(_ context.Context, call *awshttp.Call) (any, error) {
	var in receiveInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "ReceiveMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	got := s.refresh(name)
	out := struct {
		Messages []receivedMessage `json:",omitempty"`
	}{}
	out.Messages, err = s.take(name, in)
	s.announce(got...)
	if len(out.Messages) > 0 {
		s.mu.Lock()
		s.arm(name)
		s.mu.Unlock()
	}
	return out, err
}

func (in receiveInput) check() error {
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if !slices.Contains(systemAttributes, name) {
			return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	for _, number := range []struct {
		name        string
		value       *int
		least, most int
		reason      string
	}{
		{"MaxNumberOfMessages", in.MaxNumberOfMessages, 1, maxBatch, "Must be between 1 and 10, if provided."},
		{"VisibilityTimeout", in.VisibilityTimeout, 0, int(maxVisibility / time.Second), "Must be between 0 and 43200, if provided."},
		{"WaitTimeSeconds", in.WaitTimeSeconds, 0, 20, "Must be >= 0 and <= 20, if provided."},
	} {
		if n := number.value; n != nil && (*n < number.least || *n > number.most) {
			return outOfRange(number.name, *n, number.reason)
		}
	}
	return nil
}

// take receives messages: it hides them and counts the receive.
func (s *Service) take(name string, in receiveInput) ([]receivedMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	most, timeout := 1, q.settings.visibility()
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		timeout = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	now := s.config.Clock.Now()
	var all []receivedMessage
	for _, m := range q.ready(now) {
		if len(all) == most {
			break
		}
		m.receives++
		m.receivesHere++
		m.received, m.visible = now, now.Add(timeout)
		if m.firstReceived.IsZero() {
			m.firstReceived = now
		}
		m.receipt = handle(q.name, m.id)
		all = append(all, m.show(in))
	}
	return all, nil
}

func (m *message) show(in receiveInput) receivedMessage {
	r := receivedMessage{MessageId: m.id, ReceiptHandle: m.receipt, Body: m.body, MD5OfBody: digest(m.body)}
	own := map[string]string{
		"SenderId": m.sender, "SentTimestamp": milliseconds(m.sent), "ApproximateReceiveCount": strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.firstReceived),
	}
	if m.from != "" {
		own["DeadLetterQueueSourceArn"] = m.from
	}
	wanted := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	r.Attributes = pick(own, func(name string) bool { return slices.Contains(wanted, name) || slices.Contains(wanted, "All") })
	r.MessageAttributes = pick(m.attributes, func(name string) bool {
		return slices.ContainsFunc(in.MessageAttributeNames, func(want string) bool {
			prefix, isPrefix := strings.CutSuffix(want, ".*")
			return want == name || want == "All" || isPrefix && strings.HasPrefix(name, prefix)
		})
	})
	r.MD5OfMessageAttributes = digestOf(r.MessageAttributes)
	return r
}

func pick[V any](all map[string]V, wanted func(name string) bool) map[string]V {
	some := map[string]V{}
	for name, value := range all {
		if wanted(name) {
			some[name] = value
		}
	}
	return some
}

func milliseconds(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

// handle makes a receipt handle, which names the queue, the message and one receive of it.
func handle(queue, id string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %s", uuid.New(), queue, id))
}

// readHandle returns the message that a handle of this queue names.
func readHandle(queue, given string) (id string, err error) {
	text, err := base64.StdEncoding.DecodeString(given)
	parts := strings.Fields(string(text))
	if err != nil || len(parts) != 3 || parts[1] != queue {
		return "", &awshttp.Error{Status: 404, Code: "ReceiptHandleIsInvalid", Message: fmt.Sprintf("The input receipt handle %q is not a valid receipt handle.", given)}
	}
	return parts[2], nil
}
