package lambda

import (
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Kill ends the process that has the session p at once, and returns when it is gone: a crash in the middle of a call. Its
// invocation ends as any does whose process exits, with Runtime.ExitError. It reports whether there was such a process.
func (s *Service) Kill(p awshttp.Principal) bool {
	e := s.holder(p)
	if e == nil {
		return false
	}
	e.kill()
	return true
}

// KillAll ends the processes of a function, given by name, at once, those that wait for work too. It is for a cause that
// knows no session, such as a statement in a database. It returns how many there were.
func (s *Service) KillAll(function string) int {
	s.mu.Lock()
	var all []*environment
	for e := range s.alive {
		if e.function == function && e.life.Err() == nil {
			all = append(all, e)
		}
	}
	s.mu.Unlock()
	for _, e := range all {
		e.kill()
	}
	return len(all)
}

// holder is the process that was given the session; nil if none has it. Sessions of one function share their name, and
// differ in what [identity.Store] puts into their contexts.
func (s *Service) holder(p awshttp.Principal) *environment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Role == "" {
		return nil
	}
	for e := range s.alive {
		if e.session.ARN == p.ARN && e.session.Role == p.Role && maps.EqualFunc(e.session.Context, p.Context, slices.Equal) {
			return e
		}
	}
	return nil
}
