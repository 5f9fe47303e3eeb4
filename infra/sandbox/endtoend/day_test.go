package endtoend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/event"
)

func TestDay(t *testing.T) {
	t.Parallel()
	s := start(t)
	began := s.mark()
	least := map[string]time.Duration{s.reporting: lifetime, s.ingest: lifetime}
	for minute := range 24 * 60 {
		s.pass(time.Minute)
		for id := range least {
			l := s.read(id)
			least[id] = min(least[id], s.left(l))
			if minute%30 == 0 {
				if _, err := s.login(l); err != nil {
					t.Errorf("after %d minutes: %v", minute, err)
				}
			}
		}
	}
	for id, left := range least {
		if left < floor {
			t.Errorf("a reader of %s found %s of life left; at least %s are promised", id, left, floor)
		}
		// Those that the deployment made came before the day.
		if n := s.madeSince(id, began); n > int(24*time.Hour/(lifetime-due)) || n < 24 {
			t.Errorf("%s took %d versions", id, n)
		}
	}
	if failing, atRisk := s.announced(event.CredentialsFailing), s.announced(event.CredentialsAtRisk); len(failing)+len(atRisk) > 0 {
		t.Errorf("announced on a good day: %+v %+v", failing, atRisk)
	}
	s.healthy()
}

// An outage of minting of twenty minutes leaves no reader without a login, whenever it begins.
func TestOutage(t *testing.T) {
	t.Parallel()
	const outage = 20 * time.Minute
	s := start(t)
	s.alone()
	for start := time.Duration(0); start <= lifetime-due+everyN; start += time.Minute {
		kind := awshttp.Refused // the SDK does not wait for it to pass, so that this takes less time
		if start%(10*time.Minute) == 0 {
			kind = awshttp.Failing
		}
		t.Run(fmt.Sprintf("%s/%s after a renewal", kind, start), func(t *testing.T) {
			s := s.in(t)
			s.rested()
			s.renewed()
			s.pass(max(start-(lifetime-s.left(s.read(s.reporting))), 0))
			s.must(s.AWS.Faults().Add(awshttp.Fault{Service: "redshift", Operation: "GetClusterCredentials", Kind: kind, Count: 1_000_000}))
			least := lifetime
			look := func() {
				s.pass(time.Minute)
				least = min(least, s.left(s.read(s.reporting)))
			}
			for range outage / time.Minute {
				look()
			}
			s.AWS.Faults().Clear()
			for range 20 {
				look()
			}
			if least <= 0 {
				t.Errorf("a lease was dead for %s", -least)
			}
			s.healthy()
		})
	}
}

// After a day without minting the secret still takes versions, because few attempts were made, and they come often enough
// to find out soon that it is over.
func TestOutageOfADay(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	s.pass(24 * time.Hour) // so that its versions count
	began, atRisk := s.mark(), len(s.announced(event.CredentialsAtRisk))
	s.must(s.AWS.Faults().Add(awshttp.Fault{Service: "redshift", Operation: "GetClusterCredentials", Kind: awshttp.Refused, Count: 1_000_000}))
	for range 24 {
		s.pass(time.Hour)
		if n := s.madeSince(s.reporting, s.Clock.Now().Add(-24*time.Hour)); n > 97 {
			t.Errorf("the secret took %d versions in 24 hours", n)
		}
	}
	if n := s.madeSince(s.reporting, began); n > 26 || n < 12 { // one of which may have been on the way
		t.Errorf("%d attempts in a day that all failed", n)
	}
	if told := s.announced(event.CredentialsAtRisk)[atRisk:]; len(told) == 0 || told[len(told)-1].Remaining != 0 {
		t.Errorf("announced: %+v; want that no life is left", told)
	}
	kept := s.read(s.reporting)
	s.AWS.Faults().Clear()
	s.pass(2 * time.Hour)
	s.renewed()
	s.healed(kept)
}
