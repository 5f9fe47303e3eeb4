package template

import (
	"context"
	"slices"
)

var role = kind{
	documents: documentsOfRole,
	properties: shape{
		"RoleName": nil, "Path": nil, "Description": nil, "MaxSessionDuration": nil, "PermissionsBoundary": nil,
		"AssumeRolePolicyDocument": nil, "ManagedPolicyArns": nil, "Tags": tags,
		"Policies": {"PolicyName": nil, "PolicyDocument": nil},
	},
	required:   []string{"AssumeRolePolicyDocument"},
	attributes: []string{"Arn", "RoleId"},
	fixed:      []string{"RoleName", "Path"},
	create:     createRole,
	update:     updateRole,
	remove:     removeRole,
}

func createRole(ctx context.Context, j *job) error {
	in := j.input("Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags")
	in["RoleName"] = j.name("RoleName", 64)
	in["AssumeRolePolicyDocument"] = inJSON(j.properties["AssumeRolePolicyDocument"])
	out, err := j.do(ctx, "iam", "CreateRole", in)
	if err != nil {
		return err
	}
	made, _ := out["Role"].(map[string]any)
	j.id = in["RoleName"].(string)
	j.set("Arn", made, "Arn")
	j.set("RoleId", made, "RoleId")
	return givePolicies(ctx, j)
}

func updateRole(ctx context.Context, j *job) error {
	name := map[string]any{"RoleName": j.id}
	if j.changed("AssumeRolePolicyDocument") {
		trust := map[string]any{"RoleName": j.id, "PolicyDocument": inJSON(j.properties["AssumeRolePolicyDocument"])}
		if _, err := j.do(ctx, "iam", "UpdateAssumeRolePolicy", trust); err != nil {
			return err
		}
	}
	if j.changed("Description") || j.changed("MaxSessionDuration") {
		in := j.input("Description", "MaxSessionDuration")
		in["RoleName"] = j.id
		if _, err := j.do(ctx, "iam", "UpdateRole", in); err != nil {
			return err
		}
	}
	if j.changed("PermissionsBoundary") {
		operation, in := "DeleteRolePermissionsBoundary", name
		if boundary := j.text("PermissionsBoundary"); boundary != "" {
			operation, in = "PutRolePermissionsBoundary", map[string]any{"RoleName": j.id, "PermissionsBoundary": boundary}
		}
		if _, err := j.do(ctx, "iam", operation, in); err != nil {
			return err
		}
	}
	if err := j.retag(ctx, "iam", "TagRole", "UntagRole", name); err != nil {
		return err
	}
	if err := givePolicies(ctx, j); err != nil {
		return err
	}
	return takePolicies(ctx, j, policiesIn(j.properties))
}

func removeRole(ctx context.Context, j *job) error {
	if err := takePolicies(ctx, j, attachments{}); err != nil {
		return err
	}
	_, err := j.do(ctx, "iam", "DeleteRole", map[string]any{"RoleName": j.id})
	return err
}

// attachments are the policies that stand in the properties of a role.
type attachments struct {
	inline  map[string]string // documents by name
	managed []string          // ARNs
}

func policiesIn(properties map[string]any) attachments {
	a := attachments{inline: map[string]string{}}
	inline, _ := properties["Policies"].([]any)
	for _, item := range inline {
		if p, ok := item.(map[string]any); ok {
			name, _ := text(p["PolicyName"])
			a.inline[name] = inJSON(p["PolicyDocument"])
		}
	}
	managed, _ := properties["ManagedPolicyArns"].([]any)
	for _, item := range managed {
		arn, _ := text(item)
		a.managed = append(a.managed, arn)
	}
	return a
}

// givePolicies attaches what the properties name, again where it is attached already.
func givePolicies(ctx context.Context, j *job) error {
	want := policiesIn(j.properties)
	for _, name := range sorted(want.inline) {
		in := map[string]any{"RoleName": j.id, "PolicyName": name, "PolicyDocument": want.inline[name]}
		if _, err := j.do(ctx, "iam", "PutRolePolicy", in); err != nil {
			return err
		}
	}
	for _, arn := range want.managed {
		if _, err := j.do(ctx, "iam", "AttachRolePolicy", map[string]any{"RoleName": j.id, "PolicyArn": arn}); err != nil {
			return err
		}
	}
	return nil
}

// takePolicies detaches what the role had before and shall not keep.
func takePolicies(ctx context.Context, j *job, keep attachments) error {
	had := policiesIn(j.before)
	for _, name := range sorted(had.inline) {
		if _, stays := keep.inline[name]; stays {
			continue
		}
		if _, err := j.do(ctx, "iam", "DeleteRolePolicy", map[string]any{"RoleName": j.id, "PolicyName": name}); err != nil {
			return err
		}
	}
	for _, arn := range had.managed {
		if slices.Contains(keep.managed, arn) {
			continue
		}
		if _, err := j.do(ctx, "iam", "DetachRolePolicy", map[string]any{"RoleName": j.id, "PolicyArn": arn}); err != nil {
			return err
		}
	}
	return nil
}
