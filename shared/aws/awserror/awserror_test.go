package awserror_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smithy "github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
)

// describe makes one call through a real client and explains its error.
func describe(ctx context.Context, s *awstest.Service, change func(*secretsmanager.Options)) error {
	_, err := secretsmanager.NewFromConfig(s.Config(), change).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: new("orders")})
	return awserror.Explain(err, "describe secret", "orders", awserror.Table{
		"Special":               {Kind: fault.Blocked, Reason: "Known", Fix: "do what only this operation needs"},
		"ThrottlingException":   {Kind: fault.Blocked, Reason: "TableFirst", Fix: "the table comes before the general rules"},
		"AccessDeniedForOthers": {Kind: fault.Retry, Reason: "Other", Fix: "nothing"},
	})
}

func TestExplainByCode(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		kind   fault.Kind
		reason string
		fix    string
		calls  int // what the SDK made of it before; -1 where that depends on its idea of the clocks
	}{
		{400, "Special", fault.Blocked, "Known", "do what only this operation needs", 1},
		{400, "ThrottlingException", fault.Blocked, "TableFirst", "comes before", 3},
		{400, "Throttling", fault.Retry, awserror.Throttled, "tried again", 3},
		{400, "TooManyRequestsException", fault.Retry, awserror.Throttled, "tried again", 3},
		{429, "Whatever", fault.Retry, awserror.Throttled, "tried again", 1},
		{403, "AccessDenied", fault.Blocked, awserror.Unauthorized, "allow the action and resource", 1},
		{400, "AccessDeniedException", fault.Blocked, awserror.Unauthorized, "allow the action and resource", -1},
		{400, "ExpiredTokenException", fault.Retry, awserror.Unauthorized, "role and the machine's clock", 1},
		{403, "InvalidClientTokenId", fault.Retry, awserror.Unauthorized, "role and the machine's clock", 1},
		{400, "RequestExpired", fault.Retry, awserror.Unauthorized, "role and the machine's clock", -1},
		{400, "RequestTimeoutException", fault.Retry, awserror.Unavailable, "tried again", 3},
		{500, "InternalServiceError", fault.Retry, awserror.Unavailable, "tried again", 3},
		{503, "NeverHeardOf", fault.Retry, awserror.Unavailable, "tried again", 3},
		{501, "NotImplemented", fault.Blocked, awserror.Rejected, "not valid", -1},
		{400, "ValidationException", fault.Blocked, awserror.Rejected, "not valid", 1},
		{404, "NeverHeardOf", fault.Blocked, awserror.Rejected, "not valid", 1},
	} {
		t.Run(tc.code+"/"+http.StatusText(tc.status), func(t *testing.T) {
			s := awstest.Serve(awstest.Error(tc.status, tc.code, "User: arn:x is not authorized to perform: y on resource: z"))
			defer s.Close()
			err := describe(t.Context(), s, func(*secretsmanager.Options) {})
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(fault.FixOf(err), tc.fix) {
				t.Errorf("%v\nis %s, %s; want %s, %s with %q as its remedy", err, fault.KindOf(err), fault.ReasonOf(err), tc.kind, tc.reason, tc.fix)
			}
			want := "describe secret for orders: " + tc.reason + ": " + tc.code + ": User: arn:x is not authorized to perform: y on resource: z; "
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v\nwant %s", err, want)
			}
			if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != tc.code {
				t.Error("the service's error is lost")
			}
			if got := len(s.Requests()); tc.calls > 0 && got != tc.calls {
				t.Errorf("%d calls, want %d", got, tc.calls)
			}
		})
	}
}

func TestExplainWithoutAnswer(t *testing.T) {
	check := func(t *testing.T, err error, says string) {
		t.Helper()
		if fault.KindOf(err) != fault.Retry || fault.ReasonOf(err) != awserror.Unavailable || !strings.Contains(err.Error(), says) {
			t.Errorf("%v\nis %s, %s; want retry, Unavailable and %q in it", err, fault.KindOf(err), fault.ReasonOf(err), says)
		}
	}
	t.Run("no answer within the client's limit", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{Hang: true})
		defer s.Close()
		check(t, describe(t.Context(), s, func(o *secretsmanager.Options) {
			o.HTTPClient, o.RetryMaxAttempts = awshttp.NewBuildableClient().WithTimeout(20*time.Millisecond), 1
		}), "127.0.0.1") // names the endpoint
	})
	t.Run("the caller's time is over", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{Hang: true})
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		check(t, describe(ctx, s, func(*secretsmanager.Options) {}), "Secrets Manager: DescribeSecret")
	})
	t.Run("nobody listens", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{})
		s.Close()
		check(t, describe(t.Context(), s, func(*secretsmanager.Options) {}), "connection refused")
	})
	t.Run("answer cut short", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{Body: `{"ARN":"correct horse battery"}`, Cut: true})
		defer s.Close()
		check(t, describe(t.Context(), s, func(*secretsmanager.Options) {}), "describe secret for orders")
	})
	t.Run("answer that cannot be read is not shown", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{Body: `{"ARN":"a","CreatedDate":"correct horse"}`})
		defer s.Close()
		err := describe(t.Context(), s, func(*secretsmanager.Options) {})
		check(t, err, "cannot be read")
		if strings.Contains(err.Error(), "horse") {
			t.Errorf("%v: shows what was read", err)
		}
	})
	t.Run("anything else is a bug", func(t *testing.T) {
		if err := awserror.Explain(errors.New("strange"), "x", "y", nil); fault.KindOf(err) != fault.Bug || !strings.Contains(err.Error(), "strange") {
			t.Error(err)
		}
	})
	t.Run("a timeout of the network", func(t *testing.T) {
		check(t, awserror.Explain(&net.DNSError{Err: "timeout", Name: "secretsmanager.us-east-1.amazonaws.com", IsTimeout: true}, "x", "y", nil), "secretsmanager.us-east-1.amazonaws.com")
	})
	t.Run("success", func(t *testing.T) {
		if err := awserror.Explain(nil, "x", "y", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestClock(t *testing.T) {
	for _, noDate := range []bool{false, true} {
		s := awstest.Serve(awstest.Answer{Body: `{}`, NoDate: noDate})
		defer s.Close()
		out, err := secretsmanager.NewFromConfig(s.Config()).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("orders")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := awserror.Clock(out.ResultMetadata, "describe secret", "orders")
		if !noDate && (err != nil || !got.Equal(awstest.Now) || got.Location() != time.UTC) {
			t.Errorf("Clock = %s, %v; want the service's %s", got, err, awstest.Now)
		}
		if noDate && (fault.KindOf(err) != fault.Retry || !strings.Contains(err.Error(), "describe secret for orders")) {
			t.Errorf("without a date: %s, %v", got, err)
		}
	}
}
