package sqs

import (
	"slices"
	"time"
)

// A watch is somebody who wants to know of messages.
type watch struct{ wake func() }

// Watch calls wake whenever messages of a queue may have become visible: after sending, at the end of a delay or of a
// visibility timeout. wake must not block; it may come without cause. The queue, an ARN, need not be there yet.
// cancel ends it.
func (s *Service) Watch(queueARN string, wake func()) (cancel func()) {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return func() {} // such a queue never gets messages
	}
	w := &watch{wake}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches[name] = append(s.watches[name], w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watches[name] = slices.DeleteFunc(s.watches[name], func(o *watch) bool { return o == w })
	}
}

// Waiting is how many messages of a queue, an ARN, can be received now; 0 if there is no such queue.
func (s *Service) Waiting(queueARN string) int {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return 0
	}
	defer s.announce(s.refresh(name)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return 0
	}
	return len(q.ready(s.config.Clock.Now()))
}

// refresh brings a queue up to date with the clock and returns the names of queues that got messages by it. The
// caller does not hold s.mu.
func (s *Service) refresh(name string) (got []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil
	}
	if dead := s.bury(q, s.config.Clock.Now()); dead != nil {
		got = append(got, dead.name)
	}
	return got
}

// announce wakes those who watch the queues, and puts on the clock when to do so next. The caller does not hold s.mu.
func (s *Service) announce(names ...string) {
	for _, name := range names {
		s.mu.Lock()
		watches := slices.Clone(s.watches[name])
		s.arm(name)
		s.mu.Unlock()
		for _, w := range watches {
			w.wake()
		}
	}
}

// arm has the clock look at the queue when its next message becomes visible. The caller holds s.mu.
func (s *Service) arm(name string) {
	q := s.queues[name]
	if q == nil {
		return
	}
	next := q.next(s.config.Clock.Now())
	if next.IsZero() || !q.alarm.IsZero() && !q.alarm.After(next) {
		return // the alarm that is set comes in time and arms again
	}
	q.alarm = next
	s.config.Clock.At(next, func() {
		s.mu.Lock()
		if q.alarm.Equal(next) {
			q.alarm = time.Time{}
		}
		live := s.queues[name] == q
		s.mu.Unlock()
		if live {
			s.announce(append(s.refresh(name), name)...)
		}
	})
}
