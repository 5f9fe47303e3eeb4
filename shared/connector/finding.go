package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/fault"
)

// How what a connector finds out once is found.
const (
	// findTimeout bounds one attempt, of finding out and of getting a login: it is not to hang where AWS does not answer.
	findTimeout = lease.Margin / 2
	// askTimeout is added where a person may be asked meanwhile.
	askTimeout = 2 * time.Minute
	// findRest is how long after a failure all who ask are told of it, so that a pool does not turn one refusal into a hundred calls.
	findRest = time.Second
)

// errGone is told to who waits for a search whose goroutine was ended by what it called.
var errGone = &fault.Error{Kind: fault.Bug, Reason: awslease.Gone, Op: "prepare connections", Err: errors.New("a function of the program ended the goroutine that called it")}

// A finding is something that is found out once, by the first who asks, for all. A failure is kept for [findRest] alone.
type finding[T any] struct {
	what  string        // for people: "settings"
	limit time.Duration // of one attempt; 0 is findTimeout

	mu      sync.Mutex // never held while somebody looks
	found   *T
	search  *search[T]
	failure error
	failed  time.Time
}

// A search is one attempt at a finding.
type search[T any] struct {
	began time.Time
	done  chan struct{} // closed when the rest is set
	value *T
	err   error
}

// get is what was found, or waits for it as long as ctx lasts. The search goes on without whoever gave up.
func (f *finding[T]) get(ctx context.Context, look func(context.Context) (*T, error)) (*T, error) {
	f.mu.Lock()
	if f.found != nil {
		defer f.mu.Unlock()
		return f.found, nil
	}
	// The wall clock says how long ago it was also where the machine slept meanwhile, as functions do between their invocations:
	// connections from before are dead, and so is a search that waits for one.
	now := time.Now().Round(0)
	s := f.search
	if s == nil || now.Sub(s.began) > f.bound() {
		if rested := now.Sub(f.failed); f.failure != nil && 0 <= rested && rested < findRest { // a clock that was set back ends the rest
			defer f.mu.Unlock()
			return nil, f.failure
		}
		s = &search[T]{began: now, done: make(chan struct{})}
		f.search = s
		go f.run(context.WithoutCancel(ctx), s, look)
	}
	f.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, lease.Ended(ctx)
	case <-s.done:
		return s.value, s.err
	}
}

// run looks, and tells all who wait.
func (f *finding[T]) run(ctx context.Context, s *search[T], look func(context.Context) (*T, error)) {
	ctx, cancel := context.WithTimeout(ctx, f.bound())
	defer cancel()
	s.err = errGone
	defer f.land(s)
	s.value, s.err = guarded(ctx, look)
	if s.err != nil && ctx.Err() != nil {
		e := &fault.Error{Kind: fault.Retry, Reason: awserror.Unavailable, Op: "find out " + f.what, Subject: fmt.Sprintf("within %s", f.bound()), Err: s.err,
			Fix: "check this machine's way to AWS"}
		if f.bound() > findTimeout {
			e.Fix += ", and that somebody answers for the MFA device"
		}
		s.err = e
	}
}

// bound is how long one attempt may take.
func (f *finding[T]) bound() time.Duration { return cmp.Or(f.limit, findTimeout) }

// land keeps what a search brought.
func (f *finding[T]) land(s *search[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer close(s.done)
	if f.search != s {
		return // another has taken its place
	}
	f.search = nil
	if f.found, f.failure = s.value, s.err; s.err != nil {
		f.found, f.failed = nil, time.Now().Round(0)
	}
}

// guarded turns a panic, such as one of the program's own logger, into an error: nobody could recover it in a goroutine of ours.
func guarded[T any](ctx context.Context, look func(context.Context) (*T, error)) (value *T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Kind: fault.Bug, Reason: awslease.Panic, Op: "prepare connections", Err: fmt.Errorf("%v\n%s", p, debug.Stack())}
		}
	}()
	return look(ctx)
}

// swap replaces what is known, if it is still found; nil makes the next who asks look again.
func (f *finding[T]) swap(found, by *T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found == found {
		f.found = by
	}
}
