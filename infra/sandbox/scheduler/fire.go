package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// principal is the service that assumes the roles of schedules.
const principal = "scheduler.amazonaws.com"

// sessionLife is how long the session of one attempt is good for, the shortest that STS gives.
const sessionLife = 15 * time.Minute

// A shot is one occurrence of a schedule on its way to the target.
type shot struct {
	schedule string // ARN
	group    string
	target   target
	due      time.Time // as the expression says, without the place in the window
	fired    time.Time // of the first attempt
	id       string
	attempt  int // from 1 on
}

// arm puts the first occurrence after the given time on the clock. When there is none any more, the schedule is
// completed. The caller holds s.mu.
func (s *Service) arm(sc *schedule, after time.Time) {
	if sc.State == disabled {
		return
	}
	due, ok := sc.next(after)
	if !ok {
		if sc.ActionAfterCompletion == remove {
			delete(s.schedules, sc.key)
		}
		return
	}
	at := due.Add(sc.FlexibleTimeWindow.offset(sc.arn))
	sc.disarm = s.config.Clock.At(at, func() { s.fire(sc, due) })
}

// next is the first occurrence after the given time within StartDate and EndDate.
func (sc *schedule) next(after time.Time) (time.Time, bool) {
	start := sc.created
	if sc.StartDate != nil && !sc.expression.Once() {
		start = *sc.StartDate
		if after.Before(start) {
			after = start.Add(-1)
		}
	}
	due, ok := sc.expression.Next(after, start)
	if ok && sc.EndDate != nil && !sc.expression.Once() && due.After(*sc.EndDate) {
		return time.Time{}, false
	}
	return due, ok
}

// fire is called by the clock.
func (s *Service) fire(sc *schedule, due time.Time) {
	now := s.config.Clock.Now()
	s.mu.Lock()
	live := s.schedules[sc.key] == sc
	if live {
		s.arm(sc, now.Add(-sc.FlexibleTimeWindow.offset(sc.arn)))
	}
	s.mu.Unlock()
	if live {
		s.deliver(shot{schedule: sc.arn, group: sc.key.group, target: sc.Target, due: due, fired: now, id: uuid.New(), attempt: 1})
	}
}

// deliver makes one attempt, and puts the next one on the clock if it fails in a way that may pass.
func (s *Service) deliver(sh shot) {
	_, session, err := s.assume(sh.target.RoleArn, sh.group, sh.schedule)
	if err == nil {
		err = s.hand(session, sh)
	}
	if err == nil {
		return
	}
	now := s.config.Clock.Now()
	again, retry := sh.again(now, err)
	if !retry && sh.target.DeadLetterConfig != nil {
		err = errors.Join(err, s.bury(session, sh))
	}
	s.fail(Failure{Schedule: sh.schedule, Target: sh.target.Arn, Attempt: sh.attempt, Final: !retry, Err: err.Error(), Time: now})
	if retry {
		sh.attempt++
		s.config.Clock.At(again, func() { s.deliver(sh) })
	}
}

// hand gives the input to the target. The clock is the caller: there is no other context.
func (s *Service) hand(session awshttp.Principal, sh shot) error {
	input := sh.input(s.config.Region)
	if queueARN.MatchString(sh.target.Arn) {
		return s.config.Queues.Send(context.Background(), session, sh.target.Arn, string(input), 0)
	}
	return s.config.Invoker.InvokeAsync(context.Background(), session, sh.target.Arn, input)
}

// bury puts what could not be delivered into the dead-letter queue, with the schedule's role too. Without a session of
// that there is no way.
func (s *Service) bury(session awshttp.Principal, sh shot) error {
	if session.Role == "" {
		return nil
	}
	if err := s.config.Queues.Send(context.Background(), session, sh.target.DeadLetterConfig.Arn, string(sh.input(s.config.Region)), 0); err != nil {
		return fmt.Errorf("send to the dead-letter queue: %w", err)
	}
	return nil
}

// again is when the next attempt is due. Only what may pass is tried again: throttling and failures of the service.
func (sh shot) again(now time.Time, err error) (at time.Time, ok bool) {
	e, isAnswer := errors.AsType[*awshttp.Error](err)
	if isAnswer && e.Status != http.StatusTooManyRequests && e.Status < http.StatusInternalServerError {
		return time.Time{}, false
	}
	at = now.Add(min(time.Second<<min(sh.attempt, 10), 5*time.Minute))
	age := time.Duration(*sh.target.RetryPolicy.MaximumEventAgeInSeconds) * time.Second
	return at, sh.attempt <= *sh.target.RetryPolicy.MaximumRetryAttempts && at.Sub(sh.fired) <= age
}

// assume takes a session of a role as Scheduler does: for the group, not for the single schedule.
// Source: Amazon EventBridge Scheduler User Guide, "Confused deputy prevention".
func (s *Service) assume(role, group, purpose string) (identity.Credentials, awshttp.Principal, error) {
	by := awshttp.Principal{Service: principal, Context: map[string][]string{
		"aws:SourceAccount": {awshttp.Account}, "aws:SourceArn": {s.groupARN(group)},
	}}
	return s.config.Roles.Assume(by, role, fmt.Sprintf("%x", sha256.Sum256([]byte(purpose)))[:32], sessionLife)
}

// input is what the target gets: its Input with the placeholders filled, or an envelope if it has none.
func (sh shot) input(region string) []byte {
	due := sh.due.UTC().Format("2006-01-02T15:04:05Z")
	if sh.target.Input != nil {
		return []byte(strings.NewReplacer(
			"<aws.scheduler.schedule-arn>", sh.schedule,
			"<aws.scheduler.scheduled-time>", due,
			"<aws.scheduler.execution-id>", sh.id,
			"<aws.scheduler.attempt-number>", strconv.Itoa(sh.attempt),
		).Replace(*sh.target.Input))
	}
	envelope, _ := json.Marshal(map[string]any{ // strings always encode
		"version": "0", "id": sh.id, "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": awshttp.Account,
		"time": due, "region": region, "resources": []string{sh.schedule}, "detail": "{}",
	})
	return envelope
}
