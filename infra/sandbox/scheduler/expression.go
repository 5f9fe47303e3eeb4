package scheduler

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // schedules name time zones, and the machine may have no database of them
)

// An Expression says when a schedule is due, without its window and its first and last day.
//
// Source: Amazon EventBridge Scheduler User Guide, "Schedule types".
type Expression struct {
	next func(after time.Time) (time.Time, bool)
	once bool
	rate time.Duration // of rate expressions
}

// Parse reads rate(value unit), cron(fields) or at(yyyy-mm-ddThh:mm:ss). zone is where cron and at look at the
// clock; a rate has no zone.
func Parse(text string, zone *time.Location) (Expression, error) {
	kind, inner, ok := strings.Cut(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !ok || !closed {
		return Expression{}, fmt.Errorf("read schedule expression %q: want rate(value unit), cron(fields) or at(time)", text)
	}
	var (
		e   Expression
		err error
	)
	switch kind {
	case "rate":
		e, err = parseRate(inner)
	case "cron":
		e, err = parseCron(inner, zone)
	case "at":
		e, err = parseAt(inner, zone)
	default:
		err = fmt.Errorf("%q is not one of rate, cron, at", kind)
	}
	if err != nil {
		return Expression{}, fmt.Errorf("read schedule expression %q: %w", text, err)
	}
	return e, nil
}

// Next is the first time after the given instant at which the schedule is due; ok is false if there is none.
// A rate counts from start, its first time; the others ignore it.
func (e Expression) Next(after, start time.Time) (due time.Time, ok bool) {
	if e.rate == 0 {
		return e.next(after)
	}
	if after.Before(start) {
		return start, true
	}
	return start.Add((after.Sub(start)/e.rate + 1) * e.rate), true
}

// Once reports whether the schedule is due only one time.
func (e Expression) Once() bool { return e.once }

var rateFields = regexp.MustCompile(`^(\d+) (minute|hour|day)s?$`)

func parseRate(inner string) (Expression, error) {
	m := rateFields.FindStringSubmatch(inner)
	if m == nil {
		return Expression{}, fmt.Errorf("%q is not a whole number and minutes, hours or days", inner)
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 || n > int(100*365*24*time.Hour/unit) {
		return Expression{}, fmt.Errorf("%s is not a number of %ss between 1 and a hundred years", m[1], m[2])
	}
	return Expression{rate: time.Duration(n) * unit}, nil
}

func parseAt(inner string, zone *time.Location) (Expression, error) {
	at, err := time.ParseInLocation("2006-01-02T15:04:05", inner, zone)
	if err != nil {
		return Expression{}, fmt.Errorf("%q is not a time in the form yyyy-mm-ddThh:mm:ss", inner)
	}
	return Expression{once: true, next: func(after time.Time) (time.Time, bool) { return at, at.After(after) }}, nil
}
