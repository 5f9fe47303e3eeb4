package awslease

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Endpoint looks up where the cluster or the workgroup of s takes connections.
//
// Errors: a *[fault.Error]; a cluster that is paused and one that has no endpoint yet are told apart.
//
// Source: Amazon Redshift API Reference, DescribeClusters; Amazon Redshift Serverless API Reference, GetWorkgroup.
func (c *Client) Endpoint(ctx context.Context, s resolve.Settings) (host string, port int, err error) {
	look := c.workgroupEndpoint
	if s.Cluster != "" {
		look = c.clusterEndpoint
	}
	err = again(func() error {
		host, port, err = look(ctx, s)
		return err
	})
	return host, port, err
}

func (c *Client) clusterEndpoint(ctx context.Context, s resolve.Settings) (string, int, error) {
	at := call{op: "look the endpoint up", subject: warehouseOf(s), action: "redshift:DescribeClusters", resource: "*"}
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return "", 0, err
	}
	out, err := c.redshift(to).DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: &s.Cluster})
	if err != nil {
		return "", 0, c.explain(err, at, provisioned)
	}
	if len(out.Clusters) == 0 {
		cause := provisioned["ClusterNotFound"]
		return "", 0, &fault.Error{Kind: cause.Kind, Reason: cause.Reason, Op: at.op, Subject: at.subject, Fix: cause.Fix}
	}
	cluster := out.Clusters[0]
	status := aws.ToString(cluster.ClusterStatus)
	if status == "paused" || status == "pausing" {
		return "", 0, closed(at, status)
	}
	if cluster.Endpoint == nil {
		return "", 0, notReady(at, status)
	}
	return endpointOf(at, status, cluster.Endpoint.Address, cluster.Endpoint.Port)
}

// closed is a cluster that gives or takes no logins because of its status. Only one that is paused waits for somebody.
//
// Source: Amazon Redshift API Reference, Cluster (ClusterStatus); Amazon Redshift Management Guide, "Pausing and resuming a cluster".
func closed(at call, status string) error {
	e := &fault.Error{Kind: fault.Blocked, Reason: WarehouseParked, Op: at.op, Subject: at.subject, Err: errors.New("it is " + status)}
	switch status {
	case "paused":
		e.Fix = "resume the cluster"
	case "pausing":
		e.Fix = "resume the cluster, once it is paused"
	default:
		e.Kind, e.Reason, e.Err = fault.Retry, WarehouseNotReady, errors.New("its status is "+status)
		e.Fix = "wait until it is available; if that does not come, look at the cluster in the Redshift console"
	}
	return e
}

func (c *Client) workgroupEndpoint(ctx context.Context, s resolve.Settings) (string, int, error) {
	at := call{op: "look the endpoint up", subject: warehouseOf(s), action: "redshift-serverless:GetWorkgroup", resource: arn("redshift-serverless", s, "workgroup/*")}
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return "", 0, err
	}
	out, err := c.serverless(to).GetWorkgroup(ctx, &redshiftserverless.GetWorkgroupInput{WorkgroupName: &s.Workgroup})
	if err != nil {
		return "", 0, c.explain(err, at, serverless)
	}
	if out.Workgroup == nil {
		return "", 0, missing(at, "the workgroup")
	}
	status := strings.ToLower(string(out.Workgroup.Status))
	if out.Workgroup.Endpoint == nil {
		return "", 0, notReady(at, status)
	}
	return endpointOf(at, status, out.Workgroup.Endpoint.Address, out.Workgroup.Endpoint.Port)
}

func endpointOf(at call, status string, address *string, port *int32) (string, int, error) {
	if aws.ToString(address) == "" || aws.ToInt32(port) == 0 {
		return "", 0, notReady(at, status)
	}
	return *address, int(*port), nil
}

func notReady(at call, status string) error {
	return &fault.Error{Kind: fault.Retry, Reason: WarehouseNotReady, Op: at.op, Subject: at.subject, Err: errors.New("it has no endpoint; its status is " + cmp.Or(status, "not known")),
		Fix: "wait until it is available"}
}

// DomainCluster looks up which cluster has the custom domain of s.
//
// Source: Amazon Redshift API Reference, DescribeCustomDomainAssociations.
func (c *Client) DomainCluster(ctx context.Context, s resolve.Settings) (cluster string, err error) {
	err = again(func() error {
		cluster, err = c.domainCluster(ctx, s)
		return err
	})
	return cluster, err
}

func (c *Client) domainCluster(ctx context.Context, s resolve.Settings) (string, error) {
	at := call{op: "look the custom domain up", subject: s.CustomDomain, action: "redshift:DescribeCustomDomainAssociations", resource: "*"}
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return "", err
	}
	neither := &fault.Error{Kind: unknownDomain.Kind, Reason: unknownDomain.Reason, Op: at.op, Subject: at.subject, Fix: unknownDomain.Fix,
		Err: errors.New("the host is no custom domain that this account has in " + to.region + ", and no ClusterID is given")}
	pages := redshift.NewDescribeCustomDomainAssociationsPaginator(c.redshift(to), &redshift.DescribeCustomDomainAssociationsInput{CustomDomainName: &s.CustomDomain})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err = c.explain(err, at, provisioned); fault.ReasonOf(err) == DomainUnknown {
			return "", neither
		}
		if err != nil {
			return "", err
		}
		for _, certificate := range page.Associations {
			for _, a := range certificate.CertificateAssociations {
				if strings.EqualFold(aws.ToString(a.CustomDomainName), s.CustomDomain) && aws.ToString(a.ClusterIdentifier) != "" {
					return *a.ClusterIdentifier, nil
				}
			}
		}
	}
	return "", neither
}

// AuthenticationProfile reads the content of the authentication profile of this name, a JSON object of connection properties.
//
// Errors: a *[fault.Error] with the reason [AuthenticationProfile] if there is none of this name, and awserror's Unauthorized if it may
// not be read.
//
// Source: Amazon Redshift API Reference, DescribeAuthenticationProfiles.
func (c *Client) AuthenticationProfile(ctx context.Context, region, endpoint, name string) (content []byte, err error) {
	err = again(func() error {
		content, err = c.authenticationProfile(ctx, region, endpoint, name)
		return err
	})
	return content, err
}

func (c *Client) authenticationProfile(ctx context.Context, region, endpoint, name string) ([]byte, error) {
	at := call{op: "read the authentication profile", subject: name, action: "redshift:DescribeAuthenticationProfiles", resource: "*"}
	to, err := c.ready(ctx, place{region, endpoint}, at.op, at.subject)
	if err != nil {
		return nil, err
	}
	none := awserror.Cause{Kind: fault.Blocked, Reason: AuthenticationProfile,
		Fix: "correct AuthProfile, Region, or the AWS account of the credentials"}
	out, err := c.redshift(to).DescribeAuthenticationProfiles(ctx, &redshift.DescribeAuthenticationProfilesInput{AuthenticationProfileName: &name})
	if err != nil {
		return nil, c.explain(err, at, awserror.Table{"AuthenticationProfileNotFoundFault": none})
	}
	for _, p := range out.AuthenticationProfiles {
		if aws.ToString(p.AuthenticationProfileName) == name {
			return []byte(aws.ToString(p.AuthenticationProfileContent)), nil
		}
	}
	return nil, &fault.Error{Kind: none.Kind, Reason: none.Reason, Op: at.op, Subject: at.subject, Err: errors.New("there is none of this name in " + to.region), Fix: none.Fix}
}
