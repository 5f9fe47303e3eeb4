package sqs

import (
	"slices"
	"time"
)

// A message is in one queue. [Service.mu] guards it.
type message struct {
	id, body   string
	attributes map[string]attribute
	sender     string // the value of SenderId
	sent       time.Time

	visible       time.Time // from when on it can be received
	receipt       string    // handle of the last receive in this queue; empty if there was none
	received      time.Time // last
	firstReceived time.Time
	receives      int
	receivesHere  int    // since it came to this queue
	from          string // ARN of the queue from which it was moved here as a dead letter
}

// expire drops messages that are older than the queue keeps them. A dead letter's age counts from its first sending.
func (q *queue) expire(now time.Time) {
	oldest := now.Add(-q.settings.seconds("MessageRetentionPeriod"))
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.sent.Before(oldest) })
}

// ready are the messages that can be received, the one that was visible first in front.
func (q *queue) ready(now time.Time) []*message {
	var all []*message
	for _, m := range q.messages {
		if !m.visible.After(now) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b *message) int { return a.visible.Compare(b.visible) })
	return all
}

// next is when the next message becomes visible; zero if none will.
func (q *queue) next(now time.Time) (at time.Time) {
	for _, m := range q.messages {
		if m.visible.After(now) && (at.IsZero() || m.visible.Before(at)) {
			at = m.visible
		}
	}
	return at
}

// A Message is what [Service.Messages] tells.
type Message struct {
	ID         string               `json:"id"`
	Body       string               `json:"body"`
	Attributes map[string]Attribute `json:"attributes,omitempty"` // those of the sender
	Sender     string               `json:"sender"`
	Sent       time.Time            `json:"sent"`
	Receives   int                  `json:"receives"`
	Visible    bool                 `json:"visible"`          // it can be received now
	VisibleAt  time.Time            `json:"visibleAt"`        // from when on it can be received
	Source     string               `json:"source,omitempty"` // ARN of the queue whose dead letter it is
}

// An Attribute is one that the sender of a message gave it.
type Attribute struct {
	Type string `json:"type"` // String, Number or Binary, with a custom label behind a dot or without
	Text string `json:"text"` // of a Binary its bytes
}

// Messages lists the messages of a queue, a name or an ARN, also those that are hidden now, as they came. It is nil
// for a queue that is not there.
func (s *Service) Messages(queue string) []Message {
	name, err := s.nameInARN(queue)
	if err != nil {
		name = queue
	}
	defer s.announce(s.refresh(name)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil
	}
	now := s.config.Clock.Now()
	all := []Message{}
	for _, m := range q.messages {
		shown := Message{ID: m.id, Body: m.body, Sender: m.sender, Sent: m.sent, Receives: m.receives,
			Visible: !m.visible.After(now), VisibleAt: m.visible, Source: m.from}
		for name, a := range m.attributes {
			if shown.Attributes == nil {
				shown.Attributes = map[string]Attribute{}
			}
			shown.Attributes[name] = Attribute{a.DataType, a.text()}
		}
		all = append(all, shown)
	}
	return all
}

// Queues lists the names of all queues in alphabetical order.
func (s *Service) Queues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.queues {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
