package lambda

import (
	"context"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// What holds for asynchronous invocations unless a function says otherwise.
// Source: AWS Lambda API Reference, PutFunctionEventInvokeConfig.
const (
	defaultRetries  = 2
	defaultEventAge = 6 * time.Hour
	minEventAge     = 60    // seconds
	maxEventAge     = 21600 // seconds
)

// eventInvoke is how a function wants its asynchronous invocations repeated; nil leaves the default.
type eventInvoke struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
}

func (e *eventInvoke) retries() int {
	if e == nil || e.MaximumRetryAttempts == nil {
		return defaultRetries
	}
	return *e.MaximumRetryAttempts
}

func (e *eventInvoke) age() time.Duration {
	if e == nil || e.MaximumEventAgeInSeconds == nil {
		return defaultEventAge
	}
	return time.Duration(*e.MaximumEventAgeInSeconds) * time.Second
}

// shownEventInvoke is the answer about a function's asynchronous invocations.
type shownEventInvoke struct {
	FunctionArn  string
	LastModified time.Time
	eventInvoke
}

func (s *Service) putFunctionEventInvokeConfig(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		FunctionName string `aws:"required,path=FunctionName"`
		Qualifier    string `aws:"query=Qualifier"`
		eventInvoke
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if n := in.retries(); n < 0 || n > 2 {
		return nil, refuse("MaximumRetryAttempts is %d; it has to be between 0 and 2", n)
	}
	if n := in.MaximumEventAgeInSeconds; n != nil && (*n < minEventAge || *n > maxEventAge) {
		return nil, refuse("MaximumEventAgeInSeconds is %d; it has to be between %d and %d", *n, minEventAge, maxEventAge)
	}
	name, err := s.target(call, "PutFunctionEventInvokeConfig", functionInput{in.FunctionName, in.Qualifier}.given())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	f.events = &in.eventInvoke
	return shownEventInvoke{s.arn(name), call.Time, in.eventInvoke}, nil
}

func (s *Service) getFunctionEventInvokeConfig(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "GetFunctionEventInvokeConfig")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if f.events == nil {
		return nil, noSuchResource()
	}
	return shownEventInvoke{s.arn(name), f.modified, *f.events}, nil
}

func (s *Service) deleteFunctionEventInvokeConfig(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "DeleteFunctionEventInvokeConfig")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	f.events = nil
	return noContent{http.StatusNoContent}, nil
}
