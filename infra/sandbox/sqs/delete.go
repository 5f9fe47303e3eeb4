package sqs

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func (s *Service) deleteMessage(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl      string `aws:"required"`
		ReceiptHandle string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "DeleteMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nil, s.drop(name, in.ReceiptHandle)
}

func (s *Service) deleteMessageBatch(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string `aws:"required"`
		Entries  []struct {
			Id            string `aws:"required"`
			ReceiptHandle string `aws:"required"`
		} `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "DeleteMessage", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, e.Id)
	}
	if err := checkBatch("DeleteMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	if err := s.there(name); err != nil {
		return nil, err
	}
	var out batchResult[doneEntry]
	for _, e := range in.Entries {
		out.add(e.Id, doneEntry{e.Id}, s.drop(name, e.ReceiptHandle))
	}
	return out, nil
}

// there is an error if there is no such queue.
func (s *Service) there(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.find(name)
	return err
}

// drop deletes a message by its receipt handle, also when it is visible again. A handle that is not the last one
// deletes nothing, and a message that is gone is deleted too: both are successes, as with SQS.
func (s *Service) drop(name, receipt string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return err
	}
	if _, err := readHandle(name, receipt); err != nil {
		return err
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.receipt == receipt })
	return nil
}
