package federationtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Message is one on the queue. Exactly one of its tasks is set.
type Message struct {
	Request  *federation.Wanted
	Withdraw string
	FollowUp string
	Look     string
	LookAt   string
	Number   int       // of FollowUp
	At       time.Time // of the event
	Due      time.Time
	Receives int
}

const (
	// Visibility is when a message comes again whose run failed or died.
	Visibility  = 6 * time.Minute
	maxReceives = 5
)

// Request sends a document.
func (w *World) Request(wanted federation.Wanted) { w.Send(Message{Request: &wanted, At: w.now}) }

// Withdraw sends a withdrawal.
func (w *World) Withdraw(name string) { w.Send(Message{Withdraw: name, At: w.now}) }

// Look sends a look.
func (w *World) Look(name string) { w.Send(Message{Look: name}) }

// Send puts a message on the queue.
func (w *World) Send(m Message) {
	if m.Due.IsZero() {
		m.Due = w.now
	}
	w.Messages = append(w.Messages, m)
}

// Deliver hands the message that is due first to a new run, when it is due, and reports whether there was one.
func (w *World) Deliver(ctx context.Context) bool {
	if len(w.Messages) == 0 {
		for _, st := range slices.Clone(w.running) { // nobody waits for them, and they come to their end all the same
			w.wind(later(w.now, st.over))
		}
		return false
	}
	first := 0
	for i, m := range w.Messages {
		if m.Due.Before(w.Messages[first].Due) {
			first = i
		}
	}
	m := w.Messages[first]
	w.Messages = append(w.Messages[:first:first], w.Messages[first+1:]...)
	w.wind(later(w.now, m.Due))
	m.Receives++
	_, err := w.Handle(ctx, m)
	switch {
	case w.dead || err != nil && fault.KindOf(err) == fault.Retry && m.Receives < maxReceives:
		w.dead = false
		m.Due = w.now.Add(Visibility)
		w.Messages = append(w.Messages, m)
	case err != nil:
		w.Dead = append(w.Dead, m)
	}
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Handle lets a new run work on a message, and leaves the queue alone.
func (w *World) Handle(ctx context.Context, m Message) (federation.Outcome, error) {
	r := w.Reconciler()
	w.runs++
	by := fmt.Sprintf("run-%d", w.runs)
	switch {
	case m.Request != nil:
		return r.Request(ctx, *m.Request, m.At, by)
	case m.Withdraw != "":
		return r.Withdraw(ctx, m.Withdraw, m.At, by)
	case m.FollowUp != "":
		return r.FollowUp(ctx, m.FollowUp, m.Number, by)
	case m.LookAt != "":
		_, err := r.Instance(ctx, m.LookAt, by)
		return federation.Outcome{}, err
	}
	return r.Look(ctx, m.Look, by)
}

// Runs is how many runs there were.
func (w *World) Runs() int { return w.runs }

type queue struct{ w *World }

func (q queue) FollowUp(ctx context.Context, name string, number int, after time.Duration) error {
	return act(ctx, q.w, "sqs", "SendMessage", fmt.Sprintf("follow-up %s %d", name, number), func() error {
		if after < 0 || after > 15*time.Minute {
			return refuse(fault.Bug, "InvalidParameterValue", "send message", after.String())
		}
		q.w.Send(Message{FollowUp: name, Number: number, Due: q.w.now.Add(after)})
		return nil
	})
}

func (q queue) Look(ctx context.Context, name string) error {
	return act(ctx, q.w, "sqs", "SendMessage", "look "+name, func() error { q.w.Look(name); return nil })
}

func (q queue) LookAt(ctx context.Context, instance string) error {
	return act(ctx, q.w, "sqs", "SendMessage", "look at "+instance, func() error { q.w.Send(Message{LookAt: instance}); return nil })
}

// An Announcement is an event that was announced.
type Announcement struct {
	Type   string
	Detail string // JSON
}

type bus struct{ w *World }

func (b bus) Announce(ctx context.Context, detailType, _ string, detail any) error {
	return act(ctx, b.w, "events", "PutEvents", detailType, func() error {
		text, err := json.Marshal(detail)
		b.w.Announced = append(b.w.Announced, Announcement{detailType, string(text)})
		return err
	})
}
