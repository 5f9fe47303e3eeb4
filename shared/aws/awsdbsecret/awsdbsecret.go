// Package awsdbsecret reads the logins of databases from secrets in AWS Secrets Manager.
package awsdbsecret

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

// Reasons of secrets that cannot be read, besides [source.SecretUnreadable].
const (
	SecretMissing = "SecretMissing" // there is no such secret, or it has no value
	SecretDeleted = "SecretDeleted" // the secret is scheduled for deletion
	KeyUnusable   = "KeyUnusable"   // the secret's KMS key does not decrypt it
)

// A Reader reads secrets. It implements what package sourcelogin asks of its secrets.
type Reader struct{ api *secretsmanager.Client }

// New returns a Reader that calls through api.
func New(api *secretsmanager.Client) *Reader { return &Reader{api} }

// Read is the login in the current version of the secret with this ARN. A secret that has just been made may not be there
// for everybody at once: it is asked for again, as often as the client tries anything.
//
// Its error is a *[fault.Error] that quotes nothing of the value.
func (r *Reader) Read(ctx context.Context, arn string) (source.Credential, error) {
	out, err := r.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn}, func(o *secretsmanager.Options) {
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "ResourceNotFoundException")
	})
	if err != nil {
		return source.Credential{}, awserror.Explain(err, "read secret", arn, awserror.Table{
			"ResourceNotFoundException": {Kind: fault.Blocked, Reason: SecretMissing, Fix: "check that the secret exists in this account and region, and has a value"},
			"InvalidRequestException":   {Kind: fault.Blocked, Reason: SecretDeleted, Fix: "restore the secret, or name another"},
			"DecryptionFailure":         {Kind: fault.Blocked, Reason: KeyUnusable, Fix: "enable the secret's KMS key, and let the function's role use it"},
		})
	}
	return source.DecodeCredential(arn, secret.New(aws.ToString(out.SecretString)))
}
