package identity_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

const (
	allowAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	trustRoot   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`
)

// world is an account with an operator who may do everything, behind a real endpoint.
type world struct {
	clock  *clock.Clock
	store  *identity.Store
	server *awshttp.Server
	url    string
	iam    *iam.Client // of the operator
	sts    *sts.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.New(t.Context())
	w := &world{clock: c, store: identity.New(c)}
	w.server = awshttp.New(awshttp.Config{Clock: c, Caller: w.store, Authorizer: w.store})
	w.server.Register(w.store.Services()...)
	front := httptest.NewServer(w.server)
	t.Cleanup(front.Close)
	w.url = front.URL
	operator := w.config(w.store.AddUser("operator", map[string]string{"all": allowAll}))
	w.iam, w.sts = iam.NewFromConfig(operator), sts.NewFromConfig(operator)
	return w
}

func (w *world) config(c identity.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &w.url, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey.Reveal(), c.SessionToken.Reveal()),
	}
}

// role makes a role and returns its ARN.
func (w *world) role(t *testing.T, name, trust string, inline ...string) string {
	t.Helper()
	out, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range inline {
		w.inline(t, name, text)
	}
	return *out.Role.Arn
}

func (w *world) inline(t *testing.T, role, text string) {
	t.Helper()
	if _, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: new("inline"), PolicyDocument: &text}); err != nil {
		t.Fatal(err)
	}
}

func statement(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }

// wantCode fails the test unless err has the code and its message contains the text.
func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var got, message string
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		got, message = api.ErrorCode(), api.ErrorMessage()
	} else if direct, ok := errors.AsType[*awshttp.Error](err); ok {
		got, message = direct.Code, direct.Message
	}
	if got != code || !strings.Contains(message, text) {
		t.Errorf("error is %v; want code %s with %q", err, code, text)
	}
}

func TestAddUserPanicsOnABadPolicy(t *testing.T) {
	w := newWorld(t)
	defer func() {
		if recover() == nil {
			t.Error("AddUser did not panic")
		}
	}()
	w.store.AddUser("second", map[string]string{"p": "{}"})
}
