package kms_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/kms"
)

const account = "arn:aws:iam::111122223333:"

var (
	alice = awshttp.Principal{ARN: account + "user/alice", Account: awshttp.Account} // may do everything
	bob   = awshttp.Principal{ARN: account + "user/bob", Account: awshttp.Account}   // may do nothing
	carol = awshttp.Principal{ARN: account + "user/carol", Account: awshttp.Account} // may decrypt one secret
)

const secretARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-AbCdEf"

// carols allows what a reader of one secret needs.
const carols = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {
	"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com", "kms:CallerAccount": "111122223333", "kms:EncryptionContext:SecretARN": "` + secretARN + `"}}}}`

// A world is the service behind HTTP with real policies, and an SDK client of alice for it.
type world struct {
	*awskms.Client
	t     *testing.T
	clock *clock.Clock
	keys  *kms.Service
	url   string
	bob   identity.Credentials
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.New(t.Context())}
	people := identity.New(w.clock)
	key := people.AddUser("alice", map[string]string{"all": `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`})
	w.bob = people.AddUser("bob", nil)
	people.AddUser("carol", map[string]string{"reader": carols})
	w.keys = kms.New(kms.Config{Clock: w.clock, Authorizer: people})
	server := awshttp.New(awshttp.Config{Clock: w.clock, Caller: people, Authorizer: people})
	server.Register(w.keys.AWS())
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	w.url = front.URL
	w.Client = w.client(key)
	return w
}

func (w *world) client(key identity.Credentials) *awskms.Client {
	return awskms.New(awskms.Options{
		Region: "us-east-1", BaseEndpoint: &w.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey.Reveal(), ""),
	})
}

// create makes a key with the alias alias/app. An empty policy is the default one.
func (w *world) create(policy string) (arn string) {
	w.t.Helper()
	in := &awskms.CreateKeyInput{Description: new("of the app")}
	if policy != "" {
		in.Policy, in.BypassPolicyLockoutSafetyCheck = &policy, true
	}
	out, err := w.CreateKey(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	if policy == "" {
		if _, err := w.CreateAlias(w.t.Context(), &awskms.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: out.KeyMetadata.KeyId}); err != nil {
			w.t.Fatal(err)
		}
	}
	return *out.KeyMetadata.Arn
}

// use decrypts a secret by way of Secrets Manager.
func (w *world) use(by awshttp.Principal, key, of string) error {
	return w.keys.Use(by, "Decrypt", key, "secretsmanager.us-east-1.amazonaws.com", map[string]string{"SecretARN": of, "SecretVersionId": "v"})
}

// refused fails the test unless err has that code, and its message those words. An empty code means no error.
func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	var have string
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		have = answer.ErrorCode()
	} else if answer, ok := errors.AsType[*awshttp.Error](err); ok {
		have = answer.Code
	}
	if have != code || err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("error = %v; want %q with %q", err, code, words)
	}
}
