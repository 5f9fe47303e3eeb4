package awslease_test

import (
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
	people := map[string]who{
		"chain":                     {chain, nil},
		"instance":                  {resolve.Credentials{Kind: resolve.InstanceProfile}, nil},
		"profile a":                 {profile("a"), nil},
		"profile b":                 {profile("b"), nil},
		"profile a of other files":  {profile("a"), environment("AWS_CONFIG_FILE", "/elsewhere")},
		"profile a of other keys":   {profile("a"), environment("AWS_SHARED_CREDENTIALS_FILE", "/elsewhere")},
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
	alone(t, "[profile a]\n"+keys+"[profile b]\n"+keys, "") // the same, as far as the SDK can see
	files := environment()
	fingerprint := func(w who) string {
		lookup := func(name string) (string, bool) {
			if v, ok := w.env[name]; ok {
				return v, true
			}
			v, ok := files[name]
			return v, ok
		}
		return load(t, w.given, awslease.Options{Lookup: lookup}).Identity()
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

// What does not decide who asks makes no difference.
func TestIdentityIsTheSame(t *testing.T) {
	alone(t, "", "")
	of := func(c resolve.Credentials, region string, env ...string) string {
		return load(t, c, awslease.Options{Region: region, Lookup: func(name string) (string, bool) {
			for i := 0; i < len(env); i += 2 {
				if env[i] == name {
					return env[i+1], true
				}
			}
			return "", false
		}}).Identity()
	}
	if of(static(), "us-west-2") != of(static(), "eu-west-1") {
		t.Error("the region makes a difference, which has a place of its own in the key")
	}
	if of(static(), "", "AWS_ACCESS_KEY_ID", "AKIDENV") != of(static(), "") {
		t.Error("the environment makes a difference to a key that was given")
	}
}
