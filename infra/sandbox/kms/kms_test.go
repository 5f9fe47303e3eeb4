package kms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestKeyHasManyNames(t *testing.T) {
	w := newWorld(t)
	arn := w.create("")
	id := arn[strings.LastIndex(arn, "/")+1:]
	for _, name := range []string{id, arn, "alias/app", "arn:aws:kms:us-east-1:111122223333:alias/app"} {
		out, err := w.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: &name})
		if err != nil {
			t.Fatal(err)
		}
		is := out.KeyMetadata
		if *is.Arn != arn || *is.KeyId != id || is.KeyState != types.KeyStateEnabled || !is.Enabled || *is.Description != "of the app" || is.KeyManager != types.KeyManagerTypeCustomer {
			t.Errorf("DescribeKey(%s): %+v", name, is)
		}
	}
	for name, words := range map[string]string{
		"1234abcd": "Key 'arn:aws:kms:us-east-1:111122223333:key/1234abcd' does not exist", "alias/no": "alias/no is not found",
	} {
		_, err := w.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: &name})
		refused(t, err, "NotFoundException", words)
	}
	_, err := w.CreateAlias(t.Context(), &awskms.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: &id})
	refused(t, err, "AlreadyExistsException", "alias/app")
	_, err = w.CreateAlias(t.Context(), &awskms.CreateAliasInput{AliasName: new("alias/aws/app"), TargetKeyId: &id})
	refused(t, err, "NotAuthorizedException", "alias/aws/app")
	list, err := w.ListAliases(t.Context(), &awskms.ListAliasesInput{KeyId: &id})
	if err != nil || len(list.Aliases) != 1 || *list.Aliases[0].TargetKeyId != id {
		t.Errorf("ListAliases: %+v, %v", list, err)
	}
}

func statement(principal, action string) string {
	return `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "` + account + principal + `"}, "Action": "` + action + `", "Resource": "*"}}`
}

func TestWhoMayUseAKey(t *testing.T) {
	for _, tc := range []struct {
		name, policy, secret string
		by                   awshttp.Principal
		code, words          string
	}{
		{"the account decides, and the identity policy allows", "", secretARN, carol, "", ""},
		{"the account decides, and the identity policy is about another secret", "", secretARN + "x", carol, "AccessDeniedException", "no identity-based policy allows the kms:Decrypt"},
		{"the account decides, and there is no identity policy", "", secretARN, bob, "AccessDeniedException", "no identity-based policy"},
		{"the key names the user", statement("user/bob", "kms:Decrypt"), secretARN, bob, "", ""},
		{"the key names another, and the identity policy allows all", statement("user/bob", "kms:Decrypt"), secretARN, alice, "AccessDeniedException", "no resource-based policy allows the kms:Decrypt"},
		{"the key names the user for something else", statement("user/bob", "kms:GenerateDataKey"), secretARN, bob, "AccessDeniedException", "no resource-based policy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			refused(t, w.use(tc.by, w.create(tc.policy), tc.secret), tc.code, tc.words)
		})
	}
}

func TestOnlyByWayOfTheService(t *testing.T) {
	w := newWorld(t)
	err := w.keys.Use(carol, "Decrypt", w.create(""), "dynamodb.us-east-1.amazonaws.com", map[string]string{"SecretARN": secretARN})
	refused(t, err, "AccessDeniedException", "kms:Decrypt")
}

func TestStates(t *testing.T) {
	w := newWorld(t)
	arn := w.create("")
	if _, err := w.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	refused(t, w.use(alice, "alias/app", secretARN), "DisabledException", arn+" is disabled.")
	refused(t, w.use(bob, "alias/app", secretARN), "AccessDeniedException", "")
	if _, err := w.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	refused(t, w.use(alice, arn, secretARN), "", "")

	_, err := w.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: &arn, PendingWindowInDays: new(int32(6))})
	refused(t, err, "ValidationException", "between 7 and 30")
	schedule := func() {
		t.Helper()
		out, err := w.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: &arn, PendingWindowInDays: new(int32(7))})
		if err != nil || out.KeyState != types.KeyStatePendingDeletion || out.DeletionDate.Before(w.clock.Now().Add(6*24*time.Hour)) {
			t.Fatalf("ScheduleKeyDeletion: %+v, %v", out, err)
		}
	}
	schedule()
	refused(t, w.use(alice, arn, secretARN), "KMSInvalidStateException", arn+" is pending deletion.")
	_, err = w.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: &arn})
	refused(t, err, "KMSInvalidStateException", "is pending deletion")
	if _, err := w.CancelKeyDeletion(t.Context(), &awskms.CancelKeyDeletionInput{KeyId: &arn}); err != nil {
		t.Fatal(err)
	}
	refused(t, w.use(alice, arn, secretARN), "DisabledException", "") // until somebody enables it
	schedule()
	w.clock.Advance(8 * 24 * time.Hour)
	w.clock.Settle()
	refused(t, w.use(alice, arn, secretARN), "NotFoundException", "does not exist")
	refused(t, w.use(alice, "alias/app", secretARN), "NotFoundException", "alias/app")
}

func TestKeyPolicy(t *testing.T) {
	w := newWorld(t)
	arn := w.create("")
	first, err := w.GetKeyPolicy(t.Context(), &awskms.GetKeyPolicyInput{KeyId: &arn})
	if err != nil || !strings.Contains(*first.Policy, account+"root") {
		t.Fatalf("GetKeyPolicy: %+v, %v; want the default policy", first, err)
	}
	_, err = w.PutKeyPolicy(t.Context(), &awskms.PutKeyPolicyInput{KeyId: &arn, Policy: new(statement("user/bob", "kms:*"))})
	refused(t, err, "MalformedPolicyDocumentException", "will not allow you to update the key policy")
	_, err = w.PutKeyPolicy(t.Context(), &awskms.PutKeyPolicyInput{KeyId: &arn, Policy: new(`{"Statement": []}`)})
	refused(t, err, "MalformedPolicyDocumentException", "Statement")
	_, err = w.PutKeyPolicy(t.Context(), &awskms.PutKeyPolicyInput{KeyId: &arn, Policy: new(statement("user/bob", "kms:*")), BypassPolicyLockoutSafetyCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: &arn})
	refused(t, err, "AccessDeniedException", "kms:DescribeKey")
	if _, err := w.client(w.bob).DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: &arn}); err != nil {
		t.Errorf("bob, whom the key names: %v", err)
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := newWorld(t)
	_, err := w.Encrypt(t.Context(), &awskms.EncryptInput{KeyId: new("k"), Plaintext: []byte("p")})
	refused(t, err, "UnknownOperationException", "Encrypt")
	_, err = w.CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify})
	refused(t, err, "UnsupportedOperationException", "RSA_2048")
	_, err = w.CreateKey(t.Context(), &awskms.CreateKeyInput{MultiRegion: new(true)})
	refused(t, err, "UnknownOperationException", "MultiRegion")
}

func TestTagsReachPolicies(t *testing.T) {
	w := newWorld(t)
	out, err := w.CreateKey(t.Context(), &awskms.CreateKeyInput{
		Tags: []types.Tag{{TagKey: new("sluice:key"), TagValue: new("yes")}}, BypassPolicyLockoutSafetyCheck: true,
		Policy: new(strings.Replace(statement("user/bob", "kms:Decrypt"), `"Resource": "*"`, `"Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/sluice:key": "yes"}}`, 1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.use(bob, *out.KeyMetadata.KeyId, secretARN), "", "")
	if got := out.KeyMetadata.EncryptionAlgorithms; !slices.Equal(got, []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSymmetricDefault}) {
		t.Errorf("algorithms %v", got)
	}
}
