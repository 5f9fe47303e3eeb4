package identity_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/secret"
)

func TestUserLife(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	if _, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: new("alice"), Path: new("/people/")}); err != nil {
		t.Fatal(err)
	}
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: new("Alice")})
	wantCode(t, err, "EntityAlreadyExists", "User with name Alice already exists.")
	key, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: new("alice")})
	if err != nil {
		t.Fatal(err)
	}
	alice := w.config(identity.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: secret.New(*key.AccessKey.SecretAccessKey)})
	who, err := sts.NewFromConfig(alice).GetCallerIdentity(ctx, nil)
	if err != nil || *who.Arn != "arn:aws:iam::111122223333:user/people/alice" || *who.Account != "111122223333" || (*who.UserId)[:4] != "AIDA" {
		t.Fatalf("caller is %+v, %v", who, err)
	}

	_, err = iam.NewFromConfig(alice).GetUser(ctx, nil)
	wantCode(t, err, "AccessDenied", "User: arn:aws:iam::111122223333:user/people/alice is not authorized to perform: iam:GetUser "+
		"on resource: arn:aws:iam::111122223333:user/people/alice because no identity-based policy allows the iam:GetUser action")
	own := statement(`"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::111122223333:user/people/${aws:username}"`)
	if _, err := w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: new("alice"), PolicyName: new("own"), PolicyDocument: &own}); err != nil {
		t.Fatal(err)
	}
	got, err := iam.NewFromConfig(alice).GetUser(ctx, nil)
	if err != nil || *got.User.UserName != "alice" {
		t.Errorf("GetUser of oneself: %+v, %v", got, err)
	}
	_, err = iam.NewFromConfig(alice).GetUser(ctx, &iam.GetUserInput{UserName: new("operator")})
	wantCode(t, err, "AccessDenied", "user/operator")

	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("alice")})
	wantCode(t, err, "DeleteConflict", "must delete policies first")
	if _, err := w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: new("alice"), PolicyName: new("own")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("alice")})
	wantCode(t, err, "DeleteConflict", "must delete access keys first")
	if _, err := w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: new("alice"), AccessKeyId: key.AccessKey.AccessKeyId}); err != nil {
		t.Fatal(err)
	}
	_, err = sts.NewFromConfig(alice).GetCallerIdentity(ctx, nil)
	wantCode(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
	if _, err := w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("alice")}); err != nil {
		t.Error(err)
	}
}

func TestAccessKeys(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	if _, err := w.iam.CreateAccessKey(ctx, nil); err != nil { // the operator's own second key
		t.Fatal(err)
	}
	_, err := w.iam.CreateAccessKey(ctx, nil)
	wantCode(t, err, "LimitExceeded", "AccessKeysPerUser: 2")
	keys, err := w.iam.ListAccessKeys(ctx, nil)
	if err != nil || len(keys.AccessKeyMetadata) != 2 {
		t.Errorf("keys are %+v, %v; want two", keys, err)
	}
}

func TestManagedPolicyOfAUser(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	bob := iam.NewFromConfig(w.config(w.store.AddUser("bob", nil)))
	made, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("p"), PolicyDocument: new(allowAll)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("bob"), PolicyArn: made.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	if list, err := bob.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: new("bob")}); err != nil || len(list.AttachedPolicies) != 1 {
		t.Errorf("bob's policies are %+v, %v", list, err)
	}
	if _, err := w.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: new("bob"), PolicyArn: made.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	_, err = bob.ListRoles(ctx, nil)
	wantCode(t, err, "AccessDenied", "iam:ListRoles")
}
