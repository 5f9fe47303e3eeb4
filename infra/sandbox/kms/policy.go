package kms

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// defaultPolicy hands the decision to the identity policies of the account. KMS gives it to keys that are made without
// one.
//
// Source: AWS KMS Developer Guide, "Default key policy".
const defaultPolicy = `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",` +
	`"Principal":{"AWS":"arn:aws:iam::` + awshttp.Account + `:root"},"Action":"kms:*","Resource":"*"}]}`

// policyName is the only one that a key policy can have.
const policyName = "default"

// maxPolicy is the length of a key policy in bytes.
const maxPolicy = 32768

// setPolicy replaces the policy of a key. Unless the check is bypassed, KMS refuses a policy that would keep the caller
// from putting another.
func (s *Service) setPolicy(call *awshttp.Call, k *key, document string, bypass bool) error {
	if len(document) > maxPolicy {
		return &awshttp.Error{Code: "LimitExceededException", Message: "The key policy is too long."}
	}
	if _, err := policy.Parse(policy.Resource, "of "+k.arn, document); err != nil {
		return &awshttp.Error{Code: "MalformedPolicyDocumentException", Message: err.Error()}
	}
	next := *k
	next.policy = document
	if !bypass && s.config.Authorizer.Authorize(call.Principal, s.access(&next, "PutKeyPolicy", nil)) != nil {
		return &awshttp.Error{Code: "MalformedPolicyDocumentException",
			Message: "The new key policy will not allow you to update the key policy in the future."}
	}
	k.policy = document
	return nil
}

func (s *Service) putKeyPolicy(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		KeyId                          string `aws:"required"`
		Policy                         string `aws:"required"`
		PolicyName                     *string
		BypassPolicyLockoutSafetyCheck bool
	}
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if err := checkName(in.PolicyName); err != nil {
		return nil, err
	}
	return nil, s.setPolicy(call, k, in.Policy, in.BypassPolicyLockoutSafetyCheck)
}

func (s *Service) getKeyPolicy(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		KeyId      string `aws:"required"`
		PolicyName *string
	}
	k, err := s.open(call, &in, &in.KeyId)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if err := checkName(in.PolicyName); err != nil {
		return nil, err
	}
	return struct{ Policy, PolicyName string }{k.policy, policyName}, nil
}

func checkName(name *string) error {
	if name != nil && *name != policyName {
		return notFound("No such policy exists")
	}
	return nil
}
