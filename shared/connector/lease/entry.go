package lease

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// An entry is what the cache knows for one key. The lock of the cache guards it.
type entry struct {
	used   uint64  // when it was last asked for, in Gets of the whole cache
	flight *flight // the mint that was begun last; nil if it has landed
	begun  uint64  // how many were
	kept   uint64  // which of them brought the last lease

	lease   Lease
	has     bool          // whether there is a lease at all
	asked   instant       // before the lease was asked for
	told    time.Time     // its Asked, which stays when the lease is forgotten
	life    time.Duration // of the lease at that instant; forever if no end is known
	refresh time.Duration // a refresh begins when no more than this is left of a lease that ends

	failure  error         // of the last mint; nil if it brought a lease
	rest     time.Duration // that the last mint earned by what it brought
	restFrom instant

	refusals    int           // of young leases, one after the other
	refusal     error         // what to say of them
	refusedRest time.Duration // that they earned
	refusedAt   instant       // the last
}

// forever is the life of a lease without an end.
const forever time.Duration = math.MaxInt64

// left is the life that is left, 0 or less if there is none.
func (e *entry) left(now instant) time.Duration {
	switch {
	case !e.has:
		return 0
	case e.life == forever:
		return forever
	default:
		return e.life - now.since(e.asked)
	}
}

// due reports whether it is time to ask for another lease.
func (e *entry) due(now instant) bool {
	if e.has && e.life == forever {
		return now.since(e.asked) >= renewAfter
	}
	return e.left(now) <= e.refresh
}

// rests reports whether it is too early to ask again.
func (e *entry) rests(now instant) bool {
	if e.left(now) > 0 {
		return now.since(e.restFrom) < e.rest
	}
	return e.obstacle(now) != nil
}

// obstacle is why it is too early to ask for a lease where there is none; nil if it is not. There only the first rest after a failure
// counts.
func (e *entry) obstacle(now instant) error {
	switch {
	case now.since(e.refusedAt) < e.refusedRest:
		return e.refusal
	case now.since(e.restFrom) < firstRest:
		return e.failure
	default:
		return nil
	}
}

// refuse forgets the lease, which the warehouse did not take, and rests if it did not take the one before either. One that is no longer
// young has been taken, and ended by a clock that is not ours.
func (e *entry) refuse(now instant, because error) {
	switch {
	case now.since(e.asked) >= Margin:
		e.refusals = 0
	case now.since(e.refusedAt) >= Margin:
		e.refusals = 1
	default:
		e.refusals++
	}
	e.lease, e.has, e.refusedAt = Lease{}, false, now
	if e.refusals < 2 {
		e.refusedRest = 0
		return
	}
	if because == nil {
		because = errors.New("no reason is known")
	}
	e.refusedRest = longer(e.refusedRest)
	e.refusal = fmt.Errorf("the last %d logins were refused one after the other, so no other is asked for yet: %w", e.refusals, because)
}

// keep takes a lease that was asked for at the given instant. random says how early it is refreshed, from 0 to 1.
func (e *entry) keep(l Lease, asked instant, random float64) {
	if !e.told.IsZero() && l.Asked.Sub(e.told) >= Margin {
		e.refusals = 0 // the one before was no longer young when it was refused, whatever our clocks said
	}
	e.lease, e.has, e.asked, e.told, e.failure = l, true, asked, l.Asked, nil
	e.life, e.refresh = lifeOf(l, asked), 0
	if e.life == forever {
		return
	}
	point := refreshFrom + (refreshTo-refreshFrom)*random
	e.refresh = max(share(e.life, 1-point), Margin+min(Margin/2, share(e.life-Margin, 1-point)))
}

// lifeOf is how long l lives from the instant before it was asked for. Where the service told its time, both ends are by its clock, and
// the time that the call took counts as if it had passed after the answer: it never adds life.
func lifeOf(l Lease, asked instant) time.Duration {
	switch {
	case l.Expires.IsZero():
		return forever
	case l.Asked.IsZero():
		return l.Expires.Sub(asked.wall)
	default:
		return l.Expires.Sub(l.Asked)
	}
}

// pause notes that asking now brought nothing that lasts, and doubles the rest before the next time if further is set.
func (e *entry) pause(now instant, further bool) {
	e.restFrom = now
	if further {
		e.rest = longer(e.rest)
	} else {
		e.rest = firstRest
	}
}

// longer is the rest that follows one which did not help.
func longer(rest time.Duration) time.Duration { return min(max(2*rest, firstRest), lastRest) }

func share(d time.Duration, part float64) time.Duration { return time.Duration(float64(d) * part) }
