package clock_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

func TestAdvanceMovesTheClock(t *testing.T) {
	c := clock.New(t.Context())
	before := c.Now()
	c.Advance(24 * time.Hour)
	if passed := c.Now().Sub(before); passed < 24*time.Hour || passed > 25*time.Hour {
		t.Errorf("after a day, %s have passed", passed)
	}
	if c.Now().Location() != time.UTC {
		t.Errorf("the clock shows %s, not UTC", c.Now().Location())
	}
}

func TestJobsRunInOrderEachAtItsInstant(t *testing.T) {
	c := clock.New(t.Context())
	start := c.Now()
	var ran []string
	for _, job := range []struct {
		name  string
		after time.Duration
	}{{"third", 3 * time.Hour}, {"first", time.Hour}, {"second", 2 * time.Hour}, {"later", 5 * time.Hour}} {
		c.At(start.Add(job.after), func() {
			ran = append(ran, job.name)
			if late := c.Now().Sub(start.Add(job.after)); late < 0 || late > time.Minute {
				t.Errorf("%s ran %s after its instant", job.name, late)
			}
		})
	}
	c.Advance(4 * time.Hour)
	if want := []string{"first", "second", "third"}; !slices.Equal(ran, want) {
		t.Errorf("ran %q, want %q", ran, want)
	}
}

// A job that arms itself again, as a schedule does, runs at every one of its instants in one move of the clock.
func TestJobMayArmTheNext(t *testing.T) {
	c := clock.New(t.Context())
	ticks := 0
	var arm func(at time.Time)
	arm = func(at time.Time) {
		c.At(at, func() { ticks++; arm(at.Add(5 * time.Minute)) })
	}
	arm(c.Now().Add(5 * time.Minute))
	c.Advance(time.Hour)
	if ticks != 12 {
		t.Errorf("%d ticks in an hour, want 12", ticks)
	}
}

func TestCancelledJobDoesNotRun(t *testing.T) {
	c := clock.New(t.Context())
	cancel := c.At(c.Now().Add(time.Hour), func() { t.Error("a cancelled job ran") })
	cancel()
	cancel()
	c.Advance(2 * time.Hour)
}

// What a job starts in the background has ended before the next job runs.
func TestWorkSettlesBetweenJobs(t *testing.T) {
	c := clock.New(t.Context())
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	release := make(chan struct{})
	c.At(c.Now().Add(time.Hour), func() {
		note("first job")
		c.Go(func() {
			c.Go(func() { <-release; note("work of its work") })
			note("its work")
		})
		close(release)
	})
	c.At(c.Now().Add(2*time.Hour), func() { note("second job") })
	c.Advance(3 * time.Hour)
	if len(order) != 4 || order[0] != "first job" || order[3] != "second job" {
		t.Errorf("order is %q", order)
	}
}

// A job runs without anybody moving the clock, once the machine's time has come.
func TestJobRunsByItself(t *testing.T) {
	c := clock.New(t.Context())
	ran := make(chan time.Time)
	at := c.Now().Add(10 * time.Millisecond)
	c.At(at, func() { ran <- c.Now() })
	if got := <-ran; got.Before(at) {
		t.Errorf("ran at %s, before %s", got, at)
	}
}

// A held clock stands still between its moves, and jobs run in them and when they are due.
func TestHeldClockMovesByAdvanceAlone(t *testing.T) {
	c := clock.New(t.Context())
	c.Hold()
	held := c.Now()
	ran := make(chan string, 1)
	c.At(held, func() { ran <- "due" })
	if got := <-ran; got != "due" {
		t.Errorf("%s ran", got)
	}
	c.At(held.Add(time.Nanosecond), func() { ran <- "early" }) // the machine's clock is past it
	c.At(held.Add(-time.Hour), func() { ran <- "overdue" })
	if got := <-ran; got != "overdue" {
		t.Errorf("%s ran before the clock was moved", got)
	}
	if now := c.Now(); !now.Equal(held) {
		t.Errorf("the held clock went from %s to %s", held, now)
	}
	c.Advance(time.Minute)
	if got := <-ran; got != "early" {
		t.Errorf("%s ran in the move", got)
	}
	if passed := c.Now().Sub(held); passed != time.Minute {
		t.Errorf("a move of a minute moved the clock by %s", passed)
	}
}
