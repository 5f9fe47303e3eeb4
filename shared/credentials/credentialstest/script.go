package credentialstest

import (
	"context"

	"github.com/sluicehq/sluice/shared/fault"
)

// A script is what a test wants to happen around the calls of a service. Calls are named like the methods.
type script struct {
	calls  map[string]int
	before map[string][]func()
	fail   map[string][]failure
	down   map[string]error
}

type failure struct {
	err   error
	after bool // the call has its effect, and only its answer is lost
}

func newScript() script {
	return script{make(map[string]int), make(map[string][]func()), make(map[string][]failure), make(map[string]error)}
}

// Calls is how often a call was made.
func (s *script) Calls(call string) int { return s.calls[call] }

// Before lets f happen in the middle of things: right before the effect of the next such call.
func (s *script) Before(call string, f func()) { s.before[call] = append(s.before[call], f) }

// Fail makes the next such call fail without effect.
func (s *script) Fail(call string, err error) {
	s.fail[call] = append(s.fail[call], failure{err, false})
}

// Lose makes the next such call have its effect and answer err.
func (s *script) Lose(call string, err error) {
	s.fail[call] = append(s.fail[call], failure{err, true})
}

// Down makes all such calls fail without effect from now on; nil ends it.
func (s *script) Down(call string, err error) { s.down[call] = err }

// do makes one call, unless the caller's time is over.
func (s *script) do(ctx context.Context, call string, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return &fault.Error{Kind: fault.Retry, Reason: "Unavailable", Op: "call " + call, Err: err, Fix: "check the route"}
	}
	s.calls[call]++
	if waiting := s.before[call]; len(waiting) > 0 {
		s.before[call] = waiting[1:]
		waiting[0]()
	}
	if err := s.down[call]; err != nil {
		return err
	}
	var next failure
	if planned := s.fail[call]; len(planned) > 0 {
		next, s.fail[call] = planned[0], planned[1:]
		if !next.after {
			return next.err
		}
	}
	if err := effect(); err != nil {
		return err
	}
	return next.err
}
