package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// How a queue is read.
const (
	maxReceive    = 10 // messages of one ReceiveMessage or DeleteMessageBatch
	retryReading  = time.Second
	retryRefused  = time.Minute
	deleteRetries = 3

	// readerSession is the name of the sessions in which Lambda reads queues.
	readerSession = "awslambda_1"

	callFailed = "PROBLEM: Function call failed"
)

// readerActions are what the function's role must allow on the queue.
// Source: AWS Lambda Developer Guide, "Configuring the execution role" for SQS.
var readerActions = []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

// A reader is the session of a function's role in which a queue is read.
type reader struct {
	role      string
	principal awshttp.Principal
	expires   time.Time
}

func (s *Service) assumeReader(role string) (reader, error) {
	key, p, err := s.config.Roles.Assume(principal, role, readerSession, sessionLife)
	return reader{role, p, key.Expires}, err
}

// A receivedBatch is what is given to the function in one invocation.
type receivedBatch struct {
	messages []queueMessage
	by       awshttp.Principal
	function *function
	deadline time.Time // when the first of them is visible again
	pauses   int       // because of throttling
}

// wake has the mapping look at its queue.
func (s *Service) wake(ctx context.Context, m *mapping) {
	s.config.Clock.Go(func() { s.poll(ctx, m) })
}

// poll takes batches from the queue for as long as there are messages and the concurrency allows.
func (s *Service) poll(ctx context.Context, m *mapping) {
	for s.occupy(m) {
		b, idle := s.gather(ctx, m)
		if len(b.messages) > 0 {
			s.config.Clock.Go(func() { s.work(ctx, m, b) })
			continue
		}
		s.release(m)
		// A message that came while the last place was taken here woke nobody.
		if !idle || s.config.Queues.Waiting(m.source) == 0 {
			return
		}
	}
}

// occupy takes one of the mapping's places; false if there is none or the mapping rests.
func (s *Service) occupy(m *mapping) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.mappings[m.id] != m || !m.settings.on() || m.busy >= m.settings.concurrent() {
		return false
	}
	m.busy++
	return true
}

func (s *Service) release(m *mapping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.busy--
}

// gather receives a batch. It is empty if there is nothing to receive (idle), or if it is not the time for it.
func (s *Service) gather(ctx context.Context, m *mapping) (b receivedBatch, idle bool) {
	waiting := s.config.Queues.Waiting(m.source) // so that no call is made, and recorded, for nothing
	if waiting == 0 {
		return b, true
	}
	s.mu.Lock()
	size, open := m.settings.size(), s.windowOpen(ctx, m, waiting)
	s.mu.Unlock()
	if open {
		return b, false
	}
	b.by, b.function, b.deadline = awshttp.Principal{}, nil, s.config.Clock.Now()
	if err := s.prepare(m, &b); err != nil {
		s.trouble(ctx, m, "PROBLEM: "+err.Error(), retryRefused)
		return b, false
	}
	for len(b.messages) < size && s.config.Queues.Waiting(m.source) > 0 {
		got, err := s.receive(ctx, m, b.by, min(maxReceive, size-len(b.messages)))
		if err != nil {
			s.trouble(ctx, m, "PROBLEM: "+err.Error(), retryReading)
			return b, false
		}
		b.messages = append(b.messages, got...)
	}
	return b, true
}

// windowOpen reports whether messages are still collected. The caller holds s.mu.
func (s *Service) windowOpen(ctx context.Context, m *mapping, waiting int) bool {
	now := s.config.Clock.Now()
	switch window := time.Duration(m.settings.window()) * time.Second; {
	case window == 0 || waiting >= m.settings.size():
	case m.closes.IsZero():
		m.closes = now.Add(window)
		s.config.Clock.At(m.closes, func() { s.wake(ctx, m) })
		return true
	case now.Before(m.closes):
		return true
	}
	m.closes = time.Time{}
	return false
}

// prepare finds the function and a session that may read the queue.
func (s *Service) prepare(m *mapping, b *receivedBatch) error {
	s.mu.Lock()
	f, err := s.find(m.function)
	var set settings
	if err == nil {
		set = f.settings
	}
	r := m.reader
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if now := s.config.Clock.Now(); r.role != set.Role || !now.Before(r.expires) {
		if r, err = s.assumeReader(set.Role); err != nil {
			return fmt.Errorf("the function's role cannot be assumed by Lambda: %w", err)
		}
		s.mu.Lock()
		m.reader = r
		s.mu.Unlock()
	}
	if err := s.config.Queues.Allowed(r.principal, m.source, readerActions...); err != nil {
		return err
	}
	hidden, err := s.config.Queues.VisibilityTimeout(m.source)
	b.by, b.function, b.deadline = r.principal, f, b.deadline.Add(hidden)
	return err
}

// receive calls SQS as the function's role.
func (s *Service) receive(ctx context.Context, m *mapping, by awshttp.Principal, most int) ([]queueMessage, error) {
	out, err := s.config.API.Do(ctx, by, "sqs", "ReceiveMessage", map[string]any{
		"QueueUrl": s.config.Queues.URL(m.source), "MaxNumberOfMessages": most,
		"MessageSystemAttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	var got struct{ Messages []queueMessage }
	return got.Messages, json.Unmarshal(text, &got)
}

// work invokes the function with a batch, once or, while it is throttled, until the messages are visible again.
func (s *Service) work(ctx context.Context, m *mapping, b receivedBatch) {
	o, err := s.run(ctx, b.function, uuid.New(), s.batchEvent(m, b.messages))
	if isThrottled(err) {
		b.pauses++
		if at := s.config.Clock.Now().Add(throttlePause(b.pauses)); at.Before(b.deadline) {
			s.config.Clock.At(at, func() { s.config.Clock.Go(func() { s.work(ctx, m, b) }) })
			return
		}
	}
	s.finish(ctx, m, b, o, err)
	s.release(m)
	s.poll(ctx, m)
}

// finish deletes the messages that the function has done. The others come again when they are visible.
func (s *Service) finish(ctx context.Context, m *mapping, b receivedBatch, o outcome, err error) {
	if errors.Is(err, errClosed) {
		return
	}
	s.mu.Lock()
	byItem := m.settings.byItem()
	s.mu.Unlock()
	done, ok := b.messages, err == nil && o.functionError() == ""
	if ok && byItem {
		done, ok = succeeded(b.messages, o.payload)
	}
	if !ok {
		s.conclude(m, callFailed)
		return
	}
	for len(done) > 0 {
		n := min(maxReceive, len(done))
		if err := s.remove(ctx, m, b.by, done[:n]); err != nil {
			s.conclude(m, "PROBLEM: "+err.Error())
			return
		}
		done = done[n:]
	}
	s.conclude(m, "OK")
}

// remove deletes up to ten messages, with a few attempts.
func (s *Service) remove(ctx context.Context, m *mapping, by awshttp.Principal, messages []queueMessage) (err error) {
	entries := make([]map[string]string, len(messages))
	for i, q := range messages {
		entries[i] = map[string]string{"Id": fmt.Sprint(i), "ReceiptHandle": q.ReceiptHandle}
	}
	for range deleteRetries {
		_, err = s.config.API.Do(ctx, by, "sqs", "DeleteMessageBatch", map[string]any{"QueueUrl": s.config.Queues.URL(m.source), "Entries": entries})
		if err == nil {
			return nil
		}
	}
	return err
}

func (s *Service) conclude(m *mapping, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.result = result
}

// trouble notes why the queue was not read, and has the clock try again: nobody else might.
func (s *Service) trouble(ctx context.Context, m *mapping, result string, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.result = result
	if m.retrying {
		return
	}
	m.retrying = true
	s.config.Clock.At(s.config.Clock.Now().Add(pause), func() {
		s.mu.Lock()
		m.retrying = false
		s.mu.Unlock()
		s.wake(ctx, m)
	})
}
