package awslease

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/smithy-go/middleware"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// What codes of the Redshift API and of Redshift Serverless mean.
var (
	provisioned = awserror.Table{
		"ClusterNotFound": {Kind: fault.Blocked, Reason: ClusterMissing,
			Fix: "correct ClusterID, which is case sensitive, Region, or the AWS account of the credentials; a workgroup is not a cluster"},
		"UnsupportedOperation": {Kind: fault.Blocked, Reason: WrongAPI, Fix: "switch group_federation, so that another API is asked for the login"},
		"InvalidClusterState":  {Kind: fault.Blocked, Reason: WarehouseParked, Fix: "look at its status: if it is paused, somebody has to resume it; in all others, wait until it is available"},

		"CustomDomainAssociationNotFoundFault": unknownDomain,
		"CustomCnameAssociationFault":          unknownDomain,
	}
	serverless = awserror.Table{
		"ResourceNotFoundException": {Kind: fault.Blocked, Reason: WorkgroupMissing,
			Fix: "correct Workgroup, Region, or the AWS account of the credentials; a cluster is not a workgroup"},
	}
	unknownDomain = awserror.Cause{Kind: fault.Blocked, Reason: DomainUnknown, Fix: "correct the host, or give ClusterID"}
)

// Mint asks for the login that s wants.
//
// Names: the User of the lease is the one of the answer, with its prefix (IAM:, IAMA:, IAMR:), and it is what logs in.
//
// Units: s.Duration goes out as whole seconds, and not at all where it is 0. Expires is what the service says and Asked is the service's clock;
// the latter is zero where the answer has no date.
//
// Errors: a *[fault.Error]. A user or a group that does not exist is mostly not reported here: the call succeeds and the login fails.
//
// Source: Amazon Redshift API Reference, GetClusterCredentials and GetClusterCredentialsWithIAM; Amazon Redshift Serverless API Reference,
// GetCredentials; AWS Secrets Manager API Reference, GetSecretValue.
func (c *Client) Mint(ctx context.Context, s resolve.Settings) (l lease.Lease, err error) {
	err = again(func() error {
		l, err = c.mint(ctx, s)
		return err
	})
	return l, err
}

func (c *Client) mint(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	switch s.Login {
	case resolve.GetClusterCredentials:
		return c.mintUser(ctx, s)
	case resolve.GetClusterCredentialsWithIAM:
		return c.mintIdentity(ctx, s)
	case resolve.GetCredentials:
		return c.mintServerless(ctx, s)
	case resolve.ConsumerSecret:
		return c.readSecret(ctx, s)
	}
	return lease.Lease{}, &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "get a login", Subject: "API " + string(s.Login), Fix: "report this message"}
}

func (c *Client) mintUser(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	at := call{op: "get a login", subject: "user " + s.DbUser + " on " + warehouseOf(s), action: "redshift:GetClusterCredentials",
		resource: arn("redshift", s, "dbuser:"+cmp.Or(s.Cluster, "*")+"/"+s.DbUser)}
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return lease.Lease{}, err
	}
	in := &redshift.GetClusterCredentialsInput{
		DbUser: &s.DbUser, DbName: some(s.Database), AutoCreate: &s.AutoCreate, DbGroups: s.DbGroups, DurationSeconds: seconds(s.Duration),
	}
	in.ClusterIdentifier, in.CustomDomainName = either(s.Cluster, s.CustomDomain)
	out, err := c.redshift(to).GetClusterCredentials(ctx, in)
	if err != nil {
		return lease.Lease{}, c.unwilling(ctx, err, at, to, s)
	}
	return minted(at, out.DbUser, out.DbPassword, out.Expiration, out.ResultMetadata)
}

func (c *Client) mintIdentity(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	at := call{op: "get a login", subject: "the AWS identity on " + warehouseOf(s), action: "redshift:GetClusterCredentialsWithIAM",
		resource: arn("redshift", s, "dbname:"+cmp.Or(s.Cluster, "*")+"/"+cmp.Or(s.Database, "*"))}
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return lease.Lease{}, err
	}
	in := &redshift.GetClusterCredentialsWithIAMInput{DbName: some(s.Database), DurationSeconds: seconds(s.Duration)}
	in.ClusterIdentifier, in.CustomDomainName = either(s.Cluster, s.CustomDomain)
	out, err := c.redshift(to).GetClusterCredentialsWithIAM(ctx, in)
	if err != nil {
		return lease.Lease{}, c.unwilling(ctx, err, at, to, s)
	}
	return minted(at, out.DbUser, out.DbPassword, out.Expiration, out.ResultMetadata)
}

// unwilling is why a cluster gives no login. The service says the same of one that is paused and of one that is busy: only the status tells.
// It is looked at where the program looks the endpoint up with the same call, so that nothing more has to be allowed.
//
// Source: github.com/apache/airflow/issues/68922, of a paused cluster.
func (c *Client) unwilling(ctx context.Context, err error, at call, to place, s resolve.Settings) error {
	if awserror.Code(err) == "InvalidClusterState" && s.Cluster != "" && s.Host == "" {
		out, failed := c.redshift(to).DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: &s.Cluster})
		if failed == nil && len(out.Clusters) == 1 && aws.ToString(out.Clusters[0].ClusterStatus) != "" {
			return closed(at, *out.Clusters[0].ClusterStatus)
		}
	}
	return c.explain(err, at, provisioned)
}

func (c *Client) mintServerless(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	at := call{op: "get a login", subject: "the AWS identity on " + warehouseOf(s), action: "redshift-serverless:GetCredentials",
		resource: arn("redshift-serverless", s, "workgroup/*")} // its ARN has an id, not the name
	to, err := c.ready(ctx, place{s.Region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return lease.Lease{}, err
	}
	in := &redshiftserverless.GetCredentialsInput{DbName: some(s.Database), DurationSeconds: seconds(s.Duration)}
	in.WorkgroupName, in.CustomDomainName = either(s.Workgroup, s.CustomDomain)
	out, err := c.serverless(to).GetCredentials(ctx, in)
	if err != nil {
		return lease.Lease{}, c.explain(err, at, serverless)
	}
	return minted(at, out.DbUser, out.DbPassword, out.Expiration, out.ResultMetadata)
}

// minted is the lease in an answer.
func minted(at call, user, password *string, expires *time.Time, metadata middleware.Metadata) (lease.Lease, error) {
	if aws.ToString(user) == "" || aws.ToString(password) == "" || expires == nil {
		return lease.Lease{}, missing(at, "the user, the password or the expiry")
	}
	return lease.Lease{User: *user, Password: secret.New(*password), Expires: expires.UTC(), Asked: asked(metadata)}, nil
}

// asked is the service's clock, or zero where the answer has no date.
func asked(metadata middleware.Metadata) time.Time {
	now, err := awserror.Clock(metadata, "", "")
	if err != nil {
		return time.Time{}
	}
	return now
}

// warehouseOf names the warehouse for people.
func warehouseOf(s resolve.Settings) string {
	switch {
	case s.Cluster != "":
		return "cluster " + s.Cluster
	case s.Workgroup != "":
		return "workgroup " + s.Workgroup
	}
	return "custom domain " + s.CustomDomain
}

// arn names a resource of the warehouse as policies do.
func arn(service string, s resolve.Settings, resource string) string {
	return strings.Join([]string{"arn", warehouse.PlaceIn("", s.Region).Partition, service, cmp.Or(s.Region, "*"), cmp.Or(s.AccountID, "*"), resource}, ":")
}

// either is the name of a warehouse where there is one, and else its custom domain.
func either(name, domain string) (*string, *string) {
	if name != "" {
		return &name, nil
	}
	return nil, some(domain)
}

func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func seconds(d time.Duration) *int32 {
	if d == 0 {
		return nil
	}
	return new(int32(d.Seconds()))
}
