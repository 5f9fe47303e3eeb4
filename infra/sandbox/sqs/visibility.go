package sqs

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A hiding is how long a message shall stay invisible from now on.
type hiding struct {
	ReceiptHandle     string `aws:"required"`
	VisibilityTimeout *int   `aws:"required"`
}

func (s *Service) changeMessageVisibility(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string `aws:"required"`
		hiding
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "ChangeMessageVisibility", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	err = s.hide(name, in.hiding)
	s.announce(name)
	return nil, err
}

func (s *Service) changeMessageVisibilityBatch(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string `aws:"required"`
		Entries  []struct {
			Id string `aws:"required"`
			hiding
		} `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "ChangeMessageVisibility", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, e.Id)
	}
	if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	if err := s.there(name); err != nil {
		return nil, err
	}
	var out batchResult[doneEntry]
	for _, e := range in.Entries {
		out.add(e.Id, doneEntry{e.Id}, s.hide(name, e.hiding))
	}
	s.announce(name)
	return out, nil
}

// hide changes when a message that is worked on becomes visible.
func (s *Service) hide(name string, h hiding) error {
	timeout := time.Duration(*h.VisibilityTimeout) * time.Second
	if timeout < 0 || timeout > maxVisibility {
		return outOfRange("VisibilityTimeout", *h.VisibilityTimeout, "VisibilityTimeout must be an integer between 0 and 43200")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return err
	}
	if _, err := readHandle(name, h.ReceiptHandle); err != nil {
		return err
	}
	now := s.config.Clock.Now()
	for _, m := range q.messages {
		if m.receipt != h.ReceiptHandle || !m.visible.After(now) {
			continue
		}
		if now.Add(timeout).After(m.received.Add(maxVisibility)) {
			return refuse(invalidValue, "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
		}
		m.visible = now.Add(timeout)
		return nil
	}
	return refuse(invalidValue, "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", h.ReceiptHandle)
}
