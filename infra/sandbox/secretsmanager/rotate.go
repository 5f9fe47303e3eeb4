package secretsmanager

import (
	"context"
	"strconv"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type rotateSecretInput struct {
	SecretId           string `aws:"required"`
	ClientRequestToken *string
	RotationLambdaARN  *string
	RotationRules      *ruleNames
	RotateImmediately  *bool // nil means true
}

func (in rotateSecretInput) immediately() bool {
	return in.RotateImmediately == nil || *in.RotateImmediately
}

func (in rotateSecretInput) keys() keys {
	return keys{
		"secretsmanager:RotateImmediately":   {strconv.FormatBool(in.immediately())},
		"secretsmanager:ModifyRotationRules": {strconv.FormatBool(in.RotationRules != nil)},
	}.set("secretsmanager:RotationLambdaARN", in.RotationLambdaARN)
}

// rotateSecret configures rotation and starts one, or with RotateImmediately false only tests the function.
// Nothing is changed unless the whole request is accepted.
func (s *Service) rotateSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in rotateSecretInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	arn, function, err := s.rotationFunction(ctx, call, in)
	if err != nil {
		return nil, err
	}
	if in.ClientRequestToken == nil {
		return nil, invalidParameter("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	if err := checkToken(*in.ClientRequestToken); err != nil {
		return nil, err
	}
	rules, err := parseRules(in.RotationRules, s.now())
	if err != nil {
		return nil, err
	}
	if err := s.mayInvoke(ctx, call, arn, function); err != nil {
		return nil, err
	}
	return s.startRotation(ctx, arn, function, rules, in)
}

// startRotation starts what an acceptable request asks for.
//
// A token that has made a version for a rotation before is the repetition of a call whose answer was lost: it
// succeeds and starts nothing.
func (s *Service) startRotation(ctx context.Context, arn, function string, rules *schedule, in rotateSecretInput) (any, error) {
	defer s.lock(ctx)()
	r := s.find(arn)
	if r == nil || !r.deleted.IsZero() {
		return nil, marked() // while the permissions were looked at
	}
	token := *in.ClientRequestToken
	out := changed{ARN: r.arn, Name: r.name, VersionId: token}
	if v := r.version(token); v != nil {
		if v.rotates {
			return out, nil
		}
		return nil, invalidParameter("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, r.arn)
	}
	if r.inProgress() != nil {
		s.reattempt(ctx, r)
		return nil, invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	}
	start := s.begin
	if !in.immediately() {
		start = s.beginTest
	}
	if err := start(ctx, r, token); err != nil {
		return nil, err
	}
	s.configure(ctx, r, function, rules)
	return out, nil
}

// rotationFunction asks for the action and says which function it would use for which secret.
func (s *Service) rotationFunction(ctx context.Context, call *awshttp.Call, in rotateSecretInput) (arn, function string, err error) {
	defer s.lock(ctx)()
	r, err := s.openLive(call, "RotateSecret", in.SecretId, in.keys())
	if err != nil {
		return "", "", err
	}
	if in.RotationLambdaARN != nil {
		return r.arn, *in.RotationLambdaARN, nil
	}
	if r.rotation.function == "" {
		return "", "", invalidRequest("No Lambda rotation function ARN is associated with this secret.")
	}
	return r.arn, r.rotation.function, nil
}

// mayInvoke asks whether the caller and whether Secrets Manager may invoke function. s.mu is free meanwhile, because
// what answers is another service.
func (s *Service) mayInvoke(ctx context.Context, call *awshttp.Call, secretARN, function string) error {
	if err := call.Authorize(awshttp.Access{Action: "lambda:InvokeFunction", Resource: function}); err != nil {
		return err
	}
	if s.config.DryRun == nil {
		return nil
	}
	if err := s.config.DryRun(ctx, servicePrincipal(secretARN), function); err != nil {
		return &awshttp.Error{Code: "AccessDeniedException", Message: "Secrets Manager cannot invoke the specified Lambda function. " +
			"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."}
	}
	return nil
}

// configure turns rotation on. AWS does not say whether a secret without rules counts as rotating automatically; it
// does here, since RotateSecret is what turns rotation on.
func (s *Service) configure(ctx context.Context, r *record, function string, rules *schedule) {
	r.rotation.configured, r.rotation.enabled, r.rotation.function = true, true, function
	if rules != nil {
		r.rotation.schedule = rules
	}
	r.changed = s.now()
	s.planNext(ctx, r)
}

// cancelRotateSecret turns rotation off. AWSPENDING stays on a version that was being made, which blocks later
// rotations until somebody moves it.
func (s *Service) cancelRotateSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "CancelRotateSecret", in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	if !r.rotation.configured {
		return nil, invalidRequest("You can't cancel rotation of a secret that was never configured for it.")
	}
	out := changed{ARN: r.arn, Name: r.name}
	if v := r.inProgress(); v != nil {
		out.VersionId = v.id
	}
	r.stopRotating()
	r.rotation.enabled = false
	r.changed = s.now()
	return out, nil
}
