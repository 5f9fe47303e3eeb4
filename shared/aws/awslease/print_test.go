package awslease_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// A holder has a client where fmt calls no method of it.
type holder struct {
	private awslease.Client
	pointer *awslease.Client
	any     any
}

// Wherever AWS credentials come from, no way to print a client shows them.
func TestClientIsNeverPrinted(t *testing.T) {
	const configFile = "[default]\nrole_arn = " + role + "\nsource_profile = b\n[profile b]\naws_access_key_id = AKIDFILE\naws_secret_access_key = " + secretKey + "\naws_session_token = " + token + "\n" +
		"[profile c]\ncredential_process = get --password " + secretKey + "\n"
	for name, tc := range map[string]struct {
		given resolve.Credentials
		env   map[string]string
	}{
		"access key":        {static(), nil},
		"profile":           {resolve.Credentials{Kind: resolve.Profile, Profile: "b"}, nil},
		"source profile":    {resolve.Credentials{}, nil},
		"process":           {resolve.Credentials{Kind: resolve.Profile, Profile: "c"}, nil},
		"environment":       {resolve.Credentials{}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": token}},
		"container":         {resolve.Credentials{}, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1", "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}},
		"instance":          {resolve.Credentials{Kind: resolve.InstanceProfile}, map[string]string{"AWS_SECRET_ACCESS_KEY": secretKey, "AWS_ACCESS_KEY_ID": "AKIDENV"}},
		"key over a file's": {static(), map[string]string{"AWS_PROFILE": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, configFile, "")
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			c := load(t, tc.given, awslease.Options{Region: "us-west-2"})
			for where, x := range map[string]any{
				"pointer": c, "value": *c, "struct": holder{*c, c, *c}, "slice": []awslease.Client{*c}, "map": map[string]any{"k": c}, "structs": []*holder{{*c, c, c}},
				"parts": awslease.Kept(c), "nothing": awslease.Client{}, "options": awslease.Options{Region: "us-west-2"},
			} {
				var out bytes.Buffer
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%f", "% x"} {
					fmt.Fprintf(&out, verb+"\n", x)
				}
				if text, err := json.Marshal(x); err == nil {
					out.Write(text)
				}
				slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", x)
				slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", x)
				for _, hidden := range []string{secretKey, token} {
					for _, leak := range []string{hidden, hex.EncodeToString([]byte(hidden))} {
						if strings.Contains(strings.ToLower(out.String()), strings.ToLower(leak)) {
							t.Errorf("%s shows %s", where, hidden)
						}
					}
				}
			}
		})
	}
}

// What is printed instead names the credentials for people.
func TestClientIsPrintedAsItsSource(t *testing.T) {
	alone(t, "", "")
	c := load(t, resolve.Credentials{Kind: resolve.InstanceProfile, RoleARN: role}, awslease.Options{Region: "us-west-2"})
	if got, want := fmt.Sprintf("%+v", c), "AWS as role "+role+" with instance profile"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
