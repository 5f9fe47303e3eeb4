package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// A remain is one part that a federation had, and whether it is still there.
type remain struct {
	kind, name string
	left       bool
}

// remains looks for each part where it was: in IAM, on the cluster, in the warehouse, in the source and in the network.
func (d *demo) remains(ctx context.Context) ([]remain, error) {
	role := path.Base(d.made.Role)
	people := iam.NewFromConfig(d.aws)
	_, err := people.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	roleLeft, err1 := there(err)
	_, err = people.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &role})
	policyLeft, err2 := there(err)
	roles, err3 := d.attached(ctx)
	schema, err4 := d.inWarehouse(ctx, "SELECT nspname::text FROM pg_namespace WHERE nspname = $1", d.made.Schema)
	login, err5 := d.inSource(ctx, "SELECT rolname::text FROM pg_roles WHERE rolname = $1", d.made.Login)
	rules := d.world.EC2.Rules(group)
	return []remain{
		{"role", role, roleLeft},
		{"policy", "of that role", policyLeft},
		{"attachment", "of it to " + world.Cluster, slices.Contains(roles, d.made.Role)},
		{"schema", d.made.Schema + " in the warehouse", schema != ""},
		{"login", d.made.Login + " in the source", login != ""},
		{"rule", "in security group " + group, len(rules) > 0},
	}, errors.Join(err1, err2, err3, err4, err5)
}

// group is the security group of the source.
var group = world.Source{Identifier: world.Orders}.Group()

// there makes of IAM's answer whether something is there.
func there(err error) (bool, error) {
	if _, gone := errors.AsType[*types.NoSuchEntityException](err); gone {
		return false, nil
	}
	return err == nil, err
}

// recoverable is until when the secret can be restored.
func (d *demo) recoverable(ctx context.Context) (time.Time, error) {
	out, err := d.operator.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &d.made.Secret})
	if err != nil {
		return time.Time{}, fmt.Errorf("look at secret %s: %w", d.made.Secret, err)
	}
	if out.DeletedDate == nil {
		return time.Time{}, nil // it is not deleted
	}
	return *out.DeletedDate, nil
}
