package awslease

import (
	"cmp"
	"errors"
	"net/url"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

const (
	// sessionName is what CloudTrail shows for an assumed role that nobody named a session of.
	sessionName = "sluice-connector"

	// roleDuration is how long a session of the property RoleArn lasts: what any role allows, also one that is assumed by another.
	//
	// Source: AWS STS API Reference, AssumeRole (DurationSeconds).
	roleDuration = time.Hour

	// Where there is no metadata service, its address answers nothing: two attempts of a second tell.
	metadataAttempts = 2
	metadataTimeout  = time.Second
)

// early has AWS credentials replaced one to two minutes before they end, so that none ends on its way.
func early(o *aws.CredentialsCacheOptions) {
	o.ExpiryWindow, o.ExpiryWindowJitterFrac = 2*time.Minute, 0.5
}

// errMFA marks what a program's own hook failed with.
type errMFA struct{ err error }

func (e *errMFA) Error() string { return "ask for the code of the MFA device: " + e.err.Error() }
func (e *errMFA) Unwrap() error { return e.err }

// providerOptions say where the SDK takes credentials from, and how it assumes roles on the way.
func providerOptions(c resolve.Credentials, o Options) []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithCredentialsCacheOptions(early),
		config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName = cmp.Or(a.RoleSessionName, sessionName)
			if o.MFAToken != nil {
				a.TokenProvider = func() (string, error) {
					code, err := o.MFAToken()
					if err != nil {
						return "", &errMFA{err}
					}
					if code == "" {
						return "", &errMFA{errors.New("the program gave none")}
					}
					return code, nil
				}
			}
		}),
		config.WithWebIdentityRoleCredentialOptions(func(w *stscreds.WebIdentityRoleOptions) {
			w.RoleSessionName = cmp.Or(w.RoleSessionName, sessionName)
		}),
	}
	if c.StsEndpoint != "" {
		options = append(options, config.WithServiceOptions(func(_ string, service any) {
			if s, ok := service.(*sts.Options); ok {
				s.BaseEndpoint, s.Region = &c.StsEndpoint, signingRegion(c.StsEndpoint, s.Region)
			}
		}))
	}
	switch c.Kind {
	case resolve.Static:
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey.Reveal(), c.SessionToken.Reveal())))
	case resolve.Profile:
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	case resolve.InstanceProfile:
		options = append(options, config.WithCredentialsProvider(aws.AnonymousCredentials{})) // until withProviders
	}
	return options
}

// withProviders is cfg with the credentials that the SDK's chain has no way to.
func withProviders(cfg aws.Config, c resolve.Credentials) aws.Config {
	if c.Kind == resolve.InstanceProfile {
		metadata := imds.NewFromConfig(cfg, func(o *imds.Options) {
			o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(metadataTimeout)
			o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts = metadataAttempts })
		})
		cfg.Credentials = aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = metadata }), early)
	}
	if c.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.RoleARN, func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName, a.Duration = cmp.Or(c.SessionName, sessionName), roleDuration
			if c.ExternalID != "" {
				a.ExternalID = &c.ExternalID
			}
		}), early)
	}
	return cfg
}

// regional finds the region in the names that STS has: sts.eu-west-1.amazonaws.com, vpce-….sts.eu-west-1.vpce.amazonaws.com.
//
// Source: AWS General Reference, "AWS Security Token Service endpoints and quotas"; AWS PrivateLink Guide, "Interface endpoints".
var regional = regexp.MustCompile(`(?:^|\.)sts(?:-fips)?\.([a-z]+(?:-[a-z]+)+-[0-9]+)\.`)

// signingRegion is the region that a request to an endpoint of STS is signed for: the endpoint's own, if its name says one.
func signingRegion(endpoint, configured string) string {
	if u, err := url.Parse(endpoint); err == nil {
		if m := regional.FindStringSubmatch(u.Hostname()); m != nil {
			return m[1]
		}
		if u.Hostname() == "sts.amazonaws.com" {
			return "us-east-1" // the global endpoint
		}
	}
	return cmp.Or(configured, "us-east-1")
}
