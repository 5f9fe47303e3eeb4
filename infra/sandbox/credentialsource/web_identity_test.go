package credentialsource_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

// A token in a file becomes a role's session, by the environment as in a pod and by a profile.
func TestWebIdentityFromAFile(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	issuer := identity.NewIssuer(w.clock, "https://oidc.example.com/id/1")
	w.store.AddIssuer(issuer, "sts.amazonaws.com")
	role := w.role(t, "pod", trusting(`"Federated":"`+issuer.ARN()+`"`, `"sts:AssumeRoleWithWebIdentity"`))
	file := filepath.Join(t.TempDir(), "token")
	write := func(life time.Duration) {
		if err := os.WriteFile(file, []byte(issuer.Token("reader", "sts.amazonaws.com", life).Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(time.Hour)
	profiles(t, "[profile pod]\nweb_identity_token_file = "+file+"\nrole_arn = "+role+"\nrole_session_name = profile\n", "")
	wantCaller(t, load(t, config.WithSharedConfigProfile("pod")), "pod/profile")

	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_ROLE_ARN", role)
	t.Setenv("AWS_ROLE_SESSION_NAME", "variables")
	wantCaller(t, load(t), "pod/variables")

	w.clock.Advance(time.Hour)
	_, err := caller(t.Context(), load(t))
	wantError(t, err, "AssumeRoleWithWebIdentity", "ExpiredTokenException: Token expired")
	write(time.Hour)
	wantCaller(t, load(t), "pod/variables")
}
