package identity_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestRoleLife(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	made, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: new("rotate"), Path: new("/sluice/"), AssumeRolePolicyDocument: new(trustLambda), Description: new("d"),
		MaxSessionDuration: new(int32(7200)), Tags: []types.Tag{{Key: new("stage"), Value: new("test")}}})
	if err != nil {
		t.Fatal(err)
	}
	if *made.Role.Arn != "arn:aws:iam::111122223333:role/sluice/rotate" || !strings.HasPrefix(*made.Role.RoleId, "AROA") || len(*made.Role.RoleId) != 21 {
		t.Errorf("made %s with id %s", *made.Role.Arn, *made.Role.RoleId)
	}
	if _, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("rotate"), PolicyDocument: new(trustRoot)}); err != nil {
		t.Fatal(err)
	}
	got, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("rotate")})
	if err != nil {
		t.Fatal(err)
	}
	if trust, err := url.PathUnescape(*got.Role.AssumeRolePolicyDocument); err != nil || trust != trustRoot || *got.Role.AssumeRolePolicyDocument == trust {
		t.Errorf("trust policy is %s; want it URL-encoded", *got.Role.AssumeRolePolicyDocument)
	}
	if *got.Role.MaxSessionDuration != 7200 || *got.Role.Description != "d" || *got.Role.Tags[0].Value != "test" ||
		!got.Role.CreateDate.Equal(*made.Role.CreateDate) || got.Role.PermissionsBoundary != nil {
		t.Errorf("role is %+v", got.Role)
	}
	if _, err := w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("rotate")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("rotate")})
	wantCode(t, err, "NoSuchEntity", "The role with name rotate cannot be found.")
}

func TestRoleRefusals(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.role(t, "rotate", trustLambda)
	create := func(name, trust string) error {
		_, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
		return err
	}
	long := statement(`"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole","Sid":"` + strings.Repeat("x", 2048) + `"`)
	for _, tc := range []struct{ name, role, trust, code, text string }{
		{"there already", "rotate", trustLambda, "EntityAlreadyExists", "Role with name rotate already exists."},
		{"there already in another case", "ROTATE", trustLambda, "EntityAlreadyExists", "already exists"},
		{"name", "ro tate", trustLambda, "ValidationError", "roleName"},
		{"trust policy", "other", "{}", "MalformedPolicyDocument", "Statement"},
		{"identity policy for trust", "other", allowAll, "MalformedPolicyDocument", "Resource: has no place"},
		{"trust of nobody", "other", statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/gone"},"Action":"sts:AssumeRole"`),
			"MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/gone"`},
		{"long trust policy", "other", long, "LimitExceeded", "ACLSizePerRole"},
	} {
		t.Run(tc.name, func(t *testing.T) { wantCode(t, create(tc.role, tc.trust), tc.code, tc.text) })
	}
	_, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("Rotate")})
	wantCode(t, err, "NoSuchEntity", "Rotate")
	_, err = w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("o"), AssumeRolePolicyDocument: new(trustLambda), MaxSessionDuration: new(int32(3599))})
	wantCode(t, err, "ValidationError", "maxSessionDuration")
}

func TestInlinePolicies(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.role(t, "rotate", trustLambda, allowAll)
	got, err := w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: new("rotate"), PolicyName: new("inline")})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := url.PathUnescape(*got.PolicyDocument); err != nil || text != allowAll {
		t.Errorf("document is %s", *got.PolicyDocument)
	}
	_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("rotate"), PolicyName: new("bad"),
		PolicyDocument: new(statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMatches":{"a":"b"}}`))})
	wantCode(t, err, "MalformedPolicyDocument", "StringMatches")
	_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("rotate"), PolicyName: new("long"),
		PolicyDocument: new(statement(`"Effect":"Allow","Action":"*","Resource":"*","Sid":"` + strings.Repeat("x", 10200) + `"`))})
	wantCode(t, err, "LimitExceeded", "10240")
	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("rotate")})
	wantCode(t, err, "DeleteConflict", "must delete policies first")
	if _, err := w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("rotate"), PolicyName: new("inline")}); err != nil {
		t.Fatal(err)
	}
	list, err := w.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: new("rotate")})
	if err != nil || len(list.PolicyNames) != 0 {
		t.Errorf("policies are %v, %v; want none", list, err)
	}
	_, err = w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: new("rotate"), PolicyName: new("inline")})
	wantCode(t, err, "NoSuchEntity", "The role policy with name inline cannot be found.")
}

func TestManagedPolicies(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.role(t, "rotate", trustLambda)
	made, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("limits"), PolicyDocument: new(allowAll)})
	if err != nil {
		t.Fatal(err)
	}
	arn := made.Policy.Arn
	for range 2 { // attaching again does nothing
		if _, err := w.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("rotate"), PolicyArn: arn}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: new("rotate"), PermissionsBoundary: arn}); err != nil {
		t.Fatal(err)
	}
	attached, err := w.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: new("rotate")})
	if err != nil || len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "limits" {
		t.Errorf("attached policies are %+v, %v", attached, err)
	}
	got, err := w.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	if err != nil || *got.Policy.AttachmentCount != 1 || *got.Policy.PermissionsBoundaryUsageCount != 1 || *got.Policy.DefaultVersionId != "v1" {
		t.Errorf("policy is %+v, %v", got, err)
	}
	role, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("rotate")})
	if err != nil || *role.Role.PermissionsBoundary.PermissionsBoundaryArn != *arn {
		t.Errorf("role is %+v, %v", role, err)
	}
	version, err := w.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: new("v1")})
	if err != nil || !version.PolicyVersion.IsDefaultVersion || *version.PolicyVersion.Document != strings.ReplaceAll(url.QueryEscape(allowAll), "+", "%20") {
		t.Errorf("version is %+v, %v", version, err)
	}
	_, err = w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("Limits"), PolicyDocument: new(allowAll)})
	wantCode(t, err, "EntityAlreadyExists", "Limits")
	_, err = w.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("rotate"), PolicyArn: new(*arn + "x")})
	wantCode(t, err, "NoSuchEntity", "does not exist or is not attachable")

	_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantCode(t, err, "DeleteConflict", "attached")
	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("rotate")})
	wantCode(t, err, "DeleteConflict", "must detach all policies first")
	if _, err := w.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: new("rotate"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantCode(t, err, "DeleteConflict", "attached") // still a boundary
	if _, err := w.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: new("rotate")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}); err != nil {
		t.Error(err)
	}
}

func TestAttachQuota(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.role(t, "rotate", trustLambda)
	for i := range 11 {
		made, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new(fmt.Sprint("p", i)), PolicyDocument: new(allowAll)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: new("rotate"), PolicyArn: made.Policy.Arn})
		if i < 10 && err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			wantCode(t, err, "LimitExceeded", "PoliciesPerRole: 10")
		}
	}
}

func TestRoleTags(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.role(t, "rotate", trustLambda)
	set := func(key, value string) error {
		_, err := w.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: new("rotate"), Tags: []types.Tag{{Key: &key, Value: &value}}})
		return err
	}
	for _, pair := range [][2]string{{"stage", "a"}, {"Stage", "b"}, {"team", ""}} {
		if err := set(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, set("aws:x", "y"), "InvalidInput", "aws:x")
	tags, err := w.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: new("rotate")})
	if err != nil || len(tags.Tags) != 2 || *tags.Tags[0].Key != "Stage" || *tags.Tags[0].Value != "b" {
		t.Errorf("tags are %+v, %v; want Stage=b (keys differ in more than case) and team", tags, err)
	}
	if _, err := w.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: new("rotate"), TagKeys: []string{"Stage", "none"}}); err != nil {
		t.Fatal(err)
	}
	tags, err = w.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: new("rotate")})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "team" {
		t.Errorf("tags are %+v, %v; want team", tags, err)
	}
}

func TestListsComeInPages(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	for i := range 5 {
		w.role(t, fmt.Sprint("role", i), trustLambda)
	}
	var names []string
	pages := iam.NewListRolesPaginator(w.iam, &iam.ListRolesInput{MaxItems: new(int32(2))})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Roles {
			names = append(names, *r.RoleName)
		}
	}
	if got := strings.Join(names, " "); got != "role0 role1 role2 role3 role4" {
		t.Errorf("roles are %s", got)
	}
}
