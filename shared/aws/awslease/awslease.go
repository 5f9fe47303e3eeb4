// Package awslease asks AWS for what the connector needs: temporary logins by three APIs, endpoints, custom domains,
// authentication profiles and consumers' secrets, with AWS credentials of every kind that the SDK knows.
package awslease

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"

	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// perAttempt is the limit of one attempt of a call. The SDK makes three at most, with waits of up to one and two seconds between
// them; AWS_MAX_ATTEMPTS and AWS_RETRY_MODE change that, as they do for all SDKs.
const perAttempt = 10 * time.Second

// Options are what a program gives beside properties. The zero value is good.
type Options struct {
	// MFAToken gives the code of a device, where a profile names one (mfa_serial). It is asked once for each assumed session.
	MFAToken func() (string, error)

	// Region is the one that properties or the name of a host say; empty if they say none. STS is called there.
	Region string

	more []func(*config.LoadOptions) error // of tests
}

// A Client asks AWS on behalf of one set of credentials. It keeps them for its whole life, so that a role is assumed, and a device's code
// is asked for, once a session. It may be used by several goroutines at once.
type Client struct {
	cfg      *aws.Config // fmt follows one pointer and no more: keys are behind two
	forget   func()      // has the next call get AWS credentials anew, those beneath a role as well
	given    resolve.Credentials
	source   *source
	region   string
	from     resolve.Origin
	notices  []resolve.Notice
	identity string
}

// Load finds the AWS credentials that c asks for, as the AWS SDK does: environment variables, the shared configuration files with all that
// a profile may say, containers and instances. It makes no network call, unless the configuration says defaults_mode = auto.
//
// Errors: a *[fault.Error] that names the profile, the files and what to change. Credentials that cannot be had are an error of the
// first call that needs them.
//
// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers" and "Shared config and credentials files".
func Load(ctx context.Context, c resolve.Credentials, o Options) (*Client, error) {
	c.Kind = cmp.Or(c.Kind, resolve.DefaultChain)
	base := c.Base()
	src := sourceOf(base)
	cfg, err := config.LoadDefaultConfig(ctx, append(loadOptions(base, o), o.more...)...)
	if err != nil {
		return nil, src.explainLoad(ctx, err)
	}
	src.loaded(&cfg)
	forget := withProviders(&cfg, base)
	client := &Client{cfg: &cfg, forget: forget, given: base, source: src, notices: notices(base, src), identity: identity(base, src)}
	client.region, client.from = configured(src)
	return client.As(c, o.Region), nil
}

// As is the client for given, which are the credentials of c with a role on top, or c itself without one. What is beneath the role is got
// once for both: a person who has to type a code for it types one. region is as in [Options]. It makes no call.
func (c *Client) As(given resolve.Credentials, region string) *Client {
	if given.RoleARN == "" {
		return c
	}
	of, cfg, src := *c, c.cfg.Copy(), *c.source
	if region != "" {
		cfg.Region = region
	}
	given.Kind, src.given = c.given.Kind, given
	of.forget = assuming(&cfg, given, c.forget)
	of.cfg, of.given, of.source, of.identity = &cfg, given, &src, identity(given, &src)
	return &of
}

// loadOptions are what the SDK's loading is told beside what it reads.
func loadOptions(c resolve.Credentials, o Options) []func(*config.LoadOptions) error {
	options := append(providerOptions(c, o),
		config.WithLogger(logging.Nop{}), // a library does not write to its program's output
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(perAttempt)),
	)
	if o.Region != "" {
		options = append(options, config.WithRegion(o.Region))
	}
	return options
}

// Region is the region that the AWS configuration says, and where; empty if it says none. What [Options] says does not count.
func (c *Client) Region() (string, resolve.Origin) { return c.region, c.from }

// configured is the region of the environment or, after that, of the profile.
func configured(s *source) (string, resolve.Origin) {
	switch {
	case s.env.region != "":
		return s.env.region, resolve.FromEnvironment
	case s.shared.region != "":
		return s.shared.region, resolve.FromAWSProfile
	}
	return "", resolve.Default
}

// Notices are what may surprise in the AWS configuration.
func (c *Client) Notices() []resolve.Notice { return c.notices }

// Identity is a fingerprint of where the AWS credentials come from, the same for the same place within one process. It says nothing of
// secrets, and nothing that holds in another process.
func (c *Client) Identity() string { return c.identity }

// Format writes where the AWS credentials come from, whatever the verb and flags: what is inside is nothing to print.
func (c Client) Format(f fmt.State, _ rune) {
	text := "AWS"
	if c.source != nil { // it is loaded
		text += " as " + c.source.String()
	}
	_, _ = io.WriteString(f, text)
}

// A place is where a service is called.
type place struct{ region, endpoint string }

// ready is the region to call a service in, once there are credentials to call it with.
func (c *Client) ready(ctx context.Context, at place, op, subject string) (place, error) {
	at.region = cmp.Or(at.region, c.cfg.Region)
	if at.region == "" {
		return at, regionMissing(op, subject)
	}
	if _, err := c.cfg.Credentials.Retrieve(ctx); err != nil {
		return at, c.explainCredentials(ctx, err)
	}
	return at, nil
}

func regionMissing(op, subject string) error {
	return &fault.Error{Kind: fault.Blocked, Reason: RegionMissing, Op: op, Subject: subject,
		Fix: "give the property Region, set AWS_REGION, or write region into the AWS profile"}
}

func (c *Client) redshift(at place) *redshift.Client {
	return redshift.NewFromConfig(*c.cfg, func(o *redshift.Options) {
		o.Region = at.region
		if at.endpoint != "" {
			o.BaseEndpoint = &at.endpoint
		}
	})
}

func (c *Client) serverless(at place) *redshiftserverless.Client {
	return redshiftserverless.NewFromConfig(*c.cfg, func(o *redshiftserverless.Options) {
		o.Region = at.region
		if at.endpoint != "" {
			o.BaseEndpoint = &at.endpoint
		}
	})
}

func (c *Client) secrets(at place) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(*c.cfg, func(o *secretsmanager.Options) {
		o.Region = at.region
		if at.endpoint != "" {
			o.BaseEndpoint = &at.endpoint
		}
	})
}
