package secretsmanager

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// Limits of schedules.
//
// Source: AWS Secrets Manager User Guide, "Schedule expressions in Secrets Manager rotation"; API Reference,
// RotationRulesType.
const (
	minInterval = 4 * time.Hour
	maxRateDays = 999
	maxDays     = 1000 // AutomaticallyAfterDays
)

// ruleNames are rotation rules as calls write them.
type ruleNames struct {
	AutomaticallyAfterDays *int64
	ScheduleExpression     *string
	Duration               *string
}

// A schedule says when rotation windows open. AWS rotates at some moment of a window; the sandbox does when it opens.
type schedule struct {
	names    ruleNames
	interval time.Duration // zero for cron
	hourly   bool          // the interval is in hours
	cron     *cron
	window   time.Duration // zero means the default: one hour where rotations are hours apart, else the rest of the day
}

// parseRules reads rules; nil and rules that say nothing are no schedule.
func parseRules(rules *ruleNames, now time.Time) (*schedule, error) {
	if rules == nil || rules.AutomaticallyAfterDays == nil && rules.ScheduleExpression == nil && rules.Duration == nil {
		return nil, nil
	}
	s := &schedule{names: *rules}
	switch days := rules.AutomaticallyAfterDays; {
	case days != nil && rules.ScheduleExpression != nil:
		return nil, invalidParameter("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
	case days != nil && (*days < 1 || *days > maxDays):
		return nil, invalidParameter("RotationRules.AutomaticallyAfterDays must be within 1-%d.", maxDays)
	case days != nil:
		s.interval = time.Duration(*days) * 24 * time.Hour
	case rules.ScheduleExpression == nil:
		return nil, invalidParameter("Duration needs AutomaticallyAfterDays or ScheduleExpression beside it.")
	default:
		if err := s.parseExpression(*rules.ScheduleExpression, now); err != nil {
			return nil, err
		}
	}
	return s, s.parseDuration(now)
}

var rate = regexp.MustCompile(`^rate\((\d{1,6}) (hour|day)s?\)$`)

func (s *schedule) parseExpression(expression string, now time.Time) error {
	if fields, ok := strings.CutPrefix(expression, "cron("); ok && strings.HasSuffix(fields, ")") {
		c, err := parseCron(strings.TrimSuffix(fields, ")"))
		if err != nil {
			return invalidParameter("The schedule expression %q is not valid: %v.", expression, err)
		}
		s.cron = c
		return s.checkGaps(now)
	}
	m := rate.FindStringSubmatch(expression)
	if m == nil {
		return invalidParameter("The schedule expression %q is not valid: use rate(value hours), rate(value days) or cron(fields).", expression)
	}
	n, _ := strconv.Atoi(m[1]) // six digits
	s.interval, s.hourly = time.Duration(n)*time.Hour, m[2] == "hour"
	if !s.hourly {
		s.interval *= 24
	}
	if s.interval < minInterval || s.interval > maxRateDays*24*time.Hour {
		return invalidParameter("The schedule expression %q is not valid: a rate is at least 4 hours and at most %d days.", expression, maxRateDays)
	}
	return nil
}

// checkGaps refuses a cron expression that opens windows too soon after each other, or none. A month of
// the closest windows that are allowed shows every combination of hours and days.
func (s *schedule) checkGaps(now time.Time) error {
	last, ok := s.cron.after(now)
	for i := 0; ok && i < 31*6; i++ {
		next, more := s.cron.after(last)
		if more && next.Sub(last) < minInterval {
			return invalidParameter("The schedule expression %q is not valid: a secret can rotate every 4 hours and not more often.", *s.names.ScheduleExpression)
		}
		last = next
	}
	if !ok {
		return invalidParameter("The schedule expression %q never comes true.", *s.names.ScheduleExpression)
	}
	return nil
}

var hours = regexp.MustCompile(`^(\d{1,2})h$`)

// parseDuration reads the length of the window, which ends on the day on which it begins and before the next begins.
func (s *schedule) parseDuration(now time.Time) error {
	if s.names.Duration == nil {
		return nil
	}
	m := hours.FindStringSubmatch(*s.names.Duration)
	if m == nil {
		return invalidParameter("The duration %q is not valid: use whole hours, for example 3h.", *s.names.Duration)
	}
	n, _ := strconv.Atoi(m[1]) // two digits
	s.window = time.Duration(n) * time.Hour
	opens, closes := s.next(now)
	following, _ := s.next(opens)
	if n < 1 || closes.After(endOfDay(opens)) || closes.After(following) {
		return invalidParameter("The duration %q is not valid: a window has at least one hour and ends before the next one and on the same UTC day.", *s.names.Duration)
	}
	return nil
}

// next returns the first window that opens after t. Windows of a rate in days open at midnight UTC and those of a
// rate in hours on the hour, so that the first may come sooner than a whole interval after t.
func (s *schedule) next(t time.Time) (opens, closes time.Time) {
	hourly := s.hourly
	switch {
	case s.cron != nil:
		opens, _ = s.cron.after(t)
		hourly = s.cron.hourly()
	case hourly:
		opens = t.Add(s.interval).Truncate(time.Hour)
	default:
		opens = day(t.Add(s.interval))
	}
	switch {
	case s.window > 0:
		return opens, opens.Add(s.window)
	case hourly:
		return opens, opens.Add(time.Hour)
	default:
		return opens, endOfDay(opens)
	}
}

func endOfDay(t time.Time) time.Time { return day(t).Add(24 * time.Hour) }

// planNext puts the secret's next window on the clock, in place of the one before. NextRotationDate is
// its end: "on or before this date".
func (s *Service) planNext(ctx context.Context, r *record) {
	o := &r.rotation
	if o.cancelNext != nil {
		o.cancelNext()
	}
	o.cancelNext, o.next = nil, time.Time{}
	if !o.enabled || o.schedule == nil {
		return
	}
	opens, closes := o.schedule.next(s.now())
	o.next = closes
	s.waitFor(ctx, r, opens)
}

// waitFor waits for a window.
func (s *Service) waitFor(ctx context.Context, r *record, opens time.Time) {
	ctx = context.WithoutCancel(ctx)
	r.rotation.cancelNext = s.config.Clock.At(opens, func() { s.rotateBySchedule(ctx, r) })
}

// rotateBySchedule starts a rotation or, where one has not finished, runs that again. NextRotationDate stays until a
// rotation succeeds, so it lies in the past while they fail.
func (s *Service) rotateBySchedule(ctx context.Context, r *record) {
	defer s.lock(ctx)()
	if !r.rotation.enabled || !r.deleted.IsZero() {
		return
	}
	opens, _ := r.rotation.schedule.next(s.now())
	s.waitFor(ctx, r, opens)
	if r.inProgress() != nil {
		s.reattempt(ctx, r)
		return
	}
	token := uuid.New()
	if err := s.begin(ctx, r, token); err != nil {
		s.emit(rotationFailed, r, token, err.Error())
	}
}

// countAsRotation moves the next rotation after a value was put by hand. AWS says so of AutomaticallyAfterDays, and
// not of schedule expressions.
func (s *Service) countAsRotation(ctx context.Context, r *record) {
	if o := &r.rotation; o.schedule != nil && o.schedule.names.AutomaticallyAfterDays != nil && o.at == nil {
		s.planNext(ctx, r)
	}
}
