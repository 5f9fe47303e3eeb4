package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func TestPolicyVersions(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	made, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("reader"), PolicyDocument: new(statement(`"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"`))})
	if err != nil {
		t.Fatal(err)
	}
	arn := made.Policy.Arn
	user := w.config(w.store.AddUser("ada", nil))
	if _, err := w.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: new("ada"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	// allowed reports whether ada may list roles.
	allowed := func() bool {
		_, err := iam.NewFromConfig(user).ListRoles(ctx, nil)
		return err == nil
	}
	add := func(chosen bool) error {
		_, err := w.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: new(allowAll), SetAsDefault: chosen})
		return err
	}
	if err := add(false); err != nil || allowed() {
		t.Errorf("a version that is not the default one: %v, and it counts: %t", err, allowed())
	}
	if err := add(true); err != nil || !allowed() {
		t.Errorf("a new default version: %v, and it counts: %t", err, allowed())
	}
	version, err := w.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: new("v1")})
	if err != nil || version.PolicyVersion.IsDefaultVersion || !strings.Contains(*version.PolicyVersion.Document, "GetCallerIdentity") {
		t.Errorf("version 1: %+v, %v", version, err)
	}
	if err := add(false); err != nil {
		t.Fatal(err)
	}
	if err := add(false); err != nil {
		t.Fatal(err)
	}
	wantCode(t, add(false), "LimitExceeded", "up to 5 versions")
	remove := func(id string) error {
		_, err := w.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &id})
		return err
	}
	wantCode(t, remove("v3"), "DeleteConflict", "default version")
	wantCode(t, remove("v9"), "NoSuchEntity", "v9")
	if err := remove("v1"); err != nil {
		t.Fatal(err)
	}
	if err := add(false); err != nil {
		t.Fatal(err)
	}
	listed, err := w.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, v := range listed.Versions {
		ids = append(ids, *v.VersionId)
	}
	if want := "[v6 v5 v4 v3 v2]"; fmt.Sprint(ids) != want {
		t.Errorf("versions %v; want %s", ids, want)
	}
	if _, err := w.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: new("ada"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantCode(t, err, "DeleteConflict", "more than one version")
}
