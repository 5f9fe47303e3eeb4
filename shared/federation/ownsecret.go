package federation

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// ownSecret makes or mends the secret of our own login. A new password makes the login one that is not ready.
func (r *run) ownSecret(ctx context.Context, db source.Database) error {
	name := r.rec.Made.SecretName
	if name == "" {
		name = r.Namer.Secret(r.rec.Wanted)
	}
	if r.rec.Made.Secret == "" { // most likely not there: make it, and look only if it is
		if err := r.createSecret(ctx, name, db); fault.ReasonOf(err) != AlreadyThere {
			return err
		}
	}
	s, found, err := r.Secrets.Secret(ctx, name)
	switch {
	case err != nil:
		return err
	case !found:
		return r.createSecret(ctx, name, db)
	case !r.ours(s.Tags, r.rec.Name):
		return r.blocked("make secret", SecretTaken, "delete or rename that secret", fmt.Errorf("secret %s is there and is not Sluice's: its tags do not name this federation", name))
	}
	r.rec.Made.Secret = s.ARN
	gone := !s.Deleted.IsZero()
	if gone || s.Tags[TagEndpoint] != db.Endpoint.String() { // a password is not inherited by what comes after
		in, err := r.newSecret(ctx, s.ARN, db)
		if err != nil {
			return err
		}
		if gone {
			if err := r.Secrets.Restore(ctx, s.ARN); err != nil {
				return err
			}
		}
		if err := r.Secrets.Renew(ctx, in); err != nil {
			return err
		}
	}
	return r.keyOf(ctx, s.Key)
}

func (r *run) createSecret(ctx context.Context, name string, db source.Database) error {
	if err := r.keyOf(ctx, r.Key); err != nil {
		return err
	}
	in, err := r.newSecret(ctx, name, db)
	if err != nil {
		return err
	}
	arn, err := r.Secrets.Create(ctx, in)
	if err != nil {
		return err
	}
	r.rec.Made.SecretName, r.rec.Made.Secret = name, arn
	return nil
}

// newSecret is a new value for our own secret.
func (r *run) newSecret(ctx context.Context, id string, db source.Database) (NewSecret, error) {
	r.rec.Made.LoginReady = false
	if err := r.act(ctx); err != nil {
		return NewSecret{}, err
	}
	password, err := r.Secrets.Password(ctx)
	if err != nil {
		return NewSecret{}, err
	}
	tags := r.Tags(r.rec.Name)
	tags[TagEndpoint] = db.Endpoint.String()
	return NewSecret{
		Name: id, User: r.Login(r.rec.Wanted), Password: password, Endpoint: db.Endpoint, Instance: r.rec.Wanted.Source.Instance, Key: r.Key, Tags: tags,
	}, nil
}

// keyOf notes the customer's key of a secret, which the role has to be allowed to use.
func (r *run) keyOf(ctx context.Context, id string) error {
	if id != "" && id == r.rec.Made.Key && r.rec.Phase == Ready {
		return nil // the proof fails when it cannot be used any more
	}
	r.rec.Made.Key = ""
	if id == "" {
		return nil
	}
	key, found, err := r.Keys.Key(ctx, id)
	switch {
	case err != nil:
		return err
	case !found:
		return r.blocked("check key", KeyUnusable, "give the secret a key that exists", fmt.Errorf("there is no KMS key %s", id))
	case key.State != "Enabled":
		return r.blocked("check key", KeyUnusable, "enable the key, or cancel its deletion", fmt.Errorf("KMS key %s is %s", key.ARN, key.State))
	case key.Customer:
		r.rec.Made.Key = key.ARN
	}
	return nil
}

// secretDown lets our own secret run into its recovery window.
func (r *run) secretDown(ctx context.Context) (*wait, error) {
	name := r.rec.Made.SecretName
	if name == "" {
		return nil, nil
	}
	s, found, err := r.Secrets.Secret(ctx, name)
	if err != nil || !found || !s.Deleted.IsZero() || !r.ours(s.Tags, r.rec.Name) {
		return nil, err
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	r.rec.Made.SecretUntil, err = r.Secrets.Delete(ctx, s.ARN, r.RecoveryDays)
	return nil, err
}
