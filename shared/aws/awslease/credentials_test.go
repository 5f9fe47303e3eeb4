package awslease_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

func TestNoCredentials(t *testing.T) {
	profile := resolve.Credentials{Kind: resolve.Profile, Profile: "a"}
	ignored := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": secretKey}
	for name, tc := range map[string]struct {
		config string
		given  resolve.Credentials
		env    map[string]string
		kind   fault.Kind
		reason string
		says   []string
	}{
		"nothing at all": {"", resolve.Credentials{Kind: resolve.DefaultChain}, nil, fault.Blocked, awslease.CredentialsMissing,
			[]string{"default chain", "looked in the environment (AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "property Profile", "InstanceProfile", "AWS_EC2_METADATA_DISABLED is true"}},
		"AWS_PROFILE without any": {"[profile a]\nregion = eu-west-1\n", resolve.Credentials{Kind: resolve.DefaultChain}, map[string]string{"AWS_PROFILE": "a"}, fault.Blocked, awslease.CredentialsMissing,
			[]string{"looked in the environment (AWS_ACCESS_KEY_ID", "profile a of "}},
		"a profile without any": {"[profile a]\nregion = eu-west-1\n", profile, ignored, fault.Blocked, awslease.CredentialsMissing,
			[]string{"looked in profile a of ", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE, the container's endpoint and EC2 instance metadata; write credentials into the profile"}},
		"an environment without any": {"[profile a]\nrole_arn = " + role + "\ncredential_source = Environment\n", profile, nil, fault.Blocked, awslease.CredentialsMissing,
			[]string{"profile a says credential_source = Environment, and nothing else was looked at; set AWS_ACCESS_KEY_ID"}},
		"an environment without any, of the source": {"[profile a]\nrole_arn = " + role + "\nsource_profile = b\n[profile b]\nrole_arn = " + role + "\ncredential_source = Environment\n", profile, nil, fault.Blocked, awslease.CredentialsMissing,
			[]string{"profile b says credential_source = Environment"}},
		"an instance that is none": {"[profile a]\nrole_arn = " + role + "\ncredential_source = Ec2InstanceMetadata\n", profile, ignored, fault.Blocked, awslease.CredentialsMissing,
			[]string{"profile a says credential_source = Ec2InstanceMetadata, and nothing else was looked at; run on an EC2 instance"}},
		"a process that fails":          {"[profile a]\ncredential_process = echo " + secretKey + "; exit 3\n", profile, nil, fault.Blocked, awslease.CredentialsFailed, []string{"profile a", "exit status 3"}},
		"a process that prints a text":  {"[profile a]\ncredential_process = echo " + secretKey + "\n", profile, nil, fault.Blocked, awslease.CredentialsFailed, []string{"credential_process"}},
		"a process that prints too few": {"[profile a]\ncredential_process = echo '{\"Version\":1,\"SecretAccessKey\":\"" + secretKey + "\"}'\n", profile, nil, fault.Blocked, awslease.CredentialsFailed, []string{"credential_process"}},
		"a token that is not there": {"", resolve.Credentials{Kind: resolve.DefaultChain}, map[string]string{"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"}, fault.Blocked, awslease.CredentialsFailed,
			[]string{"/nowhere/token"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.config, "")
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			f := serve(t, awstest.Answer{})
			_, err := load(t, tc.given, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
			fails(t, err, tc.kind, tc.reason, tc.says...)
			if tc.given.Kind == resolve.Profile && strings.Contains(err.Error(), "the environment (") {
				t.Errorf("%v\nsays that the environment was looked at", err)
			}
			if len(f.Requests()) != 0 {
				t.Error("asked without credentials")
			}
		})
	}
}

func TestWebIdentity(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   []string
	}{
		"good": {answer: session("AssumeRoleWithWebIdentity", "ASIAWEB")},
		"refused": {awstest.QueryError(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"), fault.Blocked, awslease.CredentialsInvalid,
			[]string{"AWS_WEB_IDENTITY_TOKEN_FILE", "No OpenIDConnect provider"}},
		"denied": {awstest.QueryError(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), fault.Blocked, awserror.Unauthorized,
			[]string{"allow sts:AssumeRoleWithWebIdentity on " + role}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_ROLE_ARN", role)
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
			f, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, tc.answer)
			client := load(t, resolve.Credentials{Kind: resolve.DefaultChain, StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2"})
			_, err := client.Mint(t.Context(), settings(f))
			if tc.reason != "" {
				fails(t, err, tc.kind, tc.reason, tc.says...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r := sts.Requests(); len(r) != 1 || !r[0].IsForm("AssumeRoleWithWebIdentity", map[string]string{"RoleArn": role, "RoleSessionName": "sluice-connector", "WebIdentityToken": token}) {
				t.Errorf("sent %v", r)
			}
			f.asked(t, "ASIAWEB/us-west-2/redshift+T")
		})
	}
}

// cached puts a session of single sign-on where the AWS CLI keeps it.
func cached(t *testing.T, session string, expires time.Time) {
	t.Helper()
	sum := sha1.Sum([]byte(session))
	file := filepath.Join(os.Getenv("HOME"), ".aws", "sso", "cache", hex.EncodeToString(sum[:])+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	content := fmt.Sprintf(`{"accessToken":%q,"expiresAt":%q}`, token, expires.UTC().Format(time.RFC3339))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSingleSignOn(t *testing.T) {
	const (
		modern = "[profile a]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n"
		legacy = "[profile a]\nsso_account_id = 111122223333\nsso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n"
		chain  = modern + "[profile b]\nrole_arn = " + role + "\nsource_profile = a\n"
	)
	good := awstest.Answer{Body: fmt.Sprintf(`{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":%q,"sessionToken":"T","expiration":%d}}`, secretKey, time.Now().Add(time.Hour).UnixMilli())}
	for name, tc := range map[string]struct {
		config, profile, session string
		life                     time.Duration // of the session that is cached; 0 is none
		answer                   awstest.Answer
		reason                   string
		says                     string
	}{
		"good":                    {config: modern, profile: "a", session: "corp", life: time.Hour, answer: good},
		"good, of the older form": {config: legacy, profile: "a", session: "https://corp.example.com/start", life: time.Hour, answer: good},
		"none":                    {modern, "a", "corp", 0, awstest.Answer{}, awslease.SessionExpired, "aws sso login --profile a"},
		"none, of the older form": {legacy, "a", "corp", 0, awstest.Answer{}, awslease.SessionExpired, "aws sso login --profile a"},
		"ended":                   {modern, "a", "corp", -time.Hour, awstest.Answer{}, awslease.SessionExpired, "aws sso login --profile a"},
		"ended, of a source":      {chain, "b", "corp", -time.Hour, awstest.Answer{}, awslease.SessionExpired, "aws sso login --profile a"},
		"revoked": {modern, "a", "corp", time.Hour, awstest.Answer{Status: 401, Code: "UnauthorizedException", Body: `{"message":"Session token not found or invalid"}`},
			awslease.SessionExpired, "aws sso login --profile a"},
		"not assigned": {modern, "a", "corp", time.Hour, awstest.Answer{Status: 403, Code: "ForbiddenException", Body: `{"message":"No access"}`}, awserror.Rejected, "No access"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.config, "")
			if tc.life != 0 {
				cached(t, tc.session, time.Now().Add(tc.life))
			}
			sso, f := serve(t, tc.answer), serve(t, answer("GetClusterCredentials", login))
			t.Setenv("AWS_ENDPOINT_URL_SSO", sso.url)
			_, err := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: tc.profile}, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
			if tc.reason != "" {
				fails(t, err, fault.Blocked, tc.reason, tc.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f.asked(t, "ASIASSO/us-west-2/redshift+T")
		})
	}
	t.Run("by the newer way to log in", func(t *testing.T) {
		alone(t, "[profile a]\nlogin_session = arn:aws:iam::111122223333:user/u\n", "")
		_, err := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a"}, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(serve(t, awstest.Answer{})))
		fails(t, err, fault.Blocked, awslease.SessionExpired, "aws login --profile a")
	})
}

func TestContainer(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		reason string
		says   string
	}{
		"good":           {status: 200, body: fmt.Sprintf(`{"AccessKeyId":"ASIATASK","SecretAccessKey":%q,"Token":"T","Expiration":%q}`, secretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))},
		"refused":        {403, `{"code":"AccessDenied","message":"no"}`, awslease.CredentialsFailed, "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		"cannot be read": {200, `{"AccessKeyId":"A","Expiration":"` + secretKey + `"}`, awslease.CredentialsFailed, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Header.Get("Authorization") != token {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
			t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
			f := serve(t, answer("GetClusterCredentials", login))
			_, err := load(t, resolve.Credentials{Kind: resolve.DefaultChain}, awslease.Options{}).Mint(t.Context(), settings(f))
			if tc.reason != "" {
				fails(t, err, fault.Retry, tc.reason, tc.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f.asked(t, "ASIATASK/us-west-2/redshift+T")
		})
	}
}

// A caller that goes away is not kept, in neither part of a call.
func TestContextIsHonoured(t *testing.T) {
	hang := awstest.Answer{Hang: true}
	for name, tc := range map[string]struct{ sts, redshift awstest.Answer }{
		"while a role is assumed": {hang, awstest.Answer{}},
		"while a login is got":    {session("AssumeRole", "ASIAROLE"), hang},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f, sts := serve(t, tc.redshift), serve(t, tc.sts)
			c := static()
			c.RoleARN, c.StsEndpoint = role, sts.url
			t.Setenv("AWS_MAX_ATTEMPTS", "1") // nothing goes on behind the test
			client, err := awslease.Load(t.Context(), c, awslease.Options{Region: "us-west-2"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = client.Mint(ctx, settings(f))
			fails(t, err, fault.Retry, awserror.Unavailable)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not tell that the time was up", err)
			}
		})
	}
}
