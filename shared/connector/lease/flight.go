package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// errEnded is the error of a mint whose lease is over when it comes, by the clock that counts for it.
var errEnded = errors.New("the login that came has already ended")

// errGone is the error of a mint that ended its goroutine in place of returning.
var errGone = errors.New("mint neither returned nor panicked")

// A flight is one call of a mint, with all who wait for it.
type flight struct {
	number uint64 // among those of its entry
	began  instant
	limit  time.Duration // that the mint may take

	landed chan struct{} // closed when what follows is there
	lease  Lease
	err    error
	lost   bool // err may only be because the machine stood still
}

// overdue reports whether f has been under way for longer than a mint may be.
func (f *flight) overdue(now instant) bool { return now.since(f.began) > f.limit+lostAfter }

// Ended is the error of a context that has ended, for errors.Is both what ctx says and the cause that the program gave.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// answer is what a Get returns. A mint's panic goes on here, where the program can see it as if it had called the mint itself.
func answer(l Lease, err error) (Lease, error) {
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p)
	}
	return l, err
}

// start begins a flight for e. The caller holds the lock.
func (c *Cache) start(ctx context.Context, k Key, e *entry, f *flight, mint Mint) *flight {
	e.begun++
	f.number, f.landed = e.begun, make(chan struct{})
	e.flight = f
	go c.fly(context.WithoutCancel(ctx), k, e, f, mint)
	return f
}

// fly calls mint. It always lands, also when mint panics.
func (c *Cache) fly(ctx context.Context, k Key, e *entry, f *flight, mint Mint) {
	ctx, cancel := context.WithTimeout(ctx, f.limit)
	defer cancel()
	var lease Lease
	err := errGone
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
		c.land(ctx, k, e, f, lease, err)
	}()
	lease, err = mint(ctx)
}

// land keeps what a mint brought and gives it to all who wait.
func (c *Cache) land(ctx context.Context, k Key, e *entry, f *flight, l Lease, err error) {
	late := err != nil && ctx.Err() != nil
	if late {
		err = fmt.Errorf("no login came within %s: %w", f.limit, err)
	}
	c.mu.Lock()
	now := c.read()
	had := e.has
	if err == nil && lifeOf(l, f.began) <= now.since(f.began) {
		err = errEnded
	}
	f.lost = err != nil && (f.overdue(now) || e.flight != f)
	if e.flight == f {
		e.flight = nil
	}
	switch {
	case f.lost:
	case err != nil:
		e.failure = err
		e.pause(now, e.left(now) > 0 && !late)
	case f.number > e.kept: // no later one has landed
		e.kept = f.number
		e.keep(l, f.began, c.random())
		if e.left(now) > Margin {
			e.rest = 0
		} else {
			e.pause(now, true)
		}
	}
	left := e.left(now)
	switch {
	case left > 0:
		f.lease, f.lost = e.lease, false
	case err == nil:
		f.lease = l // the one of a later flight has been refused
	case had:
		f.err = fmt.Errorf("the login of %s ended, and no other came: %w", e.lease.User, err)
	default:
		f.err = err
	}
	c.trim(now)
	c.mu.Unlock()
	close(f.landed)

	c.tell(ctx, k, had, now.since(f.began), left, err)
}

// tell logs what came of a flight.
func (c *Cache) tell(ctx context.Context, k Key, had bool, took, left time.Duration, err error) {
	what := "lease minted"
	switch {
	case err != nil && left > 0:
		what = "lease not refreshed; the one at hand is used"
	case err != nil:
		what = "lease not minted"
	case had:
		what = "lease refreshed"
	}
	attrs := []slog.Attr{slog.Any("key", k), slog.Duration("took", took)}
	if left > 0 && left != forever {
		attrs = append(attrs, slog.Duration("left", left))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, what, attrs...)
}

// panicked is the error of a mint that panicked.
type panicked struct {
	value any
	stack []byte // of the mint, which ran on a goroutine of its own
}

func (p *panicked) Error() string { return fmt.Sprintf("mint panicked: %v\n\n%s", p.value, p.stack) }

func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}
