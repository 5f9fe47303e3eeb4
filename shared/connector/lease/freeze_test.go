package lease_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

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
	t.Run("not while the lease at hand lives", inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.refreshing()
		w.answer(2, denied)
		w.freeze(40 * time.Second)
		g := w.get()
		w.freeze(lease.LostAfter + time.Second)
		w.answer(3, errDead)
		w.wants(g, "1")
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
