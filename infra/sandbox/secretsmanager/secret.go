package secretsmanager

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A record is one secret. The service's lock guards it.
type record struct {
	name, arn           string
	description, kmsKey string
	key                 string // ARN of the KMS key that kmsKey names; empty for AWS's own
	owner               string // the service that manages the secret; empty if nobody but the account does
	policy              string // JSON; empty if there is none
	tags                []tag

	created, changed time.Time
	accessed         time.Time // a day; zero if its value was never read
	deleted          time.Time // when it may be removed for good; zero if it is not scheduled for deletion

	versions []*version // oldest first
	rotation rotation
}

type tag struct{ Key, Value string }

// marked is what most operations answer in the recovery window.
func marked() error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

// validName is AWS's rule for names.
var validName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`)

func checkName(name string) error {
	if len(name) > 512 || !validName.MatchString(name) {
		return &awshttp.Error{Code: "ValidationException",
			Message: "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"}
	}
	return nil
}

// arnPrefix is what the ARNs of secrets begin with.
func (s *Service) arnPrefix() string {
	return fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:", awshttp.Partition, s.config.Region, awshttp.Account)
}

// newARN makes an ARN with a suffix of its own, so that permissions for a secret that is gone do not hold for a new
// one with its name.
func (s *Service) newARN(name string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var suffix [6]byte
	_, _ = rand.Read(suffix[:]) // never fails
	for i, b := range suffix {
		suffix[i] = letters[int(b)%len(letters)]
	}
	return s.arnPrefix() + name + "-" + string(suffix[:])
}

// completeARN fits what AWS takes for a complete ARN: also a partial one whose name ends like a suffix, which is why
// AWS advises against such names.
var completeARN = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// find returns the secret with that name, complete ARN, or ARN without its suffix; nil if there is none.
func (s *Service) find(id string) *record {
	name, isARN := strings.CutPrefix(id, s.arnPrefix())
	if !isARN {
		return s.secrets[id]
	}
	if completeARN.MatchString(name) {
		if r := s.secrets[name[:len(name)-len("-123456")]]; r != nil && r.arn == id {
			return r
		}
		return nil
	}
	return s.secrets[name]
}

// current is the version that readers get; nil if the secret has none.
func (r *record) current() *version { return r.holder(labelCurrent) }

// day cuts t to the resolution of AWS's access dates.
func day(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

// optional is a member of an output that is left out when the time is zero.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
