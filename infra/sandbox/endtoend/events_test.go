package endtoend_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run("first rotations", firstRotations)
	s.run("samples", sampleEvents)
	s.run("steps by hand", stepsByHand)
	s.run("documented examples", documentedExamples)
}

func firstRotations(s *stage) {
	t := s.t
	for _, tc := range []struct{ secret, name, user string }{
		{s.reporting, "IAM:" + world.User, world.User},
		{s.ingest, "IAMA:app_ingest", "app_ingest"}, // which the first login has made
	} {
		l := s.read(tc.secret)
		if user, err := s.login(l); l.User != tc.name || user != tc.user || err != nil {
			t.Errorf("readers find %s, who logs in as %q, %v; want %s as %s", l.User, user, err, tc.name, tc.user)
		}
	}
	if rotated := s.announced(event.CredentialsRotated); len(rotated) != 1 || rotated[0].Version != s.read(s.reporting).version || rotated[0].User != "IAM:"+world.User {
		t.Errorf("announced: %+v; want the one first lease", rotated)
	}
	s.healthy()
}

// The samples are sent as they stand. None of them is about a secret of this stage, so that nothing may come of any.
func sampleEvents(s *stage) {
	t := s.t
	files, err := filepath.Glob("../../../events/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	labels, kept := s.labels(s.reporting), s.read(s.reporting)
	receivers := map[string]function{"rotate": s.rotate, "refresh": s.refresh}
	sent := map[string]int{}
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		f, ok := receivers[folder]
		if !ok {
			continue // announced: what Sluice sends
		}
		sent[folder]++
		t.Run(folder+"/"+filepath.Base(file), func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := s.in(t)
			last := s.AWS.Calls().Last()
			a, err := s.invoke(f, payload)
			if err != nil {
				t.Fatal(err)
			}
			made := s.calls(f, last)
			if strings.HasPrefix(filepath.Base(file), "refused-") {
				s.refused(a, "Malformed", "; ") // what is wrong, and the remedy
				if len(made) > 0 {
					t.Errorf("it called AWS: %+v", made)
				}
				return
			}
			s.refused(a, "Unauthorized", "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/example/analytics/reporting-a1b2c3",
				f.by.ARN, "secretsmanager:DescribeSecret", "allow the action")
			for _, call := range made {
				if call.Code == "" && call.Service != "events" {
					t.Errorf("%s %s succeeded", call.Service, call.Operation)
				}
			}
		})
	}
	if sent["rotate"] == 0 || sent["refresh"] == 0 {
		t.Errorf("sent %v; want samples for both functions", sent)
	}
	if now := s.labels(s.reporting); !reflect.DeepEqual(now, labels) {
		t.Errorf("labels were %v and are %v", labels, now)
	}
	s.keeps(kept)
}

func stepsByHand(s *stage) {
	t := s.t
	first := s.read(s.reporting)
	second := s.renewed()
	kept, labels := s.renewed(), s.labels(s.reporting) // the third: the first has no label any more
	if kept.same(second) || second.same(first) {
		t.Fatal("there were no three leases")
	}
	const never = "6f0d1c52-2b0a-4b6e-9d5e-3a1f0c7e8b21"
	failing := len(s.announced(event.CredentialsFailing))
	for _, tc := range []struct{ name, token, reason, says string }{
		{"a token that never was", never, "TokenUnknown", never},
		{"the rotation before last", first.version, "TokenUnknown", first.version},
		{"the last rotation but one", second.version, "TokenNotPending", second.version},
	} {
		for _, step := range steps {
			t.Run(tc.name+"/"+step, func(t *testing.T) {
				s := s.in(t)
				s.refused(s.step(step, tc.token), tc.reason, tc.says, s.reporting)
			})
		}
	}
	for _, step := range steps {
		t.Run("the finished rotation/"+step, func(t *testing.T) {
			s := s.in(t)
			for range 2 {
				s.took(s.step(step, kept.version), "AlreadyDone")
			}
		})
	}
	t.Run("every step twice", func(t *testing.T) {
		s := s.in(t)
		token := s.begin()
		for i, step := range steps {
			s.took(s.step(step, token), []string{"Minted", "NothingToSet", "Verified", "Promoted"}[i])
			s.took(s.step(step, token), []string{"Kept", "NothingToSet", "Verified", "AlreadyDone"}[i])
		}
		if now := s.read(s.reporting); now.version != token {
			t.Errorf("readers find version %s, want %s", now.version, token)
		}
		kept, labels = s.read(s.reporting), s.labels(s.reporting)
	})
	if now := s.labels(s.reporting); !reflect.DeepEqual(now, labels) {
		t.Errorf("labels were %v and are %v", labels, now)
	}
	if now := len(s.announced(event.CredentialsFailing)); now != failing {
		t.Errorf("%d announcements of failures that say nothing about the consumer", now-failing)
	}
	s.keeps(kept)
	s.pass(2 * time.Minute) // the repetition by Secrets Manager of the rotation that was finished by hand
	if now := s.labels(s.reporting); !reflect.DeepEqual(slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(labels))) {
		t.Errorf("labels were %v and are %v", labels, now)
	}
	s.healthy()
}
