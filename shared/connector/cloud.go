package connector

import (
	"context"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// A cloud is AWS with one set of credentials.
type cloud interface {
	// Region is the one of the AWS configuration and where it is from; empty if that has none.
	Region() (string, resolve.Origin)
	// Notices are what may surprise in the AWS configuration.
	Notices() []resolve.Notice
	// Chain is what AWS is asked for on the way to the credentials, and Base names those at its end.
	Chain() []resolve.Link
	Base() string
	// Identity tells where the credentials come from, without a secret.
	Identity() string
	// As is the same with the role of c on top, whose Base it was loaded for. region is as for a loader.
	As(c resolve.Credentials, region string) cloud

	AuthenticationProfile(ctx context.Context, region, endpoint, name string) ([]byte, error)
	DomainCluster(ctx context.Context, s resolve.Settings) (cluster string, err error)
	Mint(ctx context.Context, s resolve.Settings) (lease.Lease, error)
	Endpoint(ctx context.Context, s resolve.Settings) (host string, port int, err error)
}

// A loader reads the AWS configuration for credentials. It makes no call. region is the one that properties say, where roles are assumed.
type loader func(ctx context.Context, c resolve.Credentials, region string, o options) (cloud, error)

func loadAWS(ctx context.Context, c resolve.Credentials, region string, o options) (cloud, error) {
	client, err := awslease.Load(ctx, c, awslease.Options{MFAToken: o.mfa, Region: region})
	if err != nil {
		return nil, err
	}
	return realCloud{client}, nil
}

// A realCloud is a cloud that is AWS.
type realCloud struct{ *awslease.Client }

func (r realCloud) As(c resolve.Credentials, region string) cloud {
	return realCloud{r.Client.As(c, region)}
}
