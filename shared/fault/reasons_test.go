package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
)

// A fault is known by its reason through any number of layers, and is nothing that it does not say.
func TestReasons(t *testing.T) {
	var errFire, errAlso error = fault.NewReasons("it burns", "Fire", "Smoke"), fault.NewReasons("it burns", "Fire")
	fire, smoke, flood := &fault.Error{Reason: "Fire"}, &fault.Error{Reason: "Smoke"}, &fault.Error{Reason: "Flood"}
	for _, tc := range []struct {
		name string
		err  error
		is   bool
	}{
		{"the first reason", fire, true},
		{"another of them", smoke, true},
		{"a reason that is not among them", flood, false},
		{"wrapped", fmt.Errorf("layer: %w", smoke), true},
		{"joined", errors.Join(flood, fire), true},
		{"the cause of another fault", &fault.Error{Reason: "Flood", Err: fmt.Errorf("layer: %w", fire)}, true},
		{"no reason", &fault.Error{}, false},
		{"no fault", errors.New("Fire"), false},
		{"other reasons with the same words", errAlso, false},
		{"nil", nil, false},
	} {
		if got := errors.Is(tc.err, errFire); got != tc.is {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
	if errFire.Error() != "it burns" {
		t.Errorf("it says %q", errFire)
	}
	if !errors.Is(fire, fire) || errors.Is(fire, &fault.Error{Reason: "Fire"}) {
		t.Error("two faults are the same one for their reason alone")
	}
}
