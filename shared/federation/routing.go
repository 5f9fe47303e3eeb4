package federation

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// With enhanced VPC routing a cluster reaches Secrets Manager by its VPC alone: through an interface endpoint, or by a route out.
// Endpoints are looked for. Routes are not: they may lead there in many ways, of which a NAT gateway is only one.
//
// Source: Amazon Redshift Database Developer Guide, "Getting started with using federated queries to PostgreSQL"; Amazon Redshift
// Management Guide, "Controlling network traffic with Redshift enhanced VPC routing".

// secretsService is Secrets Manager as endpoints name it, in all partitions.
//
// Source: AWS Secrets Manager User Guide, "Using an AWS Secrets Manager VPC endpoint".
func (r *run) secretsService() string { return "com.amazonaws." + r.Place.Region + ".secretsmanager" }

// lacksEndpoint reports whether the cluster reaches Secrets Manager by its VPC alone, and that has no endpoint for it. It asks EC2
// once a run, and about no other cluster.
func (r *run) lacksEndpoint(ctx context.Context, c *Cluster) (bool, error) {
	if !c.EnhancedRouting {
		return false, nil
	}
	there, known := r.endpoints[c.VPC]
	if !known {
		var err error
		if there, err = r.Network.HasEndpoint(ctx, c.VPC, r.secretsService()); err != nil {
			return false, err
		}
		if r.endpoints == nil {
			r.endpoints = make(map[string]bool)
		}
		r.endpoints[c.VPC] = there
	}
	return !there, nil
}

// routed warns of a cluster that may have no way to Secrets Manager. It is no more than a warning, so that nothing fails because
// EC2 may not be asked.
func (r *run) routed(ctx context.Context, c *Cluster) error {
	warning := ""
	switch lacks, err := r.lacksEndpoint(ctx, c); {
	case fault.ReasonOf(err) == Unauthorized:
		r.Log.WarnContext(ctx, "endpoint not looked for", "federation", r.rec.Name, "vpc", c.VPC, "err", err.Error())
		warning = fmt.Sprintf("whether %s has an interface endpoint for %s could not be seen: %v", c.VPC, r.secretsService(), err)
	case err != nil:
		return err
	case lacks:
		warning = fmt.Sprintf("%s has no interface endpoint for %s that is available and has private DNS; as the cluster has enhanced VPC routing, it needs one, "+
			"unless its subnets have another way there, such as a NAT gateway", c.VPC, r.secretsService())
	}
	r.rec.set(CondEndpoint, warning, r.now())
	return nil
}

// unanswered adds to the warehouse's words what is seen of its way to Secrets Manager.
func (r *run) unanswered(ctx context.Context, e *fault.Error) error {
	c, err := r.lookAt(ctx, r.rec.Made.Cluster)
	if err != nil || c == nil || !c.EnhancedRouting {
		return e
	}
	lacks, err := r.lacksEndpoint(ctx, c)
	if err != nil {
		return e
	}
	from, service := strings.Join(c.SecurityGroups, " or "), r.secretsService()
	if lacks {
		return r.blocked(e.Op, e.Reason,
			fmt.Sprintf("make an interface VPC endpoint for %s in %s, with private DNS and a security group that lets %s in at port 443; or give the cluster's subnets another way there, such as a NAT gateway", service, c.VPC, from),
			fmt.Errorf("the cluster has enhanced VPC routing, and %s has no interface endpoint for %s: %w", c.VPC, service, e.Err))
	}
	return r.blocked(e.Op, e.Reason,
		fmt.Sprintf("let %s out at port 443, and in at port 443 of the interface endpoint for %s in %s: rules of both security groups, and the endpoint's subnets", from, service, c.VPC),
		fmt.Errorf("the cluster gets no answer from %s, for which %s has an interface endpoint: %w", service, c.VPC, e.Err))
}
