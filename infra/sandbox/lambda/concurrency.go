package lambda

import (
	"context"
	"net/http"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// concurrency is how many invocations of a function may run at once; nil if that is not limited.
type concurrency struct {
	ReservedConcurrentExecutions *int
}

func (s *Service) putFunctionConcurrency(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		FunctionName                 string `aws:"required,path=FunctionName"`
		ReservedConcurrentExecutions *int   `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if *in.ReservedConcurrentExecutions < 0 {
		return nil, refuse("ReservedConcurrentExecutions is %d; it may not be negative", *in.ReservedConcurrentExecutions)
	}
	name, err := s.target(call, "PutFunctionConcurrency", in.FunctionName)
	if err != nil {
		return nil, err
	}
	return s.reserve(name, in.ReservedConcurrentExecutions)
}

func (s *Service) deleteFunctionConcurrency(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "DeleteFunctionConcurrency")
	if err != nil {
		return nil, err
	}
	if _, err := s.reserve(name, nil); err != nil {
		return nil, err
	}
	return noContent{http.StatusNoContent}, nil
}

func (s *Service) reserve(name string, limit *int) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	f.reserved = limit
	return concurrency{limit}, nil
}

func (s *Service) getFunctionConcurrency(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "GetFunctionConcurrency")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return concurrency{f.reserved}, nil
}
