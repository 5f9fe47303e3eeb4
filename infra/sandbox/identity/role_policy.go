package identity

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func (s *Store) rolePolicyOperations() map[string]awshttp.Operation {
	return map[string]awshttp.Operation{
		"PutRolePolicy":                 operation(s.putRolePolicy),
		"GetRolePolicy":                 operation(s.getRolePolicy),
		"ListRolePolicies":              operation(s.listRolePolicies),
		"DeleteRolePolicy":              operation(s.deleteRolePolicy),
		"AttachRolePolicy":              operation(s.attachRolePolicy),
		"DetachRolePolicy":              operation(s.detachRolePolicy),
		"ListAttachedRolePolicies":      operation(s.listAttachedRolePolicies),
		"PutRolePermissionsBoundary":    operation(s.putRoleBoundary),
		"DeleteRolePermissionsBoundary": operation(s.deleteRoleBoundary),
	}
}

type putRolePolicyInput struct {
	RoleName       string `aws:"required"`
	PolicyName     string `aws:"required"`
	PolicyDocument string `aws:"required"`
}

func (s *Store) putRolePolicy(call *awshttp.Call, in putRolePolicyInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		return nil, r.putInline(in.PolicyName, in.PolicyDocument)
	})
}

type rolePolicyInput struct {
	RoleName   string `aws:"required"`
	PolicyName string `aws:"required"`
}

func (s *Store) getRolePolicy(call *awshttp.Call, in rolePolicyInput) (any, error) {
	return s.onRole(call, in.RoleName, nil, func(r *role) (any, error) {
		d, err := r.findInline(in.PolicyName)
		return struct{ RoleName, PolicyName, PolicyDocument string }{r.name, in.PolicyName, encoded(d)}, err
	})
}

func (s *Store) listRolePolicies(call *awshttp.Call, in roleListInput) (any, error) {
	return s.onRole(call, in.RoleName, nil, func(r *role) (any, error) { return listInline(&r.entity, in.paging) })
}

func listInline(e *entity, p paging) (any, error) {
	items, more, err := cut(slices.Sorted(maps.Keys(e.inline)), func(name string) string { return name }, p)
	return struct {
		PolicyNames []string
		page
	}{items, more}, err
}

func (s *Store) deleteRolePolicy(call *awshttp.Call, in rolePolicyInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		_, err := r.findInline(in.PolicyName)
		delete(r.inline, in.PolicyName)
		return nil, err
	})
}

type rolePolicyARNInput struct {
	RoleName  string `aws:"required"`
	PolicyArn string `aws:"required"`
}

func (s *Store) attachRolePolicy(call *awshttp.Call, in rolePolicyARNInput) (any, error) {
	return s.changeRole(call, in.RoleName, policyContext(in.PolicyArn), func(r *role) (any, error) {
		return nil, s.attach(&r.entity, in.PolicyArn)
	})
}

func (s *Store) detachRolePolicy(call *awshttp.Call, in rolePolicyARNInput) (any, error) {
	return s.changeRole(call, in.RoleName, policyContext(in.PolicyArn), func(r *role) (any, error) {
		return nil, r.detach(in.PolicyArn)
	})
}

// policyContext is the condition key of a call that attaches or detaches a managed policy.
func policyContext(arn string) map[string][]string {
	return map[string][]string{"iam:PolicyARN": {arn}}
}

func (s *Store) listAttachedRolePolicies(call *awshttp.Call, in roleListInput) (any, error) {
	return s.onRole(call, in.RoleName, nil, func(r *role) (any, error) { return listAttached(&r.entity, in.paging) })
}

type attachedPolicy struct{ PolicyName, PolicyArn string }

func listAttached(e *entity, p paging) (any, error) {
	found := []attachedPolicy{}
	for _, arn := range slices.Sorted(slices.Values(e.attached)) {
		found = append(found, attachedPolicy{arn[strings.LastIndex(arn, "/")+1:], arn})
	}
	items, more, err := cut(found, func(a attachedPolicy) string { return a.PolicyArn }, p)
	return struct {
		AttachedPolicies []attachedPolicy
		page
	}{items, more}, err
}

type putRoleBoundaryInput struct {
	RoleName            string `aws:"required"`
	PermissionsBoundary string `aws:"required"`
}

func (s *Store) putRoleBoundary(call *awshttp.Call, in putRoleBoundaryInput) (any, error) {
	keys := map[string][]string{"iam:PermissionsBoundary": {in.PermissionsBoundary}}
	return s.changeRole(call, in.RoleName, keys, func(r *role) (any, error) {
		return nil, s.setBoundary(&r.entity, in.PermissionsBoundary)
	})
}

func (s *Store) deleteRoleBoundary(call *awshttp.Call, in roleInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		if r.boundary == "" {
			return nil, noSuchEntity("Role %s does not have a permissions boundary.", r.name)
		}
		return nil, s.setBoundary(&r.entity, "")
	})
}
