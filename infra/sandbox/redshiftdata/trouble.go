package redshiftdata

import (
	"fmt"
	"time"
)

// concurrent is what Redshift says of statements that get in each other's way.
// Source: aws/aws-cdk#22852.
const concurrent = "could not complete because of conflict with concurrent transaction"

// ErrConcurrent is the problem of a statement that lost against another one, for [Service.FailStatement].
const ErrConcurrent = "1023 " + concurrent

// SetSlow makes statements that are submitted from now on take d of the sandbox's time: until then they read STARTED and
// have done nothing. 0 is the ordinary speed.
func (s *Service) SetSlow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = d
}

// FailStatement makes the n-th SQL statement from now on fail on the server with a problem, such as [ErrConcurrent],
// before it has any effect; 1 is the next. Each statement of a batch counts.
func (s *Service) FailStatement(n int, problem string) error {
	if n < 1 {
		return fmt.Errorf("let statement %d fail: the next statement is 1", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[s.ran+int64(n)-1] = problem
	return nil
}

// Ran is how many SQL statements were begun so far, so that a test can let each of them fail in turn.
func (s *Service) Ran() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ran
}
