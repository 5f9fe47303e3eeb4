package federation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
)

const name = "orders"

// world is one in which nothing is federated. At the end no password may have been seen anywhere.
func world(t testing.TB) *federationtest.World {
	t.Helper()
	w := federationtest.New()
	t.Cleanup(func() {
		if leaks := w.Leaks(); len(leaks) > 0 {
			t.Errorf("a password is seen in %v", leaks)
		}
	})
	return w
}

// settle delivers messages until none is left.
func settle(t testing.TB, w *federationtest.World) {
	t.Helper()
	for range 2000 {
		if !w.Deliver(t.Context()) {
			return
		}
	}
	t.Fatalf("messages without end: %+v, record %+v", w.Messages, w.Records[name])
}

// provisioned is a world in which orders is ready.
func provisioned(t testing.TB) *federationtest.World {
	t.Helper()
	w := world(t)
	w.Request(federationtest.Wanted())
	settle(t, w)
	phase(t, w, federation.Ready, "")
	return w
}

func phase(t testing.TB, w *federationtest.World, want federation.Phase, reason string) federation.Record {
	t.Helper()
	rec := w.Records[name]
	if rec.Phase != want || rec.Reason != reason {
		t.Fatalf("%s %s: %s; want %s %s", rec.Phase, rec.Reason, rec.Message, want, reason)
	}
	return rec
}

// calls counts those of a service since the n-th call; an empty service stands for all.
func calls(w *federationtest.World, since int, service string) (n int) {
	for _, c := range w.Calls[since:] {
		if service == "" || c.Service == service {
			n++
		}
	}
	return n
}

func writes(w *federationtest.World, since int) (out []string) {
	for _, c := range w.Calls[since:] {
		if c.Writes {
			out = append(out, c.String())
		}
	}
	return out
}

func ops(w *federationtest.World, since int) (out []string) {
	for _, c := range w.Calls[since:] {
		out = append(out, c.String())
	}
	return out
}

// The first provisioning in three runs: one makes everything up to the role, one attaches it, one makes the schema and proves it.
//
// Scenario 7: the second run ends while the cluster attaches the role.
func TestFirstProvisioning(t *testing.T) {
	w := world(t)
	w.Request(federationtest.Wanted())
	settle(t, w)
	rec := phase(t, w, federation.Ready, "")

	if w.Runs() > 3 {
		t.Errorf("%d runs, of at most 3", w.Runs())
	}
	if n := len(w.Calls); n > 40 {
		t.Errorf("%d calls, of at most 40:\n%s", n, strings.Join(ops(w, 0), "\n"))
	}
	for service, want := range map[string]int{
		"store": 12, "rds": 1, "redshift": 4, "ec2": 3, "secretsmanager": 2, "kms": 0, "iam": 2, "login": 1, "redshift-data": 9, "sqs": 2, "events": 1,
	} {
		if n := calls(w, 0, service); n > want {
			t.Errorf("%s: %d calls, of at most %d\n%s", service, n, want, strings.Join(ops(w, 0), "\n"))
		}
	}
	role := w.Roles[rec.Made.Role]
	if !strings.HasPrefix(rec.Made.Role, "sluice-test-orders-") || role.Path != "/sluice/test/" || role.Boundary != federationtest.Boundary {
		t.Errorf("role %s: %+v", rec.Made.Role, role)
	}
	if s := w.Secrets[rec.Made.SecretName]; s == nil || s.User != rec.Made.Login || s.Tags[federation.TagFederation] != name {
		t.Errorf("secret %s: %+v", rec.Made.SecretName, s)
	}
	if login := w.Instances[federationtest.Instance].Logins[rec.Made.Login]; login.Mark != "sluice: 111122223333 us-east-1 test orders" {
		t.Errorf("login %s: %+v", rec.Made.Login, login.Mark)
	}
	if w.Clusters[federationtest.Cluster].Attached()[rec.Made.RoleARN] != federation.InSync || !w.Usage("orders_live")["group:example_group"] || len(w.Rules) != 1 {
		t.Errorf("%s", w.State())
	}
	if len(w.Announced) != 1 || w.Announced[0].Type != event.FederationReady || !strings.Contains(w.Announced[0].Detail, `"login":"`+rec.Made.Login) {
		t.Errorf("announced %+v", w.Announced)
	}
}

// A look at what is as it shall be takes at most ten calls and changes nothing, not even the record.
//
// Scenarios 1, 22
func TestRepeatChangesNothing(t *testing.T) {
	w := provisioned(t)
	before, since := w.State(), len(w.Calls)
	w.Look(name)
	w.Send(federationtest.Message{Request: new(federationtest.Wanted()), At: federationtest.Start})
	settle(t, w)
	if got := writes(w, since); len(got) > 0 {
		t.Errorf("written: %v", got)
	}
	if n := len(w.Calls) - since; n > 20 {
		t.Errorf("%d calls for two looks, of at most 10 each:\n%s", n, strings.Join(ops(w, since), "\n"))
	}
	if w.State() != before {
		t.Errorf("before %s\nafter %s", before, w.State())
	}
	w.Advance(2 * time.Hour) // the proof is too old, and the login is asked for
	since = len(w.Calls)
	w.Look(name)
	settle(t, w)
	if got := writes(w, since); !slices.Equal(got, []string{"store.Put orders", "login.ensure " + w.Records[name].Made.Login, "store.Put orders"}) || len(w.Announced) != 1 {
		t.Errorf("written: %v, announced %+v", got, w.Announced)
	}
}

func TestRepeatWithKey(t *testing.T) {
	w := world(t)
	const key = "arn:aws:kms:us-east-1:111122223333:key/1"
	w.Config.Key = key
	w.Keys[key] = federation.Key{ARN: key, Customer: true, State: "Enabled"}
	w.Request(federationtest.Wanted())
	settle(t, w)
	phase(t, w, federation.Ready, "")
	since := len(w.Calls)
	w.Look(name)
	settle(t, w)
	if n := len(w.Calls) - since; n > 9 || len(writes(w, since)) > 0 {
		t.Errorf("%d calls: %v", n, ops(w, since))
	}
}

// What is withdrawn goes, in reverse order, and nothing of it stays but the secret in its recovery window.
func TestWithdrawal(t *testing.T) {
	w := provisioned(t)
	since := len(w.Calls)
	w.Withdraw(name)
	settle(t, w)
	rec := phase(t, w, federation.Removed, "")
	var order []string
	for _, c := range w.Calls[since:] {
		if c.Writes && c.Service != "store" && c.Service != "sqs" {
			order = append(order, c.Op)
		}
	}
	want := []string{"ExecuteStatement", "ModifyClusterIamRoles", "DeleteRolePolicy", "DeleteRole", "drop", "DeleteSecret", "RevokeSecurityGroupIngress", "PutEvents"}
	if !slices.Equal(order, want) {
		t.Errorf("order %v\nwant  %v", order, want)
	}
	gone(t, w)
	if s := w.Secrets[rec.Made.SecretName]; s.Deleted.IsZero() || rec.Made.SecretUntil.IsZero() {
		t.Errorf("secret %+v until %v", s, rec.Made.SecretUntil)
	}
	since = len(w.Calls)
	w.Withdraw(name)
	w.Look(name)
	settle(t, w)
	if got := writes(w, since); !slices.Equal(got, []string{"store.Put orders"}) && len(got) > 0 {
		t.Errorf("written: %v", got)
	}
}

// gone checks that nothing is left of any federation.
func gone(t testing.TB, w *federationtest.World) {
	t.Helper()
	logins := 0
	for _, db := range w.Instances {
		logins += len(db.Logins) - 1 // the master user stays
	}
	if len(w.Roles) > 0 || len(w.Schemas) > 0 || len(w.Rules) > 0 || logins > 0 || len(w.Clusters[federationtest.Cluster].Attached()) > 0 || len(w.Listed[federationtest.Cluster].Add)+len(w.Listed[federationtest.Cluster].Remove) > 0 {
		t.Errorf("something is left: %s", w.State())
	}
}
