package kms

import (
	"context"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// What all keys are.
const (
	keySpec  = "SYMMETRIC_DEFAULT"
	keyUsage = "ENCRYPT_DECRYPT"
	origin   = "AWS_KMS"
)

// The states of a key.
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

// A key is one. The service's lock guards what may change.
type key struct {
	id, arn     string
	description string
	policy      string // JSON
	tags        map[string]string
	created     time.Time
	state       string
	deleted     time.Time // when it goes for good; zero unless it is pending deletion
}

type keyInput struct {
	KeyId string `aws:"required"`
}

type metadata struct {
	AWSAccountId, KeyId, Arn       string
	CreationDate                   time.Time
	DeletionDate                   time.Time
	Enabled, MultiRegion           bool
	Description                    string
	KeyUsage, KeyState, Origin     string
	KeyManager                     string
	CustomerMasterKeySpec, KeySpec string
	EncryptionAlgorithms           []string
}

func (k *key) metadata() metadata {
	return metadata{
		AWSAccountId: awshttp.Account, KeyId: k.id, Arn: k.arn, CreationDate: k.created, DeletionDate: k.deleted,
		Enabled: k.state == enabled, Description: k.description, KeyUsage: keyUsage, KeyState: k.state, Origin: origin,
		KeyManager: "CUSTOMER", CustomerMasterKeySpec: keySpec, KeySpec: keySpec, EncryptionAlgorithms: []string{keySpec},
	}
}

type createKeyInput struct {
	Policy                         *string
	Description                    string
	KeySpec, CustomerMasterKeySpec *string
	KeyUsage, Origin               *string
	BypassPolicyLockoutSafetyCheck bool
	Tags                           []struct{ TagKey, TagValue string }
}

// plain refuses kinds of keys that are not there.
func (in createKeyInput) plain() error {
	for _, member := range []struct {
		name string
		have *string
		want string
	}{{"KeySpec", in.KeySpec, keySpec}, {"CustomerMasterKeySpec", in.CustomerMasterKeySpec, keySpec}, {"KeyUsage", in.KeyUsage, keyUsage}, {"Origin", in.Origin, origin}} {
		if member.have != nil && *member.have != member.want {
			return &awshttp.Error{Code: "UnsupportedOperationException",
				Message: "the sandbox does not have keys with " + member.name + " " + *member.have + "; it has " + member.want}
		}
	}
	return nil
}

func (s *Service) createKey(_ context.Context, call *awshttp.Call) (any, error) {
	var in createKeyInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	id := uuid.New()
	k := &key{id: id, arn: s.arn("key/" + id), description: in.Description, policy: defaultPolicy, tags: map[string]string{}, created: s.now(), state: enabled}
	ask := awshttp.Access{Action: "kms:CreateKey", Resource: "*", Context: map[string][]string{
		"kms:CallerAccount": {awshttp.Account}, "kms:KeySpec": {keySpec}, "kms:KeyUsage": {keyUsage}, "kms:KeyOrigin": {origin}}}
	for _, t := range in.Tags {
		if t.TagKey == "" || strings.HasPrefix(strings.ToLower(t.TagKey), "aws:") {
			return nil, &awshttp.Error{Code: "TagException", Message: "Tag key " + t.TagKey + " is empty or begins with aws:"}
		}
		k.tags[t.TagKey] = t.TagValue
		ask.Context["aws:RequestTag/"+t.TagKey] = []string{t.TagValue}
		ask.Context["aws:TagKeys"] = append(ask.Context["aws:TagKeys"], t.TagKey)
	}
	if err := call.Authorize(ask); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		ask.Action = "kms:TagResource"
		if err := call.Authorize(ask); err != nil {
			return nil, err
		}
	}
	if err := in.plain(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Policy != nil {
		if err := s.setPolicy(call, k, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	s.keys[id] = k
	return struct{ KeyMetadata metadata }{k.metadata()}, nil
}

func (s *Service) enableKey(_ context.Context, call *awshttp.Call) (any, error) {
	return s.become(call, enabled)
}

func (s *Service) disableKey(_ context.Context, call *awshttp.Call) (any, error) {
	return s.become(call, disabled)
}

// become changes between the two states that a key may have for long.
func (s *Service) become(call *awshttp.Call, state string) (any, error) {
	var in keyInput
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if k.state == pendingDeletion {
		return nil, k.wrongState()
	}
	k.state = state
	return nil, nil
}

// The waiting period before a key is deleted, in days.
const (
	minWindow     = 7
	maxWindow     = 30
	defaultWindow = 30
)

type deletion struct {
	KeyId               string // its ARN, says KMS
	DeletionDate        time.Time
	KeyState            string `json:",omitempty"`
	PendingWindowInDays int64  `json:",omitempty"`
}

func (s *Service) scheduleKeyDeletion(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		KeyId               string `aws:"required"`
		PendingWindowInDays *int64
	}
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	days := int64(defaultWindow)
	if in.PendingWindowInDays != nil {
		if days = *in.PendingWindowInDays; days < minWindow || days > maxWindow {
			return nil, invalid("PendingWindowInDays must be between %d and %d (inclusive).", minWindow, maxWindow)
		}
	}
	if k.state == pendingDeletion {
		return nil, k.wrongState()
	}
	at := s.now().Add(time.Duration(days) * 24 * time.Hour)
	k.state, k.deleted = pendingDeletion, at
	s.config.Clock.At(at, func() { s.remove(k, at) })
	return deletion{k.arn, at, k.state, days}, nil
}

// remove ends the waiting period that closes at at, unless the deletion was cancelled meanwhile. Aliases go with the key.
func (s *Service) remove(k *key, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.state != pendingDeletion || !k.deleted.Equal(at) {
		return
	}
	for _, name := range s.aliasesOf(k) {
		delete(s.aliases, name)
	}
	delete(s.keys, k.id)
}

func (s *Service) cancelKeyDeletion(_ context.Context, call *awshttp.Call) (any, error) {
	var in keyInput
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if k.state != pendingDeletion {
		return nil, &awshttp.Error{Code: "KMSInvalidStateException", Message: k.arn + " is not pending deletion."}
	}
	k.state, k.deleted = disabled, time.Time{}
	return struct{ KeyId string }{k.arn}, nil
}
