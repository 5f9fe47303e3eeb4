package source

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/mishap"
)

// A Kind is a way for a statement to go wrong.
type Kind string

// The kinds of faults.
const (
	Refused    Kind = "refused"     // 42501, nothing has run
	Failing    Kind = "failing"     // 57P01, nothing has run and the session ends
	LostBefore Kind = "lost-before" // the connection ends and nothing has run
	LostAfter  Kind = "lost-after"  // the statement runs to its end and the connection ends without an answer

	// The client's process is killed, by [Config.Kill]. Without it these are the same as the connection lost.
	KilledBefore Kind = "killed-before" // before the statement has run
	KilledAfter  Kind = "killed-after"  // when it has run to its end
)

var kinds = []Kind{Refused, Failing, LostBefore, LostAfter, KilledBefore, KilledAfter}

// A Fault makes the next Count statements that come through a source's front go wrong. A statement is a message that
// runs something: what one simple query holds counts once, and so does each execution of a prepared statement.
type Fault struct {
	Source string `json:"source"`         // identifier
	User   string `json:"user,omitempty"` // who has logged in; empty means everybody
	Skip   int    `json:"skip,omitempty"` // how many statements that fit go well first
	Kind   Kind   `json:"kind"`
	Count  int    `json:"count"` // how many statements are left
}

// Left implements [mishap.Fault].
func (f *Fault) Left() (skip, count *int) { return &f.Skip, &f.Count }

// Faults are waiting for statements. Faults that fit the same statement are used up in the order they were added.
// Its methods may be called from several goroutines.
type Faults struct {
	mishap.Faults[Fault, *Fault]
}

// Add lets fault wait for statements. All that is wrong with it comes in one error.
func (f *Faults) Add(fault Fault) error {
	var problems []error
	if fault.Source == "" {
		problems = append(problems, errors.New("source is empty; give its identifier"))
	}
	if !slices.Contains(kinds, fault.Kind) {
		problems = append(problems, fmt.Errorf("kind %q is unknown; use one of %q", fault.Kind, kinds))
	}
	if fault.Count < 1 {
		problems = append(problems, fmt.Errorf("count is %d; use at least 1", fault.Count))
	}
	if fault.Skip < 0 {
		problems = append(problems, fmt.Errorf("skip is %d; use 0 or more", fault.Skip))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("add fault of a source: %w", err)
	}
	f.Wait(fault)
	return nil
}

// take uses up one fault that fits a statement; empty if there is none.
func (f *Faults) take(source, user string) Kind {
	fault, _ := f.Take(func(f Fault) bool { return f.Source == source && (f.User == "" || f.User == user) })
	return fault.Kind
}
