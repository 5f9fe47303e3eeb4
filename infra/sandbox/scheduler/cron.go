package scheduler

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A cron holds the six fields of a cron expression. Minutes, hours, months and years are lists in ascending order.
type cron struct {
	minutes, hours, months, years []int
	day                           func(date time.Time) bool // of the month or of the week, whichever is not ?
	zone                          *time.Location
}

// A cronField says what one field may hold.
type cronField struct {
	name     string
	min, max int
	names    []string // of the values from min on
}

var (
	cronMinute  = cronField{name: "minutes", min: 0, max: 59}
	cronHour    = cronField{name: "hours", min: 0, max: 23}
	cronDay     = cronField{name: "day-of-month", min: 1, max: 31}
	cronMonth   = cronField{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}}
	cronWeekday = cronField{"day-of-week", 1, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}
	cronYear    = cronField{name: "year", min: 1970, max: 2199}
)

func parseCron(inner string, zone *time.Location) (Expression, error) {
	fields := strings.Fields(strings.ToUpper(inner))
	if len(fields) != 6 {
		return Expression{}, fmt.Errorf("%d fields; want minutes hours day-of-month month day-of-week year", len(fields))
	}
	c := cron{zone: zone}
	for _, f := range []struct {
		field cronField
		text  string
		into  *[]int
	}{
		{cronMinute, fields[0], &c.minutes}, {cronHour, fields[1], &c.hours},
		{cronMonth, fields[3], &c.months}, {cronYear, fields[5], &c.years},
	} {
		values, err := f.field.values(f.text)
		if err != nil {
			return Expression{}, err
		}
		*f.into = values
	}
	var err error
	if c.day, err = parseDays(fields[2], fields[4]); err != nil {
		return Expression{}, err
	}
	return Expression{next: c.next}, nil
}

// parseDays reads the two fields for days, one of which has to be ?.
func parseDays(month, week string) (func(time.Time) bool, error) {
	switch {
	case (month == "?") == (week == "?"):
		return nil, fmt.Errorf("one of day-of-month (%s) and day-of-week (%s) has to be ?, and only one", month, week)
	case week == "?":
		return parseMonthday(month)
	default:
		return parseWeekday(week)
	}
}

// parseMonthday reads a list of days, L (the last), LW (the last from Monday to Friday) or nW (the one from Monday to
// Friday that is nearest to the nth in that month).
func parseMonthday(text string) (func(time.Time) bool, error) {
	if text == "L" {
		return func(d time.Time) bool { return d.Day() == lastDay(d) }, nil
	}
	if text == "LW" {
		return func(d time.Time) bool { return d.Day() == nearestWorkday(d, lastDay(d)) }, nil
	}
	if near, ok := strings.CutSuffix(text, "W"); ok {
		n, err := cronDay.value(near)
		if err != nil {
			return nil, err
		}
		return func(d time.Time) bool { return n <= lastDay(d) && d.Day() == nearestWorkday(d, n) }, nil
	}
	days, err := cronDay.values(text)
	if err != nil {
		return nil, err
	}
	return func(d time.Time) bool { return slices.Contains(days, d.Day()) }, nil
}

// parseWeekday reads a list of weekdays (1 is Sunday), L (Saturday), nL (the last of the month) or n#k (the kth of the month).
func parseWeekday(text string) (func(time.Time) bool, error) {
	weekday := func(d time.Time) int { return int(d.Weekday()) + 1 }
	if text == "L" {
		return func(d time.Time) bool { return weekday(d) == 7 }, nil
	}
	if day, ok := strings.CutSuffix(text, "L"); ok {
		n, err := cronWeekday.value(day)
		if err != nil {
			return nil, err
		}
		return func(d time.Time) bool { return weekday(d) == n && d.Day()+7 > lastDay(d) }, nil
	}
	if day, which, ok := strings.Cut(text, "#"); ok {
		n, err := cronWeekday.value(day)
		if err != nil {
			return nil, err
		}
		k, err := strconv.Atoi(which)
		if err != nil || k < 1 || k > 5 {
			return nil, fmt.Errorf("day-of-week: %s is not a number between 1 and 5", which)
		}
		return func(d time.Time) bool { return weekday(d) == n && (d.Day()+6)/7 == k }, nil
	}
	days, err := cronWeekday.values(text)
	if err != nil {
		return nil, err
	}
	return func(d time.Time) bool { return slices.Contains(days, weekday(d)) }, nil
}

func lastDay(d time.Time) int {
	return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearestWorkday is the day from Monday to Friday nearest to the nth of d's month, without leaving the month.
func nearestWorkday(d time.Time, n int) int {
	switch time.Date(d.Year(), d.Month(), n, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == lastDay(d) {
			return n - 2
		}
		return n + 1
	default:
		return n
	}
}

// values reads a field: a list of values, ranges and steps, or * for all.
func (f cronField) values(text string) ([]int, error) {
	var all []int
	for _, part := range strings.Split(text, ",") {
		span, every, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(every)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%s: %q is not a step", f.name, every)
			}
			step = n
		}
		first, last, err := f.span(span, stepped)
		if err != nil {
			return nil, err
		}
		for v := first; v <= last; v += step {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// span reads *, a value or a range. A value before a step stands for the range that begins there.
func (f cronField) span(text string, stepped bool) (first, last int, err error) {
	if text == "*" {
		return f.min, f.max, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if first, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		if last, err = f.value(to); err != nil {
			return 0, 0, err
		}
	case stepped:
		last = f.max
	default:
		last = first
	}
	if last < first {
		return 0, 0, fmt.Errorf("%s: %s ends before it begins", f.name, text)
	}
	return first, last, nil
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.min + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max {
		return 0, fmt.Errorf("%s: %q is not a value between %d and %d", f.name, text, f.min, f.max)
	}
	return n, nil
}

// next looks for the first due time after the given one, on the clock on the wall of the zone. A time that this clock
// skips (daylight saving begins) is not due; one that it shows twice is due once.
func (c cron) next(after time.Time) (time.Time, bool) {
	local := after.In(c.zone)
	for date := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC); date.Year() <= cronYear.max; date = date.AddDate(0, 0, 1) {
		if !slices.Contains(c.years, date.Year()) {
			date = time.Date(date.Year(), time.December, 31, 0, 0, 0, 0, time.UTC)
			continue
		}
		if !slices.Contains(c.months, int(date.Month())) || !c.day(date) {
			continue
		}
		for _, hour := range c.hours {
			for _, minute := range c.minutes {
				due := time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, c.zone)
				if due.Hour() == hour && due.Minute() == minute && due.After(after) {
					return due, true
				}
			}
		}
	}
	return time.Time{}, false
}
