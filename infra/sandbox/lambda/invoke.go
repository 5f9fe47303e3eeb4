package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/lambda/runtimeapi"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// Unhandled is the function error of an invocation that failed in the function.
const Unhandled = "Unhandled"

// Invoke runs a function, a name or an ARN, for the principal and returns its answer. functionError is [Unhandled] if
// the function failed; result is then an error document with errorType and errorMessage.
//
// Errors are *[awshttp.Error]s: AccessDeniedException, ResourceNotFoundException, TooManyRequestsException and
// others of Lambda's Invoke. As with Lambda, the function goes on if ctx ends.
func (s *Service) Invoke(ctx context.Context, by awshttp.Principal, function string, payload []byte) (result []byte, functionError string, err error) {
	f, err := s.allowed(by, function)
	if err != nil {
		return nil, "", err
	}
	o, err := s.run(ctx, f, uuid.New(), payload)
	return o.payload, o.functionError(), err
}

// allowed finds a function that the principal may invoke.
func (s *Service) allowed(by awshttp.Principal, given string) (*function, error) {
	name, err := bareName(given)
	if err != nil {
		return nil, err
	}
	access := awshttp.Access{Action: "lambda:InvokeFunction", Resource: s.arn(name), ResourcePolicy: s.policy(name)}
	if err := s.config.Authorizer.Authorize(by, access); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(name)
}

type invokeInput struct {
	FunctionName   string `aws:"required,path=FunctionName"`
	Qualifier      string `aws:"query=Qualifier"`
	InvocationType string `aws:"header=X-Amz-Invocation-Type"`
	LogType        string `aws:"header=X-Amz-Log-Type"`
	Payload        []byte `aws:"payload"`
}

type invokeOutput struct {
	StatusCode      int    `aws:"status"`
	FunctionError   string `aws:"header=X-Amz-Function-Error" json:",omitempty"`
	LogResult       string `aws:"header=X-Amz-Log-Result" json:",omitempty"`
	ExecutedVersion string `aws:"header=X-Amz-Executed-Version" json:",omitempty"`
	Payload         []byte `aws:"payload"`
}

func (s *Service) invoke(ctx context.Context, call *awshttp.Call) (any, error) {
	var in invokeInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "InvokeFunction", functionInput{in.FunctionName, in.Qualifier}.given())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	f, err := s.find(name)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	switch in.InvocationType {
	case "", "RequestResponse":
		return s.respond(ctx, f, call.RequestID, in)
	case "Event":
		if err := s.queue(ctx, f, call.RequestID, in.Payload); err != nil {
			return nil, err
		}
		return invokeOutput{StatusCode: http.StatusAccepted}, nil
	case "DryRun":
		return invokeOutput{StatusCode: http.StatusNoContent}, nil
	default:
		return nil, refuse("InvocationType is %q; it has to be RequestResponse, Event or DryRun", in.InvocationType)
	}
}

func (s *Service) respond(ctx context.Context, f *function, id string, in invokeInput) (any, error) {
	o, err := s.run(ctx, f, id, in.Payload)
	if err != nil {
		return nil, err
	}
	out := invokeOutput{StatusCode: http.StatusOK, ExecutedVersion: "$LATEST", FunctionError: o.functionError(), Payload: o.payload}
	if in.LogType == "Tail" {
		out.LogResult = base64.StdEncoding.EncodeToString(tail(o.log))
	}
	return out, nil
}

// An outcome is what came of one invocation.
type outcome struct {
	payload []byte
	status  string // success, error or timeout
	log     []byte
}

func (o outcome) functionError() string {
	if o.status == "" || o.status == "success" {
		return ""
	}
	return Unhandled
}

// run invokes f in a warm environment or a new one.
func (s *Service) run(ctx context.Context, f *function, id string, payload []byte) (outcome, error) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if err := checkPayload(payload, runtimeapi.MaxPayload); err != nil {
		return outcome{}, err
	}
	b, err := s.begin(ctx, f)
	if err != nil {
		return outcome{}, err
	}
	defer s.end(f, b)
	r := report{id: id, format: b.settings.LoggingConfig.LogFormat, memory: b.settings.MemorySize}
	log := r.start(s.config.Clock.Now())
	began := time.Now()
	result, status := s.execute(b, id, payload)
	r.took, r.status = time.Since(began), status
	log = append(log, b.environment.written()...)
	if b.spoiled {
		log = fmt.Appendf(log, "%s\n", result)
	}
	log = append(log, r.end(s.config.Clock.Now())...)
	s.record(f, log)
	return outcome{payload: result, status: status, log: log}, nil
}

func checkPayload(payload []byte, limit int) error {
	if len(payload) > limit {
		return &awshttp.Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestTooLargeException",
			Message: fmt.Sprintf("%d byte payload is too large for the invocation type (limit %d bytes)", len(payload), limit)}
	}
	if !json.Valid(payload) {
		return &awshttp.Error{Code: "InvalidRequestContentException", Message: "Could not parse request body into json: the payload is no JSON value"}
	}
	return nil
}

// execute brings the invocation to the process and waits for its end. It marks b as spoiled if the process
// cannot be used again.
func (s *Service) execute(b *busy, id string, payload []byte) (result []byte, status string) {
	e, timeout := b.environment, b.settings.timeout()
	if failure := e.initialise(id); failure != nil {
		b.spoiled = true
		return failure, "error"
	}
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadlineCause(e.life, deadline, errTimeout)
	defer cancel()
	answer, err := e.give(ctx, b.kill, runtimeapi.Invocation{
		ID: id, Function: s.arn(b.name), TraceID: traceID(), Deadline: deadline, Payload: payload,
	})
	if err != nil {
		b.spoiled = true
		e.kill()
	}
	switch {
	case answer != nil && answer.Failed:
		return answer.Payload, "error"
	case answer != nil:
		return answer.Payload, "success"
	case errors.Is(err, errTimeout):
		return timedOut(id, timeout), "timeout"
	default:
		return e.exitError(id), "error"
	}
}

func timedOut(id string, after time.Duration) []byte {
	return document(id, "Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds()))
}

// document writes an error that Lambda finds, not the function.
func document(id, kind, message string) []byte {
	return runtimeapi.Document(kind, fmt.Sprintf("RequestId: %s Error: %s", id, message))
}
