// Package identity plays IAM and STS: users with access keys, roles with their sessions, and their policies.
//
// A [Store] answers the two services, tells the server who holds an access key, and decides every call by the
// policies of its caller. Entities exist in one account. Changes count at once unless [Store.SetDelay] makes those of
// roles late, as AWS's are.
//
// Sessions of roles come from AssumeRole, with an external id and from a session of another role too, from
// AssumeRoleWithWebIdentity for the tokens of an [Issuer], and from [Store.Assume] and [Store.AssumePermissionSet] for
// what services do. Providers of identities are made in Go; IAM's operations for them are not here, nor are session tags, source identities, managed
// session policies and multi-factor devices. A trust policy may name a provider that the account does not have.
package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Store is the identities of the account. Its methods may be called from several goroutines.
type Store struct {
	clock *clock.Clock

	mu       sync.RWMutex
	users    map[string]*user     // by name in lower case: names differ in more than case
	roles    map[string]*role     // likewise
	managed  map[string]*managed  // by ARN
	keys     map[string]accessKey // by access key id
	sessions map[string]live      // by access key id
	delay    time.Duration        // until changes of roles count
	history  map[string][]version // of roles that changed lately, as roles are named, the oldest first
	issuers  map[string]trusted   // providers of identities, by URL
}

// Credentials sign calls. SessionToken is empty and Expires zero for the key of a user.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey secret.Value
	SessionToken    secret.Value
	Expires         time.Time
}

// New returns an account without anybody in it.
func New(c *clock.Clock) *Store {
	return &Store{
		clock: c,
		users: map[string]*user{}, roles: map[string]*role{}, managed: map[string]*managed{},
		keys: map[string]accessKey{}, sessions: map[string]live{}, history: map[string][]version{}, issuers: map[string]trusted{},
	}
}

// Services are IAM and STS.
func (s *Store) Services() []awshttp.Service { return []awshttp.Service{s.iam(), s.sts()} }

// AddUser makes a user with inline policies, name to document, and a key: somebody has to be there before the first
// call. It panics on a policy that cannot be read or a user that is there already: the sandbox must not start so.
func (s *Store) AddUser(name string, policies map[string]string) Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.newUser(name, "/")
	if err != nil {
		panic(fmt.Sprintf("add user %q: %v", name, err))
	}
	for title, text := range policies {
		if err := u.putInline(title, text); err != nil {
			panic(fmt.Sprintf("add user %q: %v", name, err))
		}
	}
	return s.newKey(u)
}

// identifier makes a unique id with one of IAM's prefixes, for example AROA of roles.
func identifier(prefix string, length int) string {
	b := make([]byte, length)
	_, _ = rand.Read(b) // never fails
	return prefix + base32.StdEncoding.EncodeToString(b)[:length-len(prefix)]
}

// newSecret makes a secret of n random bytes.
func newSecret(n int) secret.Value {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(b))
}
