package credentialsource_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

const (
	tokenHeader = "X-aws-ec2-metadata-token"
	ttlHeader   = "X-aws-ec2-metadata-token-ttl-seconds"
)

var trustEC2 = trusting(`"Service":"ec2.amazonaws.com"`, `"sts:AssumeRole"`)

func TestInstanceRole(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	w.instance.Attach(w.role(t, "reader", trustEC2))
	wantCaller(t, load(t), "reader/"+credentialsource.InstanceID)
}

// An instance without a role, or with a wrong one, says which of the two it is.
func TestInstanceRoleFails(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	for _, tc := range []struct {
		name, role string
		want       []string
	}{
		{"none attached", "", []string{"no EC2 IMDS role found", "StatusCode: 404"}},
		{"it does not trust EC2", w.role(t, "task", trusting(`"Service":"ecs-tasks.amazonaws.com"`, `"sts:AssumeRole"`)),
			[]string{"AssumeRoleUnauthorizedAccess", "EC2 cannot assume the role task"}},
		{"it is not there", account + "role/gone", []string{"AssumeRoleUnauthorizedAccess", "role gone"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.instance.Attach(tc.role)
			_, err := caller(t.Context(), load(t))
			wantError(t, err, tc.want...)
		})
	}
	w.instance.Attach(w.role(t, "reader", trustEC2))
	wantCaller(t, load(t), "reader/"+credentialsource.InstanceID)
	w.instance.Detach()
	_, err := caller(t.Context(), load(t))
	wantError(t, err, "StatusCode: 404")
}

// document is what the instance answers for its role's credentials.
type document struct {
	Code, Type, AccessKeyId, SecretAccessKey, Token string
	LastUpdated, Expiration                         time.Time
}

func (w *world) document(t *testing.T, role string) document {
	t.Helper()
	status, body := w.metadata(t, "meta-data/iam/security-credentials/"+role, w.token(t, "60"))
	var d document
	if err := json.Unmarshal([]byte(body), &d); status != http.StatusOK || err != nil {
		t.Fatalf("credentials: %d, %v", status, err)
	}
	return d
}

// metadata asks for a path with a token.
func (w *world) metadata(t *testing.T, path, token string) (status int, body string) {
	t.Helper()
	return w.request(t, http.MethodGet, "/latest/"+path, map[string]string{tokenHeader: token})
}

func (w *world) token(t *testing.T, seconds string) string {
	t.Helper()
	status, body := w.request(t, http.MethodPut, "/latest/api/token", map[string]string{ttlHeader: seconds})
	if status != http.StatusOK {
		t.Fatalf("token: %d %s", status, body)
	}
	return body
}

func (w *world) request(t *testing.T, method, path string, header map[string]string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestInstanceRenewsCredentials(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	w.instance.Attach(w.role(t, "reader", trustEC2))
	first := w.document(t, "reader")
	if left := first.Expiration.Sub(w.clock.Now()); first.Type != "AWS-HMAC" || left > 6*time.Hour || left < 6*time.Hour-time.Minute {
		t.Errorf("credentials of type %s live for %v; want six hours by the sandbox's clock", first.Type, left)
	}
	held := load(t)
	wantCaller(t, held, "reader/"+credentialsource.InstanceID)
	w.clock.Advance(59 * time.Minute)
	if same := w.document(t, "reader"); same != first {
		t.Error("before an hour had passed the instance had other credentials")
	}
	w.clock.Advance(time.Minute)
	second := w.document(t, "reader")
	if second.AccessKeyId == first.AccessKeyId || second.Token == first.Token || !second.Expiration.After(first.Expiration) {
		t.Error("after an hour the instance had no new credentials")
	}
	wantCaller(t, held, "reader/"+credentialsource.InstanceID) // the old ones live on
	w.clock.Advance(5 * time.Hour)
	_, err := caller(t.Context(), held)
	wantError(t, err, "ExpiredToken")
	wantCaller(t, load(t), "reader/"+credentialsource.InstanceID)
}

func TestInstanceGivesAnotherRoleAtOnce(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	w.instance.Attach(w.role(t, "reader", trustEC2))
	wantCaller(t, load(t), "reader/"+credentialsource.InstanceID)
	w.instance.Attach(w.role(t, "other", trustEC2))
	wantCaller(t, load(t), "other/"+credentialsource.InstanceID)
	if status, _ := w.metadata(t, "meta-data/iam/security-credentials/reader", w.token(t, "60")); status != http.StatusNotFound {
		t.Errorf("the role that was replaced is answered with %d; want 404", status)
	}
}

func TestInstanceWantsItsToken(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name, method, path string
		header             map[string]string
		want               int
	}{
		{"no token", "GET", "meta-data/placement/region", nil, 401},
		{"a foreign token", "GET", "meta-data/placement/region", map[string]string{tokenHeader: "x"}, 401},
		{"no life asked for", "PUT", "api/token", nil, 400},
		{"no life at all", "PUT", "api/token", map[string]string{ttlHeader: "0"}, 400},
		{"the longest life", "PUT", "api/token", map[string]string{ttlHeader: "21600"}, 200},
		{"a longer life", "PUT", "api/token", map[string]string{ttlHeader: "21601"}, 400},
		{"through a proxy", "PUT", "api/token", map[string]string{ttlHeader: "60", "X-Forwarded-For": "192.0.2.1"}, 403},
		{"token by another method", "GET", "api/token", map[string]string{ttlHeader: "60"}, 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, _ := w.request(t, tc.method, "/latest/"+tc.path, tc.header); status != tc.want {
				t.Errorf("status is %d; want %d", status, tc.want)
			}
		})
	}
	token := w.token(t, "60")
	if status, region := w.metadata(t, "meta-data/placement/region", token); status != 200 || region != awshttp.DefaultRegion {
		t.Errorf("region is %q with status %d", region, status)
	}
	w.clock.Advance(time.Minute)
	if status, _ := w.metadata(t, "meta-data/placement/region", token); status != 401 {
		t.Errorf("with a token that has ended the status is %d; want 401", status)
	}
}

func TestInstanceMetadata(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, "60")
	for path, want := range map[string]string{
		"meta-data/instance-id":                 credentialsource.InstanceID,
		"meta-data/placement/region":            "us-east-1",
		"meta-data/placement/availability-zone": "us-east-1a",
	} {
		if status, body := w.metadata(t, path, token); status != 200 || body != want {
			t.Errorf("%s is %q with status %d; want %q", path, body, status, want)
		}
	}
	if status, body := w.metadata(t, "meta-data/hostname", token); status != 404 || !strings.Contains(body, "the sandbox's instance metadata does not have GET /latest/meta-data/hostname") {
		t.Errorf("what is not there: %d, %q", status, body)
	}
}

// The SDK's clients learn the region from the identity document.
func TestRegionOfTheInstance(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	t.Setenv("AWS_REGION", "")
	if c := load(t, config.WithEC2IMDSRegion()); c.Region != awshttp.DefaultRegion {
		t.Errorf("region is %q; want %s", c.Region, awshttp.DefaultRegion)
	}
	var d struct{ AccountId, InstanceId string }
	status, body := w.metadata(t, "dynamic/instance-identity/document", w.token(t, "60"))
	if err := json.Unmarshal([]byte(body), &d); status != http.StatusOK || err != nil || d.AccountId != awshttp.Account || d.InstanceId != credentialsource.InstanceID {
		t.Errorf("document is %+v with status %d, %v", d, status, err)
	}
}

// A program whose token of the metadata has ended, without its knowing, asks for another one.
func TestTokenOfTheSDKEnds(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	w.instance.Attach(w.role(t, "reader", trustEC2))
	c, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantCaller(t, c, "reader/"+credentialsource.InstanceID)
	w.clock.Advance(6 * time.Hour)
	c.Credentials.(*aws.CredentialsCache).Invalidate()
	wantCaller(t, c, "reader/"+credentialsource.InstanceID)
}
