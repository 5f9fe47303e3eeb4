package credentialsource

import (
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

// Times of the sessions that services make for a workload, and keep. AWS promises new credentials at least five
// minutes before the old ones end; six hours to live and new ones after one of them are the sandbox's choice.
const (
	sessionLife  = 6 * time.Hour
	sessionRenew = time.Hour
)

// A lease is the session of a role that one workload has by now. A service makes it when it is asked for, and
// another one when it has become an hour old; until then everybody who asks gets the same.
type lease struct {
	clock   *clock.Clock
	roles   *identity.Store
	service string // that assumes the role
	session string // name

	mu   sync.Mutex
	role string // ARN that key is for
	key  identity.Credentials
	made time.Time
}

// of returns the credentials of a role and when they were made. Errors are those of [identity.Store.Assume].
func (l *lease) of(role string) (identity.Credentials, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if l.role == role && now.Before(l.made.Add(sessionRenew)) {
		return l.key, l.made, nil
	}
	key, _, err := l.roles.Assume(awshttp.Principal{Service: l.service}, role, l.session, sessionLife)
	if err != nil {
		return identity.Credentials{}, time.Time{}, err
	}
	l.role, l.key, l.made = role, key, now
	return key, now, nil
}
