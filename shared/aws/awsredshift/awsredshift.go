// Package awsredshift looks clusters up, mints temporary logins and attaches roles with the Amazon Redshift API.
package awsredshift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// WrongAPI is the reason where a cluster does not support temporary logins of this kind.
const WrongAPI = "WrongAPI"

// A Service implements [credentials.Minter] and [credentials.Clusters].
type Service struct{ api *redshift.Client }

// New returns a Service that calls through api.
func New(api *redshift.Client) *Service { return &Service{api} }

var causes = awserror.Table{
	"ClusterNotFound": {Kind: fault.Blocked, Reason: credentials.ClusterMissing,
		Fix: "correct the cluster identifier, which is case sensitive; a Serverless workgroup is not a cluster"},
	"UnsupportedOperation": {Kind: fault.Blocked, Reason: WrongAPI, Fix: "use the API that this warehouse supports"},
	"InvalidClusterState":  {Kind: fault.Retry, Reason: credentials.ClusterParked, Fix: "resume the cluster; the next tick then rotates"},
}

// Cluster implements [credentials.Minter] and [credentials.Clusters].
func (s *Service) Cluster(ctx context.Context, id string) (warehouse.Cluster, error) {
	out, err := s.api.DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		return warehouse.Cluster{}, awserror.Explain(err, "describe cluster", id, causes)
	}
	if len(out.Clusters) != 1 {
		return warehouse.Cluster{}, &fault.Error{Kind: fault.Blocked, Reason: credentials.ClusterMissing, Op: "describe cluster", Subject: id,
			Err: fmt.Errorf("%d clusters have this identifier", len(out.Clusters)), Fix: causes["ClusterNotFound"].Fix}
	}
	c := out.Clusters[0]
	cluster := warehouse.Cluster{ID: aws.ToString(c.ClusterIdentifier), Status: aws.ToString(c.ClusterStatus), Master: aws.ToString(c.MasterUsername)}
	if c.Endpoint != nil {
		cluster.Host, cluster.Port = aws.ToString(c.Endpoint.Address), int(aws.ToInt32(c.Endpoint.Port))
	}
	return cluster, nil
}

// Mint asks Redshift for a login that works for lifetime.
//
// Units: lifetime goes out as whole seconds, 900 to 3600. ExpiresAt is the instant that Redshift reports, IssuedAt the
// service's clock when it answered; neither comes from this machine's clock.
//
// Names: the User of the lease is not the user asked for. Redshift puts IAM: before it, or IAMA: with auto-create, and
// clients log in with the prefixed form.
//
// Errors: a user or a group that does not exist is not reported here. The call succeeds and the first login fails.
//
// Source: Amazon Redshift API Reference, GetClusterCredentials.
func (s *Service) Mint(ctx context.Context, cluster string, l warehouse.Login, lifetime time.Duration) (credentials.Lease, error) {
	in := &redshift.GetClusterCredentialsInput{
		ClusterIdentifier: &cluster, DbUser: &l.User, DbName: &l.Database, DbGroups: l.Groups, DurationSeconds: new(int32(lifetime.Seconds())),
	}
	if l.AutoCreate {
		in.AutoCreate = new(true)
	}
	subject := "user " + l.User + " on cluster " + cluster
	out, err := s.api.GetClusterCredentials(ctx, in)
	if err != nil {
		return credentials.Lease{}, awserror.Explain(err, "mint lease", subject, causes)
	}
	issued, err := awserror.Clock(out.ResultMetadata, "mint lease", subject)
	if err != nil {
		return credentials.Lease{}, err
	}
	if out.Expiration == nil || aws.ToString(out.DbUser) == "" || aws.ToString(out.DbPassword) == "" {
		return credentials.Lease{}, &fault.Error{Kind: fault.Retry, Reason: credentials.LeaseTooShort, Op: "mint lease", Subject: subject,
			Err: errors.New("the answer lacks the user, the password or the expiry"), Fix: "nothing; it is tried again"}
	}
	return credentials.Lease{
		User: aws.ToString(out.DbUser), Password: secret.New(aws.ToString(out.DbPassword)), IssuedAt: issued, ExpiresAt: out.Expiration.UTC(),
	}, nil
}
