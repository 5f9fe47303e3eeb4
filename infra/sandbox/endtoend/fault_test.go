package endtoend_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/event"
)

// attempts is how often a function's SDK makes one call.
const attempts = 3

// A target is one operation that a function calls on the way to a new lease.
type target struct {
	function           string // rotate or refresh
	service, operation string
}

func (t target) String() string { return t.function + " " + t.service + " " + t.operation }

// by is the function of the target in one stage.
func (t target) by(s *stage) function {
	if t.function == "rotate" {
		return s.rotate
	}
	return s.refresh
}

// targets counts the calls that the functions make from one tick to a new lease, and those that are made where a dead
// rotation has to be cleared away first.
func targets(s *stage) (undisturbed, clearing map[target]int) {
	count := func() map[target]int {
		last := s.AWS.Calls().Last()
		if a := s.tick(s.reporting); a.Outcome != "Started" {
			s.t.Fatalf("the tick says %+v", a)
		}
		s.Clock.Settle()
		made := map[target]int{}
		for name, f := range map[string]function{"rotate": s.rotate, "refresh": s.refresh} {
			for _, call := range s.calls(f, last) {
				made[target{name, call.Service, call.Operation}]++
			}
		}
		return made
	}
	s.wait()
	undisturbed = count()
	s.wait()
	s.dead()
	return undisturbed, count()
}

// dead leaves a rotation of reporting behind that died before it had a lease, and will not be tried again.
func (s *stage) dead() {
	s.t.Helper()
	s.must(s.Lambda.KillNext(s.rotate.name))
	s.begin()
	s.pass(everyN)
}

// TestFaults lets every call that leads to a new lease go wrong in every way, for once and for longer than the SDK tries.
// Nobody does anything about it, and some ticks later all is well.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	undisturbed, clearing := targets(s)
	if len(undisturbed) < 10 {
		t.Fatalf("a rotation makes these calls only: %v", undisturbed)
	}
	// Shared among some stages, since most of the time is the functions' waiting before they try again.
	const stages = 5
	all := slices.SortedFunc(maps.Keys(clearing), func(a, b target) int {
		return cmp.Or(clearing[b]-clearing[a], strings.Compare(a.String(), b.String()))
	})
	for n := range stages {
		t.Run(fmt.Sprintf("part %d", n+1), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.alone()
			for i := n; i < len(all); i += stages {
				calls, prepare := undisturbed[all[i]], func(*stage) {}
				if calls == 0 {
					calls, prepare = clearing[all[i]], (*stage).dead
				}
				s.run(all[i].String(), func(s *stage) { faults(s, all[i], calls, prepare) })
			}
		})
	}
}

// faults tries all faults of one operation. Each of the calls that are usually made of it is hit in each way, and the
// first and the last also for longer than the SDK tries.
func faults(s *stage, at target, calls int, prepare func(*stage)) {
	for _, kind := range []awshttp.Kind{awshttp.Throttled, awshttp.Refused, awshttp.Failing, awshttp.LostBefore, awshttp.LostAfter} {
		for skip := range calls {
			for _, count := range []int{1, attempts} {
				if count > 1 && skip > 0 && skip < calls-1 {
					continue
				}
				s.t.Run(fmt.Sprintf("%s/call %d/%d times", kind, skip+1, count), func(t *testing.T) {
					s := s.in(t)
					s.rested()
					s.wait()
					prepare(s)
					kept, since, failing := s.read(s.reporting), s.mark(), len(s.announced(event.CredentialsFailing))
					s.must(s.AWS.Faults().Add(awshttp.Fault{Service: at.service, Operation: at.operation, Principal: at.by(s).by.ARN, Skip: skip, Kind: kind, Count: count}))
					s.ticks("Consumerreporting", true)
					s.pass(everyN)
					if l := s.read(s.reporting); s.left(l) < 0 {
						t.Errorf("readers find a lease that died %s ago", -s.left(l))
					}
					s.pass(3 * everyN)
					s.healed(kept)
					if left := s.AWS.Faults().List(); len(left) > 0 && left[0].Count == count {
						t.Errorf("the fault hit no call: %+v", left)
					}
					s.AWS.Faults().Clear()
					if n := s.madeSince(s.reporting, since); n > 3 {
						t.Errorf("%d versions were used", n)
					}
					// On announcements no lease depends, and there is no way to tell. A single refusal the SDK may take for
					// a wrong clock and try again, because the sandbox's is far ahead.
					if at.operation != "PutEvents" && (kind != awshttp.Refused || count > 1) {
						s.blamed(failing, kind, count > 1)
					}
				})
			}
		}
	}
}

// blamed checks that failures were announced with the reason that goes with a kind of fault; none where the SDK got over it.
func (s *stage) blamed(since int, kind awshttp.Kind, failed bool) {
	s.t.Helper()
	told := s.announced(event.CredentialsFailing)[since:]
	if !failed {
		if len(told) > 0 {
			s.t.Errorf("announced although the SDK had only to try again: %+v", told)
		}
		return
	}
	want := map[awshttp.Kind][2]string{awshttp.Throttled: {"retry", "Throttled"}, awshttp.Refused: {"blocked", "Unauthorized"}}[kind]
	if want[0] == "" {
		want = [2]string{"retry", "Unavailable"}
	}
	if len(told) == 0 || told[0].Kind != want[0] || told[0].Reason != want[1] || told[0].Remedy == "" {
		s.t.Errorf("announced: %+v; want %v and a remedy", told, want)
	}
}

// A function that dies in the middle of a step loses nothing, however often.
func TestFunctionDies(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	for i, step := range steps {
		t.Run("rotate during "+step, func(t *testing.T) {
			s := s.in(t)
			s.wait()
			kept, token := s.read(s.reporting), s.begin()
			for _, before := range steps[:i] {
				s.step(before, token)
			}
			s.must(s.Lambda.KillNext(s.rotate.name))
			s.refused(s.step(step, token), "Runtime.ExitError")
			if _, err := s.login(s.read(s.reporting)); err != nil {
				t.Errorf("readers find a lease that does not log in: %v", err)
			}
			s.ticks("Consumerreporting", true)
			s.pass(2 * everyN)
			s.healed(kept)
		})
	}
	for _, tc := range []struct {
		name    string
		f       function
		times   int
		healing time.Duration
	}{
		{"refresh during a tick", s.refresh, 1, 2 * everyN},
		{"refresh during three ticks", s.refresh, 3, 4 * everyN},
		{"rotate, two rotations long", s.rotate, 4, 5 * everyN},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.wait()
			kept := s.read(s.reporting)
			for range tc.times {
				s.must(s.Lambda.KillNext(tc.f.name))
			}
			s.ticks("Consumerreporting", true)
			s.pass(tc.healing)
			s.healed(kept)
		})
	}
}
