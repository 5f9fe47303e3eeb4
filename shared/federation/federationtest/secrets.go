package federationtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Secret is one secret with its current value.
type Secret struct {
	ARN, Key       string
	Tags           map[string]string
	Deleted        time.Time
	User, Password string
}

// AddSecret adds a secret of somebody else.
func (w *World) AddSecret(name, user, password string, tags map[string]string) *Secret {
	s := &Secret{ARN: w.arn(name), Tags: tags, User: user, Password: password}
	w.Secrets[name] = s
	return s
}

func (w *World) arn(name string) string {
	return "arn:aws:secretsmanager:us-east-1:" + Account + ":secret:" + name + "-" + cmp.Or(w.Suffix, "AbCdEf")
}

// secret finds one by name or ARN.
func (w *World) secret(id string) *Secret {
	for name, s := range w.Secrets {
		if name == id || s.ARN == id {
			return s
		}
	}
	return nil
}

type secrets struct{ w *World }

func (s secrets) Secret(ctx context.Context, id string) (federation.Secret, bool, error) {
	found := false
	out, err := do(ctx, s.w, "secretsmanager", "DescribeSecret", id, false, func() (federation.Secret, error) {
		is := s.w.secret(id)
		if is == nil {
			return federation.Secret{}, nil
		}
		found = true
		return federation.Secret{ARN: is.ARN, Key: is.Key, Tags: maps.Clone(is.Tags), Deleted: is.Deleted}, nil
	})
	return out, found && err == nil, err
}

func (s secrets) Password(ctx context.Context) (secret.Value, error) {
	return do(ctx, s.w, "secretsmanager", "GetRandomPassword", "", false, func() (secret.Value, error) {
		s.w.passwords++
		return secret.New(fmt.Sprintf("EXAMPLE-password-%d", s.w.passwords)), nil
	})
}

func (s secrets) Create(ctx context.Context, in federation.NewSecret) (string, error) {
	return do(ctx, s.w, "secretsmanager", "CreateSecret", in.Name, true, func() (string, error) {
		if s.w.secret(in.Name) != nil {
			return "", refuse(fault.Blocked, federation.AlreadyThere, "create secret", in.Name)
		}
		is := s.w.AddSecret(in.Name, in.User, in.Password.Reveal(), maps.Clone(in.Tags))
		is.Key = in.Key
		return is.ARN, nil
	})
}

func (s secrets) Renew(ctx context.Context, in federation.NewSecret) error {
	return act(ctx, s.w, "secretsmanager", "PutSecretValue", in.Name, func() error {
		is := s.w.secret(in.Name)
		if is == nil || !is.Deleted.IsZero() {
			return refuse(fault.Bug, "SecretGone", "renew secret", in.Name)
		}
		is.User, is.Password = in.User, in.Password.Reveal()
		maps.Copy(is.Tags, in.Tags)
		return nil
	})
}

func (s secrets) Restore(ctx context.Context, id string) error {
	return act(ctx, s.w, "secretsmanager", "RestoreSecret", id, func() error {
		s.w.secret(id).Deleted = time.Time{}
		return nil
	})
}

func (s secrets) Delete(ctx context.Context, id string, days int) (time.Time, error) {
	return do(ctx, s.w, "secretsmanager", "DeleteSecret", id, true, func() (time.Time, error) {
		s.w.secret(id).Deleted = s.w.now
		return s.w.now.AddDate(0, 0, days), nil
	})
}

type keys struct{ w *World }

func (k keys) Key(ctx context.Context, id string) (federation.Key, bool, error) {
	found := false
	key, err := do(ctx, k.w, "kms", "DescribeKey", id, false, func() (federation.Key, error) {
		key, ok := k.w.Keys[id]
		found = ok
		return key, nil
	})
	return key, found && err == nil, err
}

// usable says why a role's policy does not let its secret be read, in the words of the cluster.
func (w *World) unusable(policy string, s *Secret) string {
	switch {
	case s == nil:
		return "Secrets Manager can't find the specified secret."
	case !s.Deleted.IsZero():
		return "You can't perform this operation on the secret because it was marked for deletion."
	case !allows(policy, "secretsmanager:GetSecretValue", s.ARN):
		return "AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue"
	}
	if key, ok := w.Keys[s.Key]; ok && key.Customer && (key.State != "Enabled" || !allows(policy, "kms:Decrypt", key.ARN)) {
		return "Access to KMS is not allowed"
	}
	return ""
}

// leaks reports whether a text has one of the world's passwords in it.
func (w *World) leaks(text string) bool { return strings.Contains(text, "EXAMPLE-password") }
