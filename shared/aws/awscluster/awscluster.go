// Package awscluster looks at clusters and changes their roles, for federations, with the Amazon Redshift API.
//
// It stands beside awsredshift because that one links what logs in to a warehouse, which would make the function that
// reconciles start more slowly.
package awscluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// Clusters implements [federation.Clusters].
type Clusters struct{ api *redshift.Client }

var _ federation.Clusters = (*Clusters)(nil)

// New returns Clusters that calls through api.
func New(api *redshift.Client) *Clusters { return &Clusters{api} }

var (
	full = awserror.Cause{Kind: fault.Blocked, Reason: federation.TooManyRoles, Fix: "withdraw a source that is not needed, or detach a role"}

	// attaching is what codes of both calls mean. What Clusters sends is well-formed; the one thing in it that Redshift may
	// find invalid is a role.
	//
	// Source: Amazon Redshift API Reference, ModifyClusterIamRoles; reports of users for InvalidParameterValue ("The IAM role
	// must delegate access to an Amazon Redshift account").
	attaching = awserror.Table{
		"ClusterNotFound":     {Kind: fault.Blocked, Reason: federation.ClusterMissing, Fix: "correct the cluster's identifier in the configuration, or withdraw the source if the cluster is gone"},
		"InvalidClusterState": {Kind: fault.Retry, Reason: federation.ClusterBusy, Fix: "nothing; it is tried again when the cluster is free"},
		"InvalidParameterValue": {Kind: fault.Blocked, Reason: federation.NotAssumable,
			Fix: "let redshift.amazonaws.com assume the role that the message names; a role that was just made is accepted a little later"},
	}
)

// Cluster implements [federation.Clusters].
func (a *Clusters) Cluster(ctx context.Context, id string) (federation.Cluster, bool, error) {
	out, err := a.api.DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: &id})
	err = awserror.Explain(err, "describe cluster", id, attaching)
	if fault.ReasonOf(err) == federation.ClusterMissing {
		return federation.Cluster{}, false, nil
	}
	if err != nil || len(out.Clusters) == 0 {
		return federation.Cluster{}, false, err
	}
	return clusterOf(out.Clusters[0]), true, nil
}

func clusterOf(c types.Cluster) federation.Cluster {
	cluster := federation.Cluster{
		Status: aws.ToString(c.ClusterStatus), Availability: aws.ToString(c.ClusterAvailabilityStatus), Roles: make(map[string]string, len(c.IamRoles)),
		VPC: aws.ToString(c.VpcId), EnhancedRouting: aws.ToBool(c.EnhancedVpcRouting),
	}
	if c.Endpoint != nil {
		cluster.Host = aws.ToString(c.Endpoint.Address)
	}
	for _, role := range c.IamRoles {
		cluster.Roles[aws.ToString(role.IamRoleArn)] = aws.ToString(role.ApplyStatus)
	}
	for _, group := range c.VpcSecurityGroups {
		if aws.ToString(group.Status) == "active" {
			cluster.SecurityGroups = append(cluster.SecurityGroups, aws.ToString(group.VpcSecurityGroupId))
		}
	}
	return cluster
}

// ModifyRoles implements [federation.Clusters]. Redshift's documents name no code for a cluster that has all its roles; its codes
// for quotas all end alike.
func (a *Clusters) ModifyRoles(ctx context.Context, id string, add, remove []string) error {
	_, err := a.api.ModifyClusterIamRoles(ctx, &redshift.ModifyClusterIamRolesInput{ClusterIdentifier: &id, AddIamRoles: add, RemoveIamRoles: remove})
	table := attaching
	if code := awserror.Code(err); strings.HasSuffix(code, "QuotaExceeded") || strings.HasSuffix(code, "QuotaExceededFault") {
		table = awserror.Table{code: full}
	}
	return awserror.Explain(err, fmt.Sprintf("attach %d and detach %d roles", len(add), len(remove)), "cluster "+id, table)
}
