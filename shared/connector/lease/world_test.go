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
