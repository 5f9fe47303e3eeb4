package connector_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A cloud is an AWS that gives logins which live for a quarter of an hour, and remembers what it was asked for.
type cloud struct {
	region      string
	profile     string // content of the only authentication profile
	host        string // of the only warehouse
	port        int
	domainKnown bool
	refuse      error         // the answer to everything
	takes       time.Duration // to answer
	hold        chan struct{} // if set, a mint waits until it is closed
	ends        int           // mints, from the first, that find that the AWS credentials have ended
	replaced    bool          // each load finds other credentials
	lost        bool          // nobody knows where the warehouse is

	mu    sync.Mutex
	calls []string
	mints int
}

var _ connector.Cloud = (*cloud)(nil)

// options make a connector ask this cloud, with a cache of its own.
func (c *cloud) options() []connector.Option {
	return []connector.Option{
		connector.WithCache(lease.New(lease.Options{})),
		connector.WithCloud(func(_ context.Context, of resolve.Credentials) (connector.Cloud, error) {
			c.note("load " + of.String())
			if c.replaced {
				return &renamed{c, len(c.asked())}, nil
			}
			return c, nil
		}),
	}
}

// A renamed cloud is the same with other credentials.
type renamed struct {
	*cloud
	number int
}

func (r *renamed) Identity() string { return fmt.Sprint(r.cloud.Identity(), r.number) }
func (r *renamed) As(c resolve.Credentials, region string) connector.Cloud {
	r.cloud.As(c, region)
	return r
}

func (c *cloud) note(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

// asked are all calls so far.
func (c *cloud) asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.calls...)
}

func (c *cloud) Region() (string, resolve.Origin) { return c.region, resolve.FromAWSProfile }
func (c *cloud) Notices() []resolve.Notice        { return nil }
func (c *cloud) Chain() []resolve.Link            { return nil }
func (c *cloud) Base() string                     { return "the test" }
func (c *cloud) Identity() string                 { return fmt.Sprintf("cloud %p", c) }
func (c *cloud) As(of resolve.Credentials, region string) connector.Cloud {
	if of.RoleARN != "" {
		c.note("the same as " + of.RoleARN + " by " + region)
	}
	return c
}

func (c *cloud) AuthenticationProfile(ctx context.Context, region, _, name string) ([]byte, error) {
	c.note("authentication profile " + name + " in " + region)
	return []byte(c.profile), c.take(ctx)
}

// take takes its time for an answer, which is not there if ctx ends before.
func (c *cloud) take(ctx context.Context) error {
	if c.takes > 0 {
		select {
		case <-time.After(c.takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.refuse
}

func (c *cloud) DomainCluster(_ context.Context, s resolve.Settings) (string, error) {
	c.note("domain " + s.CustomDomain)
	if !c.domainKnown {
		return "", errors.New("no such domain")
	}
	return "analytics", c.refuse
}

func (c *cloud) Mint(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	c.mu.Lock()
	c.mints++
	n, hold := c.mints, c.hold
	c.mu.Unlock()
	c.note("mint by " + string(s.Login))
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return lease.Lease{}, ctx.Err()
		}
	}
	if err := c.take(ctx); err != nil {
		return lease.Lease{}, err
	}
	if n <= c.ends {
		return lease.Lease{}, &fault.Error{Kind: fault.Blocked, Reason: awslease.CredentialsExpired, Op: "get a login", Fix: "get others"}
	}
	l := lease.Lease{User: "IAM:" + s.DbUser, Password: secret.New(fmt.Sprintf("password %d", n)), Expires: time.Now().Add(15 * time.Minute)}
	if s.Login == resolve.ConsumerSecret {
		l.User, l.Host, l.Port, l.Database = "IAM:consumer", c.host, c.port, "sales"
	}
	return l, nil
}

func (c *cloud) Endpoint(ctx context.Context, s resolve.Settings) (string, int, error) {
	c.note("endpoint of " + s.Cluster + s.Workgroup)
	if err := c.take(ctx); err != nil {
		return "", 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		return "", 0, &fault.Error{Kind: fault.Retry, Reason: "Throttled", Op: "describe cluster", Fix: "try again"}
	}
	return c.host, c.port, nil
}
