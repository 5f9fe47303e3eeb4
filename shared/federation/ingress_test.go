package federation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
)

// Two federations of one source share the rule that lets the cluster in. It goes with the last of them, whichever that is.
func TestSharedIngress(t *testing.T) {
	for _, order := range [][]string{{name, "orders-too"}, {"orders-too", name}} {
		w := provisioned(t)
		other := federationtest.Wanted()
		other.Name, other.Schema = "orders-too", "orders_too"
		w.Request(other)
		settle(t, w)
		w.Withdraw(order[0])
		settle(t, w)
		if len(w.Rules) != 1 {
			t.Errorf("without %s there are %d rules", order[0], len(w.Rules))
		}
		w.Withdraw(order[1])
		settle(t, w)
		if len(w.Rules) != 0 {
			t.Errorf("without both there are rules: %+v", w.Rules)
		}
	}
}

// A rule for a port that the source has no more goes when there is one for the new port.
func TestIngressFollowsThePort(t *testing.T) {
	w := provisioned(t)
	w.Instances[federationtest.Instance].Port++
	for range 2 {
		w.Look(name)
		settle(t, w)
	}
	phase(t, w, federation.Ready, "")
	if len(w.Rules) != 1 || w.Rules[0].Ports[0] != w.Instances[federationtest.Instance].Port {
		t.Errorf("rules %+v for port %d", w.Rules, w.Instances[federationtest.Instance].Port)
	}
}

// Who takes back the consent by tag is told what is left to do.
func TestIngressWithoutItsTag(t *testing.T) {
	w := provisioned(t)
	delete(w.Groups["sg-"+federationtest.Instance], federation.TagIngress)
	w.Trouble = func(_ int, c federationtest.Call) federationtest.Trouble {
		if c.Op == "RevokeSecurityGroupIngress" {
			return federationtest.Refused
		}
		return federationtest.None
	}
	w.Withdraw(name)
	until(t, w, federation.Blocked)
	rec := phase(t, w, federation.Blocked, federation.IngressNotAllowed)
	if !strings.Contains(rec.Remedy, "sg-"+federationtest.Instance) || !strings.Contains(rec.Remedy, w.Rules[0].ID) {
		t.Errorf("remedy %q", rec.Remedy)
	}
}

// A source that login never reaches is a matter for people in the end; one that it reaches again is not.
func TestUnreachableForLong(t *testing.T) {
	w := world(t)
	w.LoginFails = func(source.Request) error {
		return &fault.Error{Kind: fault.Retry, Reason: source.SourceUnreachable, Op: "connect", Err: errors.New("connection timed out"), Fix: "nothing; it is tried again"}
	}
	w.Request(federationtest.Wanted())
	until(t, w, federation.Blocked)
	rec := phase(t, w, federation.Blocked, source.SourceUnreachable)
	if took := rec.Since.Sub(rec.WantedAt); took < 5*time.Minute || took > time.Hour || !strings.Contains(rec.Remedy, "login function") {
		t.Errorf("blocked after %s, remedy %q", took, rec.Remedy)
	}
	w.LoginFails = nil
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
}

// A failure that nobody foresaw is put before people once, however often it is looked at.
func TestBugIsBuriedOnce(t *testing.T) {
	w := world(t)
	failing("create schema", `ERROR: syntax error at or near "FROM"`)(w, nil)
	w.Request(federationtest.Wanted())
	until(t, w, federation.Blocked)
	for range 4 {
		w.Look(name)
		settle(t, w)
	}
	blocked := 0
	for _, a := range w.Announced {
		if a.Type == event.FederationBlocked {
			blocked++
		}
	}
	if len(w.Dead) != 1 || blocked != 1 {
		t.Errorf("%d dead letters, %d announcements", len(w.Dead), blocked)
	}
}
