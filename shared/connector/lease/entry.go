package lease

import (
	"math"
	"time"
)

// An entry is what the cache knows for one key. The lock of the cache guards it.
type entry struct {
	used   uint64  // when it was last asked for, in Gets of the whole cache
	flight *flight // the mint that is under way; nil if none is

	lease   Lease
	has     bool          // whether there is a lease at all
	asked   instant       // before the lease was asked for
	life    time.Duration // of the lease at that instant; forever if no end is known
	refresh time.Duration // a refresh begins when no more than this is left of a lease that ends

	failure  error         // of the last mint; nil if it brought a lease
	rest     time.Duration // that the last mint earned by what it brought
	restFrom instant
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

// rests reports whether it is too early to ask again. With a lease that lives there is time; without one only the first rest counts,
// and only if there is a failure to tell of.
func (e *entry) rests(now instant) bool {
	passed := now.since(e.restFrom)
	if e.left(now) > 0 {
		return passed < e.rest
	}
	return e.failure != nil && passed < firstRest
}

// keep takes a lease that was asked for at the given instant. random says how early it is refreshed, from 0 to 1.
func (e *entry) keep(l Lease, asked instant, random float64) {
	e.lease, e.has, e.asked, e.failure = l, true, asked, nil
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
		e.rest = min(max(2*e.rest, firstRest), lastRest)
	} else {
		e.rest = firstRest
	}
}

func share(d time.Duration, part float64) time.Duration { return time.Duration(float64(d) * part) }
