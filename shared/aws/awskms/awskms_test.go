package awskms_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awskms"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

func keys(t *testing.T, answer awstest.Answer) (*awskms.Keys, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answer)
	t.Cleanup(s.Close)
	return awskms.New(kms.NewFromConfig(s.Config())), s
}

func TestKey(t *testing.T) {
	for name, tc := range map[string]struct {
		metadata string
		want     federation.Key
	}{
		"a customer's": {`"KeyManager":"CUSTOMER","KeyState":"PendingDeletion"`, federation.Key{ARN: "arn:k", Customer: true, State: "PendingDeletion"}},
		"AWS's own":    {`"KeyManager":"AWS","KeyState":"Enabled"`, federation.Key{ARN: "arn:k", State: "Enabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, s := keys(t, awstest.Answer{Body: `{"KeyMetadata":{"KeyId":"k","Arn":"arn:k",` + tc.metadata + `}}`})
			if got, found, err := k.Key(t.Context(), "alias/x"); err != nil || !found || got != tc.want {
				t.Errorf("Key = %+v, %t, %v; want %+v", got, found, err, tc.want)
			}
			if r := s.Requests(); len(r) != 1 || !r[0].Is("DescribeKey", `{"KeyId":"alias/x"}`) {
				t.Errorf("sent %+v", r)
			}
		})
	}
}

func TestKeyThatIsNotThere(t *testing.T) {
	k, _ := keys(t, awstest.Error(400, "NotFoundException", "Key 'arn:k' does not exist"))
	if _, found, err := k.Key(t.Context(), "arn:k"); found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		status       int
		code, reason string
		kind         fault.Kind
	}{
		{400, "AccessDeniedException", federation.KeyUnusable, fault.Blocked},
		{400, "InvalidArnException", awserror.Rejected, fault.Blocked},
		{400, "ThrottlingException", awserror.Throttled, fault.Retry},
		{500, "KMSInternalException", awserror.Unavailable, fault.Retry},
		{503, "DependencyTimeoutException", awserror.Unavailable, fault.Retry},
	} {
		k, _ := keys(t, awstest.Error(tc.status, tc.code, "why"))
		_, found, err := k.Key(t.Context(), "arn:k")
		if found || fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), "describe key for arn:k") {
			t.Errorf("%s: %v", tc.code, err)
		}
	}
}
