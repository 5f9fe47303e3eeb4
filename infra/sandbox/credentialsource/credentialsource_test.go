package credentialsource_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

const account = "arn:aws:iam::111122223333:"

// world is an account with every source of credentials, behind a real endpoint.
type world struct {
	clock    *clock.Clock
	store    *identity.Store
	server   *awshttp.Server
	instance *credentialsource.Instance
	boxes    *credentialsource.Containers
	portal   *credentialsource.Portal
	url      string
	iam      *iam.Client // of an operator who may do everything
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.New(t.Context())
	w := &world{clock: c, store: identity.New(c)}
	w.server = awshttp.New(awshttp.Config{Clock: c, Caller: w.store, Authorizer: w.store})
	w.server.Register(w.store.Services()...)
	w.portal = credentialsource.NewPortal(c, w.store)
	w.server.Register(w.portal.AWS())
	w.instance = credentialsource.NewInstance(c, w.store)
	w.boxes = credentialsource.NewContainers(c, w.store)
	mux := http.NewServeMux()
	mux.Handle("/", w.server)
	mux.Handle(credentialsource.InstancePath, w.instance)
	mux.Handle(credentialsource.TaskPath, w.boxes)
	mux.Handle(credentialsource.PodPath, w.boxes)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	w.url = front.URL
	key := w.store.AddUser("operator", map[string]string{"all": statement(`"Effect":"Allow","Action":"*","Resource":"*"`)})
	w.iam = iam.NewFromConfig(aws.Config{Region: awshttp.DefaultRegion, BaseEndpoint: &w.url,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey.Reveal(), "")})
	return w
}

func statement(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }

// trusting is the trust policy for one principal.
func trusting(principal, actions string) string {
	return statement(`"Effect":"Allow","Principal":{` + principal + `},"Action":[` + actions + `]`)
}

// role makes a role that may list roles, and returns its ARN.
func (w *world) role(t *testing.T, name, trust string) string {
	t.Helper()
	out, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: new("lists"),
		PolicyDocument: new(statement(`"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"`))}); err != nil {
		t.Fatal(err)
	}
	return *out.Role.Arn
}

// environment is what the program has; nothing of the machine's configuration is left.
func (w *world) environment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_REGION", awshttp.DefaultRegion)
	for name, value := range credentialsource.Environment(w.url) {
		t.Setenv(name, value)
	}
}

// load is the SDK's own configuration, which does not try twice.
func load(t *testing.T, options ...func(*config.LoadOptions) error) aws.Config {
	t.Helper()
	options = append(options, config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	c, err := config.LoadDefaultConfig(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// caller asks who signs with the configuration.
func caller(ctx context.Context, c aws.Config) (string, error) {
	out, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if err != nil {
		return "", err
	}
	return *out.Arn, nil
}

// wantCaller fails the test unless the caller is the session, and its role's policies count.
func wantCaller(t *testing.T, c aws.Config, session string) {
	t.Helper()
	who, err := caller(t.Context(), c)
	if want := "arn:aws:sts::111122223333:assumed-role/" + session; err != nil || who != want {
		t.Fatalf("caller is %q, %v; want %s", who, err, want)
	}
	client := iam.NewFromConfig(c)
	if _, err := client.ListRoles(t.Context(), nil); err != nil {
		t.Errorf("what the role may do: %v", err)
	}
	_, err = client.ListUsers(t.Context(), nil)
	wantError(t, err, "not authorized to perform: iam:ListUsers")
}

// wantError fails the test unless err has all the texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error is %v; want it to say %q", err, text)
		}
	}
}
