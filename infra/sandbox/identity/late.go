package identity

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// A version is a role with its policies as decisions see it from an instant on.
type version struct {
	from     time.Time
	role     *role // nil: not there
	policies []*policy.Policy
	boundary *policy.Policy
}

// SetDelay makes changes of roles (their trust, policies, boundaries and tags, and whether they are there) count in
// decisions only d later by the sandbox's clock. IAM itself answers with what was written, at once: a role that
// GetRole shows may not be assumable yet, and one that is gone still is. It holds for changes from now on, and not for
// users. The default is 0.
//
// Source: IAM User Guide, "Troubleshooting IAM" (Changes that I make are not always immediately visible).
func (s *Store) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// late changes the role of that name, and what decisions see when the delay has passed. do changes nothing if it
// fails. The caller holds s.mu.
func (s *Store) late(name string, do func() (any, error)) (any, error) {
	key := folded(name)
	history := s.history[key]
	if s.delay == 0 && len(history) == 0 {
		return do()
	}
	if len(history) == 0 {
		history = []version{s.snapshot(key)}
	}
	out, err := do()
	if err != nil {
		return out, err
	}
	after := s.snapshot(key)
	now := s.clock.Now()
	after.from = now.Add(s.delay)
	history = append(history, after)
	history = history[visible(history, now):]
	if len(history) == 1 { // decisions see what is
		delete(s.history, key)
	} else {
		s.history[key] = history
	}
	return out, nil
}

// visible is the index of the version that decisions see. The first one is always old enough.
func visible(history []version, now time.Time) int {
	last := len(history) - 1
	for ; last > 0 && history[last].from.After(now); last-- {
	}
	return last
}

// snapshot copies a role as it is now. Its policies are resolved: a managed one may be gone when it counts.
func (s *Store) snapshot(key string) version {
	r := s.roles[key]
	if r == nil {
		return version{}
	}
	v := s.present(r)
	c := *r
	c.inline, c.tags, c.attached = maps.Clone(r.inline), maps.Clone(r.tags), slices.Clone(r.attached)
	v.role = &c
	return v
}

func (s *Store) present(r *role) version {
	v := version{role: r}
	v.policies, v.boundary = s.policies(&r.entity)
	return v
}

// seen is a role as decisions see it now; false if they see none of that ARN. The caller holds s.mu.
func (s *Store) seen(arn string) (version, bool) {
	history := s.history[folded(arn[strings.LastIndex(arn, "/")+1:])]
	if len(history) > 0 {
		v := history[visible(history, s.clock.Now())]
		return v, v.role != nil && v.role.arn() == arn
	}
	r := s.roleByARN(arn)
	if r == nil {
		return version{}, false
	}
	return s.present(r), true
}
