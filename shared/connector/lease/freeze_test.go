package lease_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/secret"
)

// A world has a cache on a machine that can stand still, and a service whose answers come when the test says so.
type world struct {
	*testing.T
	*lease.Cache
	life  time.Duration // of the leases
	ahead atomic.Int64  // of the bubble's clock
	over  chan struct{} // closed at the end of the test

	mu    sync.Mutex
	calls []chan error
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, life: 15 * time.Minute, over: make(chan struct{})}
	t.Cleanup(func() { close(w.over) })
	w.Cache = lease.New(lease.Options{Now: w.now, Random: func() float64 { return 0.5 }})
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// freeze lets time pass in which nothing runs, not even what waits for it.
func (w *world) freeze(d time.Duration) { w.ahead.Add(int64(d)) }

// mint is a lease that begins when it is called; its password is the number of the call.
func (w *world) mint(context.Context) (lease.Lease, error) {
	answer, now := make(chan error), w.now()
	w.mu.Lock()
	w.calls = append(w.calls, answer)
	l := lease.Lease{User: "IAM:app", Password: secret.New(fmt.Sprint(len(w.calls))), Asked: now, Expires: now.Add(w.life)}
	w.mu.Unlock()
	select {
	case err := <-answer:
		if err != nil {
			return lease.Lease{}, err
		}
		return l, nil
	case <-w.over:
		return lease.Lease{}, errors.New("the test is over")
	}
}

// answer has call n answer, and waits until all have heard it.
func (w *world) answer(n int, err error) {
	w.Helper()
	w.called(n)
	w.calls[n-1] <- err
	synctest.Wait()
}

// called fails the test unless there were at least n calls.
func (w *world) called(n int) {
	w.Helper()
	if synctest.Wait(); w.count() < n {
		w.Fatalf("%d mints; want call %d", w.count(), n)
	}
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// A got is what a Get in the background came to.
type got struct {
	done     bool
	password string
	err      error
}

// get begins a Get and returns once it waits or is done.
func (w *world) get() *got {
	g := new(got)
	go func() {
		l, err := w.Get(w.Context(), key, w.mint)
		*g = got{true, l.Password.Reveal(), err}
	}()
	synctest.Wait()
	return g
}

// wants fails the test unless g has this lease.
func (w *world) wants(g *got, password string) {
	w.Helper()
	if !g.done || g.err != nil || g.password != password {
		w.Errorf("Get: done %t with lease %q, %v; want %s", g.done, g.password, g.err, password)
	}
}

// refreshing has the world get a lease, and begin to refresh it by call 2.
func (w *world) refreshing() {
	w.Helper()
	g := w.get()
	w.answer(1, nil)
	w.wants(g, "1")
	w.freeze(13*time.Minute + 30*time.Second)
	w.wants(w.get(), "1")
	w.called(2)
}

// errDead is what a connection says that did not outlive a freeze.
var errDead = fmt.Errorf("read: %w", context.DeadlineExceeded)

func TestFreezeDuringARefresh(t *testing.T) {
	t.Run("its failure is not for who comes later", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(20 * time.Minute)
		g := w.get()
		w.answer(2, errDead)
		w.answer(3, nil)
		w.wants(g, "3")
		w.wants(w.get(), "3")
	}))
	t.Run("who comes after its failure asks at once", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(20 * time.Minute)
		w.answer(2, errDead)
		g := w.get()
		w.answer(3, nil)
		w.wants(g, "3")
	}))
	t.Run("a crowd asks once", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(20 * time.Minute)
		var crowd []*got
		for range 100 {
			crowd = append(crowd, w.get())
		}
		w.answer(2, errDead)
		w.answer(3, nil)
		for _, g := range crowd {
			w.wants(g, "3")
		}
		if w.count() != 3 {
			t.Errorf("%d mints; want 3", w.count())
		}
	}))
	t.Run("its lease is kept until there is a newer", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(5 * time.Minute)
		g := w.get()
		w.answer(2, nil)
		w.wants(w.get(), "2")
		w.answer(3, nil)
		w.wants(g, "3")
		w.wants(w.get(), "3")
	}))
	t.Run("its lease is not kept over a newer", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(5 * time.Minute)
		g := w.get()
		w.answer(3, nil)
		w.answer(2, nil)
		w.wants(g, "3")
		w.wants(w.get(), "3")
	}))
	t.Run("its lease helps where the next fails", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(5 * time.Minute)
		g := w.get()
		w.answer(2, nil)
		w.answer(3, denied)
		w.wants(g, "2")
	}))
	t.Run("its lease that has ended is none", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.freeze(20 * time.Minute)
		g := w.get()
		w.answer(2, nil)
		w.answer(3, nil)
		w.wants(g, "3")
	}))
	t.Run("nobody waits for it in a rest after refusals", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.life = 80 * time.Second
		for n := range 2 {
			w.get()
			w.answer(n+1, nil)
			if l, _ := w.Get(t.Context(), key, w.mint); n == 0 {
				w.Drop(key, l, wrong)
			}
		}
		w.freeze(17 * time.Second)
		l, _ := w.Get(t.Context(), key, w.mint)
		w.called(3)
		w.freeze(lease.LostAfter + time.Second)
		w.Drop(key, l, wrong)
		if g := w.get(); !g.done || !errors.Is(g.err, wrong) {
			t.Errorf("Get: done %t with %q, %v; want the refusal", g.done, g.password, g.err)
		}
	}))
}

// TestFreezeOfWhoWaits freezes Gets that have no lease to go on with.
func TestFreezeOfWhoWaits(t *testing.T) {
	waiting := func(t *testing.T) (*world, []*got) {
		w := newWorld(t)
		var all []*got
		for range 10 {
			all = append(all, w.get())
		}
		return w, all
	}
	for name, err := range map[string]error{"the call fails": errDead, "the lease that comes has ended": nil} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, all := waiting(t)
			w.freeze(20 * time.Minute)
			w.answer(1, err)
			w.answer(2, nil)
			for _, g := range all {
				w.wants(g, "2")
			}
			if w.count() != 2 {
				t.Errorf("%d mints; want one more for all", w.count())
			}
		}))
	}
	for name, again := range map[string]time.Duration{"the next fails, too": 0, "and freezes, too": 20 * time.Minute} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, all := waiting(t)
			w.freeze(20 * time.Minute)
			w.answer(1, errDead)
			w.freeze(again)
			w.answer(2, denied)
			for _, g := range all {
				if !g.done || !errors.Is(g.err, denied) {
					t.Errorf("Get: done %t with %q, %v; want the second failure", g.done, g.password, g.err)
				}
			}
			if w.count() != 2 {
				t.Errorf("%d mints; want 2", w.count())
			}
		}))
	}
	t.Run("somebody else asked meanwhile", inBubble(func(t *testing.T) {
		w, all := waiting(t)
		w.freeze(20 * time.Minute)
		all = append(all, w.get())
		w.called(2)
		w.freeze(-20 * time.Minute) // the clock is set back, and the first call seems young
		w.answer(1, errDead)
		w.answer(2, nil)
		for _, g := range all {
			w.wants(g, "2")
		}
	}))
	t.Run("what comes last is theirs, though a newer was refused", inBubble(func(t *testing.T) {
		w, all := waiting(t)
		w.freeze(5 * time.Minute)
		w.get()
		w.answer(2, nil)
		l, _ := w.Get(t.Context(), key, w.mint)
		w.Drop(key, l, wrong)
		w.answer(1, nil)
		for _, g := range all {
			w.wants(g, "1")
		}
		g := w.get()
		w.answer(3, nil)
		w.wants(g, "3")
	}))
	t.Run("not if it takes no longer than a mint may", inBubble(func(t *testing.T) {
		w, all := waiting(t)
		w.freeze(lease.LostAfter)
		all = append(all, w.get())
		w.answer(1, errDead)
		for _, g := range all {
			if !g.done || !errors.Is(g.err, errDead) {
				t.Errorf("Get: done %t with %q, %v; want the failure", g.done, g.password, g.err)
			}
		}
		if w.get(); w.count() != 1 {
			t.Error("no rest after the failure")
		}
	}))
	t.Run("not longer than their context", inBubble(func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		go func() { _, err = w.Get(ctx, key, w.mint) }()
		synctest.Wait()
		w.freeze(20 * time.Minute)
		w.answer(1, errDead)
		cancel()
		w.called(2)
		if err != context.Canceled {
			t.Errorf("Get: %v; want Canceled", err)
		}
		w.answer(2, nil)
	}))
}

// TestFreezeByEitherClock has one clock of the machine stand during the freeze.
func TestFreezeByEitherClock(t *testing.T) {
	for name, tc := range map[string]struct{ wall, monotonic time.Duration }{
		"the wall clock":      {lease.LostAfter + 1, 0},
		"the monotonic clock": {0, lease.LostAfter + 1},
	} {
		t.Run(name+" goes on", inBubble(func(t *testing.T) {
			w := newWorld(t)
			wall, monotonic := time.Now(), time.Duration(0)
			w.Split(func() time.Time { return wall }, func() time.Duration { return monotonic })
			w.get()
			wall, monotonic = wall.Add(tc.wall), monotonic+tc.monotonic
			g := w.get()
			w.answer(2, nil)
			w.wants(g, "2")
			w.answer(1, errDead)
		}))
	}
}
