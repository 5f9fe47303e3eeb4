package awslease_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	settingsof "github.com/sluicehq/sluice/shared/settings"
)

func value(t *testing.T, text string) awstest.Answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"ARN": "a", "Name": "n", "SecretString": text})
	if err != nil {
		t.Fatal(err)
	}
	return awstest.Answer{Body: string(body)}
}

// kept is what the rotation writes.
func kept(expires time.Time) string {
	return credentials.Content{
		Lease: credentials.Lease{User: "IAM:app", Password: secret.New("horse"), IssuedAt: expires.Add(-time.Hour), ExpiresAt: expires},
		Host:  "c1.example.com", Port: 5440, Database: "dev", Cluster: "c1",
	}.Encode().Reveal()
}

func TestMintFromSecret(t *testing.T) {
	at := lease.Lease{User: "IAM:app", Asked: awstest.Now, Host: "c1.example.com", Port: 5440, Database: "dev"}
	until := at
	until.Expires = awstest.Now.Add(time.Second)
	bare := lease.Lease{User: "admin", Asked: awstest.Now}
	for name, tc := range map[string]struct {
		value string
		want  lease.Lease
	}{
		"as the rotation writes it":             {kept(until.Expires), until},
		"with a byte order mark":                {"\xef\xbb\xbf" + kept(until.Expires), until},
		"as others write it, without an expiry": {`{"engine":"redshift","host":"c1.example.com","port":"5440","username":"IAM:app","password":"horse","dbname":"dev"}`, at},
		"with the least":                        {`{"username":"admin","password":"horse"}`, bare},
		"as AWS keeps an administrator's":       {`{"password":"horse","username":"admin"}`, bare},
		"with nothing but an engine beside":     {`{"engine":"redshift","username":"admin","password":"horse"}`, bare},
		"with empty places":                     {`{"engine":"","host":"","port":"","username":"admin","password":"horse","dbname":""}`, bare},
		"with a port of zero":                   {`{"username":"admin","password":"horse","port":0}`, bare},
		"with nulls":                            {`{"engine":null,"host":null,"port":null,"username":"admin","password":"horse","dbname":null,"expiresAt":null}`, bare},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, value(t, tc.value))
			s := resolve.Settings{Login: resolve.ConsumerSecret, Region: "us-west-2", Endpoint: f.url, Secret: "sluice/app"}
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tc.want, "horse")
			if r := f.Requests(); len(r) != 1 || !r[0].Is("GetSecretValue", `{"SecretId":"sluice/app","VersionStage":"AWSCURRENT"}`) {
				t.Errorf("sent %v", r)
			}
			f.asked(t, "AKIDGIVEN/us-west-2/secretsmanager+"+token)
		})
	}
}

// The region of an ARN counts: nowhere else is the secret found.
func TestMintFromSecretByARN(t *testing.T) {
	alone(t, "", "")
	f := serve(t, value(t, kept(awstest.Now.Add(time.Hour))))
	s := resolve.Settings{Login: resolve.ConsumerSecret, Endpoint: f.url, Secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sluice/app-AbCdEf"}
	if _, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.asked(t, "AKIDGIVEN/eu-west-1/secretsmanager+"+token)
}

func TestMintFromSecretFails(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   []string
	}{
		"placeholder":        {value(t, settingsof.Placeholder), fault.Retry, awslease.NoLease, []string{"sluice/app", "first rotation"}},
		"no value":           {awstest.Error(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"), fault.Retry, awslease.NoLease, []string{"first rotation"}},
		"expired":            {value(t, kept(awstest.Now)), fault.Retry, awslease.LeaseExpired, []string{"2031-05-04T10:20:30Z", "rotation"}},
		"not JSON":           {value(t, "correct horse"), fault.Blocked, awslease.NotALease, []string{"SecretID"}},
		"binary":             {awstest.Answer{Body: `{"ARN":"a","SecretBinary":"Y29ycmVjdCBob3JzZQ=="}`}, fault.Blocked, awslease.NotALease, nil},
		"another engine":     {value(t, `{"engine":"postgres","username":"correct horse","password":"horse"}`), fault.Blocked, awslease.NotALease, []string{"engine"}},
		"another's object":   {value(t, `{"apiKey":"correct horse"}`), fault.Blocked, awslease.NotALease, []string{"username"}},
		"without a password": {value(t, `{"engine":"redshift","username":"correct horse"}`), fault.Blocked, awslease.NotALease, []string{"password"}},
		"a bad port":         {value(t, `{"engine":"redshift","username":"u","password":"horse","port":"horse"}`), fault.Blocked, awslease.NotALease, []string{"port"}},
		"a port too high":    {value(t, `{"engine":"redshift","username":"u","password":"horse","port":65536}`), fault.Blocked, awslease.NotALease, []string{"port"}},
		"a port below zero":  {value(t, `{"engine":"redshift","username":"u","password":"horse","port":-1}`), fault.Blocked, awslease.NotALease, []string{"port"}},
		"a user alone":       {value(t, `{"username":"u"}`), fault.Blocked, awslease.NotALease, []string{"username or password"}},
		"a bad time":         {value(t, `{"engine":"redshift","username":"u","password":"horse","expiresAt":"horse"}`), fault.Blocked, awslease.NotALease, nil},
		"missing":            {awstest.Error(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."), fault.Blocked, awslease.SecretMissing, []string{"SecretID", "Region"}},
		"being deleted":      {awstest.Error(400, "InvalidRequestException", "marked for deletion"), fault.Blocked, awslease.SecretDeleted, []string{"restore"}},
		"key is disabled":    {awstest.Error(400, "DecryptionFailure", "no"), fault.Blocked, awslease.SecretUnusable, []string{"KMS"}},
		"key is not allowed": {awstest.Error(400, "AccessDeniedException", "Access to KMS is not allowed"), fault.Blocked, awserror.Unauthorized, []string{"allow kms:Decrypt on the KMS key of sluice/app"}},
		"denied":             {awstest.Error(400, "AccessDeniedException", "no"), fault.Blocked, awserror.Unauthorized, []string{"allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-west-2:*:secret:sluice/app-*,"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			s := resolve.Settings{Login: resolve.ConsumerSecret, Region: "us-west-2", Endpoint: f.url, Secret: "sluice/app"}
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			fails(t, err, tc.kind, tc.reason, tc.says...)
			if got != (lease.Lease{}) {
				t.Errorf("got %+v beside the error", got)
			}
		})
	}
}

// Without the service's clock, whoever keeps leases judges by its own.
func TestMintFromSecretWithoutDate(t *testing.T) {
	alone(t, "", "")
	a := value(t, kept(awstest.Now.Add(-time.Hour)))
	a.NoDate = true
	f := serve(t, a)
	s := resolve.Settings{Login: resolve.ConsumerSecret, Region: "us-west-2", Endpoint: f.url, Secret: "sluice/app"}
	got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
	if err != nil || !got.Asked.IsZero() || !got.Expires.Equal(awstest.Now.Add(-time.Hour)) {
		t.Errorf("%+v, %v", got, err)
	}
}
