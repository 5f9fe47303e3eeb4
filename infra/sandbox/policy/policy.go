// Package policy reads IAM policy documents and decides by them as AWS does.
//
// [Parse] refuses a document that it does not understand in full: a condition operator or a key of a statement that
// is ignored would make the sandbox's answers worthless. [Set.Decide] weighs the identity policies, the boundary, the
// session policy and the resource's policy of one request; an explicit deny in any of them wins, and nothing is
// allowed that no statement allows.
//
// Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements reference".
package policy

import (
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A Kind says where a policy stands, and so which elements its statements have.
type Kind int

// The kinds of policies.
const (
	Identity Kind = iota // of a user or role, a boundary, a session policy: resources, no principal
	Resource             // of a resource: principals and resources
	Trust                // of a role, about who may assume it: principals, no resource
)

// A Policy is a document that has been read and understood.
type Policy struct {
	name       string
	statements []statement
}

// Principals lists the ARNs of users, roles and sessions that the policy names, in the order of its statements. IAM
// refuses a trust policy that names somebody who is not there.
func (p *Policy) Principals() []string {
	var all []string
	for _, s := range p.statements {
		for _, name := range s.principal.aws {
			if strings.HasPrefix(name, "arn:") && !strings.HasSuffix(name, ":root") {
				all = append(all, name)
			}
		}
	}
	return all
}

// A Request is what the policies are asked about. Context holds all condition keys, those of the call and those that
// the principal brings; their names are compared without case.
type Request struct {
	Principal        awshttp.Principal
	Action, Resource string
	Context          map[string][]string
}

type statement struct {
	label     string // its Sid, or its number in the document
	allow     bool
	actions   patterns
	resources patterns   // of no meaning in a trust policy
	principal principals // of no meaning in an identity policy
	condition []condition
	kind      Kind
}

// patterns is an element that has a negated twin, such as Action and NotAction.
type patterns struct {
	list    []template
	negated bool
}

// applies reports whether the statement is about the request, whoever asks.
func (s statement) applies(r Request, keys context) bool {
	if !s.actions.match(keys, func(p glob) bool { return p.folded().match(fold(r.Action)) }) {
		return false
	}
	if s.kind != Trust && !s.resources.match(keys, func(p glob) bool { return p.matchResource(r.Resource) }) {
		return false
	}
	for _, c := range s.condition {
		if !c.holds(keys) {
			return false
		}
	}
	return true
}

// match reports whether one of the patterns fits, or, negated, none. A pattern with a variable that has no value
// fits nothing.
func (p patterns) match(keys context, fits func(glob) bool) bool {
	for _, t := range p.list {
		if g, ok := t.expand(keys, true); ok && fits(g) {
			return !p.negated
		}
	}
	return p.negated
}
