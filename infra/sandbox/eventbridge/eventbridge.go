// Package eventbridge plays Amazon EventBridge: buses, rules with patterns, and delivery to Lambda functions and SQS queues.
//
// What differs from EventBridge: functions and queues are the only targets; delivery that is refused is not repeated,
// because EventBridge does not repeat it either (other failures do not happen here); a dead letter is the event alone,
// without the attributes that tell its story; rules have patterns and no schedules.
package eventbridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// An Invoker accepts events for functions.
type Invoker interface {
	// InvokeAsync checks that the principal may invoke the function and queues the event.
	InvokeAsync(ctx context.Context, by awshttp.Principal, function string, payload []byte) error
}

// A Sender puts messages into queues.
type Sender interface {
	// Send checks that the principal may send to the queue, an ARN, and puts the message there.
	Send(ctx context.Context, by awshttp.Principal, queue, body string, delay time.Duration) error
}

// A Config says what a [Service] works with.
type Config struct {
	Clock   *clock.Clock
	Invoker Invoker
	Queues  Sender // nil: no rule may have a queue as its target
	Region  string // empty means awshttp.DefaultRegion
}

// A Service holds buses and delivers events.
type Service struct {
	config Config

	mu       sync.Mutex
	buses    map[string]*bus              // by name
	tags     map[string]map[string]string // of buses and rules, by ARN
	failures []Failure
}

// New returns a service with the default bus.
func New(c Config) *Service {
	c.Region = cmp.Or(c.Region, awshttp.DefaultRegion)
	s := &Service{config: c, buses: map[string]*bus{}, tags: map[string]map[string]string{}}
	s.buses[defaultBus] = newBus(defaultBus, "", c.Clock.Now())
	return s
}

// AWS lists the operations, for [awshttp.Server.Register].
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "events", Protocol: awshttp.JSON, Target: "AWSEvents", Internal: "InternalException", Invalid: invalid,
		Operations: map[string]awshttp.Operation{
			"CreateEventBus":    s.createEventBus,
			"DescribeEventBus":  s.describeEventBus,
			"ListEventBuses":    s.listEventBuses,
			"DeleteEventBus":    s.deleteEventBus,
			"PutRule":           s.putRule,
			"DescribeRule":      s.describeRule,
			"ListRules":         s.listRules,
			"DeleteRule":        s.deleteRule,
			"PutTargets":        s.putTargets,
			"ListTargetsByRule": s.listTargetsByRule,
			"RemoveTargets":     s.removeTargets,
			"PutEvents":         s.putEvents,
			"TestEventPattern":  s.testEventPattern,

			"TagResource":         s.tagResource,
			"UntagResource":       s.untagResource,
			"ListTagsForResource": s.listTagsForResource,
		},
	}
}

// A Failure is an event that did not reach a target, or no bus.
type Failure struct {
	Bus, Rule, Target string // Rule and Target are empty if there is no such bus
	EventID           string
	Err               string
	Time              time.Time
}

// keptFailures is how many failures are remembered.
const keptFailures = 1000

// Failures lists what could not be delivered, the oldest first, at most 1000.
func (s *Service) Failures() []Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failures)
}

func (s *Service) fail(f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures = append(s.failures, f); len(s.failures) > keptFailures {
		s.failures = slices.Delete(s.failures, 0, 1)
	}
}

// Codes of EventBridge's errors.
const (
	invalid  = "ValidationException"
	notFound = "ResourceNotFoundException"
)

func refuse(code, format string, args ...any) error {
	return &awshttp.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:events:%s:%s:%s", awshttp.Partition, s.config.Region, awshttp.Account, resource)
}

func (s *Service) busARN(name string) string { return s.arn("event-bus/" + name) }

func (s *Service) ruleARN(bus, rule string) string {
	if bus == defaultBus {
		return s.arn("rule/" + rule)
	}
	return s.arn("rule/" + bus + "/" + rule)
}

// busName reads what a caller may give as a bus: a name, an ARN, or nothing for the default bus.
func busName(given string) string {
	if _, name, ok := strings.Cut(given, ":event-bus/"); ok {
		return name
	}
	return cmp.Or(given, defaultBus)
}
