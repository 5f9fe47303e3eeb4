package awssourcesecret_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awssourcesecret"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

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

func sources(t *testing.T, answers ...awstest.Answer) (*awssourcesecret.Secrets, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awssourcesecret.New(secretsmanager.NewFromConfig(s.Config())), s
}

var login = federation.NewSecret{
	Name: "sluice/prod/source/orders-0a1b2c3d", User: "sluice_orders_0a1b2c3d", Password: secret.New("EXAMPLE correct horse"), Instance: "orders",
	Endpoint: source.Endpoint{Host: "orders.example.com", Port: 5432, Database: "shop", Schema: "public"}, Tags: map[string]string{"sluice:stage": "prod", "sluice:federation": "orders"},
}

const (
	written = `{"engine":"postgres","host":"orders.example.com","port":5432,"username":"sluice_orders_0a1b2c3d","password":"EXAMPLE correct horse","dbname":"shop","dbInstanceIdentifier":"orders"}`
	tagged  = `[{"Key":"sluice:federation","Value":"orders"},{"Key":"sluice:stage","Value":"prod"}]`
)

func TestSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want federation.Secret
	}{
		"ours":          {`{"ARN":"arn:s","KmsKeyId":"arn:k","Tags":` + tagged + `}`, federation.Secret{ARN: "arn:s", Key: "arn:k", Tags: login.Tags}},
		"with no more":  {`{"ARN":"arn:s"}`, federation.Secret{ARN: "arn:s", Tags: map[string]string{}}},
		"being deleted": {`{"ARN":"arn:s","DeletedDate":1935741600}`, federation.Secret{ARN: "arn:s", Tags: map[string]string{}, Deleted: time.Unix(1935741600, 0).UTC()}},
	} {
		t.Run(name, func(t *testing.T) {
			v, s := sources(t, awstest.Answer{Body: tc.body})
			if got, found, err := v.Secret(t.Context(), "id"); err != nil || !found || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Secret = %+v, %t, %v\nwant %+v", got, found, err, tc.want)
			}
			sent(t, s, `DescribeSecret {"SecretId":"id"}`)
		})
	}
	v, _ := sources(t, awstest.Error(400, "ResourceNotFoundException", "no"))
	if _, found, err := v.Secret(t.Context(), "id"); found || err != nil {
		t.Errorf("not there: %t, %v", found, err)
	}
}

func TestPassword(t *testing.T) {
	v, s := sources(t, awstest.Answer{Body: `{"RandomPassword":"` + strings.Repeat("aB3d", 10) + `"}`})
	if got, err := v.Password(t.Context()); err != nil || got.Reveal() != strings.Repeat("aB3d", 10) {
		t.Errorf("%d characters, %v", len(got.Reveal()), err)
	}
	sent(t, s, `GetRandomPassword {"PasswordLength":40,"ExcludePunctuation":true,"RequireEachIncludedType":true}`)
	v, _ = sources(t, awstest.Answer{Body: `{}`})
	if _, err := v.Password(t.Context()); fault.KindOf(err) != fault.Retry || fault.ReasonOf(err) != awserror.Unavailable {
		t.Errorf("without a password: %v", err)
	}
}

// creation is what CreateSecret got, its value decoded and its token apart.
func creation(t *testing.T, r awstest.Request) (in map[string]any, token string) {
	t.Helper()
	in, ok := object(t, r.Body).(map[string]any)
	if !ok || r.Operation != "CreateSecret" {
		t.Fatalf("sent %+v", r)
	}
	token, _ = in["ClientRequestToken"].(string)
	delete(in, "ClientRequestToken")
	delete(in, "Description")
	text, _ := in["SecretString"].(string)
	in["SecretString"] = object(t, text)
	return in, token
}

func TestCreate(t *testing.T) {
	for key, extra := range map[string]string{"": "", "arn:k": `,"KmsKeyId":"arn:k"`} {
		v, s := sources(t, awstest.Answer{Drop: true}, awstest.Answer{Body: `{"ARN":"arn:new"}`})
		n := login
		n.Key = key
		if got, err := v.Create(t.Context(), n); err != nil || got != "arn:new" {
			t.Errorf("Create = %q, %v", got, err)
		}
		if len(s.Requests()) != 2 {
			t.Fatalf("%d calls", len(s.Requests()))
		}
		first, token := creation(t, s.Requests()[0])
		if want := object(t, `{"Name":"`+login.Name+`","SecretString":`+written+`,"Tags":`+tagged+extra+`}`); !reflect.DeepEqual(any(first), want) {
			t.Errorf("sent %v\nwant %v", first, want)
		}
		if _, again := creation(t, s.Requests()[1]); token == "" || token != again {
			t.Errorf("a repetition has token %q, the call before had %q", again, token)
		}
	}
}

func TestRenew(t *testing.T) {
	v, s := sources(t, awstest.Answer{Body: `{}`})
	if err := v.Renew(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	r := s.Requests()
	if len(r) != 2 || r[0].Operation != "PutSecretValue" || !r[1].Is("TagResource", `{"SecretId":"`+login.Name+`","Tags":`+tagged+`}`) {
		t.Fatalf("sent %+v", r)
	}
	var put struct{ SecretID, SecretString, ClientRequestToken string }
	if err := json.Unmarshal([]byte(r[0].Body), &put); err != nil || put.SecretID != login.Name || put.ClientRequestToken == "" || !reflect.DeepEqual(object(t, put.SecretString), object(t, written)) {
		t.Errorf("sent %s, %v", r[0].Body, err)
	}
}

func TestRestore(t *testing.T) {
	v, s := sources(t, awstest.Answer{Body: `{}`})
	if err := v.Restore(t.Context(), "arn:s"); err != nil {
		t.Error(err)
	}
	sent(t, s, `RestoreSecret {"SecretId":"arn:s"}`)
}

func TestDelete(t *testing.T) {
	const call, look = `DeleteSecret {"SecretId":"arn:s","RecoveryWindowInDays":7}`, `DescribeSecret {"SecretId":"arn:s"}`
	until := time.Unix(1935741600, 0).UTC()
	marked := awstest.Error(400, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	for name, tc := range map[string]struct {
		answers []awstest.Answer
		until   time.Time
		calls   []string
	}{
		"first":        {[]awstest.Answer{{Body: `{"DeletionDate":1935741600}`}}, until, []string{call}},
		"answer lost":  {[]awstest.Answer{{Drop: true}, marked, {Body: `{"ARN":"arn:s","DeletedDate":1935741600}`}}, until, []string{call, call, look}},
		"is not there": {[]awstest.Answer{awstest.Error(400, "ResourceNotFoundException", "no")}, time.Time{}, []string{call}},
	} {
		t.Run(name, func(t *testing.T) {
			v, s := sources(t, tc.answers...)
			if got, err := v.Delete(t.Context(), "arn:s", 7); err != nil || !got.Equal(tc.until) {
				t.Errorf("Delete = %s, %v", got, err)
			}
			sent(t, s, tc.calls...)
		})
	}
	t.Run("refused for something else", func(t *testing.T) {
		v, _ := sources(t, marked, awstest.Answer{Body: `{"ARN":"arn:s"}`})
		if _, err := v.Delete(t.Context(), "arn:s", 7); fault.ReasonOf(err) != federation.SecretDeleted || fault.KindOf(err) != fault.Retry {
			t.Error(err)
		}
	})
}

func TestRefusalsOfSources(t *testing.T) {
	calls := map[string]func(*testing.T, *awssourcesecret.Secrets) error{
		"describe": func(t *testing.T, v *awssourcesecret.Secrets) error {
			_, _, err := v.Secret(t.Context(), login.Name)
			return err
		},
		"password": func(t *testing.T, v *awssourcesecret.Secrets) error { _, err := v.Password(t.Context()); return err },
		"create": func(t *testing.T, v *awssourcesecret.Secrets) error {
			_, err := v.Create(t.Context(), login)
			return err
		},
		"renew":   func(t *testing.T, v *awssourcesecret.Secrets) error { return v.Renew(t.Context(), login) },
		"restore": func(t *testing.T, v *awssourcesecret.Secrets) error { return v.Restore(t.Context(), login.Name) },
		"delete": func(t *testing.T, v *awssourcesecret.Secrets) error {
			_, err := v.Delete(t.Context(), login.Name, 7)
			return err
		},
	}
	denied := map[string]awserror.Cause{"AccessDeniedException": {Kind: fault.Blocked, Reason: awserror.Unauthorized}, "ThrottlingException": {Kind: fault.Retry, Reason: awserror.Throttled}}
	keys := map[string]awserror.Cause{"EncryptionFailure": {Kind: fault.Blocked, Reason: federation.KeyUnusable}, "DecryptionFailure": {Kind: fault.Blocked, Reason: federation.KeyUnusable}}
	gone := map[string]awserror.Cause{"ResourceNotFoundException": {Kind: fault.Retry, Reason: federation.SecretMissing}}
	for call, tables := range map[string][]map[string]awserror.Cause{
		"describe": {denied}, "password": {denied}, "restore": {denied, gone}, "delete": {denied},
		"create": {denied, keys, {"ResourceExistsException": {Kind: fault.Retry, Reason: federation.AlreadyThere}, "InvalidRequestException": {Kind: fault.Retry, Reason: federation.AlreadyThere},
			"LimitExceededException": {Kind: fault.Blocked, Reason: awserror.Rejected}}},
		"renew": {denied, keys, gone, {"InvalidRequestException": {Kind: fault.Retry, Reason: federation.SecretDeleted}, "LimitExceededException": {Kind: fault.Retry, Reason: "VersionsExhausted"}}},
	} {
		causes := make(map[string]awserror.Cause)
		for _, table := range tables {
			maps.Copy(causes, table)
		}
		for code, want := range causes {
			t.Run(call+"/"+code, func(t *testing.T) {
				v, _ := sources(t, awstest.Error(400, code, "why"))
				err := calls[call](t, v)
				if fault.KindOf(err) != want.Kind || fault.ReasonOf(err) != want.Reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), code+": why") {
					t.Errorf("%v\nwant %s, %s", err, want.Kind, want.Reason)
				}
				if call != "password" && !strings.Contains(err.Error(), login.Name) || strings.Contains(err.Error(), "horse") {
					t.Errorf("%v: does not name the secret, or shows the password", err)
				}
			})
		}
	}
}
