// Package secretsmanager is the sandbox's AWS Secrets Manager: versions that never change, staging labels that move
// by compare-and-swap, and rotation by the four steps of a function.
//
// It keeps to what AWS documents and to what has been recorded of its answers. Where neither says anything, the
// comment at that place says what was chosen, and the choice is the one that is harder on the caller.
package secretsmanager

import (
	"context"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// principal is the service principal that invokes rotation functions.
const principal = "secretsmanager.amazonaws.com"

// AWS says that a failed rotation is retried "multiple times" and neither how often nor how soon. These are ours.
const (
	DefaultRetries    = 1
	DefaultRetryAfter = time.Minute
)

// An Invoker runs Lambda functions.
type Invoker interface {
	// Invoke runs function (a name or an ARN) as by, which must be allowed to invoke it, and waits for its answer.
	// functionError is empty unless the function itself failed; err says that it could not be run.
	Invoke(ctx context.Context, by awshttp.Principal, function string, payload []byte) (result []byte, functionError string, err error)
}

// A Publisher takes the events that AWS would put on the account's default bus.
type Publisher interface {
	// Publish puts an event on the bus. detail is a JSON object. It may be called from several goroutines.
	Publish(ctx context.Context, source, detailType string, detail []byte)
}

// A Config says what the service works with.
type Config struct {
	Clock  *clock.Clock
	Invoke Invoker
	// DryRun reports, without running it, why by may not invoke function; RotateSecret asks it for Secrets Manager
	// itself. Nil means that a missing permission shows at the first step.
	DryRun  func(ctx context.Context, by awshttp.Principal, function string) error
	Publish Publisher // nil means that nobody listens
	Keys    KeyUser   // nil means that there is no key but AWS's own
	Region  string    // empty means awshttp.DefaultRegion

	// Retries is how often a failed rotation is run again as a whole, with the same token; zero means
	// DefaultRetries, a negative number none. RetryAfter is the pause before each; zero means DefaultRetryAfter.
	Retries    int
	RetryAfter time.Duration
}

// A Service holds the secrets of the account.
type Service struct {
	config Config

	mu         sync.Mutex
	secrets    map[string]*record // by name, those scheduled for deletion too
	events     []event            // not published yet
	publishing bool               // somebody is at it

	made passwords
}

// New returns a service without secrets.
func New(c Config) *Service {
	if c.Region == "" {
		c.Region = awshttp.DefaultRegion
	}
	if c.Retries == 0 {
		c.Retries = DefaultRetries
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = DefaultRetryAfter
	}
	return &Service{config: c, secrets: map[string]*record{}}
}

// AWS lists the operations.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name:     "secretsmanager",
		Protocol: awshttp.JSON,
		Target:   "secretsmanager",
		Internal: "InternalServiceError",
		Invalid:  "InvalidParameterException",
		Operations: map[string]awshttp.Operation{
			"CancelRotateSecret":       s.cancelRotateSecret,
			"CreateSecret":             s.createSecret,
			"DeleteResourcePolicy":     s.deleteResourcePolicy,
			"DeleteSecret":             s.deleteSecret,
			"DescribeSecret":           s.describeSecret,
			"GetRandomPassword":        s.getRandomPassword,
			"GetResourcePolicy":        s.getResourcePolicy,
			"GetSecretValue":           s.getSecretValue,
			"ListSecretVersionIds":     s.listSecretVersionIDs,
			"ListSecrets":              s.listSecrets,
			"PutResourcePolicy":        s.putResourcePolicy,
			"PutSecretValue":           s.putSecretValue,
			"RestoreSecret":            s.restoreSecret,
			"RotateSecret":             s.rotateSecret,
			"TagResource":              s.tagResource,
			"UntagResource":            s.untagResource,
			"UpdateSecret":             s.updateSecret,
			"UpdateSecretVersionStage": s.updateSecretVersionStage,
		},
	}
}

// now is the service's time. AWS keeps milliseconds.
func (s *Service) now() time.Time { return s.config.Clock.Now().Truncate(time.Millisecond) }
