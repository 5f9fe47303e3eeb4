package secretsmanager

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A cron is the schedule cron(minutes hours day-of-month month day-of-week year) of Secrets Manager, in UTC. Minutes
// must be 0 and year must be *, because windows open on the hour. The sandbox reads numbers, names, lists, ranges,
// increments, * and ?, L for the last day of a month and d#n for the nth such weekday; it refuses the rest.
type cron struct {
	hours, days, months []bool // by value; days and months begin at 1
	weekdays            []bool // by time.Weekday
	anyDay, anyWeekday  bool   // the field is * or ?
	lastDay             bool   // L
	nth                 int    // of the weekday in its month; 0 means every one
}

var (
	monthNames = []string{"", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(expression string) (*cron, error) {
	f := strings.Fields(expression)
	if len(f) != 6 {
		return nil, fmt.Errorf("it has %d fields instead of 6", len(f))
	}
	if f[0] != "0" || f[5] != "*" {
		return nil, fmt.Errorf("minutes must be 0 and year must be *")
	}
	c := &cron{anyDay: wild(f[2]), anyWeekday: wild(f[4])}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, fmt.Errorf("one of day-of-month and day-of-week must be ?, and not both")
	}
	if f[2] == "L" {
		c.lastDay, f[2] = true, "?"
	}
	if weekday, nth, ok := strings.Cut(f[4], "#"); ok {
		n, err := strconv.Atoi(nth)
		if err != nil || n < 1 || n > 5 {
			return nil, fmt.Errorf("%q is no weekday of a month", f[4])
		}
		c.nth, f[4] = n, weekday
	}
	var err error
	for _, field := range []struct {
		into     *[]bool
		text     string
		min, max int
		names    []string
	}{
		{&c.hours, f[1], 0, 23, nil}, {&c.days, f[2], 1, 31, nil}, {&c.months, f[3], 1, 12, monthNames}, {&c.weekdays, f[4], 1, 7, dayNames},
	} {
		if *field.into, err = parseField(field.text, field.min, field.max, field.names); err != nil {
			return nil, err
		}
	}
	c.weekdays = c.weekdays[1:] // AWS counts Sunday as 1, Go as 0
	return c, nil
}

func wild(field string) bool { return field == "*" || field == "?" }

// parseField returns which values from 0 to max a field allows.
func parseField(field string, low, high int, names []string) ([]bool, error) {
	allowed := make([]bool, high+1)
	for part := range strings.SplitSeq(field, ",") {
		span, increment, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		first, last := low, high
		var err error
		if stepped && span == "" {
			span, from = "*", "*" // AWS's own examples write /4
		}
		if !wild(span) {
			if first, err = parseCronValue(from, low, high, names); err != nil {
				return nil, err
			}
			if !stepped {
				last = first
			}
		}
		if ranged {
			if last, err = parseCronValue(to, first, high, names); err != nil {
				return nil, err
			}
		}
		by := 1
		if stepped {
			if by, err = parseCronValue(increment, 1, high, nil); err != nil {
				return nil, err
			}
		}
		for v := first; v <= last; v += by {
			allowed[v] = true
		}
	}
	return allowed, nil
}

func parseCronValue(text string, low, high int, names []string) (int, error) {
	if i := slices.Index(names, strings.ToUpper(text)); i > 0 && i >= low {
		return i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not a value from %d to %d", text, low, high)
	}
	return n, nil
}

// horizon is how far ahead a cron looks, in days: a fifth Monday of February comes every 28 years, and once in 40.
const horizon = 41 * 366

// after returns the first instant later than t, false if there is none.
func (c *cron) after(t time.Time) (time.Time, bool) {
	date := day(t)
	for range horizon {
		if c.onDay(date) {
			for hour, allowed := range c.hours {
				if at := date.Add(time.Duration(hour) * time.Hour); allowed && at.After(t) {
					return at, true
				}
			}
		}
		date = date.Add(24 * time.Hour)
	}
	return time.Time{}, false
}

func (c *cron) onDay(date time.Time) bool {
	if !c.months[date.Month()] {
		return false
	}
	if c.lastDay {
		return date.AddDate(0, 0, 1).Day() == 1
	}
	if c.nth > 0 && (date.Day()-1)/7+1 != c.nth {
		return false
	}
	return (c.anyDay || c.days[date.Day()]) && (c.anyWeekday || c.weekdays[date.Weekday()])
}

// hourly reports whether the schedule opens several windows a day.
func (c *cron) hourly() bool {
	n := 0
	for _, allowed := range c.hours {
		if allowed {
			n++
		}
	}
	return n > 1
}
