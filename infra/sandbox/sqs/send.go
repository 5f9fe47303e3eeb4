package sqs

import (
	"cmp"
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// maxDelay is the longest delay of a message, in seconds; maxTogether the size of all messages of a batch, in bytes.
const (
	maxDelay    = 900
	maxTogether = 1 << 20
)

// An outgoing message is what somebody sends.
type outgoing struct {
	MessageBody       string `aws:"required"`
	DelaySeconds      *int   // nil: that of the queue
	MessageAttributes map[string]attribute
}

type sentMessage struct {
	MessageId              string
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

func (s *Service) sendMessage(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string `aws:"required"`
		outgoing
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "SendMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return s.put(call.Principal, name, in.outgoing)
}

type sendEntry struct {
	Id string `aws:"required"`
	outgoing
}

type sentEntry struct {
	Id string
	sentMessage
}

func (s *Service) sendMessageBatch(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string      `aws:"required"`
		Entries  []sendEntry `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "SendMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	var ids []string
	together := 0
	for _, e := range in.Entries {
		ids = append(ids, e.Id)
		together += e.size()
	}
	if err := checkBatch("SendMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	if together > maxTogether {
		return nil, refuse("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxTogether, together)
	}
	var out batchResult[sentEntry]
	for _, e := range in.Entries {
		sent, err := s.place(call.Principal, name, e.outgoing)
		if e, ok := errors.AsType[*awshttp.Error](err); ok && e.Code == noSuchQueue {
			return nil, err // of the whole call
		}
		out.add(e.Id, sentEntry{e.Id, sent}, err)
	}
	s.announce(name) // once, so that a reader in process gets them together
	return out, nil
}

// Send puts a message into a queue, an ARN, as SendMessage does for the principal: an AWS service or the session of a
// role. A delay of 0 is that of the queue. Errors are *[awshttp.Error]s: AccessDeniedException, QueueDoesNotExist,
// InvalidParameterValueException and others of SendMessage.
func (s *Service) Send(_ context.Context, by awshttp.Principal, queueARN, body string, delay time.Duration) error {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return err
	}
	if err := s.config.Authorizer.Authorize(by, s.access("SendMessage", name, nil)); err != nil {
		return err
	}
	o := outgoing{MessageBody: body}
	if delay > 0 {
		o.DelaySeconds = new(int((delay + time.Second - 1) / time.Second))
	}
	_, err = s.put(by, name, o)
	return err
}

// put checks a message and puts it into the queue.
func (s *Service) put(by awshttp.Principal, name string, o outgoing) (sentMessage, error) {
	sent, err := s.place(by, name, o)
	if err == nil {
		s.announce(name)
	}
	return sent, err
}

func (s *Service) place(by awshttp.Principal, name string, o outgoing) (sentMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return sentMessage{}, err
	}
	if err := o.check(q.settings.numbers["MaximumMessageSize"]); err != nil {
		return sentMessage{}, err
	}
	delay := q.settings.seconds("DelaySeconds")
	if o.DelaySeconds != nil {
		delay = time.Duration(*o.DelaySeconds) * time.Second
	}
	now := s.config.Clock.Now()
	m := &message{id: uuid.New(), body: o.MessageBody, attributes: o.MessageAttributes,
		sender: cmp.Or(by.UserID, by.Service, by.ARN), sent: now, visible: now.Add(delay)}
	q.messages = append(q.messages, m)
	return sentMessage{m.id, digest(m.body), digestOf(m.attributes)}, nil
}

func (o outgoing) size() int { return len(o.MessageBody) + size(o.MessageAttributes) }

func (o outgoing) check(limit int) error {
	switch n := o.DelaySeconds; {
	case o.MessageBody == "":
		return refuse(missingParameter, "The request must contain the parameter MessageBody.")
	case n != nil && (*n < 0 || *n > maxDelay):
		return outOfRange("DelaySeconds", *n, "DelaySeconds must be >= 0 and <= 900.")
	case !wellFormed(o.MessageBody):
		return refuse("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	case o.size() > limit:
		return refuse(invalidValue, "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	}
	return checkAttributes(o.MessageAttributes)
}

// wellFormed reports whether a body has only the characters that XML allows.
func wellFormed(body string) bool {
	for _, r := range body {
		control := r < 0x20 && r != '\t' && r != '\n' && r != '\r'
		if control || r == utf8.RuneError && !utf8.ValidString(body) || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}
