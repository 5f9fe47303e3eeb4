package awsdbsecret_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awsdbsecret"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/source/sourcelogin"
)

var _ sourcelogin.Secrets = (*awsdbsecret.Reader)(nil)

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-1-AbCdEf"

func reader(t *testing.T, answers ...awstest.Answer) (*awsdbsecret.Reader, *awstest.Service) {
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsdbsecret.New(secretsmanager.NewFromConfig(s.Config())), s
}

func value(text string) awstest.Answer {
	return awstest.Answer{Body: fmt.Sprintf(`{"ARN":%q,"VersionId":"v1","SecretString":%q}`, arn, text)}
}

func TestRead(t *testing.T) {
	r, s := reader(t, awstest.Error(400, "ResourceNotFoundException", "can't find the specified secret value"), value(`{"username":"postgres","password":"EXAMPLE horse"}`))
	got, err := r.Read(t.Context(), arn)
	if err != nil || got.User != "postgres" || got.Password.Reveal() != "EXAMPLE horse" {
		t.Errorf("Read = %+v, %v", got, err)
	}
	requests := s.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d calls, want 2: what is not there yet is asked for again", len(requests))
	}
	for _, request := range requests {
		if request.Operation != "GetSecretValue" || request.Body != `{"SecretId":"`+arn+`"}` {
			t.Errorf("%s %s", request.Operation, request.Body)
		}
	}
}

func TestReadRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   string
	}{
		"missing":     {awstest.Error(400, "ResourceNotFoundException", "what the service says"), fault.Blocked, awsdbsecret.SecretMissing, "account and region"},
		"deleted":     {awstest.Error(400, "InvalidRequestException", "what the service says"), fault.Blocked, awsdbsecret.SecretDeleted, "restore"},
		"key":         {awstest.Error(400, "DecryptionFailure", "what the service says"), fault.Blocked, awsdbsecret.KeyUnusable, "KMS key"},
		"not allowed": {awstest.Error(400, "AccessDeniedException", "what the service says"), fault.Blocked, awserror.Unauthorized, "policy"},
		"throttled":   {awstest.Error(400, "ThrottlingException", "what the service says"), fault.Retry, awserror.Throttled, "tried again"},
		"no login":    {value("correct horse"), fault.Blocked, source.SecretUnreadable, "not a JSON object"},
		"binary":      {awstest.Answer{Body: `{"SecretBinary":"AAAA"}`}, fault.Blocked, source.SecretUnreadable, "not a JSON object"},
		"no JSON":     {awstest.Answer{Body: `{"SecretString":correct horse`}, fault.Retry, awserror.Unavailable, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := reader(t, tc.answer)
			_, err := r.Read(t.Context(), arn)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), arn) {
				t.Errorf("%v\nis %s, %s; want %s, %s that says %q", err, fault.KindOf(err), fault.ReasonOf(err), tc.kind, tc.reason, tc.says)
			}
			if strings.Contains(err.Error(), "horse") {
				t.Errorf("%v: shows the value", err)
			}
		})
	}
}
