// Package lambda plays AWS Lambda: its control plane, and the execution of functions as child processes that talk
// to a Runtime API, with the environment and the role's temporary credentials that Lambda would give them.
//
// What differs from Lambda: code comes from a local folder (Code.SandboxFolder of CreateFunction and
// UpdateFunctionCode) and not from an archive; there is one version, $LATEST; memory is not limited; all processes
// see the machine's network. A limit on time is measured by the machine's clock, because so does the
// function; everything else (retries, age of events, life of credentials) by the sandbox's.
package lambda

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

// Roles gives temporary credentials to functions.
type Roles interface {
	// Assume checks the role's trust policy and returns credentials for a session of it.
	Assume(by awshttp.Principal, roleARN, session string, ttl time.Duration) (identity.Credentials, awshttp.Principal, error)
}

// Queues is what event source mappings ask SQS beside its operations. Queues are given by their ARNs.
type Queues interface {
	// Allowed reports why the principal may not do one of the actions; nil if it may do all of them.
	Allowed(by awshttp.Principal, queue string, actions ...string) error
	// VisibilityTimeout fails if there is no such queue.
	VisibilityTimeout(queue string) (time.Duration, error)
	URL(queue string) string
	// Waiting is how many messages can be received now.
	Waiting(queue string) int
	// Watch calls wake whenever messages may have become visible.
	Watch(queue string, wake func()) (cancel func())
}

// API performs the operations of AWS in process, as [awshttp.Server] does.
type API interface {
	Do(ctx context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error)
}

// A Config says what a [Service] works with.
type Config struct {
	Clock      *clock.Clock
	Authorizer awshttp.Authorizer
	Roles      Roles
	Region     string            // empty means awshttp.DefaultRegion
	Endpoint   string            // AWS_ENDPOINT_URL of the functions
	Extra      map[string]string // further environment of every function, for example SSL_CERT_FILE

	// Queues and API are for event source mappings; without them there are none.
	Queues Queues
	API    API

	// Logs returns where the output of a function is written, at the end of each invocation and for one at a time; nil
	// for nowhere. [Service.Logs] has it in any case.
	Logs func(function string) io.Writer
}

// A Service holds functions and runs them.
type Service struct {
	config Config
	starts chan func() // see spawn

	writing sync.Mutex // held while output goes to config.Logs

	mu        sync.Mutex
	functions map[string]*function // by name
	mappings  map[string]*mapping  // by UUID
	alive     map[*environment]bool
	dropped   []Dropped
	closed    bool
}

// New returns a service without functions. [Service.Close] ends it.
func New(c Config) *Service {
	c.Region = cmp.Or(c.Region, awshttp.DefaultRegion)
	s := &Service{config: c, starts: make(chan func()), functions: map[string]*function{}, mappings: map[string]*mapping{}, alive: map[*environment]bool{}}
	go s.spawn()
	return s
}

// Close kills all processes of functions and waits for their end. Invocations under way fail, later ones are refused.
func (s *Service) Close() {
	s.mu.Lock()
	wasClosed := s.closed
	s.closed = true
	var all []*environment
	for e := range s.alive {
		all = append(all, e)
	}
	s.mu.Unlock()
	for _, e := range all {
		e.stop()
	}
	if !wasClosed {
		close(s.starts)
	}
}

// AWS lists the operations, for [awshttp.Server.Register].
func (s *Service) AWS() awshttp.Service {
	const function = "/2015-03-31/functions/{FunctionName}"
	const mappings = "/2015-03-31/event-source-mappings"
	return awshttp.Service{
		Name: "lambda", Protocol: awshttp.RESTJSON,
		Internal: "ServiceException", Invalid: invalid, Throttled: throttled,
		Routes: map[string]string{
			"POST /2015-03-31/functions":                                      "CreateFunction",
			"GET /2015-03-31/functions":                                       "ListFunctions",
			"GET " + function:                                                 "GetFunction",
			"DELETE " + function:                                              "DeleteFunction",
			"GET " + function + "/configuration":                              "GetFunctionConfiguration",
			"PUT " + function + "/configuration":                              "UpdateFunctionConfiguration",
			"PUT " + function + "/code":                                       "UpdateFunctionCode",
			"POST " + function + "/invocations":                               "Invoke",
			"POST " + function + "/policy":                                    "AddPermission",
			"GET " + function + "/policy":                                     "GetPolicy",
			"DELETE " + function + "/policy/{StatementId}":                    "RemovePermission",
			"PUT /2017-10-31/functions/{FunctionName}/concurrency":            "PutFunctionConcurrency",
			"DELETE /2017-10-31/functions/{FunctionName}/concurrency":         "DeleteFunctionConcurrency",
			"GET /2019-09-30/functions/{FunctionName}/concurrency":            "GetFunctionConcurrency",
			"PUT /2019-09-25/functions/{FunctionName}/event-invoke-config":    "PutFunctionEventInvokeConfig",
			"GET /2019-09-25/functions/{FunctionName}/event-invoke-config":    "GetFunctionEventInvokeConfig",
			"DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config": "DeleteFunctionEventInvokeConfig",
			"POST " + mappings:                                                "CreateEventSourceMapping",
			"GET " + mappings:                                                 "ListEventSourceMappings",
			"GET " + mappings + "/{UUID}":                                     "GetEventSourceMapping",
			"PUT " + mappings + "/{UUID}":                                     "UpdateEventSourceMapping",
			"DELETE " + mappings + "/{UUID}":                                  "DeleteEventSourceMapping",
			"GET /2017-03-31/tags/{Resource}":                                 "ListTags",
			"POST /2017-03-31/tags/{Resource}":                                "TagResource",
			"DELETE /2017-03-31/tags/{Resource}":                              "UntagResource",
		},
		Operations: map[string]awshttp.Operation{
			"CreateFunction":                  s.createFunction,
			"ListFunctions":                   s.listFunctions,
			"GetFunction":                     s.getFunction,
			"DeleteFunction":                  s.deleteFunction,
			"GetFunctionConfiguration":        s.getFunctionConfiguration,
			"UpdateFunctionConfiguration":     s.updateFunctionConfiguration,
			"UpdateFunctionCode":              s.updateFunctionCode,
			"Invoke":                          s.invoke,
			"AddPermission":                   s.addPermission,
			"GetPolicy":                       s.getPolicy,
			"RemovePermission":                s.removePermission,
			"PutFunctionConcurrency":          s.putFunctionConcurrency,
			"DeleteFunctionConcurrency":       s.deleteFunctionConcurrency,
			"GetFunctionConcurrency":          s.getFunctionConcurrency,
			"PutFunctionEventInvokeConfig":    s.putFunctionEventInvokeConfig,
			"GetFunctionEventInvokeConfig":    s.getFunctionEventInvokeConfig,
			"DeleteFunctionEventInvokeConfig": s.deleteFunctionEventInvokeConfig,
			"CreateEventSourceMapping":        s.createEventSourceMapping,
			"ListEventSourceMappings":         s.listEventSourceMappings,
			"GetEventSourceMapping":           s.getEventSourceMapping,
			"UpdateEventSourceMapping":        s.updateEventSourceMapping,
			"DeleteEventSourceMapping":        s.deleteEventSourceMapping,
			"ListTags":                        s.listTags,
			"TagResource":                     s.tagResource,
			"UntagResource":                   s.untagResource,
		},
	}
}
