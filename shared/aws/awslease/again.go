package awslease

import (
	"errors"

	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// again asks once more where AWS says that credentials have ended and asking again gets others: by a clock that is late they had not, and
// they are forgotten now.
func again(ask func() error) error {
	err := ask()
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Reason == CredentialsExpired && e.Kind == fault.Retry {
		err = ask()
	}
	return err
}

// renews reports whether asking again gives other credentials, with nobody doing anything: of those that call, or of those beneath this many
// assumed roles.
func (s *source) renews(beneath int) bool {
	role := func() bool { // whether a session of a role is what is asked about
		beneath--
		return beneath < 0
	}
	if s.given.RoleARN != "" && role() {
		return true
	}
	switch {
	case s.given.Kind == resolve.InstanceProfile:
		return true
	case s.given.Kind == resolve.Static, !s.inProfile() && s.env.keys:
		return false
	case !s.inProfile():
		return true // by a web identity
	}
	p := &s.shared
	for ; p.source != nil; p = p.source {
		if role() {
			return true
		}
	}
	if p.role != "" && role() {
		return true
	}
	return p.key == "" && p.credentialSource != fromEnvironment
}
