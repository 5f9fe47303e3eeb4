package awssecret_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awssecret"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

var (
	_ credentials.Vault  = (*awssecret.Store)(nil)
	_ credentials.Keeper = (*awssecret.Store)(nil)
)

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/prod/analytics/reporting-AbCdEf"

var lease = credentials.Content{
	Lease: credentials.Lease{User: "IAM:app", Password: secret.New("correct horse"), IssuedAt: awstest.Now, ExpiresAt: awstest.Now.Add(time.Hour)},
	Host:  "h", Port: 5439, Database: "sales", Cluster: "examplecluster",
}

func store(t *testing.T, answers ...awstest.Answer) (*awssecret.Store, *awstest.Service) {
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awssecret.New(secretsmanager.NewFromConfig(s.Config())), s
}

// sent fails the test unless the service got exactly these calls, with exactly these bodies.
func sent(t *testing.T, s *awstest.Service, want ...string) {
	t.Helper()
	var got []string
	for _, r := range s.Requests() {
		got = append(got, r.Operation+" "+r.Body)
	}
	if len(got) != len(want) {
		t.Fatalf("sent %d calls:\n%s\nwant %d", len(got), strings.Join(got, "\n"), len(want))
	}
	for i := range want {
		gotOperation, gotBody, _ := strings.Cut(got[i], " ")
		wantOperation, wantBody, _ := strings.Cut(want[i], " ")
		if gotOperation != wantOperation || !reflect.DeepEqual(object(t, gotBody), object(t, wantBody)) {
			t.Errorf("call %d: %s\nwant    %s", i+1, got[i], want[i])
		}
	}
}

func object(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestDescribe(t *testing.T) {
	const tags = `"Tags":[{"Key":"sluice:stage","Value":"prod"},{"Key":"team","Value":""}]`
	for _, tc := range []struct {
		name, body string
		want       credentials.Record
	}{
		{"a consumer's secret", `{"ARN":"` + arn + `",` + tags + `,"RotationEnabled":true,"LastChangedDate":1.9e9,"VersionIdsToStages":{"v1":["AWSCURRENT"],"v2":["AWSPENDING","SLUICE_LEASE_A"]}}`,
			credentials.Record{ARN: arn, Tags: map[string]string{"sluice:stage": "prod", "team": ""}, Rotating: true, Changed: time.Unix(1.9e9, 0).UTC(), Now: awstest.Now,
				Labels: map[string][]string{"v1": {"AWSCURRENT"}, "v2": {"AWSPENDING", "SLUICE_LEASE_A"}}}},
		{"never rotated", `{"ARN":"` + arn + `"}`, credentials.Record{ARN: arn, Tags: map[string]string{}, Now: awstest.Now}},
		{"scheduled for deletion", `{"ARN":"` + arn + `","DeletedDate":1.9e9}`, credentials.Record{ARN: arn, Tags: map[string]string{}, Deleted: true, Now: awstest.Now}},
		{"primary of replicas", `{"ARN":"` + arn + `","PrimaryRegion":"us-east-1"}`, credentials.Record{ARN: arn, Tags: map[string]string{}, Now: awstest.Now}},
		{"replica", `{"ARN":"` + arn + `","PrimaryRegion":"eu-west-1"}`, credentials.Record{ARN: arn, Tags: map[string]string{}, Replica: true, Now: awstest.Now}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			vault, s := store(t, awstest.Answer{Body: tc.body})
			got, err := vault.Describe(t.Context(), arn)
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Describe = %+v, %v\nwant %+v", got, err, tc.want)
			}
			sent(t, s, `DescribeSecret {"SecretId":"`+arn+`"}`)
		})
	}
}

func TestContent(t *testing.T) {
	value, err := json.Marshal(lease.Encode().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	good := awstest.Answer{Body: fmt.Sprintf(`{"ARN":%q,"VersionId":"v1","SecretString":%s}`, arn, value)}
	const call = `GetSecretValue {"SecretId":"` + arn + `","VersionId":"v1"}`
	t.Run("reads one version by its id", func(t *testing.T) {
		vault, s := store(t, good)
		got, err := vault.Content(t.Context(), arn, "v1")
		if err != nil || got.Password.Reveal() != "correct horse" || !got.ExpiresAt.Equal(lease.ExpiresAt) {
			t.Errorf("Content = %+v, %v", got, err)
		}
		sent(t, s, call)
	})
	t.Run("waits for a value that does not show yet", func(t *testing.T) {
		vault, s := store(t, awstest.Error(400, "ResourceNotFoundException", "can't find the specified secret value"), good)
		if _, err := vault.Content(t.Context(), arn, "v1"); err != nil {
			t.Error(err)
		}
		sent(t, s, call, call)
	})
	t.Run("a binary value is no lease", func(t *testing.T) {
		vault, _ := store(t, awstest.Answer{Body: `{"SecretBinary":"AAAA"}`})
		if _, err := vault.Content(t.Context(), arn, "v1"); err == nil || !strings.Contains(err.Error(), "is not a lease") {
			t.Error(err)
		}
	})
	t.Run("an answer cut short shows nothing", func(t *testing.T) {
		vault, _ := store(t, awstest.Answer{Body: good.Body + strings.Repeat(" ", 2*len(good.Body)), Cut: true})
		if _, err := vault.Content(t.Context(), arn, "v1"); fault.KindOf(err) != fault.Retry || strings.Contains(err.Error(), "horse") {
			t.Error(err)
		}
	})
}

func TestStore(t *testing.T) {
	vault, s := store(t, awstest.Answer{Body: `{}`})
	value, err := json.Marshal(lease.Encode().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	n := credentials.Rotation{Secret: arn, Token: "11111111-2222-3333-4444-555555555555"}
	for _, proof := range []secret.Value{{}, secret.New("proof")} {
		n.Proof = proof
		if err := vault.Store(t.Context(), n, credentials.LeaseB, lease); err != nil {
			t.Fatal(err)
		}
	}
	const call = `PutSecretValue {"SecretId":"` + arn + `","ClientRequestToken":"11111111-2222-3333-4444-555555555555","VersionStages":["AWSPENDING","SLUICE_LEASE_B"],"SecretString":%s%s}`
	sent(t, s, fmt.Sprintf(call, value, ""), fmt.Sprintf(call, value, `,"RotationToken":"proof"`))
}

func TestLabels(t *testing.T) {
	vault, s := store(t, awstest.Answer{Body: `{}`})
	for _, err := range []error{
		vault.Promote(t.Context(), arn, "v2", "v1"), vault.Promote(t.Context(), arn, "v2", ""), vault.Abandon(t.Context(), arn, "v2"), vault.Rotate(t.Context(), arn),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	calls := s.Requests()
	if len(calls) != 4 {
		t.Fatalf("%d calls", len(calls))
	}
	for i, want := range []string{
		`{"SecretId":"` + arn + `","VersionStage":"AWSCURRENT","MoveToVersionId":"v2","RemoveFromVersionId":"v1"}`,
		`{"SecretId":"` + arn + `","VersionStage":"AWSCURRENT","MoveToVersionId":"v2"}`,
		`{"SecretId":"` + arn + `","VersionStage":"AWSPENDING","RemoveFromVersionId":"v2"}`,
	} {
		if calls[i].Operation != "UpdateSecretVersionStage" || !reflect.DeepEqual(object(t, calls[i].Body), object(t, want)) {
			t.Errorf("%s %s\nwant %s", calls[i].Operation, calls[i].Body, want)
		}
	}
	if body, ok := object(t, calls[3].Body).(map[string]any); calls[3].Operation != "RotateSecret" || !ok || body["SecretId"] != arn || body["RotateImmediately"] != nil {
		t.Errorf("%s %s", calls[3].Operation, calls[3].Body)
	}
}

func TestVersions(t *testing.T) {
	vault, s := store(t,
		awstest.Answer{Body: `{"NextToken":"more","Versions":[{"VersionId":"v1","CreatedDate":1935741000.25,"VersionStages":["AWSCURRENT","SLUICE_LEASE_A"]},{"VersionId":"v0","CreatedDate":1935740000}]}`},
		awstest.Answer{Body: `{"Versions":[{"VersionId":"v2","CreatedDate":1935741600,"VersionStages":["AWSPENDING"]}]}`})
	got, now, err := vault.Versions(t.Context(), arn, true)
	want := []credentials.Version{
		{ID: "v1", Created: time.Unix(1935741000, 25e7).UTC(), Labels: []string{"AWSCURRENT", "SLUICE_LEASE_A"}},
		{ID: "v0", Created: time.Unix(1935740000, 0).UTC()},
		{ID: "v2", Created: time.Unix(1935741600, 0).UTC(), Labels: []string{"AWSPENDING"}},
	}
	if err != nil || !now.Equal(awstest.Now) || !reflect.DeepEqual(got, want) {
		t.Errorf("Versions = %+v, %s, %v\nwant %+v", got, now, err, want)
	}
	sent(t, s, `ListSecretVersionIds {"SecretId":"`+arn+`","IncludeDeprecated":true,"MaxResults":100}`,
		`ListSecretVersionIds {"SecretId":"`+arn+`","IncludeDeprecated":true,"MaxResults":100,"NextToken":"more"}`)
}

// Each code of each call means one thing, for one kind of person, with one remedy.
func TestRefusals(t *testing.T) {
	describe := func(t *testing.T, s *awssecret.Store) error { _, err := s.Describe(t.Context(), arn); return err }
	content := func(t *testing.T, s *awssecret.Store) error {
		_, err := s.Content(t.Context(), arn, "v1")
		return err
	}
	put := func(t *testing.T, s *awssecret.Store) error {
		return s.Store(t.Context(), credentials.Rotation{Secret: arn, Token: "11111111-2222-3333-4444-555555555555"}, credentials.LeaseA, lease)
	}
	promote := func(t *testing.T, s *awssecret.Store) error { return s.Promote(t.Context(), arn, "v2", "v1") }
	abandon := func(t *testing.T, s *awssecret.Store) error { return s.Abandon(t.Context(), arn, "v2") }
	versions := func(t *testing.T, s *awssecret.Store) error {
		_, _, err := s.Versions(t.Context(), arn, false)
		return err
	}
	rotate := func(t *testing.T, s *awssecret.Store) error { return s.Rotate(t.Context(), arn) }
	for _, tc := range []struct {
		name   string
		call   func(*testing.T, *awssecret.Store) error
		code   string
		kind   fault.Kind // "" for success
		reason string
		fix    string
	}{
		{"describe", describe, "ResourceNotFoundException", fault.Blocked, credentials.NotOurs, "account and region"},
		{"describe", describe, "AccessDeniedException", fault.Blocked, awserror.Unauthorized, "allow the action"},
		{"content", content, "ResourceNotFoundException", fault.Retry, credentials.NoLease, "next rotation"},
		{"content", content, "InvalidRequestException", fault.Blocked, credentials.BeingDeleted, "restore"},
		{"content", content, "DecryptionFailure", fault.Blocked, "KeyUnusable", "KMS key"},
		{"store", put, "ResourceExistsException", fault.Retry, credentials.VersionTaken, "ran twice"},
		{"store", put, "LimitExceededException", fault.Retry, awssecret.VersionsExhausted, "24 hours"},
		{"store", put, "InvalidRequestException", fault.Blocked, credentials.BeingDeleted, "restore"},
		{"store", put, "EncryptionFailure", fault.Blocked, "KeyUnusable", "KMS key"},
		{"store", put, "ThrottlingException", fault.Retry, awserror.Throttled, "tried again"},
		{"promote", promote, "InvalidParameterException", fault.Retry, credentials.Conflict, "another writer"},
		{"promote", promote, "InvalidRequestException", fault.Blocked, credentials.BeingDeleted, "restore"},
		{"abandon", abandon, "InvalidParameterException", "", "", ""},
		{"abandon", abandon, "ResourceNotFoundException", "", "", ""},
		{"abandon", abandon, "AccessDeniedException", fault.Blocked, awserror.Unauthorized, "allow the action"},
		{"versions", versions, "ResourceNotFoundException", fault.Blocked, credentials.NotOurs, "account and region"},
		{"rotate", rotate, "InvalidRequestException", fault.Retry, credentials.RotationInProgress, "earlier rotation"},
		{"rotate", rotate, "LimitExceededException", fault.Retry, awssecret.VersionsExhausted, "24 hours"},
		{"rotate", rotate, "ResourceNotFoundException", fault.Blocked, credentials.NotOurs, "account and region"},
	} {
		t.Run(tc.name+"/"+tc.code, func(t *testing.T) {
			vault, _ := store(t, awstest.Error(400, tc.code, "what the service says"))
			err := tc.call(t, vault)
			if tc.kind == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(fault.FixOf(err), tc.fix) {
				t.Fatalf("%v\nis %s, %s; want %s, %s with %q as its remedy", err, fault.KindOf(err), fault.ReasonOf(err), tc.kind, tc.reason, tc.fix)
			}
			for _, part := range []string{arn, tc.code + ": what the service says"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v: lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "horse") {
				t.Errorf("%v: shows the password", err)
			}
		})
	}
	t.Run("no date", func(t *testing.T) {
		for _, call := range []func(*testing.T, *awssecret.Store) error{describe, versions} {
			vault, _ := store(t, awstest.Answer{Body: `{}`, NoDate: true})
			if err := call(t, vault); fault.ReasonOf(err) != awserror.Unavailable || fault.KindOf(err) != fault.Retry {
				t.Errorf("%v", err)
			}
		}
	})
}
