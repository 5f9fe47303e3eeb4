package identity

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// trusting are the actions whose resource policy is the trust policy of a role.
var trusting = []string{assumeRole, assumeByWeb, assumeBySSO, tagSession}

// Authorize decides by the policies of p, of its session and of the resource; see [awshttp.Authorizer]. For
// sts:AssumeRole and its kin the resource policy is the role's trust policy.
func (s *Store) Authorize(p awshttp.Principal, a awshttp.Access) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	set, keys, err := s.held(p)
	if err != nil {
		return err
	}
	set.Sovereign = a.Sovereign
	if a.ResourcePolicy != "" {
		kind := policy.Resource
		if slices.Contains(trusting, a.Action) {
			kind = policy.Trust
		}
		if set.Resource, err = policy.Parse(kind, "of "+a.Resource, a.ResourcePolicy); err != nil {
			return fmt.Errorf("authorize %s on %s: %w", a.Action, a.Resource, err)
		}
	}
	r := policy.Request{Principal: p, Action: a.Action, Resource: a.Resource, Context: s.context(p, a, keys)}
	return set.Decide(r).Err(r)
}

// held returns the policies that p has, and the condition keys that come from what it is.
func (s *Store) held(p awshttp.Principal) (policy.Set, map[string][]string, error) {
	switch {
	case p.Service != "":
		return policy.Set{}, map[string][]string{
			"aws:PrincipalIsAWSService": {"true"},
			"aws:PrincipalServiceName":  {p.Service},
			"aws:PrincipalType":         {"Service"},
		}, nil
	case p.Federated != "":
		return policy.Set{}, map[string][]string{"aws:FederatedProvider": {p.Federated}, "aws:PrincipalIsAWSService": {"false"}}, nil
	case p.Role != "":
		v, ok := s.seen(p.Role)
		if !ok {
			return policy.Set{}, nil, unknownToken()
		}
		set := policy.Set{Identity: v.policies, Boundary: v.boundary}
		if id := p.Context[sessionKey]; len(id) == 1 {
			set.Session = s.sessions[id[0]].policy
		}
		return set, principalKeys("AssumedRole", p.Role, p, v.role.tags), nil
	default:
		u := s.userByARN(p.ARN)
		if u == nil {
			return policy.Set{}, nil, unknownToken()
		}
		set := policy.Set{}
		set.Identity, set.Boundary = s.policies(&u.entity)
		keys := principalKeys("User", u.arn(), p, u.tags)
		keys["aws:username"] = []string{u.name}
		return set, keys, nil
	}
}

func principalKeys(kind, arn string, p awshttp.Principal, tags map[string]string) map[string][]string {
	keys := map[string][]string{
		"aws:PrincipalIsAWSService": {"false"},
		"aws:PrincipalType":         {kind},
		"aws:PrincipalArn":          {arn},
		"aws:PrincipalAccount":      {p.Account},
		"aws:userid":                {p.UserID},
	}
	for name, value := range tags {
		keys["aws:PrincipalTag/"+name] = []string{value}
	}
	return keys
}

// context is all condition keys of a call. What the call says never replaces what is known of its principal.
func (s *Store) context(p awshttp.Principal, a awshttp.Access, principal map[string][]string) map[string][]string {
	now := s.clock.Now()
	keys := map[string][]string{"aws:RequestedRegion": {awshttp.DefaultRegion}}
	maps.Copy(keys, a.Context)
	maps.Copy(keys, p.Context)
	maps.Copy(keys, principal)
	keys["aws:CurrentTime"] = []string{now.Format(time.RFC3339)}
	keys["aws:EpochTime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	keys["aws:SecureTransport"] = []string{"true"} // the endpoint is on the loopback interface
	return keys
}
