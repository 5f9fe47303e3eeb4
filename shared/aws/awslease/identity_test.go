package awslease_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/secret"
)

// Whoever asks AWS as another has another fingerprint, and none tells a secret.
func TestIdentity(t *testing.T) {
	chain := resolve.Credentials{Kind: resolve.DefaultChain}
	profile := func(name string) resolve.Credentials {
		return resolve.Credentials{Kind: resolve.Profile, Profile: name}
	}
	changed := func(c resolve.Credentials, change func(*resolve.Credentials)) resolve.Credentials {
		change(&c)
		return c
	}
	environment := func(pairs ...string) map[string]string {
		out := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i]] = pairs[i+1]
		}
		return out
	}
	type who struct {
		given resolve.Credentials
		env   map[string]string
	}
	const configFile = "[profile a]\n" + keys + "[profile b]\n" + keys // the same, as far as the SDK can see
	alone(t, configFile, "")
	elsewhere := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(elsewhere, []byte(configFile), 0o600); err != nil {
		t.Fatal(err)
	}
	people := map[string]who{
		"chain":                     {chain, nil},
		"instance":                  {resolve.Credentials{Kind: resolve.InstanceProfile}, nil},
		"profile a":                 {profile("a"), nil},
		"profile b":                 {profile("b"), nil},
		"profile a of other files":  {profile("a"), environment("AWS_CONFIG_FILE", elsewhere)},
		"profile a of other keys":   {profile("a"), environment("AWS_SHARED_CREDENTIALS_FILE", elsewhere)},
		"key":                       {static(), nil},
		"key with another secret":   {changed(static(), func(c *resolve.Credentials) { c.SecretAccessKey = secret.New("wrong") }), nil},
		"key with another token":    {changed(static(), func(c *resolve.Credentials) { c.SessionToken = secret.Value{} }), nil},
		"another key":               {changed(static(), func(c *resolve.Credentials) { c.AccessKeyID = "AKIDOTHER" }), nil},
		"role":                      {changed(static(), func(c *resolve.Credentials) { c.RoleARN = role }), nil},
		"another role":              {changed(static(), func(c *resolve.Credentials) { c.RoleARN = role + "2" }), nil},
		"role with an external id":  {changed(static(), func(c *resolve.Credentials) { c.RoleARN, c.ExternalID = role, "x" }), nil},
		"role with a session":       {changed(static(), func(c *resolve.Credentials) { c.RoleARN, c.SessionName = role, "x" }), nil},
		"role with the profile":     {changed(profile("a"), func(c *resolve.Credentials) { c.RoleARN = role }), nil},
		"environment's key":         {chain, environment("AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", secretKey)},
		"environment's other key":   {chain, environment("AWS_ACCESS_KEY_ID", "AKIDENV2", "AWS_SECRET_ACCESS_KEY", secretKey)},
		"environment's session":     {chain, environment("AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", secretKey, "AWS_SESSION_TOKEN", token)},
		"environment's new session": {chain, environment("AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", secretKey, "AWS_SESSION_TOKEN", token+"2")},
		"environment's profile":     {chain, environment("AWS_PROFILE", "a")},
		"environment's web role":    {chain, environment("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token")},
		"another web role":          {chain, environment("AWS_ROLE_ARN", role+"2", "AWS_WEB_IDENTITY_TOKEN_FILE", "/token")},
		"another token":             {chain, environment("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token2")},
		"task":                      {chain, environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/1")},
		"another task":              {chain, environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/2")},
		"pod":                       {chain, environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/1")},
		"pod with a token":          {chain, environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/1", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token")},
	}
	fingerprint := func(w who) (out string) {
		t.Run("", func(t *testing.T) { // which restores the environment
			for name, value := range w.env {
				t.Setenv(name, value)
			}
			out = load(t, w.given, awslease.Options{}).Identity()
		})
		return out
	}
	seen := make(map[string]string)
	for name, w := range people {
		got := fingerprint(w)
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s are the same to it", name, other)
		}
		seen[got] = name
		if again := fingerprint(w); again != got {
			t.Errorf("%s: %s, then %s", name, got, again)
		}
		for _, hidden := range []string{secretKey, token, "AKID"} {
			if strings.Contains(got, hidden) {
				t.Errorf("%s: %s shows %s", name, got, hidden)
			}
		}
		if !strings.HasPrefix(got, string(w.given.Kind)+" ") {
			t.Errorf("%s: %s does not say the kind", name, got)
		}
	}
}

// A file that says something else of whoever asks makes another identity of the next load.
func TestIdentityFollowsFiles(t *testing.T) {
	const before = "[profile a]\nrole_arn = " + role + "\nsource_profile = b\nregion = eu-west-1\n[profile b]\n" + keys + "[profile c]\ncredential_process = get 1\n" +
		"[profile d]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n" +
		"[profile e]\n" + keys + "aws_session_token = 1\n"
	for name, tc := range map[string]struct {
		profile  string
		old, new string
		same     bool
	}{
		"secret":               {"b", secretKey, "another", false},
		"session token":        {"e", "aws_session_token = 1", "aws_session_token = 2", false},
		"secret of a source":   {"a", secretKey, "another", false},
		"role":                 {"a", role, role + "2", false},
		"external id":          {"a", "source_profile = b", "source_profile = b\nexternal_id = x2", false},
		"session name":         {"a", "source_profile = b", "source_profile = b\nrole_session_name = x2", false},
		"source":               {"a", "source_profile = b", "source_profile = e", false},
		"process":              {"c", "get 1", "get 2", false},
		"single sign-on role":  {"d", "sso_role_name = r", "sso_role_name = r2", false},
		"account":              {"d", "111122223333", "444455556666", false},
		"start page":           {"d", "corp.example.com", "other.example.com", false},
		"endpoint":             {"b", "[profile b]", "[profile b]\nendpoint_url = http://127.0.0.1:1", false},
		"endpoint of Redshift": {"b", "[profile b]", "[services local]\nredshift =\n  endpoint_url = http://127.0.0.1:1\n[profile b]\nservices = local", false},
		"region":               {"a", "region = eu-west-1", "region = eu-west-2", true},
		"another profile":      {"c", secretKey, "another", true},
		"a comment":            {"a", "[profile a]", "# x\n[profile a]", true},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, before, "")
			of := func(given resolve.Credentials) string { return load(t, given, awslease.Options{}).Identity() }
			profile := resolve.Credentials{Kind: resolve.Profile, Profile: tc.profile}
			t.Setenv("AWS_PROFILE", tc.profile)
			was, wasByChain, wasStatic := of(profile), of(resolve.Credentials{}), of(static())
			if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(strings.ReplaceAll(before, tc.old, tc.new)), 0o600); err != nil {
				t.Fatal(err)
			}
			if now := of(profile); (now == was) != tc.same {
				t.Errorf("profile: %s, then %s", was, now)
			}
			if now := of(resolve.Credentials{}); (now == wasByChain) != tc.same {
				t.Errorf("default chain: %s, then %s", wasByChain, now)
			}
			if now := of(static()); now != wasStatic && !strings.Contains(name, "endpoint") {
				t.Errorf("access key that is given: %s, then %s", wasStatic, now)
			}
		})
	}
}

// Worlds that answer at other places share nothing, whoever asks.
func TestIdentityTellsEndpointsApart(t *testing.T) {
	alone(t, "[profile a]\n"+keys, "")
	for _, c := range []resolve.Credentials{static(), {}, {Kind: resolve.Profile, Profile: "a"}, {Kind: resolve.InstanceProfile}} {
		of := func(t *testing.T) string { return load(t, c, awslease.Options{}).Identity() }
		plain := of(t)
		for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REDSHIFT", "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS",
			"AWS_ENDPOINT_URL_SSO", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} {
			t.Run(string(c.Kind)+" "+name, func(t *testing.T) {
				value := "http://127.0.0.1:1"
				if strings.Contains(name, "IGNORE") {
					value = "true"
				}
				t.Setenv(name, value)
				if of(t) == plain {
					t.Error("makes no difference")
				}
			})
		}
	}
}

// What does not decide who asks makes no difference.
func TestIdentityIsTheSame(t *testing.T) {
	alone(t, "", "")
	of := func(c resolve.Credentials, region string, env ...string) (out string) {
		t.Run("", func(t *testing.T) {
			for i := 0; i < len(env); i += 2 {
				t.Setenv(env[i], env[i+1])
			}
			out = load(t, c, awslease.Options{Region: region}).Identity()
		})
		return out
	}
	if of(static(), "us-west-2") != of(static(), "eu-west-1") {
		t.Error("the region makes a difference, which has a place of its own in the key")
	}
	if of(static(), "", "AWS_ACCESS_KEY_ID", "AKIDENV") != of(static(), "") {
		t.Error("the environment makes a difference to a key that was given")
	}
}
