package awslogin_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/aws/awslogin"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

func logins(t *testing.T, answers ...awstest.Answer) (*awslogin.Logins, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awslogin.New(s.Config(), "sluice-prod-login"), s
}

var request = source.Request{
	Action: source.Ensure, Federation: "orders", Endpoint: source.Endpoint{Host: "orders.example.com", Port: 5432, Database: "shop", Schema: "public"},
	Admin: "arn:admin", Secret: "arn:own", User: "sluice_orders_0a1b2c3d", Mark: "sluice: 111122223333 us-east-1 prod orders",
}

func reply(t *testing.T, a source.Answer, err error) awstest.Answer {
	t.Helper()
	body, problem := json.Marshal(source.ReplyWith(a, err))
	if problem != nil {
		t.Fatal(problem)
	}
	return awstest.Answer{Body: string(body)}
}

func TestDo(t *testing.T) {
	want := source.Answer{Changed: true, Uncovered: []string{"app"}}
	l, s := logins(t, reply(t, want, nil))
	if got, err := l.Do(t.Context(), request); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Do = %+v, %v", got, err)
	}
	r := s.Requests()
	if len(r) != 1 || r[0].Path != "/2015-03-31/functions/sluice-prod-login/invocations" {
		t.Fatalf("sent %+v", r)
	}
	if got, err := source.DecodeRequest([]byte(r[0].Body)); err != nil || got != request {
		t.Errorf("login gets %+v, %v", got, err)
	}
}

// Login has longer than other calls.
func TestTimeLimitOfOtherClientsDoesNotCount(t *testing.T) {
	s := awstest.Serve(reply(t, source.Answer{}, nil))
	t.Cleanup(s.Close)
	cfg := s.Config()
	cfg.HTTPClient = http.NewBuildableClient().WithTimeout(time.Nanosecond)
	if _, err := awslogin.New(cfg, "sluice-prod-login").Do(t.Context(), request); err != nil {
		t.Error(err)
	}
}

// A refusal arrives as login had it.
func TestProblem(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Retry, fault.Blocked, fault.Bug} {
		sent := &fault.Error{Kind: kind, Reason: source.AdminRefused, Op: "log in", Subject: "user admin", Fix: "correct the secret", Err: errors.New("FATAL: no")}
		l, _ := logins(t, reply(t, source.Answer{}, sent))
		_, err := l.Do(t.Context(), request)
		if got, ok := errors.AsType[*fault.Error](err); !ok || got.Kind != kind || got.Reason != sent.Reason || got.Fix != sent.Fix || got.Error() != sent.Error() {
			t.Errorf("%v\nwant %v", err, sent)
		}
	}
}

func TestFunctionThatGivesNoAnswer(t *testing.T) {
	failed := func(body string) awstest.Answer {
		return awstest.Answer{Header: map[string]string{"X-Amz-Function-Error": "Unhandled"}, Body: body}
	}
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   string
	}{
		"out of time":   {failed(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: x Error: Task timed out after 30.00 seconds"}`), fault.Retry, awslogin.Died, "Task timed out after 30.00 seconds"},
		"crashed":       {failed(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: x Error: Runtime exited with error: signal: killed"}`), fault.Retry, awslogin.Died, "signal: killed"},
		"old runtime":   {failed(`{"errorMessage":"Task timed out"}`), fault.Retry, awslogin.Died, "Task timed out"},
		"no reason":     {failed(`not JSON`), fault.Retry, awslogin.Died, "does not say why"},
		"long reason":   {failed(`{"errorType":"X","errorMessage":"` + strings.Repeat("y", 5000) + `"}`), fault.Retry, awslogin.Died, "X: yyy"},
		"other version": {failed(`{"errorType":"` + awslambda.Malformed + `","errorMessage":"payload: unknown field"}`), fault.Bug, awslogin.Died, "unknown field"},
		"no reply":      {awstest.Answer{Body: `{}`}, fault.Bug, "Unforeseen", "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			l, s := logins(t, tc.answer)
			_, err := l.Do(t.Context(), request)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 600 || fault.FixOf(err) == "" {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
			if len(s.Requests()) != 1 {
				t.Errorf("%d calls", len(s.Requests()))
			}
		})
	}
}

// What is not answered, or refused by the service, is tried once: the reconciler tries again later.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
	}{
		"lost":       {awstest.Answer{Drop: true}, fault.Retry, awserror.Unavailable},
		"throttled":  {awstest.Error(429, "TooManyRequestsException", "Rate Exceeded."), fault.Retry, awserror.Throttled},
		"failing":    {awstest.Error(500, "ServiceException", "no"), fault.Retry, awserror.Unavailable},
		"in change":  {awstest.Error(409, "ResourceConflictException", "no"), fault.Retry, awserror.Unavailable},
		"not there":  {awstest.Error(404, "ResourceNotFoundException", "no"), fault.Blocked, awslogin.Missing},
		"no right":   {awstest.Error(403, "AccessDeniedException", "no"), fault.Blocked, awserror.Unauthorized},
		"key denied": {awstest.Error(502, "KMSAccessDeniedException", "no"), fault.Retry, awserror.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			l, s := logins(t, tc.answer)
			_, err := l.Do(t.Context(), request)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), "function sluice-prod-login") || fault.FixOf(err) == "" {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
			if len(s.Requests()) != 1 {
				t.Errorf("%d calls", len(s.Requests()))
			}
		})
	}
}
