package scheduler

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"regexp"
	"time"
)

// A definition is what a caller says about a schedule, as its members stand on the wire.
type definition struct {
	Description                string
	ScheduleExpression         string `aws:"required"`
	ScheduleExpressionTimezone string
	StartDate                  *time.Time
	EndDate                    *time.Time
	State                      string
	FlexibleTimeWindow         window `aws:"required"`
	ActionAfterCompletion      string
	Target                     target `aws:"required"`
}

type window struct {
	Mode                   string `aws:"required"`
	MaximumWindowInMinutes *int
}

type target struct {
	Arn              string `aws:"required"`
	RoleArn          string `aws:"required"`
	Input            *string
	RetryPolicy      *retryPolicy
	DeadLetterConfig *deadLetters
}

// deadLetters names the queue that takes what could not be delivered.
type deadLetters struct {
	Arn string `json:",omitempty"`
}

type retryPolicy struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
}

// Words of the service.
const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
	off      = "OFF"
	flexible = "FLEXIBLE"
	keep     = "NONE"
	remove   = "DELETE"
)

// Limits: Amazon EventBridge Scheduler API Reference, CreateSchedule, RetryPolicy, FlexibleTimeWindow.
const (
	maxRetries  = 185
	minEventAge = 60    // seconds
	maxEventAge = 86400 // seconds
	maxWindow   = 1440  // minutes
)

var (
	namePattern = regexp.MustCompile(`^[0-9a-zA-Z_.-]{1,64}$`)
	lambdaARN   = regexp.MustCompile(`^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[^/]+$`)
	queueARN    = regexp.MustCompile(`^arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$`)
	rolePattern = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/.+$`)
)

// complete sets the defaults.
func (d *definition) complete() {
	d.State = cmp.Or(d.State, enabled)
	d.ScheduleExpressionTimezone = cmp.Or(d.ScheduleExpressionTimezone, "UTC")
	d.ActionAfterCompletion = cmp.Or(d.ActionAfterCompletion, keep)
	if d.Target.RetryPolicy == nil {
		d.Target.RetryPolicy = &retryPolicy{}
	}
	p := d.Target.RetryPolicy
	if p.MaximumRetryAttempts == nil {
		p.MaximumRetryAttempts = new(maxRetries)
	}
	if p.MaximumEventAgeInSeconds == nil {
		p.MaximumEventAgeInSeconds = new(maxEventAge)
	}
}

// check validates a complete definition and reads its expression. queues says that targets may be queues.
func (d *definition) check(now time.Time, queues bool) (Expression, error) {
	zone, err := time.LoadLocation(d.ScheduleExpressionTimezone)
	if err != nil || d.ScheduleExpressionTimezone == "Local" {
		return Expression{}, refuse("ScheduleExpressionTimezone %q is not a time zone such as Europe/Berlin", d.ScheduleExpressionTimezone)
	}
	e, err := Parse(d.ScheduleExpression, zone)
	if err != nil {
		return Expression{}, refuse("Invalid Schedule Expression %s. (%v)", d.ScheduleExpression, err)
	}
	switch {
	case d.State != enabled && d.State != disabled:
		return e, refuse("State is %q; it has to be ENABLED or DISABLED", d.State)
	case d.ActionAfterCompletion != keep && d.ActionAfterCompletion != remove:
		return e, refuse("ActionAfterCompletion is %q; it has to be NONE or DELETE", d.ActionAfterCompletion)
	case !e.Once() && d.StartDate != nil && d.StartDate.Before(now.Add(-5*time.Minute)):
		return e, refuse("The StartDate you specify cannot be earlier than 5 minutes ago.")
	case !e.Once() && d.EndDate != nil && d.EndDate.Before(now):
		return e, refuse("The EndDate you specify cannot be in the past.")
	case d.StartDate != nil && d.EndDate != nil && !d.StartDate.Before(*d.EndDate):
		return e, refuse("The StartDate has to be before the EndDate.")
	}
	if err := d.FlexibleTimeWindow.check(); err != nil {
		return e, err
	}
	return e, d.Target.check(queues)
}

func (w window) check() error {
	n := w.MaximumWindowInMinutes
	switch w.Mode {
	case off:
		if n != nil {
			return refuse("FlexibleTimeWindow: MaximumWindowInMinutes has no meaning with Mode OFF")
		}
	case flexible:
		if n == nil || *n < 1 || *n > maxWindow {
			return refuse("FlexibleTimeWindow: MaximumWindowInMinutes has to be between 1 and %d with Mode FLEXIBLE", maxWindow)
		}
	default:
		return refuse("FlexibleTimeWindow: Mode is %q; it has to be OFF or FLEXIBLE", w.Mode)
	}
	return nil
}

// offset is how far into the window a schedule is due, in whole seconds. It is the same at every occurrence.
func (w window) offset(arn string) time.Duration {
	if w.MaximumWindowInMinutes == nil {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(arn)) // never fails
	return time.Duration(h.Sum32()%uint32(*w.MaximumWindowInMinutes*60)) * time.Second
}

func (t target) check(queues bool) error {
	p := t.RetryPolicy
	switch {
	case !lambdaARN.MatchString(t.Arn) && !(queues && queueARN.MatchString(t.Arn)):
		return refuse("Target.Arn: the sandbox invokes functions and sends to standard queues only, not to %q", t.Arn)
	case t.DeadLetterConfig != nil && !(queues && queueARN.MatchString(t.DeadLetterConfig.Arn)):
		return refuse("Target.DeadLetterConfig.Arn %q is not the ARN of a standard queue", t.DeadLetterConfig.Arn)
	case !rolePattern.MatchString(t.RoleArn):
		return refuse("Target.RoleArn %q is not the ARN of a role", t.RoleArn)
	case *p.MaximumRetryAttempts < 0 || *p.MaximumRetryAttempts > maxRetries:
		return refuse("MaximumRetryAttempts is %d; it has to be between 0 and %d", *p.MaximumRetryAttempts, maxRetries)
	case *p.MaximumEventAgeInSeconds < minEventAge || *p.MaximumEventAgeInSeconds > maxEventAge:
		return refuse("MaximumEventAgeInSeconds is %d; it has to be between %d and %d", *p.MaximumEventAgeInSeconds, minEventAge, maxEventAge)
	}
	sample := shot{target: t, due: time.Unix(0, 0), attempt: 1}
	if lambdaARN.MatchString(t.Arn) && !json.Valid(sample.input("us-east-1")) {
		return refuse("Target.Input has to be JSON for a function: %s", *t.Input)
	}
	return nil
}
