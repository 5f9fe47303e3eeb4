// Package awssecret keeps the secrets of consumers, and those with logins to sources, in AWS Secrets Manager.
package awssecret

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// VersionsExhausted is the reason where Secrets Manager takes no more versions of a secret today.
const VersionsExhausted = "VersionsExhausted"

// A Store implements [credentials.Vault] and [credentials.Keeper].
type Store struct{ api *secretsmanager.Client }

// New returns a Store that calls through api.
func New(api *secretsmanager.Client) *Store { return &Store{api} }

var (
	missing = awserror.Cause{Kind: fault.Blocked, Reason: credentials.NotOurs, Fix: "check that the secret exists in this account and region"}
	deleted = awserror.Cause{Kind: fault.Blocked, Reason: credentials.BeingDeleted, Fix: "restore the secret, or remove its consumer from the configuration"}
	key     = awserror.Cause{Kind: fault.Blocked, Reason: "KeyUnusable", Fix: "enable the secret's KMS key, and let the function's role use it"}
	full    = awserror.Cause{Kind: fault.Retry, Reason: VersionsExhausted, Fix: "wait until versions of the last 24 hours lapse; stop whatever else writes the secret"}
)

// Describe implements [credentials.Vault] and [credentials.Keeper].
func (s *Store) Describe(ctx context.Context, id string) (credentials.Record, error) {
	out, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return credentials.Record{}, awserror.Explain(err, "describe secret", id, awserror.Table{"ResourceNotFoundException": missing})
	}
	now, err := awserror.Clock(out.ResultMetadata, "describe secret", id)
	if err != nil {
		return credentials.Record{}, err
	}
	rec := credentials.Record{
		ARN: aws.ToString(out.ARN), Tags: make(map[string]string, len(out.Tags)), Labels: out.VersionIdsToStages, Now: now,
		Rotating: aws.ToBool(out.RotationEnabled), Changed: aws.ToTime(out.LastChangedDate).UTC(), Deleted: out.DeletedDate != nil,
	}
	for _, tag := range out.Tags {
		rec.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if primary := aws.ToString(out.PrimaryRegion); primary != "" {
		rec.Replica = !strings.HasPrefix(rec.ARN, "arn:") || strings.Split(rec.ARN, ":")[3] != primary
	}
	return rec, nil
}

// Content implements [credentials.Vault]. The steps of a rotation follow each other fast, and what one stored may not be
// there for the next at once: a value that is missing is asked for again, as often as the client tries anything.
func (s *Store) Content(ctx context.Context, id, version string) (credentials.Content, error) {
	out, err := s.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id, VersionId: &version}, func(o *secretsmanager.Options) {
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "ResourceNotFoundException")
	})
	if err != nil {
		return credentials.Content{}, awserror.Explain(err, "read version "+version, id, awserror.Table{
			"ResourceNotFoundException": {Kind: fault.Retry, Reason: credentials.NoLease, Fix: "nothing; the next rotation mints a lease"},
			"InvalidRequestException":   deleted,
			"DecryptionFailure":         key,
		})
	}
	return credentials.Decode(secret.New(aws.ToString(out.SecretString)))
}

// Store implements [credentials.Vault].
func (s *Store) Store(ctx context.Context, n credentials.Rotation, label string, c credentials.Content) error {
	in := &secretsmanager.PutSecretValueInput{
		SecretId: &n.Secret, ClientRequestToken: &n.Token, SecretString: new(c.Encode().Reveal()),
		VersionStages: []string{credentials.Pending, label},
	}
	if !n.Proof.IsZero() {
		in.RotationToken = new(n.Proof.Reveal())
	}
	_, err := s.api.PutSecretValue(ctx, in)
	return awserror.Explain(err, "store lease in version "+n.Token, n.Secret, awserror.Table{
		"ResourceExistsException": {Kind: fault.Retry, Reason: credentials.VersionTaken, Fix: "nothing; the step ran twice"},
		"LimitExceededException":  full,
		"InvalidRequestException": deleted,
		"EncryptionFailure":       key,
		"DecryptionFailure":       key,
	})
}

// Promote implements [credentials.Vault].
func (s *Store) Promote(ctx context.Context, id, version, from string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &id, VersionStage: new(credentials.Current), MoveToVersionId: &version}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	_, err := s.api.UpdateSecretVersionStage(ctx, in)
	return awserror.Explain(err, "promote version "+version, id, awserror.Table{
		"InvalidParameterException": {Kind: fault.Retry, Reason: credentials.Conflict, Fix: "nothing; another writer was first, and the next rotation goes on from there"},
		"InvalidRequestException":   deleted,
	})
}

// Abandon implements [credentials.Vault] and [credentials.Keeper].
func (s *Store) Abandon(ctx context.Context, id, version string) error {
	_, err := s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: new(credentials.Pending), RemoveFromVersionId: &version,
	})
	err = awserror.Explain(err, "abandon version "+version, id, awserror.Table{
		"InvalidParameterException": {Kind: fault.Retry, Reason: credentials.Conflict},
		"ResourceNotFoundException": {Kind: fault.Retry, Reason: credentials.Conflict},
		"InvalidRequestException":   deleted,
	})
	if fault.ReasonOf(err) == credentials.Conflict {
		return nil // the label has gone elsewhere, which is what was wanted
	}
	return err
}

// Versions implements [credentials.Keeper].
func (s *Store) Versions(ctx context.Context, id string, all bool) ([]credentials.Version, time.Time, error) {
	var versions []credentials.Version
	var now time.Time
	pages := secretsmanager.NewListSecretVersionIdsPaginator(s.api, &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &id, IncludeDeprecated: &all, MaxResults: new(int32(100)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, now, awserror.Explain(err, "list versions", id, awserror.Table{"ResourceNotFoundException": missing})
		}
		if now, err = awserror.Clock(page.ResultMetadata, "list versions", id); err != nil {
			return nil, now, err
		}
		for _, v := range page.Versions {
			versions = append(versions, credentials.Version{ID: aws.ToString(v.VersionId), Created: aws.ToTime(v.CreatedDate), Labels: v.VersionStages})
		}
	}
	return versions, now, nil
}

// Rotate implements [credentials.Keeper].
func (s *Store) Rotate(ctx context.Context, id string) error {
	_, err := s.api.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &id})
	return awserror.Explain(err, "start rotation", id, awserror.Table{
		// Also the code for a secret that is being deleted, or has no rotation function; the tick looked at both before.
		"InvalidRequestException":   {Kind: fault.Retry, Reason: credentials.RotationInProgress, Fix: "nothing; Secrets Manager tries the earlier rotation again"},
		"LimitExceededException":    full,
		"ResourceNotFoundException": missing,
	})
}
