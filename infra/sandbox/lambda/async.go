package lambda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// maxEvent is the largest payload of an asynchronous invocation, in bytes.
const maxEvent = 1 << 20

// An event is an asynchronous invocation that has been accepted.
type event struct {
	function  string
	requestID string // the same in every attempt
	payload   []byte
	accepted  time.Time
	attempts  int // that reached the function
	throttles int
}

// A Dropped event was accepted and will not be tried again.
type Dropped struct {
	Function  string
	RequestID string
	Reason    string // RetriesExhausted, EventAgeExceeded or FunctionDeleted
	Attempts  int    // that reached the function
	Cause     string // of the last attempt's failure, as the function or Lambda reported it
	Time      time.Time
}

// InvokeAsync accepts an event for a function, a name or an ARN, and runs it in the background by [clock.Clock.Go].
// A failure is repeated after one minute and again after two, unless the function's event invoke configuration says
// otherwise; what comes of it in the end shows in [Service.Dropped].
//
// Errors are *[awshttp.Error]s and mean that the event was not accepted.
func (s *Service) InvokeAsync(ctx context.Context, by awshttp.Principal, function string, payload []byte) error {
	f, err := s.allowed(by, function)
	if err != nil {
		return err
	}
	return s.queue(ctx, f, uuid.New(), payload)
}

// Dropped lists the events that were given up, the oldest first.
func (s *Service) Dropped() []Dropped {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dropped)
}

func (s *Service) queue(ctx context.Context, f *function, id string, payload []byte) error {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if err := checkPayload(payload, maxEvent); err != nil {
		return err
	}
	e := event{function: f.name, requestID: id, payload: slices.Clone(payload), accepted: s.config.Clock.Now()}
	ctx = context.WithoutCancel(ctx)
	s.config.Clock.Go(func() { s.attempt(ctx, e, "") })
	return nil
}

// attempt runs an event once. cause is why the attempt before failed.
func (s *Service) attempt(ctx context.Context, e event, cause string) {
	s.mu.Lock()
	f := s.functions[e.function]
	var policy eventInvoke
	if f != nil && f.events != nil {
		policy = *f.events
	}
	s.mu.Unlock()
	if f == nil {
		s.drop(e, "FunctionDeleted", cause)
		return
	}
	if s.config.Clock.Now().Sub(e.accepted) > policy.age() {
		s.drop(e, "EventAgeExceeded", cause)
		return
	}
	out, err := s.run(ctx, f, e.requestID, e.payload)
	if isThrottled(err) {
		e.throttles++
		s.again(ctx, e, throttlePause(e.throttles), err.Error())
		return
	}
	e.attempts++
	switch {
	case err == nil && out.functionError() == "":
	case e.attempts > policy.retries():
		s.drop(e, "RetriesExhausted", failure(out, err))
	default:
		s.again(ctx, e, time.Duration(e.attempts)*time.Minute, failure(out, err))
	}
}

func (s *Service) again(ctx context.Context, e event, pause time.Duration, cause string) {
	s.config.Clock.At(s.config.Clock.Now().Add(pause), func() {
		s.config.Clock.Go(func() { s.attempt(ctx, e, cause) })
	})
}

func failure(o outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(o.payload)
}

func isThrottled(err error) bool {
	e, ok := errors.AsType[*awshttp.Error](err)
	return ok && e.Code == throttled
}

// throttlePause grows from a second to five minutes (AWS Lambda Developer Guide, "How Lambda handles errors and
// retries with asynchronous invocation").
func throttlePause(throttles int) time.Duration {
	return min(time.Second<<min(throttles-1, 10), 5*time.Minute)
}

func (s *Service) drop(e event, reason, cause string) {
	now := s.config.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, Dropped{e.function, e.requestID, reason, e.attempts, cause, now})
	if f := s.functions[e.function]; f != nil {
		f.log.add(fmt.Appendf(nil, "sandbox: event %s dropped after %d attempts: %s", e.requestID, e.attempts, reason))
	}
}
