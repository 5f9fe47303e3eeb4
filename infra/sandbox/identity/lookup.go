package identity

import (
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
	"github.com/sluicehq/sluice/shared/secret"
)

// An accessKey is a long-term key of a user.
type accessKey struct {
	id      string
	secret  secret.Value
	user    string // name
	created time.Time
}

// A live session is one use of a role, with its own key.
type live struct {
	secret, token secret.Value
	principal     awshttp.Principal
	roleID        string // a role that was deleted and made again is another one
	expires       time.Time
	policy        *policy.Policy // nil if the session has none
}

// sessionKey is the condition key by which a principal's calls find its session policy: sessions may share a name.
const sessionKey = "sandbox:session"

// Lookup tells who holds an access key; see [awshttp.Caller].
func (s *Store) Lookup(id, token string) (string, awshttp.Principal, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if key, ok := s.keys[id]; ok && token == "" {
		u, err := s.findUser(key.user)
		if err != nil {
			return "", awshttp.Principal{}, unknownToken()
		}
		return key.secret.Reveal(), u.principal(), nil
	}
	session, ok := s.sessions[id]
	if !ok || subtle.ConstantTimeCompare([]byte(session.token.Reveal()), []byte(token)) == 0 {
		return "", awshttp.Principal{}, unknownToken()
	}
	if !s.clock.Now().Before(session.expires) {
		return "", awshttp.Principal{}, &awshttp.Error{Status: http.StatusForbidden, Code: "ExpiredTokenException",
			Message: "The security token included in the request is expired"}
	}
	if v, ok := s.seen(session.principal.Role); !ok || v.role.id != session.roleID {
		return "", awshttp.Principal{}, unknownToken()
	}
	return session.secret.Reveal(), session.principal, nil
}

func unknownToken() error {
	return &awshttp.Error{Status: http.StatusForbidden, Code: "UnrecognizedClientException",
		Message: "The security token included in the request is invalid."}
}
