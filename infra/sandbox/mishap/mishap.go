// Package mishap keeps what shall go wrong until it meets what it is for.
package mishap

import (
	"slices"
	"sync"
)

// A Fault is a way for some of the next things of a kind to go wrong.
type Fault interface {
	// Left points at how many fitting things go well first, and at how many go wrong after that.
	Left() (skip, count *int)
}

// Faults are waiting, of a type whose pointer is a [Fault]. Those that fit the same thing are used up in the order in which they
// were added. The methods may be called from several goroutines.
type Faults[F any, P interface {
	*F
	Fault
}] struct {
	mu      sync.Mutex
	waiting []F
}

// Wait lets a fault wait.
func (f *Faults[F, P]) Wait(fault F) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, fault)
}

// List returns the faults that are still waiting, with what they have left.
func (f *Faults[F, P]) List() []F {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.waiting)
}

// Clear removes all faults.
func (f *Faults[F, P]) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = nil
}

// Take uses up one fault that fits, and returns it; ok is false if there is none.
func (f *Faults[F, P]) Take(fits func(F) bool) (taken F, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.waiting {
		if !fits(f.waiting[i]) {
			continue
		}
		skip, count := P(&f.waiting[i]).Left()
		if *skip > 0 {
			*skip--
			continue
		}
		taken = f.waiting[i]
		if *count--; *count == 0 {
			f.waiting = slices.Delete(f.waiting, i, i+1)
		}
		return taken, true
	}
	return taken, false
}
