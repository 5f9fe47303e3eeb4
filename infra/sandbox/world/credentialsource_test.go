package world_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

// A program that has nothing but the endpoint gets its credentials there.
func TestCredentialsComeFromTheSameEndpoint(t *testing.T) {
	w, ctx := start(t, ""), t.Context()
	made, err := iam.NewFromConfig(configured(w)).CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("reader"), AssumeRolePolicyDocument: new(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.Instance.Attach(*made.Role.Arn)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	for name, value := range credentialsource.Environment(w.Endpoint()) {
		t.Setenv(name, value)
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion())
	if err != nil {
		t.Fatal(err)
	}
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if want := "arn:aws:sts::111122223333:assumed-role/reader/" + credentialsource.InstanceID; err != nil || *who.Arn != want {
		t.Errorf("caller is %+v, %v; want %s", who, err, want)
	}
}
