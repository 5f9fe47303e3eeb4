package federation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// routed is a world whose cluster reaches AWS by its VPC alone.
func routed(t testing.TB, services ...string) *federationtest.World {
	t.Helper()
	w := world(t)
	w.Clusters[federationtest.Cluster].Routed = true
	w.Endpoints[federationtest.VPC] = services
	return w
}

// warning is what the federation says of a missing endpoint; empty if it says nothing.
func warning(w *federationtest.World) string {
	for _, c := range w.Records[name].Conditions {
		if c.Type == federation.CondEndpoint {
			return c.Message
		}
	}
	return ""
}

// looks counts the questions for endpoints.
func looks(w *federationtest.World) (n int) {
	for _, c := range w.Calls {
		if c.Op == "DescribeVpcEndpoints" {
			n++
		}
	}
	return n
}

// The warning is there before anything is made, names what is missing, and goes with it.
//
// Scenario 26
func TestWarningOfAMissingEndpoint(t *testing.T) {
	w := routed(t, "com.amazonaws.us-east-1.s3")
	w.Request(federationtest.Wanted())
	w.Deliver(t.Context())
	if got := warning(w); !strings.HasPrefix(got, "vpc-1 has no interface endpoint for com.amazonaws.us-east-1.secretsmanager") || !strings.Contains(got, "NAT gateway") {
		t.Errorf("the first run warns %q", got)
	}
	if rec := w.Records[name]; rec.Phase == federation.Blocked || len(w.Schemas) > 0 {
		t.Errorf("%s %s before the warning, schemas %v", rec.Phase, rec.Reason, w.Schemas)
	}
	settle(t, w)
	rec := phase(t, w, federation.Blocked, warehouse.SecretsUnreachable)
	if strings.Contains(rec.Message+rec.Remedy, "inbound rule") || strings.Contains(rec.Remedy, "5432") {
		t.Errorf("%s; %s: names the way to the source, which is open", rec.Message, rec.Remedy)
	}
	before, runs := looks(w), w.Runs()
	w.Look(name)
	settle(t, w)
	if asked := looks(w) - before; asked == 0 || asked > w.Runs()-runs {
		t.Errorf("EC2 is asked %d times in %d runs", asked, w.Runs()-runs)
	}
	w.Endpoints[federationtest.VPC] = []string{federationtest.Service}
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if got := warning(w); got != "" {
		t.Errorf("still warns %q", got)
	}
}

// Another way than an endpoint does as well: the warning says so, and stops nothing.
func TestAnotherWayThanAnEndpoint(t *testing.T) {
	w := routed(t)
	w.Clusters[federationtest.Cluster].NAT = true
	w.Request(federationtest.Wanted())
	settle(t, w)
	phase(t, w, federation.Ready, "")
	if warning(w) == "" {
		t.Error("no warning")
	}
	w.Clusters[federationtest.Cluster].Routed = false
	w.Look(name)
	settle(t, w)
	if got := warning(w); got != "" {
		t.Errorf("without enhanced routing it warns %q", got)
	}
}

// EC2 is asked about clusters with enhanced routing only, once a look.
func TestEndpointsAreLookedForWhereTheyMatter(t *testing.T) {
	w := provisioned(t)
	w.Look(name)
	settle(t, w)
	if n := looks(w); n > 0 || warning(w) != "" {
		t.Errorf("without enhanced routing EC2 is asked %d times; warning %q", n, warning(w))
	}
	w = routed(t, federationtest.Service)
	w.Request(federationtest.Wanted())
	settle(t, w)
	phase(t, w, federation.Ready, "")
	before, since := looks(w), len(w.Calls)
	w.Look(name)
	settle(t, w)
	if n := looks(w) - before; n != 1 || warning(w) != "" {
		t.Errorf("a look asks EC2 %d times; warning %q", n, warning(w))
	}
	if n := len(w.Calls) - since; n > 10 || len(writes(w, since)) > 0 {
		t.Errorf("%d calls: %v", n, ops(w, since))
	}
}

// A closed source is told as that. What is missing besides is in the remedy.
func TestClosedSourceWithoutAnEndpoint(t *testing.T) {
	w := routed(t)
	w.Clusters[federationtest.Cluster].NAT = true
	closed := federationtest.Wanted()
	closed.ManageIngress = false
	w.Request(closed)
	settle(t, w)
	rec := phase(t, w, federation.Blocked, warehouse.NetworkClosed)
	if strings.Contains(strings.ReplaceAll(rec.Message, rec.Remedy, ""), "endpoint") || !strings.HasSuffix(rec.Remedy, "; besides, vpc-1 has no interface endpoint for com.amazonaws.us-east-1.secretsmanager") {
		t.Errorf("message %q, remedy %q", rec.Message, rec.Remedy)
	}
}

// A federation that works does not fail because EC2 may not be asked, or cannot just then.
func TestEndpointsThatCannotBeSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		trouble federationtest.Trouble
		warns   string
	}{
		"not allowed": {federationtest.Refused, "could not be seen"},
		"throttled":   {federationtest.Throttled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := routed(t, federationtest.Service)
			w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
				if c.Op == "DescribeVpcEndpoints" && (tc.warns != "" || looks(w) == 1) {
					return tc.trouble
				}
				return federationtest.None
			}
			w.Request(federationtest.Wanted())
			settle(t, w)
			phase(t, w, federation.Ready, "")
			if got := warning(w); !strings.Contains(got, tc.warns) || tc.warns == "" && got != "" {
				t.Errorf("warns %q, want %q", got, tc.warns)
			}
		})
	}
}

// A call that is lost once is no matter for people.
func TestSecretsManagerThatDoesNotAnswerOnce(t *testing.T) {
	w := provisioned(t)
	w.Advance(2 * time.Hour) // the proof is too old
	failed := false
	w.StatementFails = func(purpose, _ string) string {
		if failed || purpose != "prove by tables" {
			return ""
		}
		failed = true
		return "Error=: curlCode: 28, Timeout was reached"
	}
	announced := len(w.Announced)
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
	for _, a := range w.Announced[announced:] {
		if strings.Contains(a.Type, "Blocked") {
			t.Errorf("announced %+v", a)
		}
	}
	if !failed {
		t.Error("nothing was proved")
	}
}

// A plan warns, too.
func TestPlanWarnsOfAMissingEndpoint(t *testing.T) {
	p, err := routed(t).Reconciler().Plan(t.Context(), federationtest.Wanted())
	if err != nil || p.Refusal != nil || len(p.Warnings) != 1 || !strings.HasPrefix(p.Warnings[0], federation.CondEndpoint+": vpc-1 has no interface endpoint") {
		t.Errorf("%q, %v, %v", p.Warnings, p.Refusal, err)
	}
	if p, err := world(t).Reconciler().Plan(t.Context(), federationtest.Wanted()); err != nil || len(p.Warnings) > 0 {
		t.Errorf("without enhanced routing: %q, %v", p.Warnings, err)
	}
}
