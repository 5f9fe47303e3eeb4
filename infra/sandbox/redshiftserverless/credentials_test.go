package redshiftserverless_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/redshiftserverless"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestCredentialsAreThoseOfTheCaller(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name   string
		caller awshttp.Principal
		in     api.GetCredentialsInput
		want   string // the name of the login
		life   time.Duration
	}{
		{"a user", w.policy.caller, api.GetCredentialsInput{}, "IAM:alice", 15 * time.Minute},
		{"a role under a path", awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/Reports/one", Role: "arn:aws:iam::111122223333:role/team/Reports"},
			api.GetCredentialsInput{DbName: new("dev"), DurationSeconds: new(int32(3600))}, "IAMR:Reports", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.policy.caller, w.endpoint.logins = tc.caller, nil
			tc.in.WorkgroupName = new(name)
			before := w.clock.Now()
			out, err := w.GetCredentials(t.Context(), &tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if left := out.Expiration.Sub(before); *out.DbUser != tc.want || left < tc.life-time.Second || left > tc.life+5*time.Second {
				t.Errorf("login %s with %v left; want %s with %v", *out.DbUser, left, tc.want, tc.life)
			}
			if len(w.endpoint.logins) != 1 {
				t.Fatalf("the endpoint was given %d logins; want 1", len(w.endpoint.logins))
			}
			l := w.endpoint.logins[0]
			if l.Name != tc.want || l.User != tc.want || !l.AutoCreate || l.Password.Reveal() != *out.DbPassword || len(*out.DbPassword) != 76 {
				t.Errorf("the endpoint was given %+v, and the caller a password of %d characters", l, len(*out.DbPassword))
			}
			if !l.Expires.Equal(*out.Expiration) || out.NextRefreshTime == nil || (l.Database == "dev") != (tc.in.DbName != nil) {
				t.Errorf("the endpoint was given %+v; the answer was until %v", l, *out.Expiration)
			}
		})
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	w := newWorld(t)
	type input = api.GetCredentialsInput
	for _, tc := range []struct {
		name       string
		edit       func(*input)
		code, text string
	}{
		{"no such workgroup", func(in *input) { in.WorkgroupName = new("missing") }, "ResourceNotFoundException", "missing"},
		{"other case of the name", func(in *input) { in.WorkgroupName = new("ExampleWorkgroup") }, "ValidationException", "workgroupName"},
		{"no workgroup", func(in *input) { in.WorkgroupName = nil }, "ValidationException", "customDomainName is required"},
		{"unknown domain", func(in *input) { in.WorkgroupName, in.CustomDomainName = nil, new("other.example.com") }, "ResourceNotFoundException", "other.example.com"},
		{"domain of no workgroup", func(in *input) { in.CustomDomainName = new("other.example.com") }, "ValidationException", "does not lead"},
		{"database with a colon", func(in *input) { in.DbName = new("a:b") }, "ValidationException", "dbName"},
		{"reserved database", func(in *input) { in.DbName = new("table") }, "ValidationException", "reserved"},
		{"899 seconds", func(in *input) { in.DurationSeconds = new(int32(899)) }, "ValidationException", "between 900 and 3600"},
		{"3601 seconds", func(in *input) { in.DurationSeconds = new(int32(3601)) }, "ValidationException", "between 900 and 3600"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := &input{WorkgroupName: new(name)}
			tc.edit(in)
			_, err := w.GetCredentials(t.Context(), in)
			coded(t, err, tc.code, tc.text)
		})
	}
	w.policy.caller = awshttp.Principal{Service: "lambda.amazonaws.com"}
	_, err := w.GetCredentials(t.Context(), &input{WorkgroupName: new(name)})
	coded(t, err, "ValidationException", "lambda.amazonaws.com")
	if len(w.endpoint.logins) > 0 {
		t.Errorf("the endpoint was given %d logins", len(w.endpoint.logins))
	}
}

func TestCredentialsAreAuthorized(t *testing.T) {
	w := newWorld(t)
	const action, all = "redshift-serverless:GetCredentials", "arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/*"
	if err := w.service.AddCustomDomain(name, domain); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		in       api.GetCredentialsInput
		resource string
	}{
		{"by name", api.GetCredentialsInput{WorkgroupName: new(name), DbName: new("dev")}, w.arn},
		{"by domain", api.GetCredentialsInput{CustomDomainName: new(strings.ToUpper(domain))}, w.arn},
		{"by both", api.GetCredentialsInput{CustomDomainName: new(domain), WorkgroupName: new(name)}, w.arn},
		{"by a name that is not there", api.GetCredentialsInput{WorkgroupName: new("missing")}, all},
		{"by a domain that is not there", api.GetCredentialsInput{CustomDomainName: new("other.example.com")}, all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.policy.deny, w.policy.asked = nil, nil
			if _, err := w.GetCredentials(t.Context(), &tc.in); (err == nil) != (tc.resource == w.arn) {
				t.Fatalf("GetCredentials() = %v", err)
			}
			if len(w.policy.asked) != 1 || w.policy.asked[0].Action != action || w.policy.asked[0].Resource != tc.resource {
				t.Fatalf("asked %+v; want one question, on %s", w.policy.asked, tc.resource)
			}
			if tagged := slices.Equal(w.policy.asked[0].Context["aws:ResourceTag/team"], []string{"data"}); tagged != (tc.resource == w.arn) {
				t.Errorf("asked with %v; want the workgroup's tags", w.policy.asked[0].Context)
			}
			w.policy.deny = []string{action + " " + tc.resource}
			_, err := w.GetCredentials(t.Context(), &tc.in)
			coded(t, err, "AccessDeniedException", action)
		})
	}
}
