package awslease

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// A call is what was being done, to what, and what the policies must allow for it.
type call struct {
	op, subject      string
	action, resource string

	beneath int // how many assumed roles are above whoever calls
}

// Codes of AWS services for credentials that do not do.
var (
	expired  = []string{"ExpiredToken", "ExpiredTokenException"}
	unknown  = []string{"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"}
	unsigned = []string{"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"}
	late     = []string{"RequestExpired", "RequestTimeTooSkewed"}
)

// denial reads what is missing from a refusal: AWS names the action and, mostly, the resource.
var denial = regexp.MustCompile(`is not authorized to perform: ([\w:*-]+)(?: on (?:the )?resource: (\S+))?`)

// explain is what a service answered to a call, as a *[fault.Error]. table comes before the general rules. A nil err is nil.
func (c *Client) explain(err error, at call, table awserror.Table) error {
	explained := awserror.Explain(err, at.op, at.subject, table)
	e, ok := errors.AsType[*fault.Error](explained)
	if !ok {
		return explained
	}
	code := awserror.Code(err)
	switch {
	case slices.Contains(expired, code), slices.Contains(unknown, code), slices.Contains(unsigned, code), slices.Contains(late, code):
		c.refused(e, code, at)
	case e.Reason == awserror.Unauthorized:
		if m := denial.FindStringSubmatch(err.Error()); m != nil {
			at.action = m[1]
			if m[2] != "" {
				at.resource = m[2]
			}
		}
		e.Fix = "allow " + at.action + " on " + at.resource + ", in the policy of the principal that the message names"
		if strings.HasPrefix(at.action, "sts:") {
			e.Fix += ", and in the trust policy of the role"
		}
	case e.Reason == awserror.Throttled:
		e.Fix = "try again later; let connections share one connector, which asks once for all of them"
	case e.Reason == awserror.Unavailable:
		e.Fix = "try again; check the route from here to the service's endpoint"
	}
	return e
}

// refused explains that the service does not accept the AWS credentials, and has the next call get new ones. What the service says of a
// signature is not passed on: it repeats the request, with its session token.
func (c *Client) refused(e *fault.Error, code string, at call) {
	c.forget()
	if at.subject != c.source.String() {
		e.Subject += " with " + c.source.String()
	}
	e.Kind, e.Err = fault.Blocked, errors.New(code)
	switch {
	case slices.Contains(expired, code) && c.source.renews(at.beneath):
		e.Kind, e.Reason, e.Fix = fault.Retry, CredentialsExpired, "try again; the next call gets new credentials, if this machine's clock is right"
	case slices.Contains(expired, code):
		e.Reason, e.Fix = CredentialsExpired, "get new temporary credentials: "+c.source.renewal()
	case slices.Contains(late, code):
		e.Kind, e.Reason, e.Fix = fault.Retry, CredentialsInvalid, "check this machine's clock"
	case slices.Contains(unsigned, code):
		e.Reason, e.Fix = CredentialsInvalid, "check the secret of the access key and its session token, and this machine's clock"
	default:
		e.Reason, e.Fix = CredentialsInvalid, "check the access key, and that its session token is given with it: "+c.source.renewal()
	}
}

// missing is an answer that lacks what it must have.
func missing(at call, what string) error {
	return &fault.Error{Kind: fault.Retry, Reason: AnswerIncomplete, Op: at.op, Subject: at.subject, Err: errors.New("the answer lacks " + what), Fix: "try again"}
}

// renewal is where new keys go.
func (s *source) renewal() string {
	switch {
	case s.given.Kind == resolve.Static:
		return "they are given as AccessKeyID, SecretAccessKey and SessionToken"
	case s.given.Kind == resolve.Profile, s.inProfile() && s.named:
		if p := s.find(func(p *profile) bool { return p.source == nil && p.name != "" }); p != nil {
			if p.credentialSource == fromEnvironment {
				return inEnvironment
			}
			return "they are in the profile " + p.name
		}
		return "they are in the profile " + s.profile
	case s.env.keys:
		return inEnvironment
	}
	return "the AWS SDK found them in its default chain"
}

const inEnvironment = "they are in the environment, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
