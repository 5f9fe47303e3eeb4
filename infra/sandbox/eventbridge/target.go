package eventbridge

import (
	"context"
	"regexp"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxTargets is the service's quota for the targets of one rule.
const maxTargets = 5

// A target is where a rule sends events, and in which form.
type target struct {
	Id               string            `aws:"required"`
	Arn              string            `aws:"required"`
	Input            *string           // sent in place of the event
	InputPath        *string           // the part of the event that is sent
	InputTransformer *inputTransformer // makes the input of parts of the event
	RetryPolicy      *retryPolicy
	DeadLetterConfig *deadLetters
}

// deadLetters names the queue that takes what could not be delivered.
type deadLetters struct {
	Arn string `json:",omitempty"`
}

// retryPolicy is kept and shown. Lambda and SQS accept an event or refuse it for good, so that nothing is repeated.
type retryPolicy struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
}

type putTargetsInput struct {
	Rule         string `aws:"required"`
	EventBusName string
	Targets      []target `aws:"required"`
}

// targetsOutput says which entries of a batch failed; what is wrong with a target is an error of the whole
// call here, as it is with EventBridge.
type targetsOutput struct {
	FailedEntryCount int
	FailedEntries    []struct{}
}

var targetID = regexp.MustCompile(`^[.A-Za-z0-9_-]{1,64}$`)

var (
	lambdaARN = regexp.MustCompile(`^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[^/]+$`)
	queueARN  = regexp.MustCompile(`^arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$`)
)

func (s *Service) putTargets(_ context.Context, call *awshttp.Call) (any, error) {
	var in putTargetsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "PutTargets", bus, in.Rule); err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		if err := t.check(s.config.Queues != nil); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(bus, in.Rule)
	if err != nil {
		return nil, err
	}
	next := slices.Clone(r.targets)
	for _, t := range in.Targets {
		next = slices.DeleteFunc(next, func(old target) bool { return old.Id == t.Id })
		next = append(next, t)
	}
	if len(next) > maxTargets {
		return nil, refuse("LimitExceededException", "rule %s would have %d targets; at most %d are allowed", in.Rule, len(next), maxTargets)
	}
	r.targets = next
	return targetsOutput{FailedEntries: []struct{}{}}, nil
}

func (t target) check(queues bool) error {
	forms := 0
	for _, set := range []bool{t.Input != nil, t.InputPath != nil, t.InputTransformer != nil} {
		if set {
			forms++
		}
	}
	switch {
	case !targetID.MatchString(t.Id):
		return refuse(invalid, "target id %q is not valid", t.Id)
	case !lambdaARN.MatchString(t.Arn) && !(queues && queueARN.MatchString(t.Arn)):
		return refuse(invalid, "target %s: the sandbox delivers to functions and standard queues only, not to %s", t.Id, t.Arn)
	case t.DeadLetterConfig != nil && !(queues && queueARN.MatchString(t.DeadLetterConfig.Arn)):
		return refuse(invalid, "target %s: DeadLetterConfig.Arn is %q; it has to be the ARN of a standard queue", t.Id, t.DeadLetterConfig.Arn)
	case forms > 1:
		return refuse(invalid, "Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.Id)
	}
	if t.InputPath != nil {
		if _, err := parsePath(*t.InputPath); err != nil {
			return refuse(invalid, "Invalid InputPath for target %s: %v", t.Id, err)
		}
	}
	if t.InputTransformer != nil {
		if err := t.InputTransformer.check(); err != nil {
			return refuse(invalid, "Invalid InputTransformer for target %s: %v", t.Id, err)
		}
	}
	return nil
}

func (s *Service) listTargetsByRule(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Rule         string `aws:"required"`
		EventBusName string
		Limit        int // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "ListTargetsByRule", bus, in.Rule); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(bus, in.Rule)
	if err != nil {
		return nil, err
	}
	return struct{ Targets []target }{append([]target{}, r.targets...)}, nil
}

func (s *Service) removeTargets(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Rule         string `aws:"required"`
		EventBusName string
		Ids          []string `aws:"required"`
		Force        bool     // for rules that AWS manages; there are none
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "RemoveTargets", bus, in.Rule); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(bus, in.Rule)
	if err != nil {
		return nil, err
	}
	r.targets = slices.DeleteFunc(slices.Clone(r.targets), func(t target) bool { return slices.Contains(in.Ids, t.Id) })
	return targetsOutput{FailedEntries: []struct{}{}}, nil
}
