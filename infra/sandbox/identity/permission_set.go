package identity

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// portalProvider is how IAM Identity Center is a provider of the account. Its roles trust nobody else.
const (
	portalProvider = "arn:" + awshttp.Partition + ":iam::" + awshttp.Account + ":saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"
	portalTrust    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + portalProvider + `"},` +
		`"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Condition":{"StringEquals":{"SAML:aud":"` + portalAudience + `"}}}}`
	portalAudience = "https://signin.aws.amazon.com/saml"
)

// AddPermissionSet makes the role that IAM Identity Center would make in the account for a permission set with inline
// policies, name to document, and returns its ARN. It is AWSReservedSSO_NAME_SUFFIX, with a suffix that nobody
// chooses. It panics on a name that no role can have and on a policy that cannot be read: the sandbox must not start so.
//
// IAM does not protect the role from changes as AWS does.
func (s *Store) AddPermissionSet(name string, policies map[string]string) string {
	suffix := make([]byte, 8)
	_, _ = rand.Read(suffix) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.reserved(fmt.Sprintf("AWSReservedSSO_%s_%x", name, suffix), policies)
	if err != nil {
		panic(fmt.Sprintf("add permission set %q: %v", name, err))
	}
	s.roles[folded(r.name)] = r
	return r.arn()
}

// reserved makes a role of IAM Identity Center. The caller holds s.mu.
func (s *Store) reserved(name string, policies map[string]string) (*role, error) {
	e, err := s.newEntity("role", "AROA", name, "/aws-reserved/sso.amazonaws.com/")
	if err != nil {
		return nil, err
	}
	r := &role{entity: e, maxSession: maxSession}
	if r.trust, err = readDocument(policy.Trust, "trust of "+name, portalTrust); err != nil {
		return nil, err
	}
	for title, text := range policies {
		if err := r.putInline(title, text); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// AssumePermissionSet makes the session of a permission set's role that IAM Identity Center gives to a user. The
// role's trust policy decides. Errors are those of [Store.Assume].
func (s *Store) AssumePermissionSet(roleARN, user string, ttl time.Duration) (Credentials, awshttp.Principal, error) {
	a := assumption{
		by: awshttp.Principal{Federated: portalProvider}, role: roleARN, session: user, ttl: ttl,
		action: assumeBySSO, keys: map[string][]string{"SAML:aud": {portalAudience}},
	}
	if err := a.wellFormed(); err != nil {
		return Credentials{}, awshttp.Principal{}, err
	}
	if err := s.Authorize(a.by, s.asks(a)); err != nil {
		return Credentials{}, awshttp.Principal{}, err
	}
	return s.assume(a)
}
