package event_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
)

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/example/analytics/reporting-a1b2c3"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../events", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeRotation(t *testing.T) {
	const token = "6f0d1c52-2b0a-4b6e-9d5e-3a1f0c7e8b21"
	for file, want := range map[string]struct {
		step  event.Step
		proof string
	}{
		"rotate/create-secret.json":                     {event.Create, ""},
		"rotate/create-secret-with-rotation-token.json": {event.Create, "EXAMPLE-rotation-token"},
		"rotate/set-secret.json":                        {event.Set, ""},
		"rotate/test-secret.json":                       {event.Test, ""},
		"rotate/finish-secret.json":                     {event.Finish, ""},
	} {
		got, err := event.DecodeRotation(sample(t, file))
		if err != nil || got.Step != want.step || got.ID != arn || got.Token != token || got.Proof.Reveal() != want.proof {
			t.Errorf("%s: %+v, %v", file, got, err)
		}
	}
	for _, payload := range []string{
		`{"Step":"set_secret","SecretId":"` + arn + `","ClientRequestToken":"` + token + `"}`, // as AWS's page spells it
		`{"Step":"setSecret","SecretId":"` + arn + `","ClientRequestToken":"` + token + `","Later":{"field":1}}`,
		"\xef\xbb\xbf" + `{"Step":"setSecret","SecretId":"` + arn + `","ClientRequestToken":"` + token + `"}`,
	} {
		if got, err := event.DecodeRotation([]byte(payload)); err != nil || got.Step != event.Set || got.ID != arn {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
	}
}

func TestDecodeTick(t *testing.T) {
	for name, payload := range map[string][]byte{
		"sample": sample(t, "refresh/tick.json"), "byte order mark": slices.Concat([]byte("\xef\xbb\xbf"), sample(t, "refresh/tick.json")),
		"later field": []byte(`{"secret":"` + arn + `","why":"by hand"}`),
	} {
		if got, err := event.DecodeTick(payload); err != nil || got.Secret != arn {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestMalformedEventsAreRefused(t *testing.T) {
	rotation := func(p []byte) error { _, err := event.DecodeRotation(p); return err }
	tick := func(p []byte) error { _, err := event.DecodeTick(p); return err }
	for _, tc := range []struct {
		name    string
		decode  func([]byte) error
		payload []byte
		where   []string
		says    string
	}{
		{"unknown step", rotation, sample(t, "rotate/refused-unknown-step.json"), []string{"Step"}, `"revokeSecret" is unknown`},
		{"no token", rotation, sample(t, "rotate/refused-no-token.json"), []string{"ClientRequestToken"}, "missing"},
		{"EventBridge event", rotation, sample(t, "rotate/refused-rotation-succeeded.json"), []string{"payload"}, `"AWS Service Event via CloudTrail" of "aws.secretsmanager"`},
		{"tick sent to rotate", rotation, sample(t, "refresh/tick.json"), []string{"Step", "SecretId", "ClientRequestToken"}, "a Secrets Manager rotation event"},
		{"rotation sent to refresh", tick, sample(t, "rotate/create-secret.json"), []string{"secret"}, "not a tick"},
		{"no secret", tick, sample(t, "refresh/refused-no-secret.json"), []string{"secret"}, "missing"},
		{"scheduled event", tick, sample(t, "refresh/refused-scheduled-event.json"), []string{"payload"}, `"Scheduled Event" of "aws.events"`},
		{"nothing", rotation, nil, []string{"payload"}, "not the JSON"},
		{"no JSON", tick, []byte("secret"), []string{"payload"}, "not the JSON"},
		{"cut short", tick, []byte(`{"secret":"ar`), []string{"payload"}, "not the JSON"},
		{"null", tick, []byte("null"), []string{"secret"}, "missing"},
		{"list", rotation, []byte(`[{"Step":"createSecret"}]`), []string{"payload"}, "not the JSON"},
		{"field of another type", rotation, []byte(`{"Step":1,"SecretId":"x","ClientRequestToken":"y"}`), []string{"payload"}, "not the JSON"},
		{"empty fields", rotation, []byte(`{"Step":"","SecretId":"","ClientRequestToken":""}`), []string{"Step", "SecretId", "ClientRequestToken"}, "missing"},
		{"messages of a queue", tick, []byte(`{"Records":[{"body":"{}"}]}`), []string{"secret"}, "missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.decode(tc.payload)
			malformed, ok := errors.AsType[*event.MalformedError](err)
			if !ok {
				t.Fatalf("%T: %v; want a MalformedError", err, err)
			}
			var where []string
			for _, p := range malformed.Problems {
				where = append(where, p.Where)
				if p.Fix == "" {
					t.Errorf("%s: no remedy", p.Where)
				}
			}
			if !slices.Equal(where, tc.where) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v; want problems at %v that say %q", err, tc.where, tc.says)
			}
		})
	}
}

// The rotation token proves who may write the secret; it is in no error and in nothing that is printed.
func TestRotationTokenIsNotShown(t *testing.T) {
	const proof = "EXAMPLE-rotation-token"
	got, err := event.DecodeRotation(sample(t, "rotate/create-secret-with-rotation-token.json"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), proof) {
		t.Errorf("%s, %v", text, err)
	}
	_, err = event.DecodeRotation([]byte(`{"Step":"revokeSecret","RotationToken":"` + proof + `"}`))
	if err == nil || strings.Contains(err.Error(), proof) {
		t.Errorf("%v", err)
	}
}

// The samples are what others build their rules on: what is announced has exactly their fields.
func TestAnnouncements(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	who := event.Consumer{Consumer: "reporting", Secret: arn, Warehouse: "analytics"}
	const remedy = "create the user in database exampledb, or let the consumer create it (autoCreate)"
	for file, want := range map[string]struct {
		detailType string
		detail     any
	}{
		"announced/credentials-rotated.json": {event.CredentialsRotated, event.Rotated{Consumer: who, Version: "6f0d1c52-2b0a-4b6e-9d5e-3a1f0c7e8b21", User: "IAM:temp_creds_user",
			IssuedAt: at("2026-05-04T10:20:27Z"), ExpiresAt: at("2026-05-04T11:20:27Z")}},
		"announced/credentials-failing.json": {event.CredentialsFailing, event.Failing{Consumer: who, Step: "testSecret", Kind: "blocked", Reason: "UserMissing", Remedy: remedy,
			Cause: `log in for user IAM:temp_creds_user at examplecluster.abc123xyz789.us-east-1.redshift.amazonaws.com:5439: UserMissing: user "temp_creds_user" does not exist; ` + remedy}},
		"announced/federation-ready.json":   {event.FederationReady, federated(func(f *event.Federation) { f.Conditions = []string{"Empty"} })},
		"announced/federation-removed.json": {event.FederationRemoved, federated(func(f *event.Federation) { f.Generation = 2 })},
		"announced/federation-blocked.json": {event.FederationBlocked, federated(func(f *event.Federation) {
			f.Reason, f.Remedy = "GranteeMissing", "create the group in the warehouse, or leave it out of grantUsageTo"
			f.Cause = `grant usage for federation orders: GranteeMissing: ERROR: group "example_group" does not exist; ` + f.Remedy
		})},
		"announced/credentials-at-risk.json": {event.CredentialsAtRisk, event.AtRisk{Consumer: who, RemainingSeconds: 840, ExpiresAt: at("2026-05-04T10:34:30Z"), Reason: "BackingOff"}},
	} {
		t.Run(file, func(t *testing.T) {
			var envelope struct {
				Source     string
				DetailType string `json:"detail-type"`
				Detail     any
			}
			if err := json.Unmarshal(sample(t, file), &envelope); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(want.detail)
			if err != nil {
				t.Fatal(err)
			}
			var detail any
			if err := json.Unmarshal(text, &detail); err != nil {
				t.Fatal(err)
			}
			if envelope.Source != event.Source || envelope.DetailType != want.detailType || !reflect.DeepEqual(envelope.Detail, detail) {
				t.Errorf("sample %+v\nis announced as %s", envelope, text)
			}
		})
	}
}

// federated is what is announced of federation orders.
func federated(change func(*event.Federation)) event.Federation {
	f := event.Federation{Name: "orders", Warehouse: "analytics", Source: "orders-prod", Schema: "orders_live", Generation: 1, Made: event.Made{
		Role:   "arn:aws:iam::111122223333:role/sluice/example/sluice-example-orders-9f86d081",
		Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/example/source/orders-9f86d081-a1b2c3", Login: "sluice_orders_9f86d081",
		Schema: "orders_live", Endpoint: "orders-prod.abc123xyz789.us-east-1.rds.amazonaws.com:5432/orders",
	}}
	change(&f)
	return f
}

// Whatever arrives is decoded in full or refused as malformed.
func FuzzDecode(f *testing.F) {
	folders, err := filepath.Glob("../../events/*/*.json")
	if err != nil || len(folders) == 0 {
		f.Fatalf("%d samples, %v", len(folders), err)
	}
	for _, file := range folders {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		rotation, err := event.DecodeRotation(payload)
		if _, ok := errors.AsType[*event.MalformedError](err); err != nil && !ok {
			t.Errorf("DecodeRotation: %T", err)
		}
		if err == nil && (rotation.ID == "" || rotation.Token == "" || !slices.Contains([]event.Step{event.Create, event.Set, event.Test, event.Finish}, rotation.Step)) {
			t.Errorf("DecodeRotation = %+v", rotation)
		}
		tick, err := event.DecodeTick(payload)
		if _, ok := errors.AsType[*event.MalformedError](err); err != nil && !ok || err == nil && tick.Secret == "" {
			t.Errorf("DecodeTick = %+v, %v", tick, err)
		}
	})
}
