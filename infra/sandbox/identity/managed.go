package identity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A managed policy stands by itself and is attached to users and roles, or bounds them.
type managed struct {
	name, path, id, description string
	created                     time.Time
	versions                    []policyVersion // oldest first; never empty
	chosen                      int             // number of the default version
}

func (m *managed) arn() string { return arn("policy", m.path, m.name) }

func (s *Store) managedOperations() map[string]awshttp.Operation {
	return map[string]awshttp.Operation{
		"CreatePolicy":        operation(s.createPolicy),
		"CreatePolicyVersion": operation(s.createPolicyVersion),
		"DeletePolicy":        operation(s.deletePolicy),
		"DeletePolicyVersion": operation(s.deletePolicyVersion),
		"GetPolicy":           operation(s.getPolicy),
		"GetPolicyVersion":    operation(s.getPolicyVersion),
		"ListPolicies":        operation(s.listPolicies),
		"ListPolicyVersions":  operation(s.listPolicyVersions),
	}
}

type policyOutput struct {
	PolicyName, PolicyId, Arn, Path, DefaultVersionId string
	AttachmentCount, PermissionsBoundaryUsageCount    int32
	IsAttachable                                      bool
	Description                                       string `json:",omitempty"`
	CreateDate, UpdateDate                            time.Time
}

// output describes a policy. The caller holds s.mu.
func (s *Store) output(m *managed) policyOutput {
	out := policyOutput{PolicyName: m.name, PolicyId: m.id, Arn: m.arn(), Path: m.path, DefaultVersionId: m.current().id(),
		IsAttachable: true, Description: m.description, CreateDate: m.created, UpdateDate: m.versions[len(m.versions)-1].created}
	for e := range s.entities {
		if slices.Contains(e.attached, out.Arn) {
			out.AttachmentCount++
		}
		if e.boundary == out.Arn {
			out.PermissionsBoundaryUsageCount++
		}
	}
	return out
}

// entities iterates over all users and roles. The caller holds s.mu.
func (s *Store) entities(yield func(*entity) bool) {
	for _, r := range s.roles {
		if !yield(&r.entity) {
			return
		}
	}
	for _, u := range s.users {
		if !yield(&u.entity) {
			return
		}
	}
}

type createPolicyInput struct {
	PolicyName        string `aws:"required"`
	PolicyDocument    string `aws:"required"`
	Path, Description string
}

func (s *Store) createPolicy(call *awshttp.Call, in createPolicyInput) (any, error) {
	// A policy's name and path follow the rules of an entity's.
	e, err := s.newEntity("policy", "ANPA", in.PolicyName, in.Path)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "iam:CreatePolicy", Resource: e.arn()}); err != nil {
		return nil, err
	}
	d, err := readManaged(in.PolicyName, in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.managed {
		if folded(other.name) == folded(in.PolicyName) {
			return nil, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", in.PolicyName)
		}
	}
	m := &managed{name: e.name, path: e.path, id: e.id, description: in.Description, created: e.created,
		versions: []policyVersion{{1, d, e.created}}, chosen: 1}
	s.managed[m.arn()] = m
	return struct{ Policy policyOutput }{s.output(m)}, nil
}

// onPolicy authorizes a call on a managed policy and then does it, with s.mu held.
func (s *Store) onPolicy(call *awshttp.Call, arn string, do func(*managed) (any, error)) (any, error) {
	if err := call.Authorize(awshttp.Access{Action: "iam:" + call.Operation, Resource: arn}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.managed[arn]
	if m == nil {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	return do(m)
}

type policyInput struct {
	PolicyArn string `aws:"required"`
}

func (s *Store) getPolicy(call *awshttp.Call, in policyInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		return struct{ Policy policyOutput }{s.output(m)}, nil
	})
}

type listPoliciesInput struct {
	Scope string
	listInput
}

// listPolicies lists what the account made: there are no policies of AWS's own, whatever the scope.
func (s *Store) listPolicies(call *awshttp.Call, in listPoliciesInput) (any, error) {
	if err := call.Authorize(awshttp.Access{Action: "iam:ListPolicies", Resource: arn("policy", cmp.Or(in.PathPrefix, "/"), "")}); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []policyOutput{}
	for _, m := range s.managed {
		if in.Scope != "AWS" && strings.HasPrefix(m.path, in.PathPrefix) {
			found = append(found, s.output(m))
		}
	}
	slices.SortFunc(found, func(a, b policyOutput) int { return strings.Compare(a.Arn, b.Arn) })
	items, more, err := cut(found, func(p policyOutput) string { return p.Arn }, in.paging)
	return struct {
		Policies []policyOutput
		page
	}{items, more}, err
}

func (s *Store) deletePolicy(call *awshttp.Call, in policyInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		if out := s.output(m); out.AttachmentCount+out.PermissionsBoundaryUsageCount > 0 {
			return nil, deleteConflict("Cannot delete a policy attached to entities.")
		}
		if len(m.versions) > 1 {
			return nil, deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		delete(s.managed, m.arn())
		return nil, nil
	})
}
