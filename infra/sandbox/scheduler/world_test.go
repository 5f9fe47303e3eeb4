package scheduler_test

import (
	"context"
	"errors"
	"maps"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/scheduler"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:refresh"
	roleARN     = "arn:aws:iam::111122223333:role/tick"
	tickARN     = "arn:aws:scheduler:us-east-1:111122223333:schedule/default/tick"
)

var operator = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account}

// land is the IAM of the tests: one user, who may do everything but what is refused, and roles that trust the
// scheduler unless they are closed.
type land struct {
	mu      sync.Mutex
	refused map[string]bool // actions
	closed  map[string]bool // roles
	asked   []awshttp.Access
	assumed []awshttp.Principal // who asked
}

func (l *land) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret-of-operator", operator, nil
}

func (l *land) Authorize(_ awshttp.Principal, a awshttp.Access) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, a)
	if l.refused[a.Action] {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "no " + a.Action}
	}
	return nil
}

func (l *land) Assume(by awshttp.Principal, role, session string, _ time.Duration) (identity.Credentials, awshttp.Principal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.assumed = append(l.assumed, by)
	if l.closed[role] {
		return identity.Credentials{}, awshttp.Principal{}, &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "no trust"}
	}
	return identity.Credentials{}, awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/tick/" + session, Role: role}, nil
}

// functions is a Lambda that keeps what it is given and when, and fails as often as it is told.
type functions struct {
	clock *clock.Clock

	mu    sync.Mutex
	calls []functionCall
	fail  []error // the next answers
}

type functionCall struct {
	By       awshttp.Principal
	Function string
	Payload  string
	Time     time.Time
}

func (f *functions) InvokeAsync(_ context.Context, by awshttp.Principal, function string, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return err
	}
	f.calls = append(f.calls, functionCall{by, function, string(payload), f.clock.Now()})
	return nil
}

// take returns the calls since the last take.
func (f *functions) take() []functionCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// queues is an SQS that keeps what it is sent. It may be shut for the queue work.
type queues struct {
	shut bool
	sent []queueMessage
}

type queueMessage struct {
	By          awshttp.Principal
	Queue, Body string
}

func (q *queues) Send(_ context.Context, by awshttp.Principal, queue, body string, _ time.Duration) error {
	if q.shut && queue == queueARN {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "the role may not"}
	}
	q.sent = append(q.sent, queueMessage{by, queue, body})
	return nil
}

type world struct {
	*scheduler.Service
	land      *land
	functions *functions
	queues    *queues
	clock     *clock.Clock
	server    *awshttp.Server
	client    *api.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.New(t.Context())
	l := &land{refused: map[string]bool{}, closed: map[string]bool{}}
	f, q := &functions{clock: c}, &queues{}
	server := awshttp.New(awshttp.Config{Clock: c, Caller: l, Authorizer: l})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	service := scheduler.New(scheduler.Config{Clock: c, Roles: l, Invoker: f, Queues: q})
	server.Register(service.AWS())
	client := api.New(api.Options{
		BaseEndpoint: &front.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAOPERATOR", "secret-of-operator", ""),
	})
	return &world{service, l, f, q, c, server, client}
}

// create makes the schedule tick: every five minutes, the first time after one minute.
func (w *world) create(t *testing.T, change func(*api.CreateScheduleInput)) {
	t.Helper()
	if err := w.tryCreate(t, change); err != nil {
		t.Fatal(err)
	}
}

func (w *world) tryCreate(t *testing.T, change func(*api.CreateScheduleInput)) error {
	t.Helper()
	in := &api.CreateScheduleInput{
		Name: aws.String("tick"), ScheduleExpression: aws.String("rate(5 minutes)"), StartDate: aws.Time(w.clock.Now().Add(time.Minute)),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target:             &types.Target{Arn: aws.String(functionARN), RoleArn: aws.String(roleARN), Input: aws.String(`{"secret":"arn"}`)},
	}
	if change != nil {
		change(in)
	}
	_, err := w.client.CreateSchedule(t.Context(), in)
	return err
}

// do performs CreateSchedule in process with other members than those of tick; nil leaves one out.
func (w *world) do(ctx context.Context, operation string, members map[string]any) error {
	input := map[string]any{
		"Name": "other", "ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": map[string]any{"Mode": "OFF"},
		"Target": map[string]any{"Arn": functionARN, "RoleArn": roleARN},
	}
	maps.Copy(input, members)
	maps.DeleteFunc(input, func(_ string, v any) bool { return v == nil })
	_, err := w.server.Do(ctx, operator, "scheduler", operation, input)
	return err
}

func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == code {
		return
	}
	if e, ok := errors.AsType[*awshttp.Error](err); ok && e.Code == code {
		return
	}
	t.Errorf("error %v, want code %s", err, code)
}
