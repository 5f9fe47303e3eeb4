package identity

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// sts is the Security Token Service.
// Source: AWS Security Token Service API Reference, version 2011-06-15.
func (s *Store) sts() awshttp.Service {
	return awshttp.Service{
		Name: "sts", Protocol: awshttp.Query, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Version: "2011-06-15",
		Internal: "InternalFailure", Invalid: "ValidationError",
		Operations: map[string]awshttp.Operation{
			"AssumeRole":        operation(s.answerAssumeRole),
			"GetCallerIdentity": operation(callerIdentity),
		},
	}
}

// operation makes an operation of a function with a decoded input.
func operation[In any](do func(*awshttp.Call, In) (any, error)) awshttp.Operation {
	return func(_ context.Context, call *awshttp.Call) (any, error) {
		var in In
		if err := call.Decode(&in); err != nil {
			return nil, err
		}
		return do(call, in)
	}
}

// callerIdentity needs no permission: AWS answers it to everybody who can sign.
func callerIdentity(call *awshttp.Call, _ struct{}) (any, error) {
	return struct{ UserId, Account, Arn string }{call.Principal.UserID, call.Principal.Account, call.Principal.ARN}, nil
}

type assumeRoleInput struct {
	RoleArn         string `aws:"required"`
	RoleSessionName string `aws:"required"`
	DurationSeconds *int32
	ExternalId      string
	Policy          string
}

// defaultSession is the life of a session that asks for none.
const defaultSession = time.Hour

func (s *Store) answerAssumeRole(call *awshttp.Call, in assumeRoleInput) (any, error) {
	a := assumption{by: call.Principal, role: in.RoleArn, session: in.RoleSessionName, externalID: in.ExternalId, ttl: defaultSession}
	if in.DurationSeconds != nil {
		a.ttl = time.Duration(*in.DurationSeconds) * time.Second
	}
	if in.Policy != "" {
		d, err := readDocument(policy.Identity, "of the session", in.Policy)
		if err != nil {
			return nil, err
		}
		if d.size() > maxSessionSize {
			return nil, &awshttp.Error{Code: "PackedPolicyTooLarge", Message: "Session policy is larger than 2048 characters"}
		}
		a.policy = d.parsed
	}
	if err := call.Authorize(s.asks(a)); err != nil {
		return nil, err
	}
	key, p, err := s.assume(a)
	if err != nil {
		return nil, err
	}
	type credentials struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	type assumedRoleUser struct{ AssumedRoleId, Arn string }
	return struct {
		Credentials     credentials
		AssumedRoleUser assumedRoleUser
	}{
		credentials{key.AccessKeyID, key.SecretAccessKey.Reveal(), key.SessionToken.Reveal(), key.Expires.Truncate(time.Second)},
		assumedRoleUser{p.UserID, p.ARN},
	}, nil
}
