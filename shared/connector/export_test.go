package connector

import (
	"context"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// Cloud is AWS as a connector sees it.
type Cloud = cloud

// WithCloud asks another AWS.
func WithCloud(load func(context.Context, resolve.Credentials) (Cloud, error)) Option {
	return func(o *options) {
		o.load = func(ctx context.Context, c resolve.Credentials, _ string, _ options) (cloud, error) {
			return load(ctx, c)
		}
	}
}
