package connected_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/property"
)

// Where several kinds of credentials are at hand, one is taken, and what may surprise is said.
func TestChoiceOfCredentials(t *testing.T) {
	for _, tc := range []struct {
		name       string
		properties func(s *scene, taken, other map[string]string) map[string]string
		instance   bool // the instance's role is taken
		notice     property.Name
		says       string
	}{
		{"Profile before the environment's keys", func(s *scene, _, _ map[string]string) map[string]string {
			return map[string]string{"Profile": "taken"}
		}, false, "", ""},
		{"the environment's keys before AWS_PROFILE", func(s *scene, taken, _ map[string]string) map[string]string {
			s.Setenv("AWS_PROFILE", "other")
			s.Setenv("AWS_ACCESS_KEY_ID", taken["AccessKeyID"])
			s.Setenv("AWS_SECRET_ACCESS_KEY", taken["SecretAccessKey"])
			return nil
		}, false, property.Profile, "win over AWS_PROFILE=other"},
		{"an access key before everything around", func(s *scene, taken, _ map[string]string) map[string]string {
			s.Setenv("AWS_PROFILE", "other")
			return taken
		}, false, "", ""},
		{"an access key before InstanceProfile, if AuthType says so", func(s *scene, taken, _ map[string]string) map[string]string {
			return properties(taken, map[string]string{"AuthType": "Static", "InstanceProfile": "1"})
		}, false, property.InstanceProfile, "ignored"},
		{"a profile before an access key, if AuthType says so", func(s *scene, _, other map[string]string) map[string]string {
			return properties(other, map[string]string{"AuthType": "Profile", "Profile": "taken"})
		}, false, property.AccessKeyID, "ignored"},
		{"InstanceProfile before everything around", func(s *scene, _, _ map[string]string) map[string]string {
			s.Setenv("AWS_PROFILE", "other")
			return map[string]string{"InstanceProfile": "1"}
		}, true, "", ""},
		{"InstanceProfile before Profile", func(s *scene, _, _ map[string]string) map[string]string {
			return map[string]string{"InstanceProfile": "1", "Profile": "other"}
		}, true, property.Profile, "ignored: InstanceProfile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := begin(t)
			name, key := s.user(mayLogIn)
			_, stranger := s.user(mayLogIn)
			machine := s.instance(mayLogIn)
			s.profiles("", "[taken]\n"+keysOf(key)+"[other]\n"+keysOf(stranger))
			s.setKey(stranger)
			p := s.own(tc.properties(s, keyOf(key), keyOf(stranger)))
			want := "IAM:" + name
			if tc.instance {
				want = "IAMR:" + machine
			}
			s.is(want, p)
			e, err := s.explain(p)
			if err != nil {
				t.Fatal(err)
			}
			if tc.notice == "" && len(e.Notices) > 0 {
				t.Errorf("notices: %+v; want none", e.Notices)
			}
			if tc.notice != "" && (len(e.Notices) != 1 || e.Notices[0].Name != tc.notice || !strings.Contains(e.Notices[0].Text, tc.says)) {
				t.Errorf("notices: %+v; want one on %s that says %q", e.Notices, tc.notice, tc.says)
			}
			if tc.notice != "" && !strings.Contains(s.log.String(), tc.says) {
				t.Errorf("the log does not say %q", tc.says)
			}
		})
	}
}

// Where there is no instance, or it has no role, a program hears so within seconds, and not from some other credentials.
func TestInstanceProfileWithoutAnInstance(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tc := range []struct{ name, endpoint, disabled, says string }{
		{"nobody answers", "http://127.0.0.1:1", "", "no EC2 instance metadata service answers"},
		{"what is there is silent", "http://" + silent.Addr().String(), "", "no EC2 instance metadata service answers"},
		{"it is switched off", "", "true", "AWS_EC2_METADATA_DISABLED is true"},
		{"no role", "", "", "the EC2 instance has no role"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := begin(t)
			s.setKey(s.Operator)
			if tc.endpoint != "" {
				t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", tc.endpoint)
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", tc.disabled)
			began := time.Now()
			s.says(s.fails(s.own(map[string]string{"InstanceProfile": "1"}), awslease.MetadataMissing), tc.says, "take InstanceProfile away")
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s to say so", took)
			}
		})
	}
}

// StsEndpointUrl is where roles are assumed, and nothing else is asked there.
func TestStsEndpointUrl(t *testing.T) {
	for _, kind := range []string{"RoleArn", "Profile", "web identity"} {
		t.Run(kind, func(t *testing.T) {
			s := begin(t)
			other := newWire(t, s.World)
			role, arn := s.role(trustAccount, mayLogIn)
			_, key := s.user(allow("sts:AssumeRole", arn))
			p := s.own(map[string]string{"StsEndpointUrl": other.URL})
			switch kind {
			case "RoleArn":
				p = properties(p, keyOf(key), map[string]string{"RoleArn": arn})
			case "Profile":
				s.profiles("[profile assuming]\nsource_profile = base\nrole_arn = "+arn+"\n", "[base]\n"+keysOf(key))
				p["Profile"] = "assuming"
			default:
				var token string
				role, arn, token = s.believer(mayLogIn)
				s.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
				s.Setenv("AWS_ROLE_ARN", arn)
			}
			before := s.last()
			s.is("IAMR:"+role, p)
			if calls := operations(s.calls(before)); other.requests() != 1 || !slices.Equal(calls, []string{"GetClusterCredentialsWithIAM"}) {
				t.Errorf("%d requests came to StsEndpointUrl, and %v to the other endpoint", other.requests(), calls)
			}
		})
	}
}

// What gives credentials may fail; what it said on the way may hold keys and is not repeated.
func TestCredentialsThatCannotBeHad(t *testing.T) {
	const tattle = "hush-hush-0123456789-hush-hush"
	book.hide(tattle)
	s := begin(t)
	_, arn := s.role(trustAccount)
	_, _, token := s.believer()
	s.signIn(mayLogIn)
	leaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(encode(map[string]any{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": tattle, "Expiration": 7}))
	}))
	defer leaky.Close()
	config := "[profile fails]\ncredential_process = sh -c 'echo " + tattle + " && exit 3'\n" +
		"[profile babbles]\ncredential_process = echo " + tattle + "\n" +
		"[profile stranger]\nweb_identity_token_file = " + token + "\nrole_arn = " + arn + "\n" +
		"[profile a]\nsource_profile = b\nrole_arn = " + arn + "\n[profile b]\nsource_profile = a\nrole_arn = " + arn + "\n" +
		"[profile out]\nsso_start_url = https://other.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = Set\n" +
		"[profile device]\nsource_profile = keys\nrole_arn = " + arn + "\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\n[profile keys]\n" + keysOf(s.Operator)
	s.profiles(config, "")
	for _, tc := range []struct {
		profile, reason string
		calls           []string
		says            []string
	}{
		{"fails", awslease.CredentialsFailed, nil, []string{"credential_process", "exit status 3"}},
		{"babbles", awslease.CredentialsFailed, nil, []string{"credential_process"}},
		{"stranger", "Unauthorized", []string{"AssumeRoleWithWebIdentity"}, []string{"sts:AssumeRoleWithWebIdentity"}},
		{"a", awslease.ProfileLoop, nil, []string{"leads back to profile"}},
		{"out", awslease.SessionExpired, nil, []string{"aws sso login --profile out"}},
		{"device", awslease.MFARequired, nil, []string{"arn:aws:iam::111122223333:mfa/alice", "WithMFAToken"}},
		{"none", awslease.ProfileMissing, nil, []string{"[profile none]"}},
	} {
		t.Run(tc.profile, func(t *testing.T) {
			s := s.in(t)
			s.says(s.fails(s.own(map[string]string{"Profile": tc.profile}), tc.reason, tc.calls...), tc.says...)
		})
	}
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", leaky.URL)
	s.says(s.fails(s.own(), awslease.CredentialsFailed), "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if _, err := connector.New(s.own(map[string]string{"Profile": "keys", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": tattle})); book.heard(err) == nil {
		t.Error("a profile beside an access key is taken")
	}
}
