package lambda

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A configuration is how the control plane shows a function.
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string
	Role             string
	Handler          string
	CodeSize         int64
	CodeSha256       string
	Description      string
	Timeout          int
	MemorySize       int
	LastModified     string
	Version          string
	VpcConfig        *network
	Environment      *environmentVariables
	TracingConfig    tracing
	RevisionId       string
	State            string
	LastUpdateStatus string
	PackageType      string
	Architectures    []string
	EphemeralStorage ephemeralStorage
	LoggingConfig    logging
}

// show copies what there is to say about f. The caller holds s.mu.
func (s *Service) show(f *function) configuration {
	return configuration{
		FunctionName: f.name, FunctionArn: s.arn(f.name), Version: "$LATEST",
		Runtime: f.settings.Runtime, Role: f.settings.Role, Handler: f.settings.Handler,
		CodeSize: f.settings.size, CodeSha256: f.settings.sum, Description: f.settings.Description,
		Timeout: f.settings.Timeout, MemorySize: f.settings.MemorySize,
		LastModified: f.modified.Format("2006-01-02T15:04:05.000-0700"),
		VpcConfig:    f.settings.VpcConfig, Environment: f.settings.Environment, TracingConfig: f.settings.TracingConfig,
		RevisionId: f.revisionID(), State: "Active", LastUpdateStatus: "Successful",
		PackageType: f.settings.PackageType, Architectures: f.settings.Architectures,
		EphemeralStorage: f.settings.EphemeralStorage, LoggingConfig: f.settings.LoggingConfig,
	}
}

// revisionID has the form of AWS's: a UUID.
func (f *function) revisionID() string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", f.revision)
}

type createInput struct {
	FunctionName  string `aws:"required"`
	Code          code   `aws:"required"`
	Tags          map[string]string
	PackageType   *string
	Architectures []string
	change
}

// created is a configuration answered with status 201.
type created struct {
	configuration
	Status int `aws:"status"`
}

func (s *Service) createFunction(_ context.Context, call *awshttp.Call) (any, error) {
	var in createInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "CreateFunction", in.FunctionName)
	if err != nil {
		return nil, err
	}
	next := settings{
		Timeout: defaultTimeout, MemorySize: defaultMemory, PackageType: "Zip", Architectures: []string{"x86_64"},
		EphemeralStorage: ephemeralStorage{512}, TracingConfig: tracing{"PassThrough"},
	}
	set(&next.PackageType, in.PackageType)
	if in.Architectures != nil {
		next.Architectures = in.Architectures
	}
	if next, err = next.apply(name, in.change); err != nil {
		return nil, err
	}
	if err := next.load(in.Code); err != nil {
		return nil, err
	}
	if err := s.passRole(call, name, next.Role); err != nil {
		return nil, err
	}
	return s.add(&function{name: name, settings: next, tags: maps.Clone(in.Tags), modified: call.Time})
}

func (s *Service) add(f *function) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions[f.name] != nil {
		return nil, &awshttp.Error{Status: http.StatusConflict, Code: "ResourceConflictException", Message: "Function already exist: " + f.name}
	}
	s.functions[f.name] = f
	return created{s.show(f), http.StatusCreated}, nil
}

// passRole asks whether the caller may give the role to Lambda, and whether Lambda may assume it.
func (s *Service) passRole(call *awshttp.Call, name, role string) error {
	err := call.Authorize(awshttp.Access{
		Action: "iam:PassRole", Resource: role,
		Context: map[string][]string{"iam:PassedToService": {principal.Service}, "iam:AssociatedResourceArn": {s.arn(name)}},
	})
	if err != nil {
		return err
	}
	if _, _, err := s.config.Roles.Assume(principal, role, name, sessionLife); err != nil {
		return refuse("The role defined for the function cannot be assumed by Lambda. (%v)", err)
	}
	return nil
}

type functionInput struct {
	FunctionName string `aws:"required,path=FunctionName"`
	Qualifier    string `aws:"query=Qualifier"`
}

// given is the function as the caller names it, with the qualifier in its place.
func (in functionInput) given() string {
	if in.Qualifier == "" {
		return in.FunctionName
	}
	return in.FunctionName + ":" + in.Qualifier
}

// about decodes an input that names a function and nothing else, and asks for permission.
func (s *Service) about(call *awshttp.Call, action string) (name string, err error) {
	var in functionInput
	if err := call.Decode(&in); err != nil {
		return "", err
	}
	return s.target(call, action, in.given())
}

func (s *Service) getFunctionConfiguration(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "GetFunctionConfiguration")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return s.show(f), nil
}

type getFunctionOutput struct {
	Configuration configuration
	Code          codeLocation
	Tags          map[string]string
	Concurrency   *concurrency
}

type codeLocation struct {
	RepositoryType string
	Location       string // the folder, as a URL
}

func (s *Service) getFunction(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "GetFunction")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	out := getFunctionOutput{Configuration: s.show(f), Code: codeLocation{"Sandbox", "file://" + f.settings.folder}, Tags: maps.Clone(f.tags)}
	if f.reserved != nil {
		out.Concurrency = &concurrency{f.reserved}
	}
	return out, nil
}

type listInput struct {
	Marker          string `aws:"query=Marker"`
	MaxItems        int    `aws:"query=MaxItems"`
	FunctionVersion string `aws:"query=FunctionVersion"`
}

// listFunctions answers all functions at once, whatever MaxItems says: a page may hold fewer than all, not more
// than AWS's 50, but the sandbox has few.
func (s *Service) listFunctions(_ context.Context, call *awshttp.Call) (any, error) {
	var in listInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "lambda:ListFunctions", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ Functions []configuration }{[]configuration{}}
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		out.Functions = append(out.Functions, s.show(s.functions[name]))
	}
	return out, nil
}

type updateInput struct {
	FunctionName string `aws:"required,path=FunctionName"`
	RevisionId   *string
	change
}

func (s *Service) updateFunctionConfiguration(_ context.Context, call *awshttp.Call) (any, error) {
	var in updateInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "UpdateFunctionConfiguration", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := s.passRole(call, name, *in.Role); err != nil {
			return nil, err
		}
	}
	return s.update(name, in.RevisionId, call.Time, func(old settings) (settings, error) {
		return old.apply(name, in.change)
	})
}

type updateCodeInput struct {
	FunctionName string `aws:"required,path=FunctionName"`
	code
	Architectures []string
	RevisionId    *string
}

func (s *Service) updateFunctionCode(_ context.Context, call *awshttp.Call) (any, error) {
	var in updateCodeInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "UpdateFunctionCode", in.FunctionName)
	if err != nil {
		return nil, err
	}
	return s.update(name, in.RevisionId, call.Time, func(next settings) (settings, error) {
		if in.Architectures != nil {
			next.Architectures = in.Architectures
		}
		if err := next.load(in.code); err != nil {
			return next, err
		}
		return next, next.check()
	})
}

// update gives a function new settings. Processes with the old ones finish what they do and are not used again.
func (s *Service) update(name string, revision *string, now time.Time, next func(settings) (settings, error)) (any, error) {
	s.mu.Lock()
	f, err := s.find(name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	if revision != nil && *revision != f.revisionID() {
		s.mu.Unlock()
		return nil, &awshttp.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailedException",
			Message: "The Revision Id provided does not match the latest Revision Id."}
	}
	changed, err := next(f.settings)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	f.settings, f.modified = changed, now
	f.revision++
	stale := f.idle
	f.idle = nil
	out := s.show(f)
	s.mu.Unlock()
	for _, e := range stale {
		s.discard(e)
	}
	return out, nil
}

// noContent is an empty output with status 204.
type noContent struct {
	Status int `aws:"status"`
}

func (s *Service) deleteFunction(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "DeleteFunction")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	f, err := s.find(name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	delete(s.functions, name)
	f.revision++ // processes that are busy now end with their invocation
	stale := f.idle
	f.idle = nil
	s.mu.Unlock()
	for _, e := range stale {
		s.discard(e)
	}
	return noContent{http.StatusNoContent}, nil
}
