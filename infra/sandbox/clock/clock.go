// Package clock is the sandbox's time: the machine's clock plus an offset that only grows, or, once held,
// an instant that only [Clock.Advance] moves.
//
// Everything in the sandbox that has a life (logins, schedules, recovery windows) asks this clock,
// so that an hour passes in the time that the work of that hour takes.
package clock

import (
	"context"
	"sort"
	"sync"
	"time"
)

// A Clock tells the sandbox's time and runs work at chosen instants of it.
// Its methods may be called from several goroutines.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
	held   time.Time // what a held clock shows; zero while the clock goes with the machine's
	jobs   []*job
	wake   chan struct{} // closed and replaced when jobs or the offset change

	running int        // functions started by Go that have not returned
	idle    *sync.Cond // on mu; signalled when running falls to 0
	move    sync.Mutex // held while jobs run: one move at a time
}

type job struct {
	at        time.Time
	run       func()
	cancelled bool
}

// New returns a clock that shows the machine's time. Its jobs run until ctx ends.
func New(ctx context.Context) *Clock {
	c := &Clock{wake: make(chan struct{})}
	c.idle = sync.NewCond(&c.mu)
	go c.loop(ctx)
	return c
}

// Now is the sandbox's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.held.IsZero() {
		return c.held
	}
	return time.Now().Add(c.offset).UTC()
}

// Hold stops the clock: from now on time passes by [Clock.Advance] alone, so that what happens does not depend on how
// fast the machine is. Jobs that are due still run at once.
func (c *Clock) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = c.now()
	c.signal()
}

// moveTo moves the clock forward to t, never back. The caller holds c.mu.
func (c *Clock) moveTo(t time.Time) {
	gap := t.Sub(c.now())
	switch {
	case gap <= 0:
	case c.held.IsZero():
		c.offset += gap
	default:
		c.held = t.UTC()
	}
}

// At runs fn once the clock shows t or later. The returned function cancels it; cancelling
// twice, or after fn has run, does nothing.
func (c *Clock) At(t time.Time, fn func()) (cancel func()) {
	j := &job{at: t, run: fn}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs = append(c.jobs, j)
	sort.SliceStable(c.jobs, func(a, b int) bool { return c.jobs[a].at.Before(c.jobs[b].at) })
	c.signal()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		j.cancelled = true
	}
}

// Go runs fn in the background. [Clock.Settle] and [Clock.Advance] wait for it.
func (c *Clock) Go(fn func()) {
	c.mu.Lock()
	c.running++
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.running--; c.running == 0 {
				c.idle.Broadcast()
			}
		}()
		fn()
	}()
}

// Settle waits until nothing started by [Clock.Go] is running.
func (c *Clock) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running > 0 {
		c.idle.Wait()
	}
}

// Advance moves the clock forward by d. Jobs that fall due run one after the other, each at its own
// instant, and each after the work that the one before it started has settled: an hour of ticks
// happens in order.
func (c *Clock) Advance(d time.Duration) {
	c.move.Lock()
	defer c.move.Unlock()
	target := c.Now().Add(d)
	for {
		c.Settle()
		run, ok := c.nextUntil(target)
		if !ok {
			break
		}
		run()
	}
	c.mu.Lock()
	c.moveTo(target)
	c.signal()
	c.mu.Unlock()
	c.Settle()
}

// nextUntil takes the earliest job that is due at or before t, and moves the clock to it.
func (c *Clock) nextUntil(t time.Time) (run func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.jobs) > 0 && !c.jobs[0].at.After(t) {
		j := c.jobs[0]
		c.jobs = c.jobs[1:]
		if j.cancelled {
			continue
		}
		c.moveTo(j.at)
		return j.run, true
	}
	return nil, false
}

// loop runs jobs whose instant comes without anybody moving the clock.
func (c *Clock) loop(ctx context.Context) {
	for {
		c.mu.Lock()
		wake, wait := c.wake, time.Hour
		if len(c.jobs) > 0 {
			if left := c.jobs[0].at.Sub(c.now()); left <= 0 || c.held.IsZero() {
				wait = left
			}
		}
		c.mu.Unlock()
		timer := time.NewTimer(max(wait, 0))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-wake:
			timer.Stop()
		case <-timer.C:
			c.move.Lock()
			if run, ok := c.nextUntil(c.Now()); ok {
				run()
			}
			c.move.Unlock()
		}
	}
}

// signal wakes loop. The caller holds c.mu.
func (c *Clock) signal() {
	close(c.wake)
	c.wake = make(chan struct{})
}
