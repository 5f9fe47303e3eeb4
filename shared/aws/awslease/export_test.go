package awslease

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
)

// WithoutWaits has calls tried again at once.
func WithoutWaits(o Options) Options {
	o.more = append(o.more, config.WithRetryer(func() aws.Retryer {
		return retry.NewStandard(func(s *retry.StandardOptions) {
			s.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}))
	return o
}

// Kept is what a client keeps of what the SDK has read.
func Kept(c *Client) []any { return append([]any{*c.source}, c.cfg.ConfigSources...) }

// SigningRegion is what requests to an endpoint of STS are signed for.
func SigningRegion(endpoint, configured string) string { return signingRegion(endpoint, configured) }
