package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
)

func TestErrorSaysWhatWhereWhyAndWhatToDo(t *testing.T) {
	cause := errors.New("no answer in time")
	for _, tc := range []struct {
		err  *fault.Error
		want string
	}{
		{&fault.Error{Kind: fault.Retry, Reason: "Unreachable", Op: "log in", Subject: "user app at h:5439", Fix: "check the route", Err: cause},
			"log in for user app at h:5439: Unreachable: no answer in time; check the route"},
		{&fault.Error{Reason: "Replica", Op: "check secret", Fix: "rotate the primary"}, "check secret: Replica; rotate the primary"},
		{&fault.Error{Reason: "Throttled", Op: "mint lease", Subject: "x", Err: cause}, "mint lease for x: Throttled: no answer in time"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// Callers ask for kind, reason and remedy through any number of layers; the outermost fault has the last word.
func TestOutermostFaultCounts(t *testing.T) {
	inner := &fault.Error{Kind: fault.Blocked, Reason: "Inner", Op: "x", Fix: "inner fix"}
	outer := &fault.Error{Kind: fault.Retry, Reason: "Outer", Op: "y", Fix: "outer fix", Err: fmt.Errorf("layer: %w", inner)}
	for _, tc := range []struct {
		name        string
		err         error
		kind        fault.Kind
		reason, fix string
	}{
		{"bare", inner, fault.Blocked, "Inner", "inner fix"},
		{"wrapped", fmt.Errorf("layer: %w", inner), fault.Blocked, "Inner", "inner fix"},
		{"one in another", outer, fault.Retry, "Outer", "outer fix"},
		{"joined with another", errors.Join(inner, outer), fault.Blocked, "Inner", "inner fix"},
		{"none", errors.New("plain"), fault.Bug, "Unknown", ""},
		{"nil", nil, fault.Bug, "Unknown", ""},
	} {
		if kind, reason, fix := fault.KindOf(tc.err), fault.ReasonOf(tc.err), fault.FixOf(tc.err); kind != tc.kind || reason != tc.reason || fix != tc.fix {
			t.Errorf("%s: %s, %s, %q; want %s, %s, %q", tc.name, kind, reason, fix, tc.kind, tc.reason, tc.fix)
		}
	}
	if !errors.Is(outer, inner) {
		t.Error("the cause is lost")
	}
}

func TestProblems(t *testing.T) {
	var none fault.Problems
	if err := none.Err(); err != nil {
		t.Errorf("no problems are the error %v", err)
	}
	p := fault.Problems{{Where: "user", What: "is empty", Fix: "name one"}, {Where: "groups", What: "has 17", Fix: "keep 16"}}
	if got, want := p.Under("consumers.web.").Err().Error(), "consumers.web.user: is empty; name one\nconsumers.web.groups: has 17; keep 16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if p[0].Where != "user" {
		t.Error("Under changed its receiver")
	}
}
