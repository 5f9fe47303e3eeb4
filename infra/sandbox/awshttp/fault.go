package awshttp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/mishap"
)

// ErrConnectionLost is what [Server.Do] returns where a client over HTTP would see its connection end without an answer.
var ErrConnectionLost = errors.New("connection lost before an answer came")

// A Kind is a way for a call to go wrong.
type Kind string

// The kinds of faults.
const (
	Throttled  Kind = "throttled"   // "Rate exceeded", with the service's code
	Refused    Kind = "refused"     // the policies say no
	Failing    Kind = "failing"     // the service's internal failure, status 500
	LostBefore Kind = "lost-before" // the connection ends and nothing has happened
	LostAfter  Kind = "lost-after"  // everything has happened and the connection ends

	// The function that calls dies of it as well. For callers that are no functions of the sandbox these are
	// LostBefore and LostAfter.
	KilledBefore Kind = "killed-before"
	KilledAfter  Kind = "killed-after"
)

var kinds = []Kind{Throttled, Refused, Failing, LostBefore, LostAfter, KilledBefore, KilledAfter}

// A Fault makes the next Count calls of an operation go wrong.
type Fault struct {
	Service   string `json:"service"`             // signing name
	Operation string `json:"operation"`           // empty means every operation of the service
	Principal string `json:"principal,omitempty"` // who calls, as recordings name it; empty means everybody
	Skip      int    `json:"skip,omitempty"`      // how many calls that fit go well first
	Kind      Kind   `json:"kind"`
	Count     int    `json:"count"` // how many calls are left
}

// fits reports whether f waits for such a call.
func (f Fault) fits(call *Call) bool {
	return f.Service == call.Service && (f.Operation == "" || strings.EqualFold(f.Operation, call.Operation)) &&
		(f.Principal == "" || f.Principal == call.Principal.String())
}

// Left implements [mishap.Fault].
func (f *Fault) Left() (skip, count *int) { return &f.Skip, &f.Count }

// Faults are waiting for calls. Faults that fit the same call are used up in the order they were added.
// Its methods may be called from several goroutines.
type Faults struct {
	mishap.Faults[Fault, *Fault]
}

// Add lets f wait for calls. All that is wrong with f comes in one error.
func (f *Faults) Add(fault Fault) error {
	var problems []error
	if fault.Service == "" {
		problems = append(problems, errors.New("service is empty; give a signing name such as secretsmanager"))
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
		return fmt.Errorf("add fault: %w", err)
	}
	f.Wait(fault)
	return nil
}

// take uses up one fault that fits the call; empty if there is none.
func (f *Faults) take(call *Call) Kind {
	fault, _ := f.Take(func(f Fault) bool { return f.fits(call) })
	return fault.Kind
}

// injected is the error of a call that goes wrong before its operation runs; nil if the operation shall run.
func (e *endpoint) injected(kind Kind, call *Call) error {
	switch kind {
	case Throttled:
		code := e.Throttled
		if code == "" {
			code = "ThrottlingException"
		}
		return e.spell(&Error{Code: code, Message: "Rate exceeded"})
	case Refused:
		action := call.Service + ":" + call.Operation
		return e.spell(&Error{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: fmt.Sprintf(
			"User: %s is not authorized to perform: %s because no identity-based policy allows the %[2]s action", call.Principal, action)})
	case Failing:
		return e.internal("the sandbox was told to fail this call")
	case LostBefore, KilledBefore:
		return ErrConnectionLost
	}
	return nil
}
