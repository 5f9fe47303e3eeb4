package world_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/redshift"

	clusters "github.com/sluicehq/sluice/infra/sandbox/redshift"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// A role that was just made cannot be attached until Redshift sees that it trusts it, and then takes its time.
func TestRoleOfACluster(t *testing.T) {
	w, ctx := start(t, ""), t.Context()
	w.Identity.SetDelay(10 * time.Minute) // far longer than the test takes by itself
	config := configured(w)
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	people, warehouses := iam.NewFromConfig(config), redshift.NewFromConfig(config)
	made, err := people.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new("fq"), AssumeRolePolicyDocument: new(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"redshift.amazonaws.com"},"Action":"sts:AssumeRole"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	attach := func() error {
		_, err := warehouses.ModifyClusterIamRoles(ctx, &redshift.ModifyClusterIamRolesInput{ClusterIdentifier: new(world.Cluster), AddIamRoles: []string{*made.Role.Arn}})
		return err
	}
	if err := attach(); err == nil {
		t.Error("a role that nobody sees yet was attached")
	}
	w.Clock.Advance(10 * time.Minute)
	if err := attach(); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(clusters.RoleAddTime)
	if got := w.Redshift.AttachedRoles(world.Cluster); !slices.Equal(got, []string{*made.Role.Arn}) {
		t.Errorf("the cluster has %q; want the role", got)
	}
}
