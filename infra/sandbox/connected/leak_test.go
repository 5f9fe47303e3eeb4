package connected_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// A ledger keeps what was said to anybody, and the secrets that must not be in it.
type ledger struct {
	mu      sync.Mutex
	said    []string
	secrets map[string]bool
}

// book is the ledger of all tests of this package. It is looked through when they are over.
var book ledger

// say notes what people may get to see.
func (l *ledger) say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, text)
}

// heard notes an error and all its causes, as careless programs print them, and returns it.
func (l *ledger) heard(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		l.say(fmt.Sprintf("%v\n%+v\n%#v", e, e, e))
	}
	return err
}

// hide notes secrets.
func (l *ledger) hide(secrets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.secrets == nil {
		l.secrets = make(map[string]bool)
	}
	for _, s := range secrets {
		if s != "" {
			l.secrets[s] = true
		}
	}
}

// note takes what a world knows: its logins, and its record of calls, in which no secret may be either.
func (l *ledger) note(w *world.World) {
	l.hide(w.Operator.SecretAccessKey.Reveal())
	for _, password := range w.Minted() {
		l.hide(password.Reveal())
	}
	l.say(string(must(json.Marshal(w.AWS.Calls().List(awshttp.Filter{})))))
}

// size is how many secrets are noted.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.secrets)
}

// leaks is what was said before secrets that were said, with the secrets masked.
func (l *ledger) leaks() (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Join(l.said, "\n")
	var masks []string
	for s := range l.secrets {
		masks = append(masks, s, fmt.Sprintf("[%d characters]", len(s)))
	}
	mask := strings.NewReplacer(masks...)
	for s := range l.secrets {
		if before, _, leaked := strings.Cut(all, s); leaked {
			found = append(found, mask.Replace(before[max(0, len(before)-200):]+s))
		}
	}
	return found
}

// The search at the end can find something.
func TestLeaksAreFound(t *testing.T) {
	var l ledger
	l.hide("hush-hush", "quiet")
	l.say("all is well")
	if found := l.leaks(); found != nil {
		t.Errorf("leaks() = %q in what holds no secret", found)
	}
	_ = l.heard(fmt.Errorf("outside: %w", errors.New("the password is hush-hush, really")))
	if found := l.leaks(); len(found) != 1 || !strings.Contains(found[0], "password is [9 characters]") || strings.Contains(found[0], "hush-hush") {
		t.Errorf("leaks() = %q", found)
	}
}

// The book knows what came by wire, also what no test asked for by name.
func TestBookKnowsSecrets(t *testing.T) {
	s := begin(t)
	_, key := s.user(mayLogIn, allow("sts:AssumeRole", "*"))
	_, role := s.role(trustAccount, mayLogIn)
	before := book.size()
	if _, err := s.whoami(s.own(keyOf(key), map[string]string{"RoleArn": role})); err != nil {
		t.Fatal(err)
	}
	if more := book.size() - before; more != 3 {
		t.Errorf("the book learned %d secrets; want key and token of the role's session, and the login's password", more)
	}
}
