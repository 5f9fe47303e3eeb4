package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/scheduler"
)

func TestExpressionNext(t *testing.T) {
	for _, tc := range []struct {
		name, expression, zone string
		after                  string
		want                   string // times in order, separated by blanks; "-" for no more
	}{
		{"rate starts at its start", "rate(5 minutes)", "UTC", "2026-03-01T11:59:00Z", "2026-03-01T12:00:00Z 2026-03-01T12:05:00Z 2026-03-01T12:10:00Z"},
		{"rate keeps its grid", "rate(5 minutes)", "UTC", "2026-03-01T12:07:30Z", "2026-03-01T12:10:00Z"},
		{"rate in the singular", "rate(1 hour)", "UTC", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"},
		{"rate of days", "rate(2 days)", "UTC", "2026-03-01T12:00:00Z", "2026-03-03T12:00:00Z"},
		{"at", "at(2026-03-01T12:30:00)", "UTC", "2026-03-01T12:00:00Z", "2026-03-01T12:30:00Z -"},
		{"at in a zone", "at(2026-03-01T12:30:00)", "Europe/Berlin", "2026-03-01T11:00:00Z", "2026-03-01T11:30:00Z -"},
		{"at has passed", "at(2026-03-01T12:00:00)", "UTC", "2026-03-01T12:00:00Z", "-"},
		{"cron every ten minutes", "cron(0/10 * ? * * *)", "UTC", "2026-03-01T12:45:00Z", "2026-03-01T12:50:00Z 2026-03-01T13:00:00Z"},
		{"cron on workdays", "cron(15 10 ? * MON-FRI *)", "UTC", "2026-02-27T10:15:00Z", "2026-03-02T10:15:00Z 2026-03-03T10:15:00Z"},
		{"cron, Sunday is 1", "cron(0 0 ? * 1 *)", "UTC", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"},
		{"cron, list and range", "cron(0 8-9,17 * * ? *)", "UTC", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z 2026-03-01T17:00:00Z 2026-03-02T08:00:00Z"},
		{"cron, step in a range", "cron(0-30/15 0 * * ? *)", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:15:00Z 2026-03-01T00:30:00Z 2026-03-02T00:00:00Z"},
		{"cron, last of the month", "cron(0 0 L * ? *)", "UTC", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z 2028-03-31T00:00:00Z"},
		{"cron, last workday", "cron(0 0 LW * ? *)", "UTC", "2026-05-01T00:00:00Z", "2026-05-29T00:00:00Z 2026-06-30T00:00:00Z"},
		{"cron, workday near Saturday 15", "cron(0 0 15W 8 ? *)", "UTC", "2026-08-01T00:00:00Z", "2026-08-14T00:00:00Z"},
		{"cron, workday near Sunday 15", "cron(0 0 15W 3 ? *)", "UTC", "2026-03-01T00:00:00Z", "2026-03-16T00:00:00Z"},
		{"cron, workday near Saturday 1", "cron(0 0 1W 8 ? *)", "UTC", "2026-07-31T00:00:00Z", "2026-08-03T00:00:00Z"},
		{"cron, Saturday", "cron(0 0 ? * L *)", "UTC", "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z"},
		{"cron, last Friday", "cron(0 0 ? * 6L *)", "UTC", "2026-03-01T00:00:00Z", "2026-03-27T00:00:00Z 2026-04-24T00:00:00Z"},
		{"cron, second Tuesday", "cron(0 0 ? * TUE#2 *)", "UTC", "2026-03-01T00:00:00Z", "2026-03-10T00:00:00Z 2026-04-14T00:00:00Z"},
		{"cron, one year", "cron(0 0 1 JAN ? 2030)", "UTC", "2026-03-01T00:00:00Z", "2030-01-01T00:00:00Z -"},
		{"cron, a day that never comes", "cron(0 0 30 2 ? *)", "UTC", "2026-03-01T00:00:00Z", "-"},
		{"cron in a zone", "cron(0 8 * * ? *)", "America/New_York", "2026-03-07T14:00:00Z", "2026-03-08T12:00:00Z"},
		{"cron skips an hour that is not there", "cron(30 2 * * ? *)", "America/New_York", "2026-03-07T08:00:00Z", "2026-03-09T06:30:00Z"},
		{"cron comes once in an hour that is there twice", "cron(30 1 * * ? *)", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			zone, err := time.LoadLocation(tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			e, err := scheduler.Parse(tc.expression, zone)
			if err != nil {
				t.Fatal(err)
			}
			after := moment(t, tc.after)
			for _, want := range strings.Fields(tc.want) {
				got, ok := e.Next(after, start)
				if want == "-" {
					if ok {
						t.Errorf("after %v comes %v, want no more", after, got)
					}
					return
				}
				if !ok || !got.Equal(moment(t, want)) {
					t.Fatalf("after %v comes %v (%v), want %s", after, got.UTC(), ok, want)
				}
				after = got
			}
		})
	}
}

// start is where the rates of the tests begin.
var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseRefusesExpressions(t *testing.T) {
	for _, tc := range []struct{ expression, want string }{
		{"5 minutes", "want rate(value unit)"},
		{"rate(5 minutes", "want rate(value unit)"},
		{"every(5 minutes)", "not one of rate, cron, at"},
		{"rate(0 minutes)", "between 1 and"},
		{"rate(-1 minutes)", "whole number"},
		{"rate(5 weeks)", "minutes, hours or days"},
		{"rate(5minutes)", "whole number"},
		{"rate(99999999999999999999 days)", "between 1 and"},
		{"at(2026-03-01 12:00:00)", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-02-30T12:00:00)", "yyyy-mm-ddThh:mm:ss"},
		{"cron(0 12 * * ?)", "5 fields"},
		{"cron(0 12 * * * *)", "has to be ?"},
		{"cron(0 12 ? * ? *)", "has to be ?"},
		{"cron(60 12 * * ? *)", "minutes: \"60\""},
		{"cron(0 24 * * ? *)", "hours: \"24\""},
		{"cron(0 12 32 * ? *)", "day-of-month: \"32\""},
		{"cron(0 12 0W * ? *)", "day-of-month: \"0\""},
		{"cron(0 12 * 13 ? *)", "month: \"13\""},
		{"cron(0 12 ? * 8 *)", "day-of-week: \"8\""},
		{"cron(0 12 ? * 8L *)", "day-of-week: \"8\""},
		{"cron(0 12 ? * MON#6 *)", "between 1 and 5"},
		{"cron(0 12 ? * X#1 *)", "day-of-week: \"X\""},
		{"cron(0 12 * * ? 2200)", "year: \"2200\""},
		{"cron(0/0 12 * * ? *)", "not a step"},
		{"cron(30-10 12 * * ? *)", "ends before it begins"},
		{"cron(0-x 12 * * ? *)", "minutes: \"X\""},
	} {
		if _, err := scheduler.Parse(tc.expression, time.UTC); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Parse(%q): error %v, want one with %q", tc.expression, err, tc.want)
		}
	}
}
