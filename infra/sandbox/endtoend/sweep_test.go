package endtoend_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	sweepSize  = flag.String("sweep", "60", "cases of TestSweep: all, or how many to take by chance")
	sweepSeed  = flag.Uint64("seed", 0, "chance of -sweep; 0 takes another one each time")
	sweepCase  = flag.String("sweep-case", "", "the one case of TestSweep, or an up and a down with a semicolon between them: one federation meets both")
	sweepHands = flag.Int("sweep-worlds", 4, "worlds that work through the cases at one time: most of it is waiting, whatever the number of processors")
)

// TestSweep lets every call and every statement on the way of a federation go wrong, up and down, in every way. Nobody does
// anything about it and no sweep looks: redelivery and follow-ups alone must lead to the world of the undisturbed way.
//
// Scenarios 4, 5, 6, 32, 34: some of the calls, and of the ways.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := &sweeping{began: time.Now()}
	first := federating(t)
	s.model = first.undisturbed()
	s.choose(t)
	t.Run("worlds", func(t *testing.T) {
		for n := range min(*sweepHands, len(s.jobs)) {
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				var f *federator
				if n == 0 {
					f = first.in(t)
				}
				s.work(t, n, f)
			})
		}
	})
	for _, text := range s.failed {
		t.Error(text)
	}
	run.close(fmt.Sprintf("sweep: %d cases, %d converged", s.cases, s.converged))
}

// A job is what one federation meets: a mishap on its way up, and another one on its way down. Either may be missing.
type job struct{ up, down *mishap }

func (j job) String() string {
	var all []string
	for _, m := range []*mishap{j.up, j.down} {
		if m != nil {
			all = append(all, m.String())
		}
	}
	return strings.Join(all, "; ")
}

// A sweeping is one run of the sweep.
type sweeping struct {
	model model
	began time.Time
	cases int

	mu        sync.Mutex
	jobs      []job
	next      int // name of a federation
	converged int
	missed    map[string]int // how often a mishap's site was not passed
	failed    []string       // cases that did not converge, with what differed
	told      time.Time
}

// choose makes the jobs.
func (s *sweeping) choose(t *testing.T) {
	t.Helper()
	s.missed, s.told = map[string]int{}, time.Now()
	var all []mishap
	for _, at := range s.model.sites {
		all = append(all, at.mishaps()...)
	}
	if len(all) < 200 {
		t.Fatalf("only %d cases at these sites: %v", len(all), s.model.sites)
	}
	switch {
	case *sweepCase != "":
		all = nil
		for text := range strings.SplitSeq(*sweepCase, ";") {
			m, err := parseMishap(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
	case *sweepSize != "all":
		n, err := strconv.Atoi(*sweepSize)
		if err != nil || n < 1 {
			t.Fatalf("-sweep=%s: use all, or a number of cases", *sweepSize)
		}
		seed := *sweepSeed
		if seed == 0 {
			seed = uint64(time.Now().UnixNano()) % 1_000_000
		}
		fmt.Printf("sweep: %d of %d cases, by -seed=%d\n", min(n, len(all)), len(all), seed)
		chance := rand.New(rand.NewPCG(seed, 0))
		chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(n, len(all))]
	}
	s.cases = len(all)
	var ups, downs []*mishap
	for _, m := range all {
		if m.way == wayUp {
			ups = append(ups, &m)
		} else {
			downs = append(downs, &m)
		}
	}
	for i := range max(len(ups), len(downs)) {
		var j job
		if i < len(ups) {
			j.up = ups[i]
		}
		if i < len(downs) {
			j.down = downs[i]
		}
		s.jobs = append(s.jobs, j)
	}
}

// take is the next job, and the name of its federation.
func (s *sweeping) take() (j job, name string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == 0 {
		return job{}, "", false
	}
	j, s.jobs = s.jobs[0], s.jobs[1:]
	s.next++
	return j, fmt.Sprintf("case-%04d", s.next), true
}

// again puts a mishap back that was not tried.
func (s *sweeping) again(ms ...*mishap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range ms {
		switch {
		case m == nil:
		case m.way == wayUp:
			s.jobs = append(s.jobs, job{up: m})
		default:
			s.jobs = append(s.jobs, job{down: m})
		}
	}
}

// did notes how a case ended: "" is as it should.
func (s *sweeping) did(m *mishap, problem string) {
	if m == nil && problem == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if problem == "" {
		s.converged++
	} else {
		s.failed = append(s.failed, problem)
		headline, _, _ := strings.Cut(problem, "\n")
		fmt.Println("sweep: " + headline)
	}
	const pause = 10 * time.Second
	if now := time.Now(); now.Sub(s.told) >= pause {
		s.told = now
		fmt.Printf("sweep: %d of %d cases, %d did not converge, after %s\n", s.converged+len(s.failed), s.cases, len(s.failed), now.Sub(s.began).Round(time.Second))
	}
}

// tries is how often a mishap may find its site not passed: how often a statement is looked at differs.
const tries = 4

// missing notes that a mishap did not happen, and reports whether it is to be tried again.
func (s *sweeping) missing(m *mishap) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed[m.String()]++
	return s.missed[m.String()] < tries
}

// work works through jobs in one world. A case that does not converge may leave anything behind: the next one gets another
// world. first is a world that is there already, or nil.
func (s *sweeping) work(t *testing.T, n int, first *federator) {
	for i := 0; ; i++ {
		f, clean := first, true
		first = nil
		t.Run(fmt.Sprintf("world %d", i+1), func(t *testing.T) {
			if f == nil {
				f = federating(t)
			}
			for clean {
				j, name, ok := s.take()
				if !ok {
					break
				}
				clean = false // should the test end in there
				clean = s.meet(f.in(t), j, name)
			}
		})
		if clean {
			return
		}
	}
}

// meet is one federation that meets what a job says. It reports whether the world is as before.
func (s *sweeping) meet(f *federator, j job, name string) (clean bool) {
	at, ended := j.up, false
	defer func() {
		if !ended { // the test did, at what it says itself
			s.did(at, fmt.Sprintf("a way with %q could not be gone to its end", j))
		}
	}()
	got, happened := f.goesUp(name, j.up)
	if ok := s.judge(f, j.up, name, j.String(), s.model.up, got, happened); !ok {
		ended = true
		s.again(j.down)
		f.goesDown(name, nil)
		return false
	}
	at = j.down
	got, happened = f.goesDown(name, j.down)
	ended = true
	return s.judge(f, j.down, name, j.String(), s.model.down, got, happened)
}

// judge notes how the case m ended. It reports whether the world is as it should be.
func (s *sweeping) judge(f *federator, m *mishap, name, with string, want, got ending, happened bool) bool {
	if m != nil && !happened && s.missing(m) {
		s.again(m)
		return got == want && m.service != inWarehouse // where it still waits
	}
	var problem strings.Builder
	if m != nil && !happened {
		fmt.Fprintf(&problem, "  its site was not passed in %d tries\n", tries)
	}
	problem.WriteString(differences(want.text(), got.text()))
	if problem.Len() == 0 {
		s.did(m, "")
		return true
	}
	what := "what followed"
	if m != nil {
		what = m.String()
	}
	s.did(m, fmt.Sprintf("%s did not converge; alone: go test ./infra/sandbox/endtoend -run '^TestSweep$' -sweep-case=%q\n%s%s", what, with, problem.String(), f.wordsOn(name)))
	return false
}
