package lambda

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// MayInvoke reports why by may not invoke the function, a name or an ARN; nil if it may. Nothing is run.
func (s *Service) MayInvoke(_ context.Context, by awshttp.Principal, function string) error {
	_, err := s.allowed(by, function)
	return err
}
