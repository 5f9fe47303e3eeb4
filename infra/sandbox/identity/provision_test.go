package identity_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// TestMakingRolesInBounds lets a session make roles as a program may that is trusted with no more: in one path, with one
// boundary and its own tag. Every condition of that is tried by a call that fails it alone.
func TestMakingRolesInBounds(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	limit := "arn:aws:iam::111122223333:policy/limit"
	for name, document := range map[string]string{
		"limit": statement(`"Effect":"Allow","Action":["sns:Publish","kms:Decrypt"],"Resource":"*"`), "wide": allowAll,
	} {
		if _, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}); err != nil {
			t.Fatal(err)
		}
	}
	const own = `"Resource":"arn:aws:iam::111122223333:role/sluice/test/*"`
	maker := w.role(t, "provision", trustLambda, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:CreateRole",`+own+`,"Condition":{
			"StringEquals":{"iam:PermissionsBoundary":"`+limit+`","aws:RequestTag/sluice:stage":"test"},
			"ForAllValues:StringEquals":{"aws:TagKeys":["sluice:stage","sluice:federation"]}}},
		{"Effect":"Allow","Action":"iam:TagRole",`+own+`,"Condition":{"StringEquals":{"aws:RequestTag/sluice:stage":"test"}}},
		{"Effect":"Allow","Action":["iam:PutRolePolicy","iam:DeleteRolePolicy"],`+own+`,"Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+limit+`"}}},
		{"Effect":"Allow","Action":["iam:UpdateAssumeRolePolicy","iam:GetRole","iam:GetRolePolicy","iam:ListRoleTags","iam:DeleteRole"],`+own+`,
			"Condition":{"StringEquals":{"aws:ResourceTag/sluice:stage":"test"}}},
		{"Effect":"Allow","Action":"iam:ListRoles","Resource":"arn:aws:iam::111122223333:role/sluice/test/"}]}`)
	key, _, err := w.store.Assume(lambda, maker, "sluice-test-provision", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client := iam.NewFromConfig(w.config(key))
	tags := func(pairs ...string) (all []types.Tag) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		return all
	}
	create := func(edit func(*iam.CreateRoleInput)) error {
		in := &iam.CreateRoleInput{RoleName: new("fq"), Path: new("/sluice/test/"), AssumeRolePolicyDocument: new(trustRedshift),
			PermissionsBoundary: &limit, Tags: tags("sluice:stage", "test", "sluice:federation", "orders")}
		edit(in)
		_, err := client.CreateRole(ctx, in)
		return err
	}
	for _, tc := range []struct {
		name, action string
		edit         func(*iam.CreateRoleInput)
	}{
		{"another path", "iam:CreateRole", func(in *iam.CreateRoleInput) { in.Path = new("/sluice/other/") }},
		{"no boundary", "iam:CreateRole", func(in *iam.CreateRoleInput) { in.PermissionsBoundary = nil }},
		{"another boundary", "iam:CreateRole", func(in *iam.CreateRoleInput) {
			in.PermissionsBoundary = new("arn:aws:iam::111122223333:policy/wide")
		}},
		{"no tag", "iam:CreateRole", func(in *iam.CreateRoleInput) { in.Tags = nil }},
		{"another value", "iam:CreateRole", func(in *iam.CreateRoleInput) { in.Tags = tags("sluice:stage", "prod") }},
		{"a tag too many", "iam:CreateRole", func(in *iam.CreateRoleInput) { in.Tags = tags("sluice:stage", "test", "team", "data") }},
	} {
		t.Run(tc.name, func(t *testing.T) { wantCode(t, create(tc.edit), "AccessDenied", tc.action) })
	}
	if err := create(func(*iam.CreateRoleInput) {}); err != nil {
		t.Fatal(err)
	}

	t.Run("what the new role may do", func(t *testing.T) {
		p, err := w.store.AssumeAs("redshift.amazonaws.com", "arn:aws:iam::111122223333:role/sluice/test/fq")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("fq"), PolicyName: new("p"), PolicyDocument: new(allowAll)}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.Authorize(p, publish); err != nil {
			t.Errorf("inside of its boundary: %v", err)
		}
		wantCode(t, w.store.Authorize(p, awshttp.Access{Action: "iam:CreateUser", Resource: "*"}), "AccessDeniedException", "because no permissions boundary allows")
	})
	t.Run("roles of others", func(t *testing.T) {
		// In the path, but neither tagged nor bounded: made by somebody else.
		if _, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("theirs"), Path: new("/sluice/test/"), AssumeRolePolicyDocument: new(trustRedshift)}); err != nil {
			t.Fatal(err)
		}
		_, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("theirs"), PolicyName: new("p"), PolicyDocument: new(allowAll)})
		wantCode(t, err, "AccessDenied", "iam:PutRolePolicy")
		_, err = client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("theirs"), PolicyDocument: new(trustLambda)})
		wantCode(t, err, "AccessDenied", "iam:UpdateAssumeRolePolicy")
		_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("theirs")})
		wantCode(t, err, "AccessDenied", "iam:DeleteRole")
	})
	t.Run("lists", func(t *testing.T) {
		list, err := client.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: new("/sluice/test/")})
		if err != nil || len(list.Roles) != 2 {
			t.Errorf("roles in the path: %+v, %v; want 2", list, err)
		}
		_, err = client.ListRoles(ctx, nil)
		wantCode(t, err, "AccessDenied", "on resource: arn:aws:iam::111122223333:role/ ")
		found, err := client.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: new("fq")})
		if err != nil || len(found.Tags) != 2 || *found.Tags[1].Value != "test" {
			t.Errorf("tags are %+v, %v", found, err)
		}
	})
	t.Run("repair", func(t *testing.T) {
		if _, err := client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new(trustRedshift)}); err != nil {
			t.Error(err)
		}
		_, err := client.TagRole(ctx, &iam.TagRoleInput{RoleName: new("fq"), Tags: tags("sluice:stage", "prod")})
		wantCode(t, err, "AccessDenied", "iam:TagRole")
	})
}

// To make a role with tags is to tag it.
func TestTaggingOfNewRoles(t *testing.T) {
	w := newWorld(t)
	maker := w.role(t, "maker", trustLambda, statement(`"Effect":"Allow","Action":"iam:CreateRole","Resource":"*"`))
	key, _, err := w.store.Assume(lambda, maker, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client := iam.NewFromConfig(w.config(key))
	in := &iam.CreateRoleInput{RoleName: new("fq"), AssumeRolePolicyDocument: new(trustRedshift), Tags: []types.Tag{{Key: new("a"), Value: new("b")}}}
	_, err = client.CreateRole(t.Context(), in)
	wantCode(t, err, "AccessDenied", "is not authorized to perform: iam:TagRole on resource: arn:aws:iam::111122223333:role/fq")
	in.Tags = nil
	if _, err := client.CreateRole(t.Context(), in); err != nil {
		t.Errorf("without tags: %v", err)
	}
}

// IAM has the key iam:PermissionsBoundary for the operations that give permissions, and for no others.
func TestBoundaryIsNoConditionOfOtherOperations(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	limit, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("limit"), PolicyDocument: new(allowAll)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("fq"), AssumeRolePolicyDocument: new(trustRedshift), PermissionsBoundary: limit.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	maker := w.role(t, "maker", trustLambda, statement(`"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+*limit.Policy.Arn+`"}}`))
	key, _, err := w.store.Assume(lambda, maker, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client := iam.NewFromConfig(w.config(key))
	if _, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new("fq"), PolicyName: new("p"), PolicyDocument: new(allowAll)}); err != nil {
		t.Errorf("PutRolePolicy: %v", err)
	}
	if _, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("fq"), PolicyName: new("p")}); err != nil {
		t.Errorf("DeleteRolePolicy: %v", err)
	}
	_, err = client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new(trustRedshift)})
	wantCode(t, err, "AccessDenied", "iam:UpdateAssumeRolePolicy")
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("fq")})
	wantCode(t, err, "AccessDenied", "iam:DeleteRole")
}
