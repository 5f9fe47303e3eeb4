// Package awserror turns what AWS answers into faults: by code, once, here.
package awserror

import (
	"errors"
	"net"
	"net/http"
	"slices"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicehq/sluice/shared/fault"
)

// Reasons that any AWS call can have.
const (
	Unauthorized = "Unauthorized" // the policies do not allow the call
	Throttled    = "Throttled"    // too many calls; the SDK's own retries are used up
	Unavailable  = "Unavailable"  // the service failed, or could not be reached in time
	Rejected     = "Rejected"     // the service does not accept the request
)

// A Cause is what one code of one operation means.
type Cause struct {
	Kind   fault.Kind
	Reason string
	Fix    string
}

// A Table says what codes mean where the general rules do not.
type Table map[string]Cause

// Codes that AWS services use for the same thing.
var (
	throttling = []string{"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
		"ProvisionedThroughputExceededException"}
	denied   = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
	identity = []string{"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "RequestExpired", "RequestTimeTooSkewed", "AuthFailure"}
	failing  = []string{"InternalFailure", "InternalError", "InternalException", "InternalServiceError", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable", "ServiceUnavailableException"}
)

// Explain is err as a *[fault.Error]. op and subject are what was being done and to what; table comes before the
// general rules. A nil err is nil.
func Explain(err error, op, subject string, table Table) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: op, Subject: subject, Err: err}
	e.Kind, e.Reason, e.Fix = classify(err, table)
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e.Err = &answer{api.ErrorCode() + ": " + api.ErrorMessage(), err}
	} else if unreadable(err) {
		e.Err = &answer{"the answer cannot be read", err} // the decoder quotes what it read, a password perhaps
	}
	return e
}

// Code is the code of what a service answered, empty if err is no answer of a service.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// An answer prints what the service said, without the request that the SDK puts around it.
type answer struct {
	said string
	err  error
}

func (a *answer) Error() string { return a.said }
func (a *answer) Unwrap() error { return a.err }

// unreadable reports whether an answer came whose content makes no sense.
func unreadable(err error) bool {
	_, ok := errors.AsType[*smithy.DeserializationError](err)
	return ok
}

func classify(err error, table Table) (fault.Kind, string, string) {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code := api.ErrorCode()
		cause, known := table[code]
		switch {
		case known:
			return cause.Kind, cause.Reason, cause.Fix
		case slices.Contains(throttling, code):
			return fault.Retry, Throttled, "nothing; it is tried again"
		case slices.Contains(denied, code):
			return fault.Blocked, Unauthorized, "allow the action and resource that the message names, in the policy of the principal that it names"
		case slices.Contains(identity, code):
			return fault.Retry, Unauthorized, "check the function's role and the machine's clock"
		case slices.Contains(failing, code):
			return fault.Retry, Unavailable, "nothing; it is tried again"
		}
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch status := response.HTTPStatusCode(); {
		case status == http.StatusTooManyRequests:
			return fault.Retry, Throttled, "nothing; it is tried again"
		case status >= http.StatusInternalServerError && status != http.StatusNotImplemented:
			return fault.Retry, Unavailable, "nothing; it is tried again"
		case status >= http.StatusBadRequest:
			return fault.Blocked, Rejected, "read the service's message; what was asked for is not valid"
		}
	}
	network, isNetwork := errors.AsType[net.Error](err)
	if _, failed := errors.AsType[*smithyhttp.RequestSendError](err); failed || isNetwork && network.Timeout() { // a deadline that passed is a network error, too
		return fault.Retry, Unavailable, "check the route from the function to the service's endpoint"
	}
	if unreadable(err) {
		return fault.Retry, Unavailable, "nothing; it is tried again"
	}
	return fault.Bug, "Unforeseen", "report this message"
}
