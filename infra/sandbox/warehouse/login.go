package warehouse

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/shared/secret"
)

// A Login is one temporary way into the cluster.
type Login struct {
	User       string // the database user whose session it is
	Name       string // what the client logs in as, with the prefix: IAM:user, IAMA:user:group, IAMR:role
	Password   secret.Value
	Database   string   // the only database it opens; empty is any
	Groups     []string // joined for the session
	AutoCreate bool     // make the user at login if there is none
	Expires    time.Time
}

// remembered is how long an expired login is still told from one that never was.
const remembered = 7 * 24 * time.Hour

// temporary reports whether a name can only be that of a temporary login. Database users with such names are those of IAM
// identities, and have no password of their own.
func temporary(name string) bool {
	return strings.HasPrefix(name, "IAM:") || strings.HasPrefix(name, "IAMA:") || strings.HasPrefix(name, "IAMR:")
}

// A book holds the temporary logins. Of a password it keeps a digest.
type book struct {
	clock  Clock
	mu     sync.Mutex
	logins map[string][]entry // by name, the oldest first
}

type entry struct {
	Login
	digest [sha256.Size]byte
}

func newBook(clock Clock) *book { return &book{clock: clock, logins: map[string][]entry{}} }

func (b *book) add(l Login) {
	digest := sha256.Sum256([]byte(l.Password.Reveal()))
	l.Password, l.Groups = secret.Value{}, slices.Clone(l.Groups)
	b.mu.Lock()
	defer b.mu.Unlock()
	forget := b.clock.Now().Add(-remembered)
	kept := slices.DeleteFunc(b.logins[l.Name], func(e entry) bool { return e.Expires.Before(forget) })
	b.logins[l.Name] = append(kept, entry{l, digest})
}

// find returns the login with that name and password, if it is still good. It looks at every login of the
// name, so that the time it takes tells nothing.
func (b *book) find(name string, password secret.Value) (Login, error) {
	digest := sha256.Sum256([]byte(password.Reveal()))
	b.mu.Lock()
	defer b.mu.Unlock()
	var found *Login
	for i, e := range b.logins[name] {
		if subtle.ConstantTimeCompare(e.digest[:], digest[:]) == 1 {
			found = &b.logins[name][i].Login
		}
	}
	switch {
	case found == nil:
		return Login{}, wrongPassword(name)
	case !b.clock.Now().Before(found.Expires):
		return Login{}, &refusal{code: invalidAuthorization, message: "IAM Authentication token has expired"}
	}
	return *found, nil
}

// authorize finds out who the client is: the login that it has, or an error to tell it.
func (e *Endpoint) authorize(ctx context.Context, c *client) (Login, error) {
	name, database := c.parameters["user"], c.database()
	if !c.encrypted {
		return Login{}, e.plaintext(c)
	}
	password, err := c.askPassword()
	if err != nil {
		return Login{}, err
	}
	if !temporary(name) {
		return Login{User: name, Name: name}, e.directory.verify(ctx, name, password)
	}
	login, err := e.book.find(name, password)
	if err == nil && login.Database != "" && login.Database != database {
		return Login{}, &refusal{code: invalidAuthorization, message: fmt.Sprintf("user %q is not authorized to log on to database %q", name, database)}
	}
	return login, err
}

// plaintext is what a client hears that did not ask for TLS. Its password was never asked for.
func (e *Endpoint) plaintext(c *client) error {
	name := c.parameters["user"]
	if temporary(name) {
		r := wrongPassword(name)
		r.hint = "A temporary login needs SSL: use sslmode=verify-full."
		return r
	}
	host, _, _ := strings.Cut(c.conn.RemoteAddr().String(), ":") // IPv4: the endpoint listens on 127.0.0.1
	return &refusal{code: invalidAuthorization,
		message: fmt.Sprintf("no pg_hba.conf entry for host %q, user %q, database %q, SSL off", host, name, c.database())}
}

// database is the one that the client asks for; by default it has the name of the user.
func (c *client) database() string {
	if database := c.parameters["database"]; database != "" {
		return database
	}
	return c.parameters["user"]
}
