// Package awsclient makes the configuration that all AWS clients of a function share.
package awsclient

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sluicehq/sluice/shared/fault"
)

// Limits of one call. Three attempts with their back-off fit into the time limit of every function, with time left
// to report what failed. Longer waits are the tick's: they cost no compute.
const (
	attempts   = 3
	perAttempt = 4 * time.Second
	maxBackoff = 500 * time.Millisecond
)

// Load reads what Lambda puts into the environment of a function: its region and the temporary credentials of its
// role, which last as long as the process; and AWS_ENDPOINT_URL, as all SDKs do. It makes no network call. Its error
// is a [fault.Problems] with everything that is missing.
//
// The SDK's own config package would do the same and more; what it links for profiles, single sign-on and instance
// metadata, which no function has, doubles the time that a function takes to start.
func Load(lookup func(string) (string, bool)) (aws.Config, error) {
	var problems fault.Problems
	need := func(name string) string {
		v, _ := lookup(name)
		if v == "" {
			problems = append(problems, fault.Problem{Where: name, What: "is not set", Fix: "run the program as a Lambda function, which has it"})
		}
		return v
	}
	region, key, secret := need("AWS_REGION"), need("AWS_ACCESS_KEY_ID"), need("AWS_SECRET_ACCESS_KEY")
	if err := problems.Err(); err != nil {
		return aws.Config{}, err
	}
	token, _ := lookup("AWS_SESSION_TOKEN")
	cfg := aws.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
		HTTPClient:  http.NewBuildableClient().WithTimeout(perAttempt),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff })
		},
	}
	if endpoint, _ := lookup("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg, nil
}
