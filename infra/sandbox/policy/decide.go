package policy

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A Set is all policies that have a say in a request within one account. A nil policy is one that is not there.
type Set struct {
	Identity []*Policy
	Boundary *Policy
	Session  *Policy
	Resource *Policy // of the resource; the trust policy where a role is to be assumed
	// Sovereign says that identity policies have no say unless Resource hands the decision to the account. It is so
	// with the key policies of KMS, and always with trust policies.
	Sovereign bool
}

// A Decision is the answer, with its reason.
type Decision struct {
	Allowed bool
	Policy  string // name of the policy that decided; empty if nothing allows the request
	By      string // Sid or place of the statement that decided
	Reason  string // of a refusal, in AWS's words: "because no identity-based policy allows the … action"
}

// The names that AWS's messages have for the policies.
const (
	identityBased = "identity-based policy"
	resourceBased = "resource-based policy"
	boundary      = "permissions boundary"
	session       = "session policy"
)

// Decide weighs the policies. Within one account, a resource policy that names the caller is enough; one that names
// only the account leaves the decision to the identity policies. A trust policy and a sovereign one must name one or
// the other.
func (s Set) Decide(r Request) Decision {
	keys := newContext(r.Context)
	if d, denied := s.denied(r, keys); denied {
		return d
	}
	granted, by := s.Resource.grants(r, keys)
	if granted == itself {
		return by
	}
	if granted == notNamed && (s.Sovereign || s.Resource.isTrust()) {
		return Decision{Reason: nothingAllows(resourceBased, r.Action)}
	}
	if granted != viaRole {
		by = firstAllow(s.Identity, r, keys)
		if !by.Allowed {
			return refusal(r)
		}
	}
	for _, limit := range []struct {
		policy *Policy
		name   string
	}{{s.Boundary, boundary}, {s.Session, session}} {
		if limit.policy != nil && !firstAllow([]*Policy{limit.policy}, r, keys).Allowed {
			return Decision{Policy: limit.policy.name, Reason: nothingAllows(limit.name, r.Action)}
		}
	}
	return by
}

// refusal is the answer when neither the resource's policy nor an identity policy allows a request. A service has no
// identity policies.
func refusal(r Request) Decision {
	if r.Principal.Service != "" {
		return Decision{Reason: nothingAllows(resourceBased, r.Action)}
	}
	return Decision{Reason: nothingAllows(identityBased, r.Action)}
}

func nothingAllows(kind, action string) string {
	return fmt.Sprintf("because no %s allows the %s action", kind, action)
}

// denied looks for an explicit deny.
func (s Set) denied(r Request, keys context) (Decision, bool) {
	for _, group := range []struct {
		policies []*Policy
		name     string
	}{
		{s.Identity, "an " + identityBased}, {[]*Policy{s.Boundary}, "a " + boundary},
		{[]*Policy{s.Session}, "a " + session}, {[]*Policy{s.Resource}, "a " + resourceBased},
	} {
		for _, p := range group.policies {
			for st := range p.about(r, keys) {
				if !st.allow {
					return Decision{Policy: p.name, By: st.label, Reason: "with an explicit deny in " + group.name}, true
				}
			}
		}
	}
	return Decision{}, false
}

// about iterates over the statements that apply to the request and, where they name principals, to who asks.
func (p *Policy) about(r Request, keys context) func(yield func(statement) bool) {
	return func(yield func(statement) bool) {
		if p == nil {
			return
		}
		for _, st := range p.statements {
			if st.kind != Identity && st.principal.names(r.Principal) == notNamed {
				continue
			}
			if st.applies(r, keys) && !yield(st) {
				return
			}
		}
	}
}

// grants tells how far the resource's policy allows the request.
func (p *Policy) grants(r Request, keys context) (granted reach, by Decision) {
	for st := range p.about(r, keys) {
		if named := st.principal.names(r.Principal); st.allow && named > granted {
			granted, by = named, Decision{Allowed: true, Policy: p.name, By: st.label}
		}
	}
	return granted, by
}

// isTrust reports whether p says who may assume a role.
func (p *Policy) isTrust() bool {
	return p != nil && slices.ContainsFunc(p.statements, func(s statement) bool { return s.kind == Trust })
}

// firstAllow finds the statement that allows the request.
func firstAllow(policies []*Policy, r Request, keys context) Decision {
	for _, p := range policies {
		for st := range p.about(r, keys) {
			if st.allow {
				return Decision{Allowed: true, Policy: p.name, By: st.label}
			}
		}
	}
	return Decision{}
}

// Err is nil if the request is allowed, and otherwise the refusal as AWS words it.
func (d Decision) Err(r Request) error {
	if d.Allowed {
		return nil
	}
	on := ""
	if r.Resource != "*" && r.Resource != "" {
		on = " on resource: " + r.Resource
	}
	return &awshttp.Error{Status: 403, Code: "AccessDeniedException",
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", r.Principal, r.Action, on, d.Reason)}
}
