// Package awskms looks keys up with the AWS KMS API.
package awskms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// Keys implements [federation.Keys].
type Keys struct{ api *kms.Client }

var _ federation.Keys = (*Keys)(nil)

// New returns the Keys that api sees.
func New(api *kms.Client) *Keys { return &Keys{api} }

const missing = "Missing"

// Key implements [federation.Keys]. id is the ARN or the id of a key, or the ARN or the name of an alias.
func (k *Keys) Key(ctx context.Context, id string) (federation.Key, bool, error) {
	out, err := k.api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	err = awserror.Explain(err, "describe key", id, awserror.Table{
		"NotFoundException": {Kind: fault.Blocked, Reason: missing},
		"AccessDeniedException": {Kind: fault.Blocked, Reason: federation.KeyUnusable,
			Fix: "let the key's owner allow, in the key's policy, kms:DescribeKey to the principal that the message names and kms:Decrypt to the roles under /sluice/"},
	})
	if fault.ReasonOf(err) == missing {
		return federation.Key{}, false, nil
	}
	if err != nil || out.KeyMetadata == nil {
		return federation.Key{}, false, err
	}
	m := out.KeyMetadata
	return federation.Key{ARN: aws.ToString(m.Arn), Customer: m.KeyManager == types.KeyManagerTypeCustomer, State: string(m.KeyState)}, true, nil
}
