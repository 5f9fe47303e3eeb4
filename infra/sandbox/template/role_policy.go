package template

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// rolePolicy is an inline policy of roles. Users and groups do not occur in Sluice's stacks.
var rolePolicy = kind{
	documents:  documentAt("PolicyDocument", policy.Identity),
	properties: shape{"PolicyName": nil, "PolicyDocument": nil, "Roles": nil},
	required:   []string{"PolicyName", "PolicyDocument", "Roles"},
	fixed:      []string{"PolicyName"},
	create:     putPolicy,
	update:     updatePolicy,
	remove:     func(ctx context.Context, j *job) error { return dropPolicy(ctx, j, rolesOf(j.before)) },
}

func putPolicy(ctx context.Context, j *job) error {
	for _, role := range rolesOf(j.properties) {
		in := map[string]any{"RoleName": role, "PolicyName": j.text("PolicyName"), "PolicyDocument": inJSON(j.properties["PolicyDocument"])}
		if _, err := j.do(ctx, "iam", "PutRolePolicy", in); err != nil {
			return err
		}
		j.id = j.text("PolicyName")
	}
	return nil
}

func updatePolicy(ctx context.Context, j *job) error {
	if err := putPolicy(ctx, j); err != nil {
		return err
	}
	stays := rolesOf(j.properties)
	return dropPolicy(ctx, j, slices.DeleteFunc(rolesOf(j.before), func(role string) bool { return slices.Contains(stays, role) }))
}

func dropPolicy(ctx context.Context, j *job, roles []string) error {
	for _, role := range roles {
		_, err := j.do(ctx, "iam", "DeleteRolePolicy", map[string]any{"RoleName": role, "PolicyName": j.id})
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

func rolesOf(properties map[string]any) (roles []string) {
	list, _ := properties["Roles"].([]any)
	for _, item := range list {
		role, _ := text(item)
		roles = append(roles, role)
	}
	return roles
}
