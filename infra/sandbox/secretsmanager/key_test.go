package secretsmanager_test

import (
	"slices"
	"strings"
	"testing"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// kms calls an operation of KMS as alice.
func (w *world) kms(operation string, in map[string]any) map[string]any {
	w.t.Helper()
	out, err := w.server.Do(w.t.Context(), alice, "kms", operation, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// newKey makes a key with an alias, and returns its ARN.
func (w *world) newKey(alias string) (arn string) {
	w.t.Helper()
	made := w.kms("CreateKey", nil)["KeyMetadata"].(map[string]any)
	w.kms("CreateAlias", map[string]any{"AliasName": alias, "TargetKeyId": made["KeyId"]})
	return made["Arn"].(string)
}

// createWith makes the secret app, encrypted with a key, with a value in version a.
func (w *world) createWith(key string) (arn string, err error) {
	out, err := w.CreateSecret(w.t.Context(), &awssecrets.CreateSecretInput{
		Name: new("app"), SecretString: new("one"), ClientRequestToken: token("a"), KmsKeyId: &key})
	if err != nil {
		return "", err
	}
	return *out.ARN, nil
}

// uses are the questions to KMS: the action, the last part of the key's ARN and the version of each.
func uses(asked []awshttp.Access) (all []string) {
	for _, a := range asked {
		if !strings.HasPrefix(a.Action, "kms:") || a.Context["kms:ViaService"] == nil {
			continue
		}
		version := a.Context["kms:EncryptionContext:SecretVersionId"][0]
		all = append(all, a.Action+" "+version[:min(8, len(version))])
	}
	return all
}

func TestKeyIsUsedAsTheCaller(t *testing.T) {
	w := newWorld(t)
	key := w.newKey("alias/app")
	w.policies.forget()
	arn, err := w.createWith("alias/app")
	if err != nil {
		t.Fatal(err)
	}
	asked := w.policies.forget()
	want := []string{"kms:GenerateDataKey RequestT", "kms:Decrypt RequestT", "kms:GenerateDataKey aaaaaaaa", "kms:Decrypt aaaaaaaa"}
	if got := uses(asked); !slices.Equal(got, want) {
		t.Errorf("CreateSecret used the key for %q; want %q", got, want)
	}
	last := asked[len(asked)-1]
	if last.Resource != key || last.Context["kms:EncryptionContext:SecretARN"][0] != arn || last.Context["kms:ViaService"][0] != "secretsmanager.us-east-1.amazonaws.com" {
		t.Errorf("CreateSecret asked %+v", last)
	}
	if got, err := w.get(""); got != "one" || err != nil {
		t.Errorf("GetSecretValue: %q, %v", got, err)
	}
	if got := uses(w.policies.forget()); !slices.Equal(got, []string{"kms:Decrypt aaaaaaaa"}) {
		t.Errorf("GetSecretValue used the key for %q", got)
	}
	if err := w.put("b", "two"); err != nil {
		t.Fatal(err)
	}
	if got := uses(w.policies.forget()); !slices.Equal(got, []string{"kms:GenerateDataKey bbbbbbbb", "kms:Decrypt bbbbbbbb"}) {
		t.Errorf("PutSecretValue used the key for %q", got)
	}
	if is := w.describe(); *is.KmsKeyId != "alias/app" {
		t.Errorf("DescribeSecret shows key %s; want it as it was given", *is.KmsKeyId)
	}
}

func TestKeyRefused(t *testing.T) {
	for _, tc := range []struct {
		name        string
		spoil       func(w *world, key string)
		read, write string // codes
		words       string
	}{
		{"no permission to decrypt", func(w *world, _ string) { w.policies.deny = []string{"kms:Decrypt"} }, "AccessDeniedException", "AccessDeniedException", "Access to KMS is not allowed"},
		{"no permission to encrypt", func(w *world, _ string) { w.policies.deny = []string{"kms:GenerateDataKey"} }, "", "AccessDeniedException", "Access to KMS is not allowed"},
		{"disabled", func(w *world, key string) { w.kms("DisableKey", map[string]any{"KeyId": key}) }, "DecryptionFailure", "EncryptionFailure", "KMS key"},
		{"pending deletion", func(w *world, key string) { w.kms("ScheduleKeyDeletion", map[string]any{"KeyId": key}) }, "DecryptionFailure", "EncryptionFailure", "KMS key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			key := w.newKey("alias/app")
			if _, err := w.createWith(key); err != nil {
				t.Fatal(err)
			}
			tc.spoil(w, key)
			if _, err := w.get(""); tc.read == "" && err != nil || tc.read != "" && code(err) != tc.read {
				t.Errorf("GetSecretValue: %v; want %q", err, tc.read)
			} else if tc.read != "" {
				refused(t, err, tc.read, tc.words)
			}
			refused(t, w.put("b", "two"), tc.write, tc.words)
			_, err := w.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: new("other"), KmsKeyId: &key, ClientRequestToken: token("a")})
			refused(t, err, tc.write, tc.words)
			if got := w.versions(); got != "a" {
				t.Errorf("versions %q; want the first one alone", got)
			}
		})
	}
	_, err := newWorld(t).createWith("alias/none")
	refused(t, err, "EncryptionFailure", "KMS key")
}

func TestChangeOfKey(t *testing.T) {
	w := newWorld(t)
	old := w.newKey("alias/old")
	if _, err := w.createWith(old); err != nil {
		t.Fatal(err)
	}
	next := w.newKey("alias/next")
	if _, err := w.UpdateSecret(t.Context(), &awssecrets.UpdateSecretInput{SecretId: new("app"), KmsKeyId: &next, ClientRequestToken: token("b")}); err != nil {
		t.Fatal(err)
	}
	listed, err := w.ListSecretVersionIds(t.Context(), &awssecrets.ListSecretVersionIdsInput{SecretId: new("app")})
	if err != nil || !slices.Equal(listed.Versions[0].KmsKeyIds, []string{next, old}) {
		t.Errorf("versions %+v, %v; want the first one encrypted with both keys", listed, err)
	}
	w.kms("DisableKey", map[string]any{"KeyId": old})
	if got, err := w.get(""); got != "one" || err != nil {
		t.Errorf("with the new key alone: %q, %v", got, err)
	}
	if _, err := w.UpdateSecret(t.Context(), &awssecrets.UpdateSecretInput{SecretId: new("app"), KmsKeyId: new("alias/aws/secretsmanager"), ClientRequestToken: token("b")}); err != nil {
		t.Fatal(err)
	}
	w.kms("DisableKey", map[string]any{"KeyId": next})
	if got, err := w.get(""); got != "one" || err != nil {
		t.Errorf("with AWS's own key: %q, %v", got, err)
	}
	if is := w.describe(); is.KmsKeyId != nil {
		t.Errorf("DescribeSecret shows key %s; AWS's own is left out", *is.KmsKeyId)
	}
}
