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
			"AssumeRole":                operation(s.answerAssumeRole),
			"AssumeRoleWithWebIdentity": operation(s.answerWebIdentity),
			"GetCallerIdentity":         operation(callerIdentity),
		},
		Unsigned: []string{"AssumeRoleWithWebIdentity"},
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
	ExternalId      *string
	Policy          string
}

// defaultSession is the life of a session that asks for none.
const defaultSession = time.Hour

func (s *Store) answerAssumeRole(call *awshttp.Call, in assumeRoleInput) (any, error) {
	a, err := wish(call.Principal, in.RoleArn, in.RoleSessionName, in.DurationSeconds, in.Policy)
	if err != nil {
		return nil, err
	}
	if in.ExternalId != nil {
		if len(*in.ExternalId) > maxExternalID || !externalID.MatchString(*in.ExternalId) {
			return nil, constraint(*in.ExternalId, "externalId", "satisfy regular expression pattern: [\\w+=,.@:\\/-]* and have a length of 2 to 1224")
		}
		a.externalID = *in.ExternalId
	}
	if err := call.Authorize(s.asks(a)); err != nil {
		return nil, err
	}
	key, p, err := s.assume(a)
	if err != nil {
		return nil, err
	}
	return shownSession(key, p), nil
}

// wish reads what all ways to a session have in common.
func wish(by awshttp.Principal, role, session string, seconds *int32, text string) (assumption, error) {
	a := assumption{by: by, role: role, session: session, ttl: defaultSession}
	if seconds != nil {
		a.ttl = time.Duration(*seconds) * time.Second
	}
	if err := a.wellFormed(); err != nil || text == "" {
		return a, err
	}
	d, err := readDocument(policy.Identity, "of the session", text)
	if err != nil {
		return a, err
	}
	if d.size() > maxSessionSize {
		return a, &awshttp.Error{Code: "PackedPolicyTooLarge", Message: "Session policy is larger than 2048 characters"}
	}
	a.policy = d.parsed
	return a, nil
}

// sessionOutput is a session as all operations answer it.
type sessionOutput struct {
	Credentials     credentialsOutput
	AssumedRoleUser assumedRoleUser
}

type credentialsOutput struct {
	AccessKeyId, SecretAccessKey, SessionToken string
	Expiration                                 time.Time
}

type assumedRoleUser struct{ AssumedRoleId, Arn string }

func shownSession(key Credentials, p awshttp.Principal) sessionOutput {
	return sessionOutput{
		credentialsOutput{key.AccessKeyID, key.SecretAccessKey.Reveal(), key.SessionToken.Reveal(), key.Expires.Truncate(time.Second)},
		assumedRoleUser{p.UserID, p.ARN},
	}
}
