package credentialsource_test

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

const (
	startURL = "https://example.awsapps.com/start"
	user     = "alice@example.com"
)

// signIn makes a permission set and a home of somebody who has signed in, with a profile for each set by its name and
// one that has an sso-session. It returns the set's role and the token.
func signIn(t *testing.T, w *world) (role, token string) {
	t.Helper()
	role = w.portal.AddPermissionSet("Reader", map[string]string{"lists": statement(`"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"`)})
	w.portal.AddPermissionSet("Admin", nil)
	token = w.portal.SignIn(user, 8*time.Hour, "Reader").Reveal()
	for _, cached := range []string{startURL, "work"} {
		cache(t, cached, token)
	}
	profiles(t, profile("Reader", "Reader", awshttp.Account)+profile("Admin", "Admin", awshttp.Account)+
		profile("Gone", "Gone", awshttp.Account)+profile("Elsewhere", "Reader", "999999999999")+`
[profile session]
sso_session = work
sso_account_id = `+awshttp.Account+`
sso_role_name = Reader
[sso-session work]
sso_start_url = `+startURL+`
sso_region = us-east-1
`, "")
	return role, token
}

func profile(name, role, account string) string {
	return "[profile " + name + "]\nsso_start_url = " + startURL + "\nsso_region = us-east-1\nsso_account_id = " + account + "\nsso_role_name = " + role + "\n"
}

// cache writes a token where tools that sign in put it.
func cache(t *testing.T, name, token string) {
	t.Helper()
	folder := filepath.Join(os.Getenv("HOME"), ".aws", "sso", "cache")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{"accessToken": token, "expiresAt": time.Now().Add(8 * time.Hour).UTC().Format(time.RFC3339),
		"startUrl": startURL, "region": "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%x.json", sha1.Sum([]byte(name)))), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPortal(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	role, token := signIn(t, w)
	for _, name := range []string{"Reader", "session"} {
		wantCaller(t, load(t, config.WithSharedConfigProfile(name)), path.Base(role)+"/"+user)
	}
	if !strings.HasPrefix(role, account+"role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_") {
		t.Errorf("the role is %s", role)
	}
	calls := w.server.Calls().List(awshttp.Filter{Service: "awsssoportal"})
	if len(calls) != 2 || calls[0].Operation != "GetRoleCredentials" || strings.Contains(fmt.Sprintf("%+v", calls), token) {
		t.Errorf("%d calls of the portal are recorded", len(calls))
	}
}

func TestPortalSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	role, _ := signIn(t, w)
	for name, want := range map[string]string{
		"Admin":     "ForbiddenException: No access", // not assigned
		"Gone":      "ForbiddenException: No access",
		"Elsewhere": "ForbiddenException: No access",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := caller(t.Context(), load(t, config.WithSharedConfigProfile(name)))
			wantError(t, err, want)
		})
	}
	held := load(t, config.WithSharedConfigProfile("Reader"))
	if _, err := held.Credentials.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	_, err := caller(t.Context(), held)
	wantError(t, err, "ExpiredToken")
	held.Credentials.(*aws.CredentialsCache).Invalidate()
	wantCaller(t, held, path.Base(role)+"/"+user)

	w.clock.Advance(7 * time.Hour)
	_, err = caller(t.Context(), load(t, config.WithSharedConfigProfile("Reader")))
	wantError(t, err, "UnauthorizedException: Session token not found or invalid")
	cache(t, startURL, "of-nobody")
	_, err = caller(t.Context(), load(t, config.WithSharedConfigProfile("Reader")))
	wantError(t, err, "UnauthorizedException: Session token not found or invalid")

	if status, body := w.request(t, http.MethodGet, "/federation/credentials", nil); status != http.StatusBadRequest || !strings.Contains(body, "accessToken") || !strings.Contains(body, "roleName") {
		t.Errorf("a request that says nothing is answered with %d %s", status, body)
	}
}

// The role of a permission set is nobody's but the portal's, and the portal's only while it trusts it.
func TestRoleOfAPermissionSet(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	role, _ := signIn(t, w)
	w.instance.Attach(role)
	_, err := caller(t.Context(), load(t))
	wantError(t, err, "AssumeRoleUnauthorizedAccess")
	if _, err := w.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: new(path.Base(role)), PolicyDocument: new(trustEC2)}); err != nil {
		t.Fatal(err)
	}
	_, err = caller(t.Context(), load(t, config.WithSharedConfigProfile("Reader")))
	wantError(t, err, "ForbiddenException: No access")
	wantCaller(t, load(t), path.Base(role)+"/"+credentialsource.InstanceID)
}

// A profile may name the endpoints of STS and of the portal in a services section, while AWS_ENDPOINT_URL is not set.
func TestServicesSection(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	role, _ := signIn(t, w)
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO"} {
		if err := os.Unsetenv(name); err != nil { // t.Setenv has seen to it that they come back
			t.Fatal(err)
		}
	}
	profiles(t, profile("Reader", "Reader", awshttp.Account)+`
services = sandbox
[services sandbox]
sso =
  endpoint_url = `+w.url+`
sts =
  endpoint_url = `+w.url+`
`, "")
	who, err := caller(t.Context(), load(t, config.WithSharedConfigProfile("Reader")))
	if want := "arn:aws:sts::111122223333:assumed-role/" + path.Base(role) + "/" + user; err != nil || who != want {
		t.Errorf("caller is %q, %v; want %s", who, err, want)
	}
}
