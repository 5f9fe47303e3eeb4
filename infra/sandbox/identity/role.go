package identity

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// A role is an entity that others become for a while.
type role struct {
	entity
	trust       document
	description string
	maxSession  time.Duration
}

func (s *Store) roleOperations() map[string]awshttp.Operation {
	return map[string]awshttp.Operation{
		"CreateRole":             operation(s.createRole),
		"GetRole":                operation(s.getRole),
		"ListRoles":              operation(s.listRoles),
		"UpdateRole":             operation(s.updateRole),
		"DeleteRole":             operation(s.deleteRole),
		"UpdateAssumeRolePolicy": operation(s.updateTrust),
		"TagRole":                operation(s.tagRole),
		"UntagRole":              operation(s.untagRole),
		"ListRoleTags":           operation(s.listRoleTags),
	}
}

// findRole finds a role by its name as it was given. The caller holds s.mu.
func (s *Store) findRole(name string) (*role, error) {
	if r := s.roles[folded(name)]; r != nil && r.name == name {
		return r, nil
	}
	return nil, noSuchEntity("The role with name %s cannot be found.", name)
}

// roleByARN is nil if there is no such role. The caller holds s.mu.
func (s *Store) roleByARN(arn string) *role {
	r := s.roles[folded(arn[strings.LastIndex(arn, "/")+1:])]
	if r == nil || r.arn() != arn {
		return nil
	}
	return r
}

// onRole authorizes a call on a role by its operation's name and then does it, with s.mu held.
func (s *Store) onRole(call *awshttp.Call, name string, keys map[string][]string, do func(*role) (any, error)) (any, error) {
	s.mu.RLock()
	access := awshttp.Access{Action: "iam:" + call.Operation, Resource: arn("role", "/", name), Context: keys}
	if r, err := s.findRole(name); err == nil {
		access.Resource = r.arn()
		access.Context = resourceTags(r.tags)
		maps.Copy(access.Context, keys)
		if r.boundary != "" && slices.Contains(bounded, call.Operation) {
			access.Context["iam:PermissionsBoundary"] = []string{r.boundary}
		}
	}
	s.mu.RUnlock()
	if err := call.Authorize(access); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRole(name)
	if err != nil {
		return nil, err
	}
	return do(r)
}

// changeRole is onRole for operations that change the role.
func (s *Store) changeRole(call *awshttp.Call, name string, keys map[string][]string, do func(*role) (any, error)) (any, error) {
	return s.onRole(call, name, keys, func(r *role) (any, error) {
		return s.late(r.name, func() (any, error) { return do(r) })
	})
}

// bounded are the operations on a role that have the condition key iam:PermissionsBoundary, besides CreateRole. The
// others do not have it: a statement that wants it of them allows nothing.
// Source: Service Authorization Reference, AWS Identity and Access Management (IAM).
var bounded = []string{"AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy"}

// roleOutput is a role as IAM writes it. Lists leave out the tags and the boundary.
type roleOutput struct {
	Path, RoleName, RoleId, Arn string
	CreateDate                  time.Time
	AssumeRolePolicyDocument    string
	Description                 string `json:",omitempty"`
	MaxSessionDuration          int32
	PermissionsBoundary         *boundaryOutput
	Tags                        []tag `json:",omitempty"`
}

type boundaryOutput struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }

func (r *role) short() roleOutput {
	return roleOutput{Path: r.path, RoleName: r.name, RoleId: r.id, Arn: r.arn(), CreateDate: r.created,
		AssumeRolePolicyDocument: encoded(r.trust), Description: r.description, MaxSessionDuration: int32(r.maxSession.Seconds())}
}

func (r *role) full() roleOutput {
	out := r.short()
	out.PermissionsBoundary = r.boundaryOutput()
	out.Tags = tagList(r.tags)
	return out
}

func (e *entity) boundaryOutput() *boundaryOutput {
	if e.boundary == "" {
		return nil
	}
	return &boundaryOutput{"Policy", e.boundary}
}

type createRoleInput struct {
	RoleName                 string `aws:"required"`
	AssumeRolePolicyDocument string `aws:"required"`
	Path, Description        string
	MaxSessionDuration       *int32
	PermissionsBoundary      string
	Tags                     []tag
}

func (s *Store) createRole(call *awshttp.Call, in createRoleInput) (any, error) {
	e, err := s.newEntity("role", "AROA", in.RoleName, in.Path)
	if err != nil {
		return nil, err
	}
	keys := tagContext(in.Tags)
	if in.PermissionsBoundary != "" {
		keys["iam:PermissionsBoundary"] = []string{in.PermissionsBoundary}
	}
	if err := call.Authorize(awshttp.Access{Action: "iam:CreateRole", Resource: e.arn(), Context: keys}); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if err := call.Authorize(awshttp.Access{Action: "iam:TagRole", Resource: e.arn(), Context: tagContext(in.Tags)}); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roles[folded(in.RoleName)] != nil {
		return nil, alreadyExists("Role with name %s already exists.", in.RoleName)
	}
	r := &role{entity: e, description: in.Description}
	if err := s.fill(r, in); err != nil {
		return nil, err
	}
	return s.late(r.name, func() (any, error) {
		s.roles[folded(r.name)] = r
		return struct{ Role roleOutput }{r.full()}, nil
	})
}

// fill gives a new role what the call says. The caller holds s.mu.
func (s *Store) fill(r *role, in createRoleInput) error {
	if err := s.setTrust(r, in.AssumeRolePolicyDocument); err != nil {
		return err
	}
	if err := r.setMaxSession(in.MaxSessionDuration); err != nil {
		return err
	}
	if err := s.setBoundary(&r.entity, in.PermissionsBoundary); err != nil {
		return err
	}
	return r.addTags(in.Tags)
}

// setTrust checks and sets who may assume the role. The caller holds s.mu.
func (s *Store) setTrust(r *role, text string) error {
	d, err := readDocument(policy.Trust, "trust of "+r.name, text)
	if err != nil {
		return err
	}
	if d.size() > maxTrustSize {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrustSize)
	}
	if err := s.trustedExist(d.parsed); err != nil {
		return err
	}
	r.trust = d
	return nil
}

func (r *role) setMaxSession(seconds *int32) error {
	if seconds == nil {
		seconds = new(int32(3600))
	}
	if *seconds < 3600 || *seconds > 43200 {
		return invalid("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200", *seconds)
	}
	r.maxSession = time.Duration(*seconds) * time.Second
	return nil
}

type roleInput struct {
	RoleName string `aws:"required"`
}

func (s *Store) getRole(call *awshttp.Call, in roleInput) (any, error) {
	return s.onRole(call, in.RoleName, nil, func(r *role) (any, error) {
		return struct{ Role roleOutput }{r.full()}, nil
	})
}

type listInput struct {
	PathPrefix string
	paging
}

func (s *Store) listRoles(call *awshttp.Call, in listInput) (any, error) {
	if err := call.Authorize(awshttp.Access{Action: "iam:ListRoles", Resource: arn("role", cmp.Or(in.PathPrefix, "/"), "")}); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []roleOutput{}
	for _, key := range slices.Sorted(maps.Keys(s.roles)) {
		if r := s.roles[key]; strings.HasPrefix(r.path, in.PathPrefix) {
			found = append(found, r.short())
		}
	}
	items, more, err := cut(found, func(r roleOutput) string { return folded(r.RoleName) }, in.paging)
	return struct {
		Roles []roleOutput
		page
	}{items, more}, err
}

type updateRoleInput struct {
	RoleName           string `aws:"required"`
	Description        *string
	MaxSessionDuration *int32
}

func (s *Store) updateRole(call *awshttp.Call, in updateRoleInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		if in.MaxSessionDuration != nil {
			if err := r.setMaxSession(in.MaxSessionDuration); err != nil {
				return nil, err
			}
		}
		if in.Description != nil {
			r.description = *in.Description
		}
		return struct{}{}, nil
	})
}

func (s *Store) deleteRole(call *awshttp.Call, in roleInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		if err := r.deletable(); err != nil {
			return nil, err
		}
		delete(s.roles, folded(r.name))
		return nil, nil
	})
}

type updateTrustInput struct {
	RoleName       string `aws:"required"`
	PolicyDocument string `aws:"required"`
}

func (s *Store) updateTrust(call *awshttp.Call, in updateTrustInput) (any, error) {
	return s.changeRole(call, in.RoleName, nil, func(r *role) (any, error) {
		return nil, s.setTrust(r, in.PolicyDocument)
	})
}

type roleListInput struct {
	RoleName string `aws:"required"`
	paging
}
