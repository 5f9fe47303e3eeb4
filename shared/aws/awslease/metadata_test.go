package awslease_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

func TestInstanceProfile(t *testing.T) {
	metadata := func(t *testing.T, status int) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/api/token"):
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
				_, _ = w.Write([]byte("metadata token"))
			case status != 200:
				w.WriteHeader(status)
			case strings.HasSuffix(r.URL.Path, "/reader"):
				_, _ = fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"ASIAINSTANCE","SecretAccessKey":%q,"Token":"T","Expiration":%q}`, secretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			default:
				_, _ = w.Write([]byte("reader"))
			}
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
		t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
		if status == 0 {
			server.Close()
		}
	}
	given := resolve.Credentials{Kind: resolve.InstanceProfile}
	t.Run("there, whatever else is", func(t *testing.T) {
		alone(t, "", "[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
		metadata(t, 200)
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
		t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
		f := serve(t, answer("GetClusterCredentials", login))
		client := load(t, given, awslease.Options{})
		mints(t, client, f)
		mints(t, client, f)
		f.asked(t, "ASIAINSTANCE/us-west-2/redshift+T", "ASIAINSTANCE/us-west-2/redshift+T")
	})
	for name, tc := range map[string]struct {
		status int
		off    bool
		says   string
	}{
		"switched off": {200, true, "AWS_EC2_METADATA_DISABLED is true"},
		"without role": {404, false, "the EC2 instance has no role"},
		"refused":      {403, false, "status 403"},
		"nobody there": {0, false, "no EC2 instance metadata service answers"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			metadata(t, tc.status)
			if tc.off {
				t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			}
			c := given
			c.RoleARN = role // which is not what fails
			_, err := load(t, c, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(serve(t, awstest.Answer{})))
			fails(t, err, fault.Blocked, awslease.MetadataMissing, tc.says, "instance profile", "default chain")
		})
	}
}
