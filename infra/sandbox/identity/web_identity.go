package identity

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// trusted is an issuer that the account believes, about tokens for some audiences.
type trusted struct {
	*Issuer
	audiences []string
}

// AddIssuer makes the account believe the tokens of an issuer that are for one of the audiences, as
// iam:CreateOpenIDConnectProvider with its client ids does. It replaces an issuer of the same URL.
func (s *Store) AddIssuer(i *Issuer, audiences ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issuers[i.url] = trusted{i, slices.Clone(audiences)}
}

type webIdentityInput struct {
	RoleArn          string `aws:"required"`
	RoleSessionName  string `aws:"required"`
	WebIdentityToken string `aws:"required"`
	DurationSeconds  *int32
	Policy           string
}

// answerWebIdentity makes a session for who brings a token. The call has no signature: the token is all there is, and
// the role's trust policy decides about the issuer, the audience and the subject.
func (s *Store) answerWebIdentity(call *awshttp.Call, in webIdentityInput) (any, error) {
	a, err := wish(awshttp.Principal{}, in.RoleArn, in.RoleSessionName, in.DurationSeconds, in.Policy)
	if err != nil {
		return nil, err
	}
	issuer, said, err := s.believe(in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	call.Principal = awshttp.Principal{Federated: issuer.ARN()}
	a.by, a.action = call.Principal, assumeByWeb
	a.keys = map[string][]string{issuer.name() + ":aud": {said.Audience}, issuer.name() + ":sub": {said.Subject}}
	if err := call.Authorize(s.asks(a)); err != nil {
		if _, refused := errors.AsType[*awshttp.Error](err); refused { // AWS does not tell a stranger more
			err = &awshttp.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Not authorized to perform " + assumeByWeb}
		}
		return nil, err
	}
	key, p, err := s.assume(a)
	if err != nil {
		return nil, err
	}
	return struct {
		sessionOutput
		SubjectFromWebIdentityToken, Provider, Audience string
	}{shownSession(key, p), said.Subject, issuer.url, said.Audience}, nil
}

// believe checks a token. Messages are AWS's, but for the one about the signature.
func (s *Store) believe(token string) (trusted, claims, error) {
	said, err := readClaims(token)
	if err != nil {
		return trusted{}, claims{}, invalidIdentity("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	s.mu.RLock()
	issuer, ok := s.issuers[said.Issuer]
	s.mu.RUnlock()
	now := s.clock.Now().Unix()
	switch {
	case !ok:
		return trusted{}, claims{}, invalidIdentity("No OpenIDConnect provider found in your account for " + said.Issuer)
	case !issuer.signed(token):
		return trusted{}, claims{}, invalidIdentity("The signature of the token is not by a key of " + said.Issuer)
	case !slices.Contains(issuer.audiences, said.Audience):
		return trusted{}, claims{}, invalidIdentity("Incorrect token audience")
	case now >= said.Expires:
		return trusted{}, claims{}, &awshttp.Error{Code: "ExpiredTokenException", Exact: true,
			Message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now, said.Expires)}
	}
	return issuer, said, nil
}

func invalidIdentity(message string) error {
	return &awshttp.Error{Code: "InvalidIdentityToken", Message: message}
}
