package lease

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Margin is the life that a lease must have left to be given without asking for another: a login that ends while it is on its way
// to the warehouse is refused there, and the clocks of all who take part may differ by seconds.
const Margin = time.Minute

// A lease is refreshed once this part of its life has passed: about 80 %, and not for all leases that were made together at one time.
// One that is so short that less than half of [Margin] would be left for it before it falls below Margin is refreshed earlier.
const (
	refreshFrom = 0.75
	refreshTo   = 0.85
)

// renewAfter is the age at which a lease without an end is refreshed. Whoever gave it may change the password all the same, as happens
// to a secret that does not say when its login ends; the one at hand is used until there is another.
const renewAfter = time.Hour

// mintTimeout is the longest that a mint may take: half of [Margin], so that one which begins in time ends before the lease at hand does.
const mintTimeout = Margin / 2

// lostAfter is how long after the time that a mint may take it is given up for lost: it stood still with the machine, as a function does
// between two calls, and its connection is dead. It is for one that ends in time and is slow to say so.
const lostAfter = time.Second

// How long nobody asks again after a failure, so that the connections of a pool do not turn one refusal into a hundred calls.
// While there is a lease that lives, the rest doubles with each failure.
const (
	firstRest = time.Second
	lastRest  = 30 * time.Second
)

// maxKeys is how many logins the cache keeps. A program needs one for each warehouse and user; the bound is for one that makes users up.
const maxKeys = 1000

// A Mint asks for a new login. It must heed ctx, which outlives the call of [Cache.Get] that began it and ends after half a minute, or
// when [Cache.GetWithin] says.
type Mint func(ctx context.Context) (Lease, error)

// Options are what a cache works with. The zero Options are for use in programs.
type Options struct {
	Now    func() time.Time // the clock; nil is time.Now
	Random func() float64   // from 0 to 1, when to refresh; called by one goroutine at a time; nil is math/rand/v2
	Log    *slog.Logger     // told at debug level of each mint, never of a password; nil is none
}

// A Cache holds leases by key. Its methods may be called by any number of goroutines.
type Cache struct {
	read   func() instant
	random func() float64
	log    *slog.Logger

	mu      sync.Mutex // never held while a mint runs
	entries map[Key]*entry
	gets    uint64
}

// New returns an empty cache.
func New(o Options) *Cache {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Cache{read: reader(o.Now), random: o.Random, log: o.Log, entries: make(map[Key]*entry)}
}

// Get returns a lease for k that has more than [Margin] of its life left, and calls mint for it only if there is none. All who want the
// same key at one time share one call of mint.
//
// Late in the life of a lease, or each hour if it has no end, one Get begins to refresh it, and all go on with it meanwhile. A lease
// with less than Margin left is returned only if no other can be had. So the error is never that of a refresh while the lease at hand
// lives: it is ctx's own with its cause, if that has ended (also where a good lease is at hand), or wraps that of mint, which those are
// told too who ask within a second of it, or what was said of the leases that came, as [Cache.Drop] says. Where mint panicked, Get panics.
//
// ctx bounds the waiting, not mint: what mint brings is kept for the next to ask.
//
// A call of mint that has been under way for longer than it may be, by either clock of the machine, stood still with it, as a function
// of AWS Lambda does between two invocations. Its failure is nobody's: those who ask then share another call, and so do those who had
// waited for it, once.
func (c *Cache) Get(ctx context.Context, k Key, mint Mint) (Lease, error) {
	return c.GetWithin(ctx, k, mintTimeout, mint)
}

// GetWithin is [Cache.Get] with a mint that may take as long as limit, for example because a person has to do something meanwhile. While the
// lease at hand has less than [Margin] left, all wait for it, also past that lease's end.
func (c *Cache) GetWithin(ctx context.Context, k Key, limit time.Duration, mint Mint) (Lease, error) {
	for again := false; ; again = true {
		if ctx.Err() != nil {
			return Lease{}, Ended(ctx)
		}
		l, f, obstacle := c.look(ctx, k, limit, mint)
		if f == nil {
			return answer(l, obstacle)
		}
		select {
		case <-ctx.Done():
			return Lease{}, Ended(ctx)
		case <-f.landed:
		}
		if !f.lost || again {
			return answer(f.lease, f.err)
		}
	}
}

// look is the lease for k, or the flight that will bring one, which look begins if there is none, or why there is neither.
func (c *Cache) look(ctx context.Context, k Key, limit time.Duration, mint Mint) (Lease, *flight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read()
	e := c.entry(k)
	f := e.flight
	if f != nil && f.overdue(now) {
		f = nil
	}
	if f == nil && e.due(now) && !e.rests(now) {
		f = c.start(ctx, k, e, &flight{began: now, limit: limit}, mint)
	}
	switch left := e.left(now); {
	case left > Margin, left > 0 && f == nil:
		return e.lease, nil, nil
	case f == nil:
		return Lease{}, nil, e.obstacle(now)
	default:
		return Lease{}, f, nil
	}
}

// Drop forgets the lease for k if it is the refused one, which the warehouse said has ended or is wrong. One that has come since stays,
// and so does one that is on its way.
//
// because is what the warehouse said. The first time, the next Get mints at once. Where that brings a lease which is refused within
// [Margin], too, and so on, another is minted only after 1, 2, 4 and at last 30 seconds; until then Get returns an error that wraps
// because. A lease that lived longer than Margin before it was refused does not count.
func (c *Cache) Drop(k Key, refused Lease, because error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil || !e.has || e.lease.User != refused.User || e.lease.Password.Reveal() != refused.Password.Reveal() || !e.lease.Expires.Equal(refused.Expires) {
		return
	}
	e.refuse(c.read(), because)
}

// entry is the entry for k, as the one that was used last. The caller holds the lock.
func (c *Cache) entry(k Key) *entry {
	e := c.entries[k]
	if e == nil {
		e = new(entry)
		c.entries[k] = e
	}
	c.gets++
	e.used = c.gets
	return e
}

// trim forgets what is too much: first what holds no living lease, then what was not asked for the longest. What is being minted
// stays, so there may be more than the bound until all flights have landed. The caller holds the lock.
func (c *Cache) trim(now instant) {
	for len(c.entries) > maxKeys {
		var worst Key
		var found, living bool
		var used uint64
		for k, e := range c.entries {
			if e.flight != nil {
				continue
			}
			lives := e.left(now) > 0
			if !found || living && !lives || living == lives && e.used < used {
				worst, found, living, used = k, true, lives, e.used
			}
		}
		if !found {
			return
		}
		delete(c.entries, worst)
	}
}
