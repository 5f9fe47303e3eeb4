package lambda

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Codes of Lambda's errors.
const (
	invalid   = "InvalidParameterValueException"
	throttled = "TooManyRequestsException"
)

// A function is what CreateFunction made, with all that was attached to it since. [Service.mu] guards it.
type function struct {
	name     string
	settings settings
	revision int // grows with every change that running processes do not know of
	modified time.Time
	policy   []statement
	events   *eventInvoke // nil: the defaults
	reserved *int         // concurrency; nil: not limited
	tags     map[string]string

	idle     []*environment // the one used last is at the end
	busy     int            // invocations under way
	killNext int
	log      journal
}

var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	fullARN     = regexp.MustCompile(`^arn:aws:lambda:[a-z0-9-]+:(\d{12}):function:(.+)$`)
	partialARN  = regexp.MustCompile(`^(\d{12}):function:(.+)$`)
)

// bareName reads what a caller may give as a function: name, partial ARN or ARN, each with $LATEST behind it or
// nothing. Other versions and other accounts do not exist.
func bareName(given string) (string, error) {
	name := given
	for _, form := range []*regexp.Regexp{fullARN, partialARN} {
		m := form.FindStringSubmatch(given)
		if m == nil {
			continue
		}
		if m[1] != awshttp.Account {
			return "", notFound(given)
		}
		name = m[2]
	}
	name, qualifier, qualified := strings.Cut(name, ":")
	if !namePattern.MatchString(name) {
		return "", refuse("function name %q is not valid: want a name of letters, digits, - and _ (at most 64), or an ARN", given)
	}
	if qualified && qualifier != "$LATEST" {
		return "", notFound(given)
	}
	return name, nil
}

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", awshttp.Partition, s.config.Region, awshttp.Account, name)
}

// target names the function of a call and asks whether the caller may do action on it.
func (s *Service) target(call *awshttp.Call, action, given string) (name string, err error) {
	if name, err = bareName(given); err != nil {
		return "", err
	}
	access := awshttp.Access{Action: "lambda:" + action, Resource: s.arn(name), ResourcePolicy: s.policy(name)}
	return name, call.Authorize(access)
}

// find returns the function of that name. The caller holds s.mu.
func (s *Service) find(name string) (*function, error) {
	f := s.functions[name]
	if f == nil {
		return nil, notFound(s.arn(name))
	}
	return f, nil
}

func notFound(function string) error {
	return &awshttp.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "Function not found: " + function}
}

func refuse(format string, args ...any) error {
	return &awshttp.Error{Code: invalid, Message: fmt.Sprintf(format, args...)}
}
