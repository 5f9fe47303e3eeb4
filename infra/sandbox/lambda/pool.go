package lambda

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// renewal is how much longer than the function's time limit the credentials of a process have to live for it to be
// given one more invocation.
const renewal = time.Minute

var errClosed = errors.New("the sandbox's Lambda is closed")

// busy is the share of one invocation in a function's concurrency.
type busy struct {
	name        string
	revision    int
	settings    settings
	environment *environment
	kill        bool // asked for by KillNext
	spoiled     bool // the environment cannot be used again
}

// begin takes a share and an environment: the one that was used last if its process still fits, else a new one.
func (s *Service) begin(ctx context.Context, f *function) (*busy, error) {
	b, stale, err := s.take(f)
	for _, e := range stale {
		s.discard(e)
	}
	if err != nil || b.environment != nil {
		return b, err
	}
	b.environment, err = s.launch(ctx, b.name, b.revision, b.settings)
	if err != nil {
		s.end(f, b)
		return nil, err
	}
	return b, nil
}

func (s *Service) take(f *function) (b *busy, stale []*environment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	if f.reserved != nil && f.busy >= *f.reserved {
		return nil, nil, &awshttp.Error{Status: http.StatusTooManyRequests, Code: throttled, Message: "Rate Exceeded."}
	}
	f.busy++
	b = &busy{name: f.name, revision: f.revision, settings: f.settings}
	if f.killNext > 0 {
		f.killNext--
		b.kill = true
	}
	enough := s.config.Clock.Now().Add(f.settings.timeout() + renewal)
	for b.environment == nil && len(f.idle) > 0 {
		last := len(f.idle) - 1
		e := f.idle[last]
		f.idle = f.idle[:last]
		if e.life.Err() == nil && e.expires.After(enough) {
			b.environment = e
		} else {
			stale = append(stale, e)
		}
	}
	return b, stale, nil
}

// end gives the share back, and keeps the process if it can serve again.
func (s *Service) end(f *function, b *busy) {
	s.mu.Lock()
	f.busy--
	keep := b.environment != nil && !b.spoiled && !s.closed && b.revision == f.revision
	if keep {
		f.idle = append(f.idle, b.environment)
	}
	s.mu.Unlock()
	if b.environment != nil && !keep {
		s.discard(b.environment)
	}
}

// KillNext makes the next invocation of the function kill its process as soon as this has taken the event: a crash
// in the middle of the work. Called several times, it holds for as many invocations.
func (s *Service) KillNext(function string) error {
	name, err := bareName(function)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return err
	}
	f.killNext++
	return nil
}
