package awslease

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Names that the SDK gives to services in errors.
const (
	stsService      = "STS"
	metadataService = "ec2imds"
	ssoService      = "SSO"
	oidcService     = "SSO OIDC"
	signinService   = "Signin"
)

// explainCredentials is why there are no AWS credentials, as a *[fault.Error].
func (c *Client) explainCredentials(ctx context.Context, err error) error {
	s := c.source
	e := &fault.Error{Kind: fault.Blocked, Op: "get AWS credentials", Subject: s.String()}
	set := func(reason string, cause error, fix string) error {
		e.Reason, e.Err, e.Fix = reason, cause, fix
		return e
	}
	service, operation, roles := innermost(err)
	if ctx.Err() != nil {
		e.Kind = fault.Retry
		return set(awserror.Unavailable, ctx.Err(), "try again, with more time")
	}
	if strings.Contains(err.Error(), "Missing Region") && c.cfg.Region == "" { // the SDK has no type for it
		return regionMissing(e.Op, e.Subject)
	}
	if hook, ok := errors.AsType[*errHook](err); ok {
		e.Kind = fault.Bug
		return set(hook.reason, hook, "")
	}
	if mfa, ok := errors.AsType[*errMFA](err); ok {
		return set(MFARequired, mfa, "give the code that the device shows now")
	}
	if _, ok := errors.AsType[*processcreds.ProviderError](err); ok {
		return set(CredentialsFailed, processFailure(err), "run the profile's credential_process by itself: it must print the JSON object that AWS describes")
	}
	if _, ok := errors.AsType[*credentials.StaticCredentialsEmptyError](err); ok {
		return set(CredentialsMissing, errors.New("there is no access key"), c.lookedFor())
	}
	if p := s.find(func(p *profile) bool { return p.sso != nil }); p != nil && s.inProfile() && sessionEnded(err, service) {
		return set(SessionExpired, errors.New("the single sign-on session has ended, or there is none"), "run: aws sso login --profile "+p.name)
	}
	if p := s.find(func(p *profile) bool { return p.loginSession != "" }); p != nil && s.inProfile() && sessionEnded(err, service) {
		return set(SessionExpired, errors.New("the login session has ended, or there is none"), "run: aws login --profile "+p.name)
	}
	switch service {
	case stsService:
		return c.explainRole(err, operation, roles)
	case metadataService:
		return c.explainMetadata(err)
	case "": // the container's provider has no name
		return c.explainContainer(err)
	}
	return c.explain(err, call{op: e.Op, subject: e.Subject, action: "the call", resource: "the account that the message names"}, nil)
}

// innermost is the service that failed, its operation, and how many roles were to be assumed with what it gives, itself included: a role is
// assumed with credentials that may themselves come from a service. It is empty where no service was asked.
func innermost(err error) (service, operation string, roles int) {
	for {
		e, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			break
		}
		service, operation, err = e.ServiceID, e.OperationName, e.Err
		if service == stsService {
			roles++
		}
	}
	_, answered := errors.AsType[smithy.APIError](err)
	_, unreadable := errors.AsType[*smithy.DeserializationError](err)
	_, response := errors.AsType[*smithyhttp.ResponseError](err)
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	if service == stsService && !answered && !unreadable && !response && !unsent {
		return "", "", roles // it has no credentials to ask with
	}
	return service, operation, roles
}

// sessionEnded reports whether a person has to log in to AWS again: nothing was asked because there is no token, or the token was refused.
func sessionEnded(err error, service string) bool {
	code := awserror.Code(err)
	switch service {
	case "":
		return true
	case ssoService:
		return code == "UnauthorizedException"
	case oidcService:
		return slices.Contains([]string{"InvalidGrantException", "ExpiredTokenException", "UnauthorizedClientException", "InvalidClientException"}, code)
	case signinService:
		return code == "AccessDeniedException"
	}
	return false
}

// processFailure is what may be said of a credential_process: the SDK quotes its output, in which keys may be.
func processFailure(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return errors.New("the credential_process ended with " + exit.Error())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the credential_process took too long")
	}
	return errors.New("the credential_process prints no credentials, or not as AWS describes")
}

// explainRole is why STS gives no session of a role.
func (c *Client) explainRole(err error, operation string, roles int) error {
	at := call{op: "assume a role", subject: c.source.String(), action: "sts:" + operation, resource: "the role", beneath: roles}
	if c.given.RoleARN != "" {
		at.resource = c.given.RoleARN
	} else if arn := cmp.Or(c.source.env.role, c.source.shared.role); arn != "" {
		at.resource = arn
	}
	if at.action == "sts:AssumeRoleWithWebIdentity" {
		renew := awserror.Cause{Kind: fault.Blocked, Reason: CredentialsInvalid, Fix: "check the token in AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file, and the role's trust"}
		return c.explain(err, at, awserror.Table{"InvalidIdentityToken": renew, "IDPRejectedClaim": renew,
			"IDPCommunicationError": {Kind: fault.Retry, Reason: awserror.Unavailable, Fix: "try again"}})
	}
	return c.explain(err, at, awserror.Table{
		"RegionDisabledException": {Kind: fault.Blocked, Reason: awserror.Rejected, Fix: "activate STS in this region, or give StsEndpointUrl"},
	})
}

// explainMetadata is why an instance gives no credentials.
func (c *Client) explainMetadata(err error) error {
	what := "no EC2 instance metadata service answers"
	response, answered := errors.AsType[*smithyhttp.ResponseError](err)
	switch {
	case strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true"):
		what = "AWS_EC2_METADATA_DISABLED is true"
	case answered && response.HTTPStatusCode() == 404:
		what = "the EC2 instance has no role"
	case answered:
		what = "the EC2 instance metadata service answers with status " + response.Response.Status
	}
	e := &fault.Error{Kind: fault.Blocked, Reason: MetadataMissing, Op: "get AWS credentials", Subject: c.source.String(), Err: errors.New(what)}
	e.Fix = "run on an EC2 instance with a role, or take InstanceProfile away: other places that run programs give credentials to the AWS SDK's default chain"
	if c.given.Kind != resolve.InstanceProfile {
		e.Reason, e.Fix = CredentialsMissing, c.lookedFor()
	}
	return e
}

// explainContainer is why an endpoint for containers gives no credentials, or why anything without a name does not.
func (c *Client) explainContainer(err error) error {
	e := &fault.Error{Kind: fault.Blocked, Reason: CredentialsFailed, Op: "get AWS credentials", Subject: c.source.String(), Err: err,
		Fix: "check what the AWS configuration says, in " + c.source.files[0] + ", in " + c.source.files[1] + " and in the environment"}
	for _, name := range []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		if os.Getenv(name) != "" && c.source.inProfile() {
			e.Fix = "check that the endpoint in " + name + " answers, and its authorization token"
			e.Kind = fault.Retry
			break
		}
	}
	if _, unreadable := errors.AsType[*smithy.DeserializationError](err); unreadable {
		e.Err = errors.New("the answer cannot be read") // the decoder may quote it
	}
	return e
}

// lookedFor says where credentials were looked for, and what to give.
func (c *Client) lookedFor() string {
	s := c.source
	if s.given.Kind == resolve.Static {
		return "give AccessKeyID and SecretAccessKey"
	}
	if p := s.find(func(p *profile) bool { return p.credentialSource != "" }); p != nil && s.inProfile() {
		says := "profile " + p.name + " says credential_source = " + p.credentialSource + ", and nothing else was looked at; "
		if p.credentialSource == fromEnvironment {
			return says + "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or take another source"
		}
		return says + "run on an EC2 instance with a role, or take another source"
	}
	rest := "profile " + s.profile + " of " + s.files[0] + " and " + s.files[1] + ", the container's endpoint and EC2 instance metadata; "
	if s.given.Kind == resolve.Profile {
		return "looked in " + rest + "write credentials into the profile, or give the property Profile with another, AccessKeyID with SecretAccessKey, or InstanceProfile"
	}
	return "looked in the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE), " + rest +
		"set one of them up, or give the property Profile, AccessKeyID with SecretAccessKey, or InstanceProfile"
}
