package main

import (
	"context"
	"fmt"
	"time"
)

// eventsApart is the least time between two events, because events have whole seconds: of a withdrawal and a request in the same one
// nobody can tell which came last, and the withdrawal wins.
const eventsApart = time.Second

// A clock is the machine's, or a test's.
type clock struct {
	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration) error
}

var machine = clock{time.Now, func(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait before an event is sent: %w", ctx.Err())
	}
}}

// pace waits until the command has run for a second. What was sent before it was started, by whomever, has an earlier second then,
// whatever this machine's clock says.
func (s *session) pace(ctx context.Context) error {
	if left := eventsApart - s.clock.now().Sub(s.began); left > 0 {
		return s.clock.sleep(ctx, left)
	}
	return nil
}
