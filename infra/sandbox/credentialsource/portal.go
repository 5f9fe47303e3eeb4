package credentialsource

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/secret"
)

// permissionSetLife is how long sessions of permission sets live where nobody has said otherwise.
const permissionSetLife = time.Hour

// A Portal is the access portal of IAM Identity Center: it gives people who have signed in the sessions of their
// permission sets. An SDK finds their token in the folder .aws/sso/cache of their home.
//
// It has GetRoleCredentials. Signing in happens by [Portal.SignIn] alone: the operations of SSO OIDC, by which tools
// sign in and renew tokens, are not here, so that a token in the cache must be good for longer than the SDK wants to
// renew it beforehand. Neither start URLs nor regions are checked, as the portal does not see the former.
//
// Source: IAM Identity Center Portal API Reference, "GetRoleCredentials".
type Portal struct {
	clock *clock.Clock
	roles *identity.Store

	mu     sync.Mutex
	sets   map[string]string   // permission sets: name to the ARN of its role
	people map[string]signedIn // by token
}

type signedIn struct {
	user string
	ends time.Time
	sets []string // that are assigned
}

// NewPortal returns a portal without permission sets, where nobody has signed in.
func NewPortal(c *clock.Clock, roles *identity.Store) *Portal {
	return &Portal{clock: c, roles: roles, sets: map[string]string{}, people: map[string]signedIn{}}
}

// AddPermissionSet makes a permission set with inline policies, name to document, and its role in the account. It
// returns the role's ARN; in profiles, sso_role_name is the name of the set. See [identity.Store.AddPermissionSet].
func (p *Portal) AddPermissionSet(name string, policies map[string]string) string {
	role := p.roles.AddPermissionSet(name, policies)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sets[name] = role
	return role
}

// SignIn returns the token of a user who has signed in for life and has the permission sets. Sessions have the name
// of the user, for example alice@example.com.
func (p *Portal) SignIn(user string, life time.Duration, sets ...string) secret.Value {
	token := newToken()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people[token.Reveal()] = signedIn{user, p.clock.Now().Add(life), slices.Clone(sets)}
	return token
}

// AWS is the portal's API. Its calls are not signed.
func (p *Portal) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "awsssoportal", Protocol: awshttp.RESTJSON, Internal: "InternalFailure", Invalid: "InvalidRequestException", Throttled: "TooManyRequestsException",
		Routes:     map[string]string{"GET /federation/credentials": "GetRoleCredentials"},
		Operations: map[string]awshttp.Operation{"GetRoleCredentials": p.roleCredentials},
		Unsigned:   []string{"GetRoleCredentials"},
	}
}

type roleCredentialsInput struct {
	AccessToken string `aws:"header=x-amz-sso_bearer_token,required" json:"accessToken"`
	AccountId   string `aws:"query=account_id,required" json:"accountId"`
	RoleName    string `aws:"query=role_name,required" json:"roleName"`
}

type roleCredentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
	Expiration      int64  `json:"expiration"` // milliseconds since 1970
}

func (p *Portal) roleCredentials(_ context.Context, call *awshttp.Call) (any, error) {
	var in roleCredentialsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	role, user, err := p.assigned(in)
	if err != nil {
		return nil, err
	}
	key, _, err := p.roles.AssumePermissionSet(role, user, permissionSetLife)
	if refused, ok := errors.AsType[*awshttp.Error](err); ok && refused.Status == http.StatusForbidden {
		return nil, noAccess()
	}
	if err != nil {
		return nil, err
	}
	return struct {
		RoleCredentials roleCredentials `json:"roleCredentials"`
	}{roleCredentials{key.AccessKeyID, key.SecretAccessKey.Reveal(), key.SessionToken.Reveal(), key.Expires.UnixMilli()}}, nil
}

// assigned finds the role that the bearer of a token asks for.
func (p *Portal) assigned(in roleCredentialsInput) (role, user string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bearer, ok := p.people[in.AccessToken]
	if !ok || !p.clock.Now().Before(bearer.ends) {
		return "", "", &awshttp.Error{Status: http.StatusUnauthorized, Code: "UnauthorizedException", Message: "Session token not found or invalid"}
	}
	role, ok = p.sets[in.RoleName]
	if !ok || in.AccountId != awshttp.Account || !slices.Contains(bearer.sets, in.RoleName) {
		return "", "", noAccess()
	}
	return role, bearer.user, nil
}

func noAccess() error {
	return &awshttp.Error{Status: http.StatusForbidden, Code: "ForbiddenException", Message: "No access"}
}
