// Package fault says what can be done about an error: try again, change something, or mend the program.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// A Kind says who can make the error go away.
type Kind string

// The kinds of failure.
const (
	Retry   Kind = "retry"   // the same call may succeed later, with nobody doing anything
	Blocked Kind = "blocked" // it fails until a person changes what Fix names
	Bug     Kind = "bug"     // nobody foresaw it: neither retried in a loop nor explained away
)

// An Error is a failure with what was being done, to what, and what to do now.
type Error struct {
	Kind    Kind
	Reason  string // one word that alarms and tests match on, for example "UserMissing"
	Op      string // what was being done: "mint lease"
	Subject string // what it was done to: "user app on cluster analytics"
	Fix     string // what a person does next; never empty when Kind is Blocked
	Err     error  // cause; may be nil when Reason says it all
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Subject != "" {
		b.WriteString(" for " + e.Subject)
	}
	b.WriteString(": " + e.Reason)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the outermost [Error] in err's chain, and [Bug] where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Bug
}

// ReasonOf is the reason of the outermost [Error] in err's chain, and "Unknown" where there is none.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return "Unknown"
}

// FixOf is the remedy of the outermost [Error] in err's chain, and empty where there is none.
func FixOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fix
	}
	return ""
}

// A Problem is one thing that is wrong with a document or a set of settings.
type Problem struct {
	Where string // path or name: "consumers.reporting.user", "SLUICE_BUS"
	What  string // what is wrong there
	Fix   string // what to write instead
}

func (p Problem) String() string { return fmt.Sprintf("%s: %s; %s", p.Where, p.What, p.Fix) }

// Problems is everything that is wrong with one document, as an error of one line each.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err is p as an error, or nil if there are no problems.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Under returns the problems with prefix before each place.
func (p Problems) Under(prefix string) Problems {
	out := make(Problems, len(p))
	for i, problem := range p {
		problem.Where = prefix + problem.Where
		out[i] = problem
	}
	return out
}
