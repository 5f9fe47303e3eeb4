package secretsmanager_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/kms"
	"github.com/sluicehq/sluice/infra/sandbox/secretsmanager"
)

const function = "arn:aws:lambda:us-east-1:111122223333:function:rotate"

var alice = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: awshttp.Account}

// A world is the service behind HTTP, an SDK client of alice for it, and the rotation function that she has.
type world struct {
	*awssecrets.Client
	t        *testing.T
	clock    *clock.Clock
	server   *awshttp.Server
	service  *secretsmanager.Service
	rotate   *rotator
	policies policies
	bus      bus
	dryRun   error // why Secrets Manager may not invoke the function
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.New(t.Context())}
	w.rotate = &rotator{world: w, on: map[string]func(step) error{}}
	keys := kms.New(kms.Config{Clock: w.clock, Authorizer: &w.policies})
	w.service = secretsmanager.New(secretsmanager.Config{
		Clock: w.clock, Invoke: w.rotate, Publish: &w.bus, Keys: keys,
		DryRun: func(context.Context, awshttp.Principal, string) error { return w.dryRun },
	})
	w.server = awshttp.New(awshttp.Config{Clock: w.clock, Caller: &w.policies, Authorizer: &w.policies})
	w.server.Register(w.service.AWS(), keys.AWS())
	front := httptest.NewServer(w.server)
	t.Cleanup(front.Close)
	w.Client = awssecrets.New(awssecrets.Options{
		Region: "us-east-1", BaseEndpoint: &front.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
	return w
}

// token is a ClientRequestToken, which becomes the id of a version. Tests know versions by one letter.
func token(letter string) *string { return new(strings.Repeat(letter, 32)) }

// create makes the secret app with value in version a, and returns its ARN.
func (w *world) create(value string) (arn string) {
	w.t.Helper()
	out, err := w.CreateSecret(w.t.Context(), &awssecrets.CreateSecretInput{Name: new("app"), SecretString: &value, ClientRequestToken: token("a")})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ARN
}

// put stores value as version letter of app.
func (w *world) put(letter, value string, labels ...string) error {
	_, err := w.PutSecretValue(w.t.Context(), &awssecrets.PutSecretValueInput{
		SecretId: new("app"), ClientRequestToken: token(letter), SecretString: &value, VersionStages: labels})
	return err
}

// move moves label of app. Empty letters are left out of the call.
func (w *world) move(label, from, to string) error {
	in := &awssecrets.UpdateSecretVersionStageInput{SecretId: new("app"), VersionStage: &label}
	if from != "" {
		in.RemoveFromVersionId = token(from)
	}
	if to != "" {
		in.MoveToVersionId = token(to)
	}
	_, err := w.UpdateSecretVersionStage(w.t.Context(), in)
	return err
}

// get reads the version of app that has label, AWSCURRENT if label is empty.
func (w *world) get(label string) (string, error) {
	in := &awssecrets.GetSecretValueInput{SecretId: new("app")}
	if label != "" {
		in.VersionStage = &label
	}
	out, err := w.GetSecretValue(w.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

func (w *world) describe() *awssecrets.DescribeSecretOutput {
	w.t.Helper()
	out, err := w.DescribeSecret(w.t.Context(), &awssecrets.DescribeSecretInput{SecretId: new("app")})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// labels of app, as "a:AWSCURRENT b:AWSPENDING+X": versions by letter.
func (w *world) labels() string {
	w.t.Helper()
	var all []string
	stages := w.describe().VersionIdsToStages
	for _, id := range slices.Sorted(maps.Keys(stages)) {
		all = append(all, id[:1]+":"+strings.Join(stages[id], "+"))
	}
	return strings.Join(all, " ")
}

// versions lists all versions of app by letter, in the order of the service.
func (w *world) versions() string {
	w.t.Helper()
	var all string
	pages := awssecrets.NewListSecretVersionIdsPaginator(w.Client, &awssecrets.ListSecretVersionIdsInput{SecretId: new("app"), IncludeDeprecated: new(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, v := range page.Versions {
			all += (*v.VersionId)[:1]
		}
	}
	return all
}

// start asks for a rotation of app as version letter, and does not wait for it.
func (w *world) start(letter string) error {
	_, err := w.RotateSecret(w.t.Context(), &awssecrets.RotateSecretInput{
		SecretId: new("app"), ClientRequestToken: token(letter), RotationLambdaARN: new(function)})
	return err
}

// rotated is start, and waits until nothing happens any more.
func (w *world) rotated(letter string) {
	w.t.Helper()
	if err := w.start(letter); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Settle()
}

// code is the code of an error, empty for none.
func code(err error) string {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		return refusal.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// refused fails the test unless err has that code, and its message those words.
func refused(t *testing.T, err error, wantCode, words string) {
	t.Helper()
	if code(err) != wantCode || !strings.Contains(err.Error(), words) {
		t.Errorf("error = %v; want %s with %q", err, wantCode, words)
	}
}

// policies let alice do everything but what deny lists, and remember what was asked.
type policies struct {
	mu    sync.Mutex
	deny  []string // actions
	asked []awshttp.Access
}

func (p *policies) Lookup(string, string) (string, awshttp.Principal, error) {
	return "example", alice, nil
}

func (p *policies) Authorize(_ awshttp.Principal, a awshttp.Access) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action) {
		return &awshttp.Error{Code: "AccessDeniedException", Message: "not authorized to perform " + a.Action + " on " + a.Resource}
	}
	return nil
}

// forget empties the memory, and returns what was in it.
func (p *policies) forget() []awshttp.Access {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// A bus remembers events.
type bus struct {
	mu      sync.Mutex
	names   []string
	details []map[string]any
	raw     string
}

func (b *bus) Publish(_ context.Context, source, detailType string, detail []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := map[string]any{"source": source, "detail-type": detailType}
	_ = json.Unmarshal(detail, &d)
	b.names = append(b.names, d["eventName"].(string))
	b.details = append(b.details, d)
	b.raw += string(detail)
}

func (b *bus) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.names, " ")
}

// A step is the event that a rotation function gets.
type step struct{ Step, SecretId, ClientRequestToken string }

// A rotator is a rotation function that works: createSecret puts a value, finishSecret makes it AWSCURRENT. on
// replaces steps.
type rotator struct {
	*world
	on map[string]func(step) error

	mu     sync.Mutex
	steps  []string // "createSecret b"
	events []string // as they came
	by     awshttp.Principal
}

func (r *rotator) Invoke(ctx context.Context, by awshttp.Principal, name string, payload []byte) ([]byte, string, error) {
	var s step
	if err := json.Unmarshal(payload, &s); err != nil {
		return nil, "", err
	}
	r.mu.Lock()
	r.steps = append(r.steps, s.Step+" "+s.ClientRequestToken[:1])
	r.events = append(r.events, string(payload))
	r.by = by
	r.mu.Unlock()
	do := r.on[s.Step]
	if do == nil {
		do = map[string]func(step) error{"createSecret": r.createSecret, "finishSecret": r.finishSecret}[s.Step]
	}
	if do == nil {
		return []byte("null"), "", nil
	}
	if err := do(s); err != nil {
		return []byte(`{"errorMessage":"the password is hunter2"}`), "Unhandled", nil
	}
	return []byte("null"), "", nil
}

func (r *rotator) createSecret(s step) error {
	return r.put(s.ClientRequestToken[:1], "new", "AWSPENDING")
}

func (r *rotator) finishSecret(s step) error {
	for id, labels := range r.describe().VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") && id != s.ClientRequestToken {
			return r.move("AWSCURRENT", id[:1], s.ClientRequestToken[:1])
		}
	}
	return nil
}

// took empties the memory, and returns the steps that were in it.
func (r *rotator) took() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	steps := strings.Join(r.steps, ", ")
	r.steps = nil
	return steps
}
