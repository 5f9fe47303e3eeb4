// Package awsclient makes the configuration that all AWS clients of a function share.
package awsclient

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Limits of one call. Three attempts with their back-off fit into the time limit of every function, with time left
// to report what failed.
const (
	attempts   = 3
	perAttempt = 4 * time.Second
	maxBackoff = 2 * time.Second
)

// Load reads region and credentials from the environment as every AWS SDK does. It makes no network call.
func Load(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(http.NewBuildableClient().WithTimeout(perAttempt)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff })
		}))
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	return cfg, nil
}
