// Package awssourcesecret keeps the secrets with logins to sources in AWS Secrets Manager. It reads no value.
package awssourcesecret

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

// versionsExhausted is the reason where Secrets Manager takes no more versions of a secret today.
const versionsExhausted = "VersionsExhausted"

// Secrets implements [federation.Secrets].
type Secrets struct{ api *secretsmanager.Client }

var _ federation.Secrets = (*Secrets)(nil)

// New returns Secrets that calls through api.
func New(api *secretsmanager.Client) *Secrets { return &Secrets{api} }

var (
	keyless = awserror.Cause{Kind: fault.Blocked, Reason: federation.KeyUnusable, Fix: "enable the secret's KMS key, and let the function's role use it"}
	// gone is a secret that was there when it was looked at.
	gone     = awserror.Cause{Kind: fault.Retry, Reason: federation.SecretMissing, Fix: "nothing; the secret is looked at again"}
	deleting = awserror.Cause{Kind: fault.Retry, Reason: federation.SecretDeleted, Fix: "nothing; the secret is looked at again"}
)

// Secret implements [federation.Secrets].
func (s *Secrets) Secret(ctx context.Context, id string) (federation.Secret, bool, error) {
	out, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	err = awserror.Explain(err, "describe secret", id, awserror.Table{"ResourceNotFoundException": gone})
	if fault.ReasonOf(err) == federation.SecretMissing {
		return federation.Secret{}, false, nil
	}
	if err != nil {
		return federation.Secret{}, false, err
	}
	found := federation.Secret{ARN: aws.ToString(out.ARN), Key: aws.ToString(out.KmsKeyId), Tags: make(map[string]string, len(out.Tags)), Deleted: aws.ToTime(out.DeletedDate).UTC()}
	for _, tag := range out.Tags {
		found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found, true, nil
}

// passwordLength in letters and digits is more than 230 bits.
const passwordLength = 40

// Password implements [federation.Secrets]. Without punctuation it needs no quoting anywhere.
func (s *Secrets) Password(ctx context.Context) (secret.Value, error) {
	out, err := s.api.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength: new(int64(passwordLength)), ExcludePunctuation: new(true), RequireEachIncludedType: new(true),
	})
	if err != nil {
		return secret.Value{}, awserror.Explain(err, "make password", "", nil)
	}
	if len(aws.ToString(out.RandomPassword)) != passwordLength {
		return secret.Value{}, &fault.Error{Kind: fault.Retry, Reason: awserror.Unavailable, Op: "make password", Err: errors.New("the answer has no password of the length that was asked for"), Fix: "nothing; it is tried again"}
	}
	return secret.New(aws.ToString(out.RandomPassword)), nil
}

// Create implements [federation.Secrets]. The SDK gives the request a token, by which Secrets Manager recognises a repetition of
// the call whose answer was lost.
func (s *Secrets) Create(ctx context.Context, n federation.NewSecret) (string, error) {
	in := &secretsmanager.CreateSecretInput{Name: &n.Name, Description: new("Sluice: login for a warehouse to read a source"), SecretString: new(value(n).Reveal()), Tags: tagList(n.Tags)}
	if n.Key != "" {
		in.KmsKeyId = &n.Key
	}
	taken := awserror.Cause{Kind: fault.Retry, Reason: federation.AlreadyThere, Fix: "nothing; the secret is looked at"}
	out, err := s.api.CreateSecret(ctx, in)
	if err != nil {
		return "", awserror.Explain(err, "make secret", n.Name, awserror.Table{
			"ResourceExistsException": taken,
			"InvalidRequestException": taken, // it is in its recovery window
			"LimitExceededException":  {Kind: fault.Blocked, Reason: awserror.Rejected, Fix: "delete secrets that are not needed: the account has all that it may have"},
			"EncryptionFailure":       keyless,
			"DecryptionFailure":       keyless,
		})
	}
	return aws.ToString(out.ARN), nil
}

// Renew implements [federation.Secrets]. The tags follow the value: a run that dies in between leaves tags that do not fit,
// and the next one renews again.
func (s *Secrets) Renew(ctx context.Context, n federation.NewSecret) error {
	_, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &n.Name, SecretString: new(value(n).Reveal())})
	if err != nil {
		return awserror.Explain(err, "renew secret", n.Name, awserror.Table{
			"ResourceNotFoundException": gone,
			"InvalidRequestException":   deleting,
			"LimitExceededException":    {Kind: fault.Retry, Reason: versionsExhausted, Fix: "wait until versions of the last 24 hours lapse; stop whatever else writes the secret"},
			"EncryptionFailure":         keyless,
			"DecryptionFailure":         keyless,
		})
	}
	_, err = s.api.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &n.Name, Tags: tagList(n.Tags)})
	return awserror.Explain(err, "tag secret", n.Name, awserror.Table{"ResourceNotFoundException": gone, "InvalidRequestException": deleting})
}

// Restore implements [federation.Secrets].
func (s *Secrets) Restore(ctx context.Context, id string) error {
	_, err := s.api.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: &id})
	return awserror.Explain(err, "restore secret", id, awserror.Table{"ResourceNotFoundException": gone})
}

// Delete implements [federation.Secrets]. A secret that is not there was deleted for good, and its window ended at the zero time.
func (s *Secrets) Delete(ctx context.Context, id string, days int) (time.Time, error) {
	out, err := s.api.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &id, RecoveryWindowInDays: new(int64(days))})
	if err == nil {
		return aws.ToTime(out.DeletionDate).UTC(), nil
	}
	err = awserror.Explain(err, "delete secret", id, awserror.Table{"ResourceNotFoundException": gone, "InvalidRequestException": deleting})
	switch fault.ReasonOf(err) {
	case federation.SecretMissing:
		return time.Time{}, nil
	case federation.SecretDeleted: // also a repetition of the call whose answer was lost
		if is, found, look := s.Secret(ctx, id); look == nil && found && !is.Deleted.IsZero() {
			return is.Deleted, nil
		}
	}
	return time.Time{}, err
}

// value is the login in the RDS format.
func value(n federation.NewSecret) secret.Value {
	return source.Credential{
		Engine: source.Postgres, Host: n.Endpoint.Host, Port: n.Endpoint.Port, User: n.User, Password: n.Password, Database: n.Endpoint.Database, Instance: n.Instance,
	}.Encode()
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: new(k), Value: new(tags[k])})
	}
	return list
}
