package secretsmanager

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// The recovery window in days.
const (
	minRecovery     = 7
	maxRecovery     = 30
	defaultRecovery = 30
)

type deleteSecretInput struct {
	SecretId                   string `aws:"required"`
	ForceDeleteWithoutRecovery *bool
	RecoveryWindowInDays       *int64
}

func (in deleteSecretInput) force() bool {
	return in.ForceDeleteWithoutRecovery != nil && *in.ForceDeleteWithoutRecovery
}

// window is how long the secret can be restored; zero if not at all.
func (in deleteSecretInput) window() (time.Duration, error) {
	days := int64(defaultRecovery)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	if in.force() {
		if in.RecoveryWindowInDays != nil {
			return 0, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
		days = 0
	} else if days < minRecovery || days > maxRecovery {
		return 0, invalidParameter("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minRecovery, maxRecovery)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

type deletion struct {
	ARN, Name    string
	DeletionDate time.Time
}

// deleteSecret schedules a secret for removal, or removes it at once. It is gone at the end of its window to the
// second; AWS says "some time after".
func (s *Service) deleteSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in deleteSecretInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	window, err := in.window()
	if err != nil {
		return nil, err
	}
	r, err := s.open(call, "DeleteSecret", in.SecretId, in.keys())
	if in.force() && isNotFound(err) {
		name := strings.TrimPrefix(in.SecretId, s.arnPrefix())
		return deletion{s.arnPrefix() + name, name, s.now()}, nil
	}
	if err != nil {
		return nil, err
	}
	if !r.deleted.IsZero() && !in.force() {
		return nil, marked()
	}
	r.stopRotating()
	at := s.now().Add(window)
	if in.force() {
		delete(s.secrets, r.name)
	} else {
		r.deleted = at
		s.config.Clock.At(at, func() { s.remove(r, at) })
	}
	return deletion{r.arn, r.name, at}, nil
}

func (in deleteSecretInput) keys() keys {
	k := keys{}
	if in.ForceDeleteWithoutRecovery != nil {
		k["secretsmanager:ForceDeleteWithoutRecovery"] = []string{strconv.FormatBool(*in.ForceDeleteWithoutRecovery)}
	}
	if in.RecoveryWindowInDays != nil {
		k["secretsmanager:RecoveryWindowInDays"] = []string{strconv.FormatInt(*in.RecoveryWindowInDays, 10)}
	}
	return k
}

func isNotFound(err error) bool {
	refusal, ok := errors.AsType[*awshttp.Error](err)
	return ok && refusal.Code == "ResourceNotFoundException"
}

// remove ends the recovery window that closes at at, unless the secret was restored or forced away meanwhile.
func (s *Service) remove(r *record, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets[r.name] == r && r.deleted.Equal(at) {
		delete(s.secrets, r.name)
	}
}

func (s *Service) restoreSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.open(call, "RestoreSecret", in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	if !r.deleted.IsZero() {
		r.deleted, r.changed = time.Time{}, s.now()
		s.planNext(ctx, r)
	}
	return changed{ARN: r.arn, Name: r.name}, nil
}
