package endtoend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/settings"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	s.run("takes no logins", takesNoLogins)
	s.run("is busy and takes logins", busyButTakesLogins)
	s.run("is paused when a rotation is asked for", rotationWhilePaused)
	s.run("does not exist", missingCluster)
	s.run("has no such user", mintingFailsForAMissingUser)
}

// A cluster that takes no logins costs no version of the secret, however long that lasts. A person is told where nobody
// can have wanted it.
func takesNoLogins(s *stage) {
	for _, tc := range []struct {
		status string
		wanted bool
	}{
		{"paused", true}, {"pausing", true}, {"resuming", true}, {"rebooting", true},
		{"deleting", false}, {"hardware-failure", false}, {"incompatible-network", false},
	} {
		s.t.Run(tc.status, func(t *testing.T) {
			s := s.in(t)
			kept, since := s.read(s.reporting), s.mark()
			failing, atRisk := len(s.announced(event.CredentialsFailing)), len(s.announced(event.CredentialsAtRisk))
			s.must(s.Redshift.SetStatus(world.Cluster, tc.status))
			s.pass(2 * time.Hour)
			if a := s.tick(s.reporting); a.Outcome != "Parked" || a.Reason != tc.status {
				t.Errorf("the tick says %+v; want Parked, %s", a, tc.status)
			}
			if n := s.madeSince(s.reporting, since); n > 0 {
				t.Errorf("%d versions were made", n)
			}
			told := s.announced(event.CredentialsFailing)[failing:]
			if alarms := len(told) + len(s.announced(event.CredentialsAtRisk)[atRisk:]); (alarms == 0) != tc.wanted {
				t.Errorf("%d alarms were raised", alarms)
			}
			for _, a := range told {
				if a.Reason != "ClusterBroken" || a.Kind != "blocked" || !strings.Contains(a.Cause, "the cluster is "+tc.status) || !strings.Contains(a.Remedy, "restore the cluster") {
					t.Fatalf("announced: %+v", a)
				}
			}
			if !s.read(s.reporting).same(kept) {
				t.Error("readers find something else")
			}
			s.must(s.Redshift.SetStatus(world.Cluster, "available"))
			s.pass(everyN)
			s.healed(kept)
		})
	}
}

func busyButTakesLogins(s *stage) {
	t := s.t
	for _, status := range []string{"resizing", "modifying", "rotating-keys", "available, prep-for-resize"} {
		t.Run(status, func(t *testing.T) {
			s := s.in(t)
			kept := s.read(s.reporting)
			s.must(s.Redshift.SetStatus(world.Cluster, status))
			s.renewed()
			s.healed(kept)
			s.must(s.Redshift.SetStatus(world.Cluster, "available"))
		})
	}
}

// The operator pauses and resumes as people do, and a rotation is asked for while nothing can be minted.
func rotationWhilePaused(s *stage) {
	t := s.t
	client := redshift.NewFromConfig(s.aws)
	_, err := client.PauseCluster(t.Context(), &redshift.PauseClusterInput{ClusterIdentifier: new(world.Cluster)})
	s.must(err)
	s.pass(6 * time.Minute)
	kept, failing, token := s.read(s.reporting), len(s.announced(event.CredentialsFailing)), s.begin()
	s.refused(s.step("createSecret", token), "ClusterParked", "user temp_creds_user on cluster examplecluster", "the cluster is paused", "resume the cluster")
	if got := s.announced(event.CredentialsFailing)[failing:]; len(got) != 1 || got[0].Kind != "retry" || got[0].Reason != "ClusterParked" {
		t.Errorf("announced: %+v", got)
	}
	s.pass(3 * time.Hour)
	if now := s.read(s.reporting); !now.same(kept) {
		t.Error("readers find something else")
	}
	_, err = client.ResumeCluster(t.Context(), &redshift.ResumeClusterInput{ClusterIdentifier: new(world.Cluster)})
	s.must(err)
	s.pass(6*time.Minute + everyN)
	s.healed(kept)
}

func missingCluster(s *stage) {
	t := s.t
	kept := s.read(s.reporting)
	cluster, ok := s.Redshift.RemoveCluster(world.Cluster)
	if !ok {
		t.Fatal("there is no cluster")
	}
	token := s.begin()
	s.refused(s.step("createSecret", token), "ClusterMissing", "describe cluster for examplecluster", "correct the cluster identifier, which is case sensitive")
	since, failing := s.mark(), len(s.announced(event.CredentialsFailing))
	s.pass(2 * time.Hour)
	if told := s.announced(event.CredentialsFailing)[failing:]; len(told) == 0 || told[len(told)-1].Reason != "ClusterMissing" || told[len(told)-1].Step != "tick" {
		t.Errorf("announced: %+v", told)
	}
	if a := s.tick(s.reporting); a.Outcome != "Parked" || a.Reason != "ClusterMissing" {
		t.Errorf("the tick says %+v; want Parked, ClusterMissing", a)
	}
	if n := s.madeSince(s.reporting, since); n > 0 {
		t.Errorf("%d versions were made", n)
	}
	if now := s.read(s.reporting); !now.same(kept) {
		t.Error("readers find something else")
	}
	s.must(s.Redshift.AddCluster(cluster))
	s.pass(2 * everyN)
	s.healed(kept)
}

// Where the minting call itself fails for a user that does not exist, as the older user guide has it.
func mintingFailsForAMissingUser(s *stage) {
	s.Redshift.SetMissingUserFails(true)
	defer s.Redshift.SetMissingUserFails(false)
	kept, failing := s.read(s.reporting), len(s.announced(event.CredentialsFailing))
	undo := s.retag(map[string]string{settings.TagUser: "app_missing"})
	token := s.begin()
	a := s.step("createSecret", token)
	s.refused(a, "Rejected", "user app_missing on cluster examplecluster", `"app_missing" does not exist`, "read the service's message")
	s.reported(failing, "createSecret", a)
	s.keeps(kept)
	undo()
	s.renewed()
	s.pass(2 * everyN)
	s.healed(kept)
}
