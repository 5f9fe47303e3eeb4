package awslease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
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
	metadataBackoff  = 100 * time.Millisecond
)

// early has AWS credentials replaced one to two minutes before they end, so that none ends on its way.
func early(o *aws.CredentialsCacheOptions) {
	o.ExpiryWindow, o.ExpiryWindowJitterFrac = 2*time.Minute, 0.5
}

// errMFA marks what a program's own hook failed with.
type errMFA struct{ err error }

func (e *errMFA) Error() string { return "ask for the code of the MFA device: " + e.err.Error() }
func (e *errMFA) Unwrap() error { return e.err }

// errHook marks that the hook did not even return.
type errHook struct {
	reason string
	what   string
}

func (e *errHook) Error() string { return e.what }

// answered asks a program's own hook for a code, on a goroutine of its own: in the SDK's, a panic would end the program, and an end of the
// goroutine would leave all waiting who wait for credentials.
func answered(ask func() (string, error)) (code string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = &errHook{Gone, "the program's function for codes ended the goroutine that called it"}
		defer func() {
			if p := recover(); p != nil {
				err = &errHook{Panic, fmt.Sprintf("the program's function for codes panicked: %v\n%s", p, debug.Stack())}
			}
		}()
		if code, err = ask(); err != nil {
			err = &errMFA{err}
		} else if code == "" {
			err = &errMFA{errors.New("the program gave none")}
		}
	}()
	<-done
	return code, err
}

// providerOptions say where the SDK takes credentials from, and how it assumes roles on the way.
func providerOptions(c resolve.Credentials, o Options) []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithCredentialsCacheOptions(early),
		config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName = cmp.Or(a.RoleSessionName, sessionName)
			a.Client = at(a.Client, c.StsEndpoint)
			if o.MFAToken != nil {
				a.TokenProvider = func() (string, error) { return answered(o.MFAToken) }
			}
		}),
		config.WithWebIdentityRoleCredentialOptions(func(w *stscreds.WebIdentityRoleOptions) {
			w.RoleSessionName = cmp.Or(w.RoleSessionName, sessionName)
			w.Client = atForWeb(w.Client, c.StsEndpoint)
		}),
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

// withProviders gives cfg the credentials that the SDK's chain has no way to. It returns what has them got anew.
func withProviders(cfg *aws.Config, c resolve.Credentials) (forget func()) {
	if c.Kind == resolve.InstanceProfile {
		metadata := imds.NewFromConfig(*cfg, func(o *imds.Options) {
			// The address is this instance's own, to which no proxy leads.
			o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(metadataTimeout).WithTransportOptions(func(t *http.Transport) { t.Proxy = nil })
			o.DisableDefaultMaxBackoff = true
			o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = metadataAttempts, metadataBackoff })
		})
		cfg.Credentials = aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = metadata }), early)
	}
	if cache, ok := cfg.Credentials.(*aws.CredentialsCache); ok { // which the SDK always makes
		return cache.Invalidate
	}
	return func() {}
}

// assuming gives cfg the role of RoleArn, which is assumed with the credentials that it has. beneath has those got anew; what is returned
// has both.
func assuming(cfg *aws.Config, c resolve.Credentials, beneath func()) (forget func()) {
	role := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(*cfg), c.RoleARN, func(a *stscreds.AssumeRoleOptions) {
		a.RoleSessionName, a.Duration = cmp.Or(c.SessionName, sessionName), roleDuration
		a.Client = at(a.Client, c.StsEndpoint)
		if c.ExternalID != "" {
			a.ExternalID = &c.ExternalID
		}
	}), early)
	cfg.Credentials = role
	return func() {
		beneath()
		role.Invalidate()
	}
}

// An elsewhere calls STS at another endpoint than the configuration's. The SDK makes its clients of STS before options for services count.
type elsewhere struct {
	roles    stscreds.AssumeRoleAPIClient
	web      stscreds.AssumeRoleWithWebIdentityAPIClient
	endpoint string
}

// at and atForWeb are an API at an endpoint, where one is given. The SDK calls options without an API, too, to look at the rest.
func at(api stscreds.AssumeRoleAPIClient, endpoint string) stscreds.AssumeRoleAPIClient {
	if api == nil || endpoint == "" {
		return api
	}
	return &elsewhere{roles: api, endpoint: endpoint}
}

func atForWeb(api stscreds.AssumeRoleWithWebIdentityAPIClient, endpoint string) stscreds.AssumeRoleWithWebIdentityAPIClient {
	if api == nil || endpoint == "" {
		return api
	}
	return &elsewhere{web: api, endpoint: endpoint}
}

func (e *elsewhere) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	return e.roles.AssumeRole(ctx, in, append(options, e.redirect)...)
}

func (e *elsewhere) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, options ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return e.web.AssumeRoleWithWebIdentity(ctx, in, append(options, e.redirect)...)
}

func (e *elsewhere) redirect(o *sts.Options) {
	o.BaseEndpoint, o.Region = &e.endpoint, signingRegion(e.endpoint, o.Region)
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
