package template

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// managedPolicy is a policy that stands by itself, for example as a boundary. Users and groups do not occur in Sluice's
// stacks.
var managedPolicy = kind{
	documents:  documentAt("PolicyDocument", policy.Identity),
	properties: shape{"ManagedPolicyName": nil, "Path": nil, "Description": nil, "PolicyDocument": nil, "Roles": nil},
	required:   []string{"PolicyDocument"},
	attributes: []string{"PolicyArn", "PolicyId"},
	fixed:      []string{"ManagedPolicyName", "Path", "Description"},
	create: func(ctx context.Context, j *job) error {
		in := j.input("Path", "Description")
		in["PolicyName"] = j.name("ManagedPolicyName", 128)
		in["PolicyDocument"] = inJSON(j.properties["PolicyDocument"])
		out, err := j.do(ctx, "iam", "CreatePolicy", in)
		if err != nil {
			return err
		}
		made, _ := out["Policy"].(map[string]any)
		j.id, _ = text(made["Arn"])
		j.set("PolicyArn", made, "Arn")
		j.set("PolicyId", made, "PolicyId")
		return attachPolicy(ctx, j, rolesOf(j.properties))
	},
	update: updateManagedPolicy,
	remove: func(ctx context.Context, j *job) error {
		if err := detachPolicy(ctx, j, rolesOf(j.before)); err != nil {
			return err
		}
		_, err := j.do(ctx, "iam", "DeletePolicy", map[string]any{"PolicyArn": j.id})
		return err
	},
}

func updateManagedPolicy(ctx context.Context, j *job) error {
	if j.changed("PolicyDocument") {
		in := map[string]any{"PolicyArn": j.id, "PolicyDocument": inJSON(j.properties["PolicyDocument"]), "SetAsDefault": true}
		if _, err := j.do(ctx, "iam", "CreatePolicyVersion", in); err != nil {
			return err
		}
		if err := dropOldVersions(ctx, j); err != nil {
			return err
		}
	}
	was, is := rolesOf(j.before), rolesOf(j.properties)
	if err := attachPolicy(ctx, j, is); err != nil {
		return err
	}
	return detachPolicy(ctx, j, slices.DeleteFunc(was, func(role string) bool { return slices.Contains(is, role) }))
}

// dropOldVersions keeps the default version alone: a policy can have five, and goes only when it has one.
func dropOldVersions(ctx context.Context, j *job) error {
	out, err := j.do(ctx, "iam", "ListPolicyVersions", map[string]any{"PolicyArn": j.id})
	if err != nil {
		return err
	}
	versions, _ := out["Versions"].([]any)
	for _, item := range versions {
		v, _ := item.(map[string]any)
		if v["IsDefaultVersion"] == true {
			continue
		}
		if _, err := j.do(ctx, "iam", "DeletePolicyVersion", map[string]any{"PolicyArn": j.id, "VersionId": v["VersionId"]}); err != nil {
			return err
		}
	}
	return nil
}

// attachPolicy attaches the policy, again where it is attached already.
func attachPolicy(ctx context.Context, j *job, roles []string) error {
	for _, role := range roles {
		if _, err := j.do(ctx, "iam", "AttachRolePolicy", map[string]any{"RoleName": role, "PolicyArn": j.id}); err != nil {
			return err
		}
	}
	return nil
}

func detachPolicy(ctx context.Context, j *job, roles []string) error {
	for _, role := range roles {
		_, err := j.do(ctx, "iam", "DetachRolePolicy", map[string]any{"RoleName": role, "PolicyArn": j.id})
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}
