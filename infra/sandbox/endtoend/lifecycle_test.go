package endtoend_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/event"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	s.run("many ask at once", manyAskAtOnce)
	s.run("tick during a rotation", tickDuringARotation)
	s.run("dead rotation", deadRotation)
	s.run("late step", lateStep)
	s.run("rotation that is only tried", rotationThatIsOnlyTried)
	s.run("value that a person wrote", valueThatAPersonWrote)
	s.run("retired", retiredSecret)
	s.run("step for a deleted secret", stepForADeletedSecret)
}

// Whoever is first starts the one rotation; the others see it, or what came of it.
func manyAskAtOnce(s *stage) {
	t := s.t
	tick := func() string { return s.tick(s.reporting).Outcome }
	byHand := func() string {
		// Asked for while another one runs, it is refused.
		if _, err := s.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &s.reporting}); err != nil {
			return "Waiting"
		}
		return "Started"
	}
	for _, tc := range []struct {
		name string
		at   []func() string
	}{
		{"two ticks", []func() string{tick, tick}},
		{"many ticks", []func() string{tick, tick, tick, tick, tick, tick}},
		{"a tick and a person", []func() string{tick, byHand}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.wait()
			kept, since := s.read(s.reporting), s.mark()
			outcomes := make([]string, len(tc.at))
			var all sync.WaitGroup
			for i, ask := range tc.at {
				all.Go(func() { outcomes[i] = ask() })
			}
			all.Wait()
			s.Clock.Settle()
			started := 0
			for _, outcome := range outcomes {
				switch outcome {
				case "Started":
					started++
				case "Waiting", "Fresh", "BackingOff": // the last takes the other's rotation, which it sees without its lease, for a failed one
				default:
					t.Errorf("outcomes are %v", outcomes)
				}
			}
			// A second one is started only by who asks after the first has ended and had looked before: a version is lost, no more.
			if n := s.madeSince(s.reporting, since); n != started || started == 0 {
				t.Errorf("%d versions were made, by %v", n, outcomes)
			}
			s.healed(kept)
		})
	}
}

func tickDuringARotation(s *stage) {
	t := s.t
	s.wait()
	kept, token, since := s.read(s.reporting), s.begin(), s.mark()
	for _, step := range steps {
		s.took(s.tick(s.reporting), "Waiting")
		if a := s.step(step, token); a.ErrorType != "" {
			t.Errorf("%s: %s: %s", step, a.ErrorType, a.ErrorMessage)
		}
	}
	s.took(s.tick(s.reporting), "Fresh")
	if n := s.madeSince(s.reporting, since); n != 0 {
		t.Errorf("%d versions were made besides the rotation's", n)
	}
	s.healed(kept)
}

// What a rotation left behind that died hours ago does not stand in the way of the next one.
func deadRotation(s *stage) {
	t := s.t
	for _, taken := range []int{0, 1, 3} { // steps before it died
		t.Run("before "+steps[taken], func(t *testing.T) {
			s := s.in(t)
			kept, since := s.read(s.reporting), s.mark()
			s.ticks("Consumerreporting", false)
			token := s.begin()
			for _, step := range steps[:taken] {
				s.step(step, token)
			}
			s.must(s.Lambda.KillNext(s.rotate.name)) // the repetition by Secrets Manager dies as well
			s.pass(5 * time.Hour)
			if labels := s.labels(s.reporting)[token]; len(labels) == 0 || labels[0] != "AWSPENDING" {
				t.Fatalf("the dead rotation's version has the labels %v, want AWSPENDING", labels)
			}
			s.ticks("Consumerreporting", true)
			s.pass(everyN) // one tick is enough
			s.healed(kept)
			if now := s.read(s.reporting).version; now == token {
				t.Error("a lease that has died was promoted")
			}
			if n := s.madeSince(s.reporting, since); n != 2 {
				t.Errorf("%d versions were made, want the dead one and the good one", n)
			}
		})
	}
}

// A step that comes so late that the pending lease has died meanwhile gives it up.
func lateStep(s *stage) {
	for i, step := range []string{"createSecret", "testSecret", "finishSecret"} {
		s.t.Run(step, func(t *testing.T) {
			s := s.in(t)
			s.ticks("Consumerreporting", false)
			token := s.begin()
			for _, before := range steps[:i+1] {
				s.step(before, token)
			}
			s.must(s.Lambda.KillNext(s.rotate.name))
			s.pass(lifetime - due/4)
			kept := s.read(s.reporting)
			s.refused(s.step(step, token), "LeaseExpired", "of life left, of at least 20m0s", "the next rotation mints another")
			for _, again := range steps {
				s.refused(s.step(again, token), "TokenNotPending")
			}
			s.ticks("Consumerreporting", true)
			s.pass(2 * everyN)
			s.healed(kept)
		})
	}
}

// A rotation configuration is tried with testSecret alone, whatever the current value is.
func rotationThatIsOnlyTried(s *stage) {
	t := s.t
	s.ticks("Consumerreporting", false)
	labels := func(s *stage) map[string][]string {
		all := s.labels(s.reporting)
		for version := range all { // the finished rotation's label goes
			all[version] = slices.DeleteFunc(all[version], func(label string) bool { return label == "AWSPENDING" })
		}
		return all
	}
	try := func(t *testing.T, last string) {
		s := s.in(t)
		before := labels(s)
		_, err := s.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &s.reporting, RotateImmediately: new(false)})
		s.must(err)
		s.Clock.Settle()
		if now := labels(s); !reflect.DeepEqual(now, before) {
			t.Errorf("labels were %v and are %v", before, now)
		}
		all, err := s.Control().Events(t.Context(), "")
		s.must(err)
		var got struct {
			Detail struct{ EventName string }
		}
		s.must(json.Unmarshal(all[len(all)-1].Event, &got))
		if got.Detail.EventName != last {
			t.Errorf("Secrets Manager says %s, want %s", got.Detail.EventName, last)
		}
	}
	t.Run("with a living lease", func(t *testing.T) { try(t, "TestRotationSucceeded") })
	s.pass(2 * time.Hour)
	t.Run("with a dead lease", func(t *testing.T) { try(t, "TestRotationSucceeded") })
	_, err := s.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.reporting, SecretString: new(`{"engine":"redshift"}`)})
	s.must(err)
	t.Run("with the placeholder", func(t *testing.T) { try(t, "TestRotationSucceeded") })
	removed, _ := s.Redshift.RemoveCluster("examplecluster")
	t.Run("without its cluster", func(t *testing.T) { try(t, "TestRotationFailed") })
	s.must(s.Redshift.AddCluster(removed))
	s.ticks("Consumerreporting", true)
	s.pass(2 * everyN) // the tries since somebody wrote the placeholder count as attempts
	s.healthy()
}

// Somebody writes over the lease. The next tick sees that readers have none, and has another made.
func valueThatAPersonWrote(s *stage) {
	t := s.t
	for name, value := range map[string]string{
		"the placeholder": `{"engine":"redshift"}`,
		"no JSON":         "hunter2",
		"a lease of another user": `{"engine":"redshift","host":"localhost","port":5439,"username":"IAM:owner","password":"x","dbname":"exampledb",` +
			`"dbClusterIdentifier":"examplecluster","issuedAt":"2026-01-01T00:00:00Z","expiresAt":"2126-01-01T00:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			kept := s.read(s.reporting)
			_, err := s.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.reporting, SecretString: &value})
			s.must(err)
			s.pass(everyN)
			s.healed(kept)
		})
		t.Run(name+", in the middle of a rotation", func(t *testing.T) {
			s := s.in(t)
			kept, token := s.read(s.reporting), s.begin()
			s.took(s.step("createSecret", token), "Minted")
			_, err := s.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.reporting, SecretString: &value})
			s.must(err)
			s.refused(s.step("finishSecret", token), "TokenNotPending", token, "a newer one began")
			s.pass(2 * everyN)
			s.healed(kept)
		})
	}
}

// A secret whose rotation somebody turned off, or that is being deleted, is left alone until it is put right again. The
// former dies without a word from Secrets Manager, so that Sluice tells.
func retiredSecret(s *stage) {
	t := s.t
	for _, tc := range []struct {
		name, reason string
		told         bool
		retire       func() error
		bringBack    func() error
	}{
		{"rotation is turned off", "RotationOff", true,
			func() error {
				_, err := s.secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &s.reporting})
				return err
			},
			func() error { return nil }},
		{"it is being deleted", "BeingDeleted", false,
			func() error {
				_, err := s.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &s.reporting, RecoveryWindowInDays: new(int64(7))})
				return err
			},
			func() error {
				_, err := s.secrets.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &s.reporting})
				return err
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			kept, labels, since := s.read(s.reporting), s.labels(s.reporting), s.mark()
			failing := len(s.announced(event.CredentialsFailing))
			s.must(tc.retire())
			s.pass(2 * time.Hour)
			told := s.announced(event.CredentialsFailing)[failing:]
			if (len(told) > 0) != tc.told || len(told) > 0 && (told[0].Reason != tc.reason || told[0].Remedy == "") {
				t.Errorf("announced: %+v", told)
			}
			if a := s.tick(s.reporting); a.Outcome != "Retired" || a.Reason != tc.reason {
				t.Errorf("the tick says %+v; want Retired, %s", a, tc.reason)
			}
			s.must(tc.bringBack())
			if now := s.labels(s.reporting); !reflect.DeepEqual(now, labels) || s.madeSince(s.reporting, since) > 0 {
				t.Errorf("labels were %v and are %v", labels, now)
			}
			s.rotateNow() // which also turns rotation on again
			s.pass(everyN)
			s.healed(kept)
		})
	}
}

// A step of a rotation that arrives while its secret is being deleted says so.
func stepForADeletedSecret(s *stage) {
	t := s.t
	token := s.begin()
	_, err := s.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &s.reporting, RecoveryWindowInDays: new(int64(7))})
	s.must(err)
	for _, step := range steps {
		s.refused(s.step(step, token), "BeingDeleted", s.reporting, "restore it")
	}
	_, err = s.secrets.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &s.reporting})
	s.must(err)
	kept := s.read(s.reporting)
	s.keeps(kept)
}
