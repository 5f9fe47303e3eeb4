package secretsmanager

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type createSecretInput struct {
	Name               string `aws:"required"`
	ClientRequestToken *string
	Description        *string
	KmsKeyId           *string
	SecretString       *string
	SecretBinary       []byte
	Tags               []tag
}

func (s *Service) createSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in createSecretInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	made := &record{name: in.Name, arn: s.newARN(in.Name)}
	if err := s.askCreate(call, made, in); err != nil {
		return nil, err
	}
	v, err := newValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	var token string
	if v.kind != absent {
		if token, err = valueToken(in.ClientRequestToken); err != nil {
			return nil, err
		}
	}
	if there := s.secrets[in.Name]; there != nil {
		return there.createdAlready(token, v)
	}
	if err := made.putTags(in.Tags); err != nil {
		return nil, err
	}
	if in.KmsKeyId != nil {
		if made.kmsKey, made.key, err = s.choose(call.Principal, made.arn, *in.KmsKeyId); err != nil {
			return nil, err
		}
	}
	if in.Description != nil {
		made.description = *in.Description
	}
	made.created = s.now()
	made.changed = made.created
	if v.kind != absent {
		if err := s.mayEncrypt(call.Principal, made.arn, made.key, token); err != nil {
			return nil, err
		}
		if _, err := s.put(ctx, made, token, v, made.key, nil); err != nil {
			return nil, err
		}
	}
	s.secrets[in.Name] = made
	return changed{ARN: made.arn, Name: made.name, VersionId: token}, nil
}

// askCreate asks for both actions that a new secret with tags takes.
func (s *Service) askCreate(call *awshttp.Call, made *record, in createSecretInput) error {
	own := tagKeys(in.Tags).set("secretsmanager:Name", &in.Name).
		set("secretsmanager:Description", in.Description).set("secretsmanager:KmsKeyId", in.KmsKeyId)
	if err := call.Authorize(s.access(made, "CreateSecret", in.Name, own)); err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return nil
	}
	return call.Authorize(s.access(made, "TagResource", in.Name, tagKeys(in.Tags)))
}

// createdAlready answers a request for a name that is taken: the repetition of the call that made the secret succeeds.
func (r *record) createdAlready(token string, v value) (any, error) {
	if !r.deleted.IsZero() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if made := r.version(token); made != nil && made.value.equal(v) {
		return changed{ARN: r.arn, Name: r.name, VersionId: token}, nil
	}
	return nil, alreadyExists("The operation failed because the secret %s already exists.", r.name)
}

// changed is the output of operations that change a secret.
type changed struct {
	ARN, Name     string
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
}
