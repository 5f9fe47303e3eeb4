package federationtest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Role is one IAM role. A cluster sees it from Seen on.
type Role struct {
	federation.Role
	Path     string
	Policies map[string]string
	Seen     time.Time
}

type roles struct{ w *World }

func (r roles) get(name string) *Role {
	for have, role := range r.w.Roles {
		if strings.EqualFold(have, name) {
			return role
		}
	}
	return nil
}

func (r roles) Role(ctx context.Context, name string) (federation.Role, bool, error) {
	found := false
	role, err := do(ctx, r.w, "iam", "GetRole", name, false, func() (federation.Role, error) {
		is := r.get(name)
		if is == nil {
			return federation.Role{}, nil
		}
		found = true
		out := is.Role
		out.Tags = maps.Clone(is.Tags)
		return out, nil
	})
	return role, found && err == nil, err
}

func (r roles) Create(ctx context.Context, in federation.NewRole) error {
	return act(ctx, r.w, "iam", "CreateRole", in.Name, func() error {
		if r.get(in.Name) != nil {
			return refuse(fault.Blocked, federation.AlreadyThere, "create role", in.Name)
		}
		r.w.Roles[in.Name] = &Role{
			Role: federation.Role{ARN: "arn:aws:iam::" + Account + ":role" + in.Path + in.Name, Trust: in.Trust, Boundary: in.Boundary, Tags: maps.Clone(in.Tags)},
			Path: in.Path, Policies: make(map[string]string), Seen: r.w.now.Add(r.w.IAMLag),
		}
		return nil
	})
}

// change changes a role that has to be there.
func (r roles) change(ctx context.Context, op, name string, change func(*Role)) error {
	return act(ctx, r.w, "iam", op, name, func() error {
		is := r.get(name)
		if is == nil {
			return refuse(fault.Bug, "NoSuchEntity", op, name)
		}
		change(is)
		is.Seen = r.w.now.Add(r.w.IAMLag)
		return nil
	})
}

func (r roles) SetTrust(ctx context.Context, role, document string) error {
	return r.change(ctx, "UpdateAssumeRolePolicy", role, func(is *Role) { is.Trust = document })
}

func (r roles) SetBoundary(ctx context.Context, role, arn string) error {
	return r.change(ctx, "PutRolePermissionsBoundary", role, func(is *Role) { is.Boundary = arn })
}

func (r roles) Policy(ctx context.Context, role, name string) (string, bool, error) {
	found := false
	text, err := do(ctx, r.w, "iam", "GetRolePolicy", role, false, func() (string, error) {
		is := r.get(role)
		if is == nil {
			return "", nil
		}
		text, ok := is.Policies[name]
		found = ok
		return text, nil
	})
	return text, found && err == nil, err
}

func (r roles) SetPolicy(ctx context.Context, role, name, document string) error {
	return r.change(ctx, "PutRolePolicy", role, func(is *Role) { is.Policies[name] = document })
}

func (r roles) DeletePolicy(ctx context.Context, role, name string) error {
	return act(ctx, r.w, "iam", "DeleteRolePolicy", role, func() error {
		if is := r.get(role); is != nil {
			delete(is.Policies, name)
		}
		return nil
	})
}

func (r roles) Delete(ctx context.Context, role string) error {
	return act(ctx, r.w, "iam", "DeleteRole", role, func() error {
		if is := r.get(role); is != nil && len(is.Policies) > 0 {
			return refuse(fault.Blocked, federation.PolicyAttached, "delete role", role)
		}
		delete(r.w.Roles, role)
		return nil
	})
}

func (r roles) Under(ctx context.Context, path string) (map[string]map[string]string, error) {
	return do(ctx, r.w, "iam", "ListRoles", path, false, func() (map[string]map[string]string, error) {
		out := make(map[string]map[string]string)
		for name, is := range r.w.Roles {
			if strings.HasPrefix(is.Path, path) {
				out[name] = is.Tags
			}
		}
		return out, nil
	})
}

// assumable reports whether Redshift can assume a role now.
func (w *World) assumable(arn string) bool {
	for _, r := range w.Roles {
		if r.ARN == arn {
			return !w.now.Before(r.Seen) && allows(r.Trust, "sts:AssumeRole", "")
		}
	}
	return false
}

// policy is the inline policy of a role.
func (w *World) policy(arn string) string {
	for _, r := range w.Roles {
		if r.ARN == arn {
			return r.Policies[federation.PolicyName]
		}
	}
	return ""
}

// allows reads documents as the reconciler writes them.
func allows(document, action, resource string) bool {
	var d struct {
		Statement []struct {
			Effect           string
			Principal        map[string]string
			Action, Resource []string
		}
	}
	if json.Unmarshal([]byte(document), &d) != nil {
		return false
	}
	for _, s := range d.Statement {
		if s.Effect == "Allow" && slices.Contains(s.Action, action) && (slices.Contains(s.Resource, resource) || resource == "" && s.Principal["Service"] == federation.RedshiftService) {
			return true
		}
	}
	return false
}
