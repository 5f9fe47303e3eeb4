package sqs_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
)

const (
	workARN = "arn:aws:sqs:us-east-1:111122223333:work"
	deadARN = "arn:aws:sqs:us-east-1:111122223333:dead"
)

var operator = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account, UserID: "AIDAOPERATOR"}

// land is the IAM of the tests. It lets everybody do everything but what is refused, and services do only what a
// resource policy names them in.
type land struct {
	mu      sync.Mutex
	refused map[string]bool // actions
	asked   []awshttp.Access
}

func (l *land) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret-of-operator", operator, nil
}

func (l *land) Authorize(p awshttp.Principal, a awshttp.Access) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, a)
	if l.refused[a.Action] || p.Service != "" && !strings.Contains(a.ResourcePolicy, p.Service) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: p.String() + " may not " + a.Action + " on " + a.Resource}
	}
	return nil
}

// last is the question that was asked last.
func (l *land) last() awshttp.Access {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[len(l.asked)-1]
}

type world struct {
	*sqs.Service
	land   *land
	clock  *clock.Clock
	server *awshttp.Server
	client *api.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.New(t.Context())
	l := &land{refused: map[string]bool{}}
	server := awshttp.New(awshttp.Config{Clock: c, Caller: l, Authorizer: l})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	service := sqs.New(sqs.Config{Clock: c, Authorizer: l, Endpoint: front.URL})
	server.Register(service.AWS())
	client := api.New(api.Options{
		BaseEndpoint: &front.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAOPERATOR", "secret-of-operator", ""),
	})
	return &world{service, l, c, server, client}
}

// create makes a queue and returns its URL. attributes are names and values in turn.
func (w *world) create(t *testing.T, name string, attributes ...string) string {
	t.Helper()
	all := map[string]string{}
	for i := 0; i < len(attributes); i += 2 {
		all[attributes[i]] = attributes[i+1]
	}
	out, err := w.client.CreateQueue(t.Context(), &api.CreateQueueInput{QueueName: &name, Attributes: all})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

func (w *world) send(t *testing.T, url, body string, delay int32) string {
	t.Helper()
	out, err := w.client.SendMessage(t.Context(), &api.SendMessageInput{QueueUrl: &url, MessageBody: &body, DelaySeconds: delay})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}

func (w *world) receive(t *testing.T, url string) []types.Message {
	t.Helper()
	out, err := w.client.ReceiveMessage(t.Context(), &api.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

// receiveOne receives the one message that must be there.
func (w *world) receiveOne(t *testing.T, url string) types.Message {
	t.Helper()
	all := w.receive(t, url)
	if len(all) != 1 {
		t.Fatalf("received %d messages, want 1", len(all))
	}
	return all[0]
}

func (w *world) attributes(t *testing.T, url string) map[string]string {
	t.Helper()
	out, err := w.client.GetQueueAttributes(t.Context(), &api.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes
}

// counts are the messages that are visible, hidden and delayed.
func (w *world) counts(t *testing.T, url string) string {
	t.Helper()
	a := w.attributes(t, url)
	return a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"] + " " + a["ApproximateNumberOfMessagesDelayed"]
}

func (w *world) delete(t *testing.T, url string, m types.Message) {
	t.Helper()
	if _, err := w.client.DeleteMessage(t.Context(), &api.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
}

// checkCode wants the code that programs see through the SDK.
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

const second = time.Second

func redriveTo(target string) string {
	return `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":"2"}`
}
