package federation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
)

// conditions are those of the federation, with their messages.
func conditions(w *federationtest.World) (out []string) {
	for _, c := range w.Records[name].Conditions {
		out = append(out, c.Type+": "+c.Message)
	}
	return out
}

// hourLater looks at the federation when its proof is due.
func hourLater(t *testing.T, w *federationtest.World) {
	t.Helper()
	w.Advance(time.Hour)
	w.Look(name)
	settle(t, w)
	phase(t, w, federation.Ready, "")
}

// Rights and the owners of tables change in time: login is asked when the proof is due, and no sooner.
func TestLoginIsChecked(t *testing.T) {
	w := provisioned(t)
	asked := admins(w)
	w.Advance(50 * time.Minute)
	w.Look(name)
	settle(t, w)
	if len(*asked) > 0 {
		t.Errorf("login was asked %v", *asked)
	}
	w.Uncovered = []string{"app"}
	hourLater(t, w)
	if got := conditions(w); len(got) != 1 || !strings.HasPrefix(got[0], federation.CondUncovered) || !strings.HasSuffix(got[0], ": app") {
		t.Errorf("%q", got)
	}
	w.Uncovered = nil
	hourLater(t, w)
	if got := conditions(w); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if want := []string{"ensure " + federationtest.Master, "ensure " + federationtest.Master}; !slices.Equal(*asked, want) {
		t.Errorf("login was asked %v, want %v", *asked, want)
	}
}

// What works is not blocked because nobody can look at its login any more.
func TestLoginThatCannotBeChecked(t *testing.T) {
	for what, tc := range map[string]struct {
		breaks, mends func(*federationtest.World)
		says          string
		unasked       bool
	}{
		"login fails": {func(w *federationtest.World) {
			w.LoginFails = func(source.Request) error {
				return &fault.Error{Kind: fault.Retry, Reason: source.SourceUnreachable, Op: "keep login", Fix: "open the network"}
			}
		}, func(w *federationtest.World) { w.LoginFails = nil }, source.SourceUnreachable, false},
		"nobody vouches for the admin": {func(w *federationtest.World) { w.Secrets["admin"].Tags[federation.TagSource] = "others" },
			func(w *federationtest.World) { w.Secrets["admin"].Tags[federation.TagSource] = federationtest.Instance }, federation.SecretNotServing, true},
		"the admin's secret goes": {func(w *federationtest.World) { w.Secrets["admin"].Deleted = w.Now() },
			func(w *federationtest.World) { w.Secrets["admin"].Deleted = time.Time{} }, "is scheduled for deletion", true},
	} {
		t.Run(what, func(t *testing.T) {
			w := world(t)
			wanted := federationtest.Wanted()
			wanted.Credentials.Admin = w.AddSecret("admin", "postgres", w.Secrets[federationtest.Master].Password, map[string]string{federation.TagSource: federationtest.Instance}).ARN
			w.Request(wanted)
			settle(t, w)
			phase(t, w, federation.Ready, "")
			tc.breaks(w)
			since := len(w.Calls)
			hourLater(t, w)
			if got := conditions(w); len(got) != 1 || !strings.HasPrefix(got[0], federation.CondUnchecked) || !strings.Contains(got[0], tc.says) {
				t.Errorf("%q", got)
			}
			if asked := calls(w, since, "login") > 0; asked == tc.unasked || len(w.Announced) != 1 {
				t.Errorf("login was asked: %t; announced %+v", asked, w.Announced)
			}
			tc.mends(w)
			hourLater(t, w)
			if got := conditions(w); len(got) > 0 {
				t.Errorf("%q", got)
			}
		})
	}
}

// While the login is checked somebody withdraws the federation: nothing of it stays.
func TestWithdrawnWhileItsLoginIsChecked(t *testing.T) {
	for n := 1; n <= 20; n++ {
		w := provisioned(t)
		w.Advance(2 * time.Hour)
		w.Look(name)
		at(w, n, func() { handle(t, w, federationtest.Message{Withdraw: name, At: w.Now()}) })
		settle(t, w)
		if w.Records[name].Phase == federation.Ready {
			break // all calls are over
		}
		phase(t, w, federation.Removed, "")
		if gone(t, w); t.Failed() {
			t.Fatalf("at call %d", n)
		}
	}
}
