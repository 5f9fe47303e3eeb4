package endtoend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
)

// What a cluster is doing is told apart by its status, and the work goes on by itself once that is over.
func TestFederationOfACluster(t *testing.T) {
	t.Parallel()
	f := federating(t)
	before := f.snapshot("base")
	for i, tc := range []struct {
		name   string
		set    func(*federator)
		phase  federation.Phase
		reason string
		says   string
	}{
		// Scenario 13
		{"paused", status("paused"), federation.Parked, federation.ClusterPaused, "is paused"},
		{"pausing", status("pausing"), federation.Parked, federation.ClusterPaused, "is pausing"},
		// Scenario 14
		{"resizing", status("resizing"), federation.Waiting, federation.ClusterResizing, "is resizing"},
		{"being changed", status("modifying"), federation.Waiting, federation.ClusterChanging, "is modifying"},
		{"rebooting", status("rebooting"), federation.Waiting, federation.ClusterChanging, "is rebooting"},
		// Scenario 14
		{"in maintenance", func(f *federator) { f.must(f.Redshift.SetMaintenance(world.Cluster, true)) }, federation.Parked, federation.ClusterMaintenance, "in maintenance"},
		{"full", status("storage-full"), federation.Blocked, federation.ClusterBroken, "is storage-full"},
		{"broken", status("hardware-failure"), federation.Blocked, federation.ClusterBroken, "is hardware-failure"},
		{"being deleted", status("final-snapshot"), federation.Blocked, federation.ClusterMissing, "is final-snapshot"},
	} {
		f.run(tc.name, func(f *federator) {
			name, last := fmt.Sprintf("status-%d", i), f.AWS.Calls().Last()
			tc.set(f)
			f.request(orders(name))
			rec := f.becomes(name, tc.phase, tc.reason, time.Minute)
			if !strings.Contains(rec.Message, tc.says) {
				f.t.Errorf("message %q does not say %q", rec.Message, tc.says)
			}
			f.pass(40 * time.Minute)
			if rec := f.record(name); rec.Phase != tc.phase || rec.Reason != tc.reason {
				f.t.Errorf("later it is %s %s", rec.Phase, rec.Reason)
			}
			if calls := f.changed(last); len(calls) > 0 {
				f.t.Errorf("the functions called %v", calls)
			}
			if n := len(f.made(last)); n > 110 { // one look in two minutes
				f.t.Errorf("%d calls in 40 minutes of waiting", n)
			}
			if told := f.told(event.FederationBlocked, name); (len(told) == 1) != (tc.phase == federation.Blocked) || len(told) > 1 {
				f.t.Errorf("announced: %+v", told)
			}
			if dead := f.deadLetters(); len(dead) > 0 {
				f.t.Errorf("dead letters: %+v", dead)
			}
			f.must(f.Redshift.SetMaintenance(world.Cluster, false))
			f.must(f.Redshift.SetStatus(world.Cluster, "available"))
			f.sweep(0)
			f.becomes(name, federation.Ready, "", 20*time.Minute)
			f.gone(name)
		})
	}
	// Scenario 13
	f.run("paused while it is provisioned", pausedWhileProvisioned)
	// Scenario 13
	f.run("paused while it is withdrawn", pausedWhileWithdrawn)
	if after := f.snapshot("base"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
	// Scenario 15
	f.run("deleted", deletedCluster) // the last: nothing can be looked at in it any more
}

func status(s string) func(*federator) {
	return func(f *federator) { f.must(f.Redshift.SetStatus(world.Cluster, s)) }
}

func pausedWhileProvisioned(f *federator) {
	f.request(orders("halfway"))
	f.pass(30 * time.Second) // the role is being attached
	status("paused")(f)
	f.becomes("halfway", federation.Parked, federation.ClusterPaused, 5*time.Minute)
	f.pass(time.Hour)
	f.becomes("halfway", federation.Parked, federation.ClusterPaused, 0)
	status("available")(f)
	f.becomes("halfway", federation.Ready, "", 20*time.Minute)
	f.gone("halfway")
}

func pausedWhileWithdrawn(f *federator) {
	f.request(orders("leaving"))
	f.reaches("leaving", federation.Ready, "")
	status("paused")(f)
	f.withdraw("leaving")
	f.becomes("leaving", federation.Parked, federation.ClusterPaused, 5*time.Minute)
	status("available")(f)
	f.becomes("leaving", federation.Removed, "", 20*time.Minute)
}

// What was made outside the cluster is removed also when the cluster is gone.
func deletedCluster(f *federator) {
	f.request(orders("orphan"))
	f.reaches("orphan", federation.Ready, "")
	c, _ := f.Redshift.RemoveCluster(world.Cluster)
	f.sweep(0)
	rec := f.becomes("orphan", federation.Blocked, federation.ClusterMissing, 20*time.Minute)
	f.refuses(rec, refusal{federation.ClusterMissing, []string{world.Cluster}, "withdraw the source"})
	last := f.AWS.Calls().Last()
	f.withdraw("orphan")
	f.becomes("orphan", federation.Removed, "", 20*time.Minute)
	for _, call := range f.made(last) {
		if call.Service == "redshift-data" || call.Operation == "ModifyClusterIamRoles" {
			f.t.Errorf("the deleted cluster was asked: %s", call.Operation)
		}
	}
	c.Roles = nil
	f.must(f.Redshift.AddCluster(c))
	f.sql("DROP SCHEMA orphan CASCADE") // which went with the real one
	f.pass(15 * time.Minute)            // an old follow-up
	if left := f.snapshot("orphan"); strings.Contains(left, "<name>") {
		f.t.Errorf("left behind:\n%s", left)
	}
}
