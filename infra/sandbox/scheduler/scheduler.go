// Package scheduler plays Amazon EventBridge Scheduler: schedules that invoke Lambda functions or send to SQS queues on
// the sandbox's clock, each with the role that it names.
//
// What differs from the service: functions and queues are the only targets; a dead letter is the input alone, without
// the attributes that tell its story; a schedule is due to the second, and its place in a
// flexible window follows from its ARN, so that a run can be repeated. Occurrences that the machine has slept
// through are left out.
package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
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

// Roles gives sessions of roles to schedules.
type Roles interface {
	// Assume checks the role's trust policy and returns a session of it.
	Assume(by awshttp.Principal, roleARN, session string, ttl time.Duration) (identity.Credentials, awshttp.Principal, error)
}

// A Config says what a [Service] works with.
type Config struct {
	Clock   *clock.Clock
	Roles   Roles
	Invoker Invoker
	Queues  Sender // nil: no schedule may have a queue as its target
	Region  string // empty means awshttp.DefaultRegion
}

// A Service holds schedules and fires them.
type Service struct {
	config Config

	mu        sync.Mutex
	groups    map[string]*group
	schedules map[key]*schedule
	failures  []Failure
}

// New returns a service with the default group and no schedules.
func New(c Config) *Service {
	c.Region = cmp.Or(c.Region, awshttp.DefaultRegion)
	s := &Service{config: c, groups: map[string]*group{}, schedules: map[key]*schedule{}}
	s.groups[defaultGroup] = &group{created: c.Clock.Now()}
	return s
}

// AWS lists the operations, for [awshttp.Server.Register].
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "scheduler", Protocol: awshttp.RESTJSON, Internal: "InternalServerException", Invalid: invalid,
		Routes: map[string]string{
			"POST /schedules/{Name}":         "CreateSchedule",
			"GET /schedules/{Name}":          "GetSchedule",
			"PUT /schedules/{Name}":          "UpdateSchedule",
			"DELETE /schedules/{Name}":       "DeleteSchedule",
			"GET /schedules":                 "ListSchedules",
			"POST /schedule-groups/{Name}":   "CreateScheduleGroup",
			"GET /schedule-groups/{Name}":    "GetScheduleGroup",
			"DELETE /schedule-groups/{Name}": "DeleteScheduleGroup",
			"GET /schedule-groups":           "ListScheduleGroups",
			"GET /tags/{ResourceArn}":        "ListTagsForResource",
			"POST /tags/{ResourceArn}":       "TagResource",
			"DELETE /tags/{ResourceArn}":     "UntagResource",
		},
		Operations: map[string]awshttp.Operation{
			"CreateSchedule":      s.createSchedule,
			"GetSchedule":         s.getSchedule,
			"UpdateSchedule":      s.updateSchedule,
			"DeleteSchedule":      s.deleteSchedule,
			"ListSchedules":       s.listSchedules,
			"CreateScheduleGroup": s.createScheduleGroup,
			"GetScheduleGroup":    s.getScheduleGroup,
			"DeleteScheduleGroup": s.deleteScheduleGroup,
			"ListScheduleGroups":  s.listScheduleGroups,
			"ListTagsForResource": s.listTagsForResource,
			"TagResource":         s.tagResource,
			"UntagResource":       s.untagResource,
		},
	}
}

// A Failure is an attempt to invoke a target that did not succeed.
type Failure struct {
	Schedule string // ARN
	Target   string // ARN
	Attempt  int    // from 1 on
	Final    bool   // no further attempt follows
	Err      string
	Time     time.Time
}

// keptFailures is how many failures are remembered.
const keptFailures = 1000

// Failures lists the attempts that did not succeed, the oldest first, at most 1000.
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

// invalid is the code for an input that does not fit.
const invalid = "ValidationException"

func refuse(format string, args ...any) error {
	return &awshttp.Error{Code: invalid, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusConflict, Code: "ConflictException", Message: fmt.Sprintf(format, args...)}
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:scheduler:%s:%s:%s", awshttp.Partition, s.config.Region, awshttp.Account, resource)
}

func (s *Service) groupARN(name string) string { return s.arn("schedule-group/" + name) }

func (s *Service) scheduleARN(k key) string { return s.arn("schedule/" + k.group + "/" + k.name) }
