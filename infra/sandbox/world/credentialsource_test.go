package world_test

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// trustAll lets every source of credentials but the portal have the role.
const trustAll = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
		"Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com"]}},
	{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com"}}]}`

// A program that has nothing but the endpoint gets its credentials there, of every kind.
func TestCredentialsComeFromTheSameEndpoint(t *testing.T) {
	w := start(t, "")
	made, err := iam.NewFromConfig(configured(w)).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: new("reader"), AssumeRolePolicyDocument: new(trustAll)})
	if err != nil {
		t.Fatal(err)
	}
	role := *made.Role.Arn
	for name, prepare := range map[string]func(t *testing.T){
		"reader/" + credentialsource.InstanceID: func(*testing.T) { w.Instance.Attach(role) },
		"reader/eks-": func(t *testing.T) {
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.Endpoint()+credentialsource.PodPath)
			t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", w.Containers.AddPod(role, time.Hour).Reveal())
		},
		"reader/": func(t *testing.T) {
			task, err := w.Containers.AddTask(role)
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.Endpoint()+task)
		},
		"reader/web": func(t *testing.T) { webIdentity(t, w, role) },
		"AWSReservedSSO_Reader_": func(t *testing.T) {
			w.Portal.AddPermissionSet("Reader", nil)
			signedIn(t, w.Portal.SignIn("alice@example.com", time.Hour, "Reader").Reveal())
		},
	} {
		t.Run(name, func(t *testing.T) {
			program(t, w)
			prepare(t)
			who, err := caller(t.Context())
			if want := "arn:aws:sts::111122223333:assumed-role/" + name; err != nil || !strings.HasPrefix(who, want) {
				t.Errorf("caller is %q, %v; want %s", who, err, want)
			}
		})
	}
}

// program sets the environment of a program on a machine that has no key.
func program(t *testing.T, w *world.World) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "")
	}
	for name, value := range credentialsource.Environment(w.Endpoint()) {
		t.Setenv(name, value)
	}
}

func caller(ctx context.Context) (string, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"))
	if err != nil {
		return "", err
	}
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if err != nil {
		return "", err
	}
	return *who.Arn, nil
}

func webIdentity(t *testing.T, w *world.World, role string) {
	t.Helper()
	issuer := identity.NewIssuer(w.Clock, "https://oidc.example.com")
	w.Identity.AddIssuer(issuer, "sts.amazonaws.com")
	file := filepath.Join(os.Getenv("HOME"), "token")
	write(t, file, issuer.Token("reader", "sts.amazonaws.com", time.Hour).Reveal())
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_ROLE_ARN", role)
	t.Setenv("AWS_ROLE_SESSION_NAME", "web")
}

func signedIn(t *testing.T, token string) {
	t.Helper()
	const startURL = "https://example.awsapps.com/start"
	home := filepath.Join(os.Getenv("HOME"), ".aws")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config")) // the SDK knows the one at home from its own start
	write(t, os.Getenv("AWS_CONFIG_FILE"), "[default]\nsso_start_url = "+startURL+"\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = Reader\n")
	write(t, filepath.Join(home, "sso", "cache", fmt.Sprintf("%x.json", sha1.Sum([]byte(startURL)))),
		fmt.Sprintf(`{"accessToken": %q, "expiresAt": %q}`, token, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
