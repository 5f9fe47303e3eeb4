package awsclient_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awsclient"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

var role = map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "EXAMPLE-key", "AWS_SECRET_ACCESS_KEY": "EXAMPLE-secret", "AWS_SESSION_TOKEN": "EXAMPLE-token"}

func TestLoadReadsWhatLambdaGives(t *testing.T) {
	cfg, err := awsclient.Load(lookup(role))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || cfg.Region != "eu-central-1" || got.AccessKeyID != "EXAMPLE-key" || got.SecretAccessKey != "EXAMPLE-secret" || got.SessionToken != "EXAMPLE-token" || cfg.BaseEndpoint != nil {
		t.Errorf("region %q, key %q, endpoint %v, %v", cfg.Region, got.AccessKeyID, cfg.BaseEndpoint, err)
	}
}

func TestLoadReportsAllThatIsMissing(t *testing.T) {
	_, err := awsclient.Load(lookup(nil))
	problems, ok := errors.AsType[fault.Problems](err)
	var where []string
	for _, p := range problems {
		where = append(where, p.Where)
	}
	if want := []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}; !ok || !slices.Equal(where, want) {
		t.Errorf("%v; want problems with %v", err, want)
	}
}

func TestCallsGoToTheEndpointOfTheEnvironment(t *testing.T) {
	s := awstest.Serve(awstest.Answer{Body: `{"ARN":"x"}`})
	defer s.Close()
	env := maps.Clone(role)
	env["AWS_ENDPOINT_URL"] = *s.Config().BaseEndpoint
	cfg, err := awsclient.Load(lookup(env))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("x")}); err != nil || len(s.Requests()) != 1 {
		t.Errorf("%v, %d calls", err, len(s.Requests()))
	}
	if got := cfg.Retryer().MaxAttempts(); got != 3 {
		t.Errorf("a call is tried %d times", got)
	}
}
