// Package kms plays the AWS Key Management Service as far as permissions go: keys with their policies, states and
// aliases, and the question whether somebody may use a key.
//
// There is no cryptography in it. Decrypt, GenerateDataKey and their like are no operations here: the services of the
// sandbox that encrypt call [Service.Use] instead, which decides as KMS would and encrypts nothing. Grants, tags that
// change, rotation and keys of AWS's own are not there either. All keys are symmetric.
package kms

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// Config says what the service works with.
type Config struct {
	Clock      *clock.Clock
	Authorizer awshttp.Authorizer // decides for [Service.Use]
	Region     string             // empty means awshttp.DefaultRegion
}

// A Service holds the keys of the account. Its methods may be called from several goroutines.
type Service struct {
	config Config

	mu      sync.Mutex
	keys    map[string]*key   // by id
	aliases map[string]string // alias/NAME to the id of a key
}

// New returns a service without keys.
func New(c Config) *Service {
	if c.Region == "" {
		c.Region = awshttp.DefaultRegion
	}
	return &Service{config: c, keys: map[string]*key{}, aliases: map[string]string{}}
}

// AWS lists the operations.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name:     "kms",
		Protocol: awshttp.JSON,
		Target:   "TrentService",
		Internal: "KMSInternalException",
		Invalid:  "ValidationException",
		Operations: map[string]awshttp.Operation{
			"CancelKeyDeletion":   s.cancelKeyDeletion,
			"CreateAlias":         s.createAlias,
			"CreateKey":           s.createKey,
			"DescribeKey":         s.describeKey,
			"DisableKey":          s.disableKey,
			"EnableKey":           s.enableKey,
			"GetKeyPolicy":        s.getKeyPolicy,
			"ListAliases":         s.listAliases,
			"PutKeyPolicy":        s.putKeyPolicy,
			"ScheduleKeyDeletion": s.scheduleKeyDeletion,
		},
	}
}

// now is the service's time, in whole seconds.
func (s *Service) now() time.Time { return s.config.Clock.Now().Truncate(time.Second) }

// arn is that of a key ("key/ID") or an alias ("alias/NAME").
func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", awshttp.Partition, s.config.Region, awshttp.Account, resource)
}

// find returns the key with that id, ARN, alias or ARN of an alias. The caller holds s.mu.
func (s *Service) find(id string) (*key, error) {
	name := strings.TrimPrefix(id, s.arn(""))
	if strings.HasPrefix(name, "alias/") {
		k := s.keys[s.aliases[name]]
		if k == nil {
			return nil, notFound("Alias %s is not found.", s.arn(name))
		}
		return k, nil
	}
	name = strings.TrimPrefix(name, "key/")
	if k := s.keys[name]; k != nil {
		return k, nil
	}
	if strings.HasPrefix(name, "arn:") {
		return nil, notFound("Invalid arn %s", name)
	}
	return nil, notFound("Key '%s' does not exist", s.arn("key/"+name))
}

// open decodes a call on one key, finds the key and asks for the action. Like KMS, it says first that there is no
// such key: without one there is no key policy to ask. The caller holds s.mu afterwards if there is no error.
func (s *Service) open(call *awshttp.Call, into any, id *string) (*key, error) {
	if err := call.Decode(into); err != nil {
		return nil, err
	}
	s.mu.Lock()
	k, err := s.find(*id)
	if err == nil {
		err = call.Authorize(s.access(k, call.Operation, nil))
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return k, nil
}

// access is the question about a key: its policy decides first.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Key Management Service".
func (s *Service) access(k *key, action string, context map[string][]string) awshttp.Access {
	keys := map[string][]string{"kms:CallerAccount": {awshttp.Account}, "kms:KeySpec": {keySpec}, "kms:KeyUsage": {keyUsage}}
	for name, value := range k.tags {
		keys["aws:ResourceTag/"+name] = []string{value}
	}
	if aliases := s.aliasesOf(k); len(aliases) > 0 {
		keys["kms:ResourceAliases"] = aliases
	}
	for name, values := range context {
		keys[name] = values
	}
	return awshttp.Access{Action: "kms:" + action, Resource: k.arn, Context: keys, ResourcePolicy: k.policy, Sovereign: true}
}

// ARN is that of the key with that id, ARN or alias. A key that is not there is an *[awshttp.Error] with the code
// NotFoundException.
func (s *Service) ARN(id string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(id)
	if err != nil {
		return "", err
	}
	return k.arn, nil
}

// Use reports why by may not do action (Decrypt, GenerateDataKey, …) with a key by way of a service, such as
// "secretsmanager.us-east-1.amazonaws.com", that says what it encrypts in an encryption context. The key is named by its
// id, its ARN or an alias. Nil means that it may.
//
// The key's policy decides, and with it the identity policies if it names the account. Refusals are *[awshttp.Error]s
// with KMS's codes: AccessDeniedException, NotFoundException, DisabledException and KMSInvalidStateException.
func (s *Service) Use(by awshttp.Principal, action, key, via string, encryption map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.find(key)
	if err != nil {
		return err
	}
	context := map[string][]string{"kms:ViaService": {via}}
	for name, value := range encryption {
		context["kms:EncryptionContext:"+name] = []string{value}
		context["kms:EncryptionContextKeys"] = append(context["kms:EncryptionContextKeys"], name)
	}
	if err := s.config.Authorizer.Authorize(by, s.access(k, action, context)); err != nil {
		return err
	}
	return k.usable()
}

func notFound(format string, args ...any) error {
	return &awshttp.Error{Code: "NotFoundException", Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

// wrongState is the refusal for a key that is disabled or about to be deleted.
func (k *key) wrongState() error {
	if k.state == disabled {
		return &awshttp.Error{Code: "DisabledException", Message: k.arn + " is disabled."}
	}
	return &awshttp.Error{Code: "KMSInvalidStateException", Message: k.arn + " is pending deletion."}
}

// usable is nil if the key encrypts and decrypts.
func (k *key) usable() error {
	if k.state == enabled {
		return nil
	}
	return k.wrongState()
}

func (s *Service) describeKey(_ context.Context, call *awshttp.Call) (any, error) {
	var in keyInput
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return struct{ KeyMetadata metadata }{k.metadata()}, nil
}
