package awslease_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Keys that somebody replaced in a file count from the next load on, and that is said to be worth it.
func TestReload(t *testing.T) {
	profile := resolve.Credentials{Kind: resolve.Profile, Profile: "a"}
	for name, tc := range map[string]struct {
		before string
		answer awstest.Answer // to the first call, if there is one
		reason string
	}{
		"expired":         {"[profile a]\naws_access_key_id = AKIDOLD\naws_secret_access_key = " + secretKey + "\naws_session_token = " + token + "\n", awstest.QueryError(403, "ExpiredToken", "expired"), awslease.CredentialsExpired},
		"deleted":         {"[profile a]\naws_access_key_id = AKIDOLD\naws_secret_access_key = " + secretKey + "\n", awstest.QueryError(403, "InvalidClientTokenId", "no"), awslease.CredentialsInvalid},
		"not there":       {"[profile a]\nregion = eu-west-1\n", awstest.Answer{}, awslease.CredentialsMissing},
		"failing process": {"[profile a]\ncredential_process = exit 3\n", awstest.Answer{}, awslease.CredentialsFailed},
		"no session":      {"[profile a]\nlogin_session = arn:aws:iam::111122223333:user/u\n", awstest.Answer{}, awslease.SessionExpired},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.before, "")
			f := serve(t, answer("GetClusterCredentials", login))
			if tc.answer.Status != 0 {
				f = serve(t, tc.answer, answer("GetClusterCredentials", login))
			}
			old := load(t, profile, awslease.Options{})
			_, err := old.Mint(t.Context(), settings(f))
			fails(t, err, fault.Blocked, tc.reason)
			if !awslease.Reloadable(err) || !awslease.Reloadable(fmt.Errorf("layer: %w", err)) {
				t.Errorf("%v: another load is not said to help", err)
			}
			if again := load(t, profile, awslease.Options{}); again.Identity() != old.Identity() {
				t.Error("another identity, though nothing has changed")
			}
			if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte("[profile a]\n"+keys), 0o600); err != nil {
				t.Fatal(err)
			}
			again := load(t, profile, awslease.Options{})
			if again.Identity() == old.Identity() {
				t.Error("the same identity, though the file has changed")
			}
			mints(t, again, f)
		})
	}
}

func TestReloadIsForCredentialsAlone(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), &fault.Error{Reason: awserror.Throttled}, &fault.Error{Reason: awserror.Unauthorized}, &fault.Error{Reason: awslease.ClusterMissing},
		&fault.Error{Reason: awslease.LeaseExpired}, &fault.Error{Reason: awslease.MFARequired}, &fault.Error{Reason: awslease.RegionMissing}} {
		if awslease.Reloadable(err) {
			t.Errorf("%v: another load is said to help", err)
		}
	}
}
