package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
	"github.com/sluicehq/sluice/shared/secret"
)

// bootstrapFolder holds the built function of internal/echo.
var bootstrapFolder string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "echo")
	if err == nil {
		bootstrapFolder = folder
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(folder, "bootstrap"), "./internal/echo")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the function of the tests:", err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

const (
	role        = "arn:aws:iam::111122223333:role/echo"
	echoARN     = "arn:aws:lambda:us-east-1:111122223333:function:echo"
	scheduleARN = "arn:aws:scheduler:us-east-1:111122223333:schedule/default/tick"
)

var operator = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account}

// A land is the IAM of the tests. It knows one user, lets everybody do everything but what is refused, lets
// services do only what a resource policy names them in, and gives out sessions of roles.
type land struct {
	clock *clock.Clock

	mu       sync.Mutex
	refused  map[string]bool // actions
	closed   map[string]bool // roles that do not trust anybody
	sessions []string
	asked    []awshttp.Access
}

func (l *land) Lookup(accessKey, token string) (string, awshttp.Principal, error) {
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

// refuse takes an action from everybody, or gives it back.
func (l *land) refuse(action string, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[action] = refused
}

func (l *land) Assume(by awshttp.Principal, roleARN, session string, ttl time.Duration) (identity.Credentials, awshttp.Principal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed[roleARN] {
		return identity.Credentials{}, awshttp.Principal{}, &awshttp.Error{Status: 403, Code: "AccessDenied", Message: "no trust"}
	}
	l.sessions = append(l.sessions, by.String()+" "+roleARN+" "+session)
	return identity.Credentials{
		AccessKeyID: fmt.Sprintf("ASIA%d", len(l.sessions)), SecretAccessKey: secret.New("key"), SessionToken: secret.New("token"),
		Expires: l.clock.Now().Add(ttl),
	}, sessionOf(roleARN, session, len(l.sessions)), nil
}

// sessionOf is the principal of the nth session that was given out.
func sessionOf(roleARN, session string, n int) awshttp.Principal {
	return awshttp.Principal{ARN: roleARN + "/" + session, Account: awshttp.Account, Role: roleARN, Context: map[string][]string{"session": {fmt.Sprint(n)}}}
}

// A world is a Lambda and an SQS with their front door and an SDK client.
type world struct {
	*lambda.Service
	land   *land
	clock  *clock.Clock
	server *awshttp.Server
	client *api.Client
	queues *sqs.Service
}

func newWorld(t *testing.T, change ...func(*lambda.Config)) *world {
	t.Helper()
	c := clock.New(t.Context())
	l := &land{clock: c, refused: map[string]bool{}, closed: map[string]bool{}}
	server := awshttp.New(awshttp.Config{Clock: c, Caller: l, Authorizer: l})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	queues := sqs.New(sqs.Config{Clock: c, Authorizer: l, Endpoint: front.URL})
	config := lambda.Config{Clock: c, Authorizer: l, Roles: l, Queues: queues, API: server, Endpoint: front.URL,
		Extra: map[string]string{"SSL_CERT_FILE": "/ca.pem"}}
	for _, f := range change {
		f(&config)
	}
	service := lambda.New(config)
	t.Cleanup(service.Close)
	server.Register(service.AWS(), queues.AWS())
	client := api.New(api.Options{
		BaseEndpoint: &front.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAOPERATOR", "secret-of-operator", ""),
	})
	return &world{service, l, c, server, client, queues}
}

// create makes the function echo. members overrides what it is made with.
func (w *world) create(t *testing.T, members map[string]any) {
	t.Helper()
	if _, err := w.tryCreate(t.Context(), members); err != nil {
		t.Fatal(err)
	}
}

func (w *world) tryCreate(ctx context.Context, members map[string]any) (map[string]any, error) {
	input := map[string]any{
		"FunctionName": "echo", "Role": role, "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 30,
		"Code": map[string]any{"SandboxFolder": bootstrapFolder},
	}
	for name, value := range members {
		input[name] = value
		if value == nil {
			delete(input, name)
		}
	}
	return w.server.Do(ctx, operator, "lambda", "CreateFunction", input)
}

// A sight is what the function of the tests answers.
type sight struct {
	PID         int
	Environment []string
	Folder      string
	RequestID   string
	ARN         string
	TimeLeft    time.Duration
}

func (s sight) variable(name string) string {
	i := slices.IndexFunc(s.Environment, func(line string) bool { return strings.HasPrefix(line, name+"=") })
	if i < 0 {
		return ""
	}
	return s.Environment[i][len(name)+1:]
}

// invoke runs echo through the SDK.
func (w *world) invoke(t *testing.T, payload string) *api.InvokeOutput {
	t.Helper()
	out, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(payload), LogType: "Tail"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// look invokes echo and returns what it sees.
func (w *world) look(t *testing.T) sight {
	t.Helper()
	out := w.invoke(t, `{}`)
	if out.FunctionError != nil {
		t.Fatalf("the function failed: %s", out.Payload)
	}
	return readSight(t, out.Payload)
}

func readSight(t *testing.T, payload []byte) sight {
	t.Helper()
	var s sight
	if err := json.Unmarshal(payload, &s); err != nil {
		t.Fatalf("read %s: %v", payload, err)
	}
	return s
}
