package eventbridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:listener"
	closedARN   = "arn:aws:lambda:us-east-1:111122223333:function:closed"
	queueARN    = "arn:aws:sqs:us-east-1:111122223333:work"
	deadARN     = "arn:aws:sqs:us-east-1:111122223333:dead"
	shutARN     = "arn:aws:sqs:us-east-1:111122223333:shut"
)

var operator = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account}

// land is the IAM of the tests: one user, who may do everything but what is refused.
type land struct {
	mu      sync.Mutex
	refused map[string]bool // actions
	asked   []awshttp.Access
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

// functions is a Lambda that keeps what it is given. One function does not let EventBridge in.
type functions struct {
	calls []functionCall
}

type functionCall struct {
	By       awshttp.Principal
	Function string
	Payload  string
}

func (f *functions) InvokeAsync(_ context.Context, by awshttp.Principal, function string, payload []byte) error {
	if function == closedARN {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "events.amazonaws.com may not"}
	}
	f.calls = append(f.calls, functionCall{by, function, string(payload)})
	return nil
}

// queues is an SQS that keeps what it is sent. One queue does not let EventBridge in.
type queues struct {
	sent []queueMessage
}

type queueMessage struct {
	By          awshttp.Principal
	Queue, Body string
}

func (q *queues) Send(_ context.Context, by awshttp.Principal, queue, body string, _ time.Duration) error {
	if queue == shutARN {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "events.amazonaws.com may not"}
	}
	q.sent = append(q.sent, queueMessage{by, queue, body})
	return nil
}

type world struct {
	*eventbridge.Service
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
	l := &land{refused: map[string]bool{}}
	f, q := &functions{}, &queues{}
	server := awshttp.New(awshttp.Config{Clock: c, Caller: l, Authorizer: l})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	service := eventbridge.New(eventbridge.Config{Clock: c, Invoker: f, Queues: q})
	server.Register(service.AWS())
	client := api.New(api.Options{
		BaseEndpoint: &front.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAOPERATOR", "secret-of-operator", ""),
	})
	return &world{service, l, f, q, c, server, client}
}

// createBus makes the bus sluice.
func (w *world) createBus(t *testing.T) {
	t.Helper()
	if _, err := w.client.CreateEventBus(t.Context(), &api.CreateEventBusInput{Name: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
}

// rule makes a rule on a bus with targets.
func (w *world) rule(t *testing.T, bus, name, pattern string, targets ...types.Target) string {
	t.Helper()
	out, err := w.client.PutRule(t.Context(), &api.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: &pattern})
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) > 0 {
		w.targets(t, bus, name, targets...)
	}
	return *out.RuleArn
}

func (w *world) targets(t *testing.T, bus, rule string, targets ...types.Target) {
	t.Helper()
	out, err := w.client.PutTargets(t.Context(), &api.PutTargetsInput{Rule: &rule, EventBusName: &bus, Targets: targets})
	if err != nil || out.FailedEntryCount != 0 {
		t.Fatalf("PutTargets = %+v, %v", out, err)
	}
}

// put sends one event to a bus and returns its id.
func (w *world) put(t *testing.T, bus, detail string) string {
	t.Helper()
	out, err := w.client.PutEvents(t.Context(), &api.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &bus, Source: aws.String("sluice"), DetailType: aws.String("Credentials Rotated"), Detail: &detail,
		Resources: []string{"arn:one"},
	}}})
	if err != nil || out.FailedEntryCount != 0 || len(out.Entries) != 1 {
		t.Fatalf("PutEvents = %+v, %v", out, err)
	}
	return aws.ToString(out.Entries[0].EventId)
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

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
