package secretsmanager

import (
	"context"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type getSecretValueInput struct {
	SecretId                string `aws:"required"`
	VersionId, VersionStage *string
}

type secretValue struct {
	ARN, Name     string
	VersionId     string
	VersionStages []string  `json:",omitempty"`
	CreatedDate   time.Time // of the version
	SecretString  *string
	SecretBinary  []byte `json:",omitempty"`
}

func (s *Service) getSecretValue(ctx context.Context, call *awshttp.Call) (any, error) {
	var in getSecretValueInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "GetSecretValue", in.SecretId, s.readKeys(in))
	if err != nil {
		return nil, err
	}
	v, err := r.read(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	if err := s.mayDecrypt(call.Principal, r, v); err != nil {
		return nil, err
	}
	v.accessed, r.accessed = day(s.now()), day(s.now())
	out := secretValue{ARN: r.arn, Name: r.name, VersionId: v.id, VersionStages: v.labelled(), CreatedDate: v.created}
	if v.value.kind == text {
		out.SecretString = new(v.value.content.Reveal())
	} else {
		out.SecretBinary = []byte(v.value.content.Reveal())
	}
	return out, nil
}

// readKeys are the condition keys of a read. secretsmanager:VersionStage holds every label of the version that is
// read, for ForAnyValue operators to look through, also where the request names the version by its id.
func (s *Service) readKeys(in getSecretValueInput) keys {
	k := keys{}.set("secretsmanager:VersionId", in.VersionId).set("secretsmanager:VersionStage", in.VersionStage)
	if r := s.find(in.SecretId); r != nil {
		if v, err := r.read(in.VersionId, in.VersionStage); err == nil && len(v.labels) > 0 {
			k["secretsmanager:VersionStage"] = v.labelled()
		}
	}
	return k
}

// read returns the version that id, label or both name, AWSCURRENT if neither does. A version without a value
// cannot be read: a rotation has reserved it.
func (r *record) read(id, label *string) (*version, error) {
	if id != nil {
		v := r.version(*id)
		if v == nil || v.value.kind == absent {
			return nil, notFound("Secrets Manager can't find the specified secret value for VersionId: %s", *id)
		}
		if label != nil && !slices.Contains(v.labels, *label) {
			return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
		}
		return v, nil
	}
	wanted := labelCurrent
	if label != nil {
		wanted = *label
	}
	v := r.holder(wanted)
	if v == nil || v.value.kind == absent {
		return nil, notFound("Secrets Manager can't find the specified secret value for staging label: %s", wanted)
	}
	return v, nil
}

type putSecretValueInput struct {
	SecretId           string `aws:"required"`
	ClientRequestToken *string
	SecretString       *string
	SecretBinary       []byte
	VersionStages      []string
	RotationToken      *string // tells rotation from another account apart; there is one account here
}

func (s *Service) putSecretValue(ctx context.Context, call *awshttp.Call) (any, error) {
	var in putSecretValueInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "PutSecretValue", in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	token, err := valueToken(in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	v, err := newValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if v.kind == absent {
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	if err := s.mayEncrypt(call.Principal, r.arn, r.key, token); err != nil {
		return nil, err
	}
	made, err := s.put(ctx, r, token, v, r.key, in.VersionStages)
	if err != nil {
		return nil, err
	}
	return changed{r.arn, r.name, made.id, made.labelled()}, nil
}

type updateSecretInput struct {
	SecretId           string `aws:"required"`
	ClientRequestToken *string
	Description        *string
	KmsKeyId           *string
	SecretString       *string
	SecretBinary       []byte
}

func (s *Service) updateSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in updateSecretInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	own := keys{}.set("secretsmanager:Description", in.Description).set("secretsmanager:KmsKeyId", in.KmsKeyId)
	r, err := s.openLive(call, "UpdateSecret", in.SecretId, own)
	if err != nil {
		return nil, err
	}
	v, err := newValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	given, key := r.kmsKey, r.key
	if in.KmsKeyId != nil {
		if given, key, err = s.choose(call.Principal, r.arn, *in.KmsKeyId); err != nil {
			return nil, err
		}
	}
	out := changed{ARN: r.arn, Name: r.name}
	if v.kind != absent {
		if out.VersionId, err = s.update(ctx, call.Principal, r, in.ClientRequestToken, v, key); err != nil {
			return nil, err
		}
	}
	if key != r.key {
		s.rekey(call.Principal, r, key)
	}
	r.kmsKey, r.key = given, key
	if in.Description != nil {
		r.description = *in.Description
	}
	r.changed = s.now()
	return out, nil
}

// update puts a value under a token that must be new: UpdateSecret has no no-op for a repeated one.
func (s *Service) update(ctx context.Context, by awshttp.Principal, r *record, clientToken *string, v value, key string) (id string, err error) {
	token, err := valueToken(clientToken)
	if err != nil {
		return "", err
	}
	if r.version(token) != nil {
		return "", tokenInUse(r, token)
	}
	if err := s.mayEncrypt(by, r.arn, key, token); err != nil {
		return "", err
	}
	_, err = s.put(ctx, r, token, v, key, nil)
	return token, err
}

func tokenInUse(r *record, token string) error {
	return alreadyExists("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, r.arn)
}

// put gives the version called token a value, encrypted with a key, and labels; it makes the version unless a rotation has reserved it.
// A version that has this value already is left as it is, labels too. Without labels the version becomes AWSCURRENT,
// and so does the first that has a value at all.
//
// A new AWSCURRENT ends a rotation that has not finished; see [Service.abandon].
func (s *Service) put(ctx context.Context, r *record, token string, v value, key string, labels []string) (*version, error) {
	at := r.version(token)
	if at != nil && at.value.kind != absent {
		if at.value.equal(v) {
			return at, nil
		}
		return nil, tokenInUse(r, token)
	}
	if len(labels) == 0 || !r.hasValue() && !slices.Contains(labels, labelCurrent) {
		labels = append(slices.Clone(labels), labelCurrent)
	}
	if err := r.checkLabels(labels); err != nil {
		return nil, err
	}
	if at == nil {
		var err error
		if at, err = r.add(token, value{}, s.now()); err != nil {
			return nil, err
		}
	}
	at.value, at.keys = v, []string{key}
	if slices.Contains(labels, labelCurrent) {
		s.abandon(r, at)
	}
	for _, l := range labels {
		r.label(at, l)
	}
	r.changed = s.now()
	s.countAsRotation(ctx, r)
	return at, nil
}
