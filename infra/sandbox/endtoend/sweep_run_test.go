package endtoend_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/secret"
)

// patience is how long on the sandbox's clock a federation may take to come to rest: more than a message that is received
// five times, each after its visibility timeout.
const patience = 6 * time.Hour

// rest lets time go by until nothing is left to be done: all that goes on by itself goes through the work queue.
func (f *federator) rest() {
	f.t.Helper()
	f.Clock.Settle()
	for end := f.Clock.Now().Add(patience); f.Clock.Now().Before(end); {
		messages := f.SQS.Messages(workQueue)
		if len(messages) == 0 {
			return
		}
		next := messages[0].VisibleAt
		for _, m := range messages {
			if m.VisibleAt.Before(next) {
				next = m.VisibleAt
			}
		}
		f.pass(max(next.Sub(f.Clock.Now()), 0) + time.Second)
	}
}

// An ending is everything that is left of a federation's way, as text.
type ending struct{ world, record string }

// ends drives a federation to its rest, with a mishap or without one (nil), and says how it ended.
func (f *federator) ends(name string, m *mishap, begin func()) (e ending, happened bool) {
	f.t.Helper()
	happened = true
	if m == nil {
		begin()
		f.rest()
	} else {
		check := f.prepare(*m, name)
		begin()
		f.rest()
		happened = check()
	}
	return ending{f.snapshot(name) + f.announcements(name), f.outcome(name)}, happened
}

// announcements are the kinds of events that tell of a federation.
func (f *federator) announcements(name string) string {
	f.t.Helper()
	var b strings.Builder
	for _, kind := range []string{event.FederationReady, event.FederationBlocked, event.FederationRemoved} {
		if len(f.told(kind, name)) > 0 {
			fmt.Fprintln(&b, "announced:", kind)
		}
	}
	return b.String()
}

func (f *federator) goesUp(name string, m *mishap) (ending, bool) {
	f.t.Helper()
	before := len(f.Secrets.Passwords())
	defer func() {
		for _, password := range f.Secrets.Passwords()[before:] {
			// What PostgreSQL keeps of a password by its md5 method, which is as good as the password.
			verifier := md5.Sum([]byte(password.Reveal() + loginOf(name)))
			run.search([]secret.Value{secret.New(hex.EncodeToString(verifier[:]))})
		}
	}()
	return f.ends(name, m, func() { f.request(orders(name)) })
}

func (f *federator) goesDown(name string, m *mishap) (ending, bool) {
	f.t.Helper()
	return f.ends(name, m, func() { f.withdraw(name) })
}

// A model is the way of a federation that nothing disturbs: where something can go wrong, and how it ends nevertheless.
type model struct {
	up, down ending
	sites    []site
}

// undisturbed goes the way twice. It fails the test if a federation that nothing disturbs leaves something behind.
func (f *federator) undisturbed() (m model) {
	f.t.Helper()
	var empty string
	for i := range 2 {
		name := fmt.Sprintf("model-%d", i+1)
		if i == 0 {
			empty = f.snapshot(name)
		}
		since := f.mark()
		up, _ := f.goesUp(name, nil)
		sites := f.sites(wayUp, name, since)
		since = f.mark()
		down, _ := f.goesDown(name, nil)
		sites = append(sites, f.sites(wayDown, name, since)...)
		switch {
		case f.snapshot(name) != empty:
			f.t.Fatalf("an undisturbed federation leaves something behind:\n%s", differences(empty, down.world))
		case !strings.Contains(up.record, `"Ready"`) || !strings.Contains(down.record, `"Removed"`):
			f.t.Fatalf("an undisturbed federation ends as %s, %s\n%s", up.record, down.record, f.lastWords())
		case i == 0:
			m = model{up, down, sites}
		case up != m.up || down != m.down:
			f.t.Fatalf("undisturbed federations differ:\n%s%s", differences(m.up.text(), up.text()), differences(m.down.text(), down.text()))
		default:
			m.sites = common(m.sites, sites)
		}
	}
	return m
}

// wordsOn is what the functions' logs said last of a federation.
func (f *federator) wordsOn(name string) string {
	const most = 12 // lines of a function
	var words []string
	for _, fn := range []function{f.provision, f.login} {
		lines := slices.DeleteFunc(f.Lambda.Logs(fn.name), func(line string) bool { return !strings.Contains(line, name) })
		words = append(words, lines[max(0, len(lines)-most):]...)
	}
	return strings.Join(words, "\n")
}

func (e ending) text() string { return e.world + "record: " + e.record + "\n" }

// differences are the lines of only one of two texts.
func differences(want, got string) string {
	var b strings.Builder
	once := func(sign, a, other string) {
		for line := range strings.Lines(a) {
			if !strings.Contains("\n"+other, "\n"+line) {
				fmt.Fprintf(&b, "  %s %s\n", sign, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	once("missing:", want, got)
	once("instead:", got, want)
	return b.String()
}
