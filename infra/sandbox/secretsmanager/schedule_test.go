package secretsmanager_test

import (
	"strings"
	"testing"
	"time"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// configure gives app rules without rotating it.
func (w *world) configure(rules types.RotationRulesType) error {
	_, err := w.RotateSecret(w.t.Context(), &awssecrets.RotateSecretInput{
		SecretId: new("app"), RotationLambdaARN: new(function), RotationRules: &rules, RotateImmediately: new(false)})
	w.clock.Settle()
	w.rotate.took()
	return err
}

func expression(s string) types.RotationRulesType {
	return types.RotationRulesType{ScheduleExpression: &s}
}

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules types.RotationRulesType
		want  string // words of the refusal
	}{
		{"the shortest rate", expression("rate(4 hours)"), ""},
		{"a shorter one", expression("rate(3 hours)"), "at least 4 hours"},
		{"the longest rate", expression("rate(999 days)"), ""},
		{"a longer one", expression("rate(1000 days)"), "at most 999 days"},
		{"minutes", expression("rate(300 minutes)"), "is not valid"},
		{"days", types.RotationRulesType{AutomaticallyAfterDays: new(int64(1000))}, ""},
		{"too many days", types.RotationRulesType{AutomaticallyAfterDays: new(int64(1001))}, "within 1-1000"},
		{"no days", types.RotationRulesType{AutomaticallyAfterDays: new(int64(0))}, "within 1-1000"},
		{"both", types.RotationRulesType{AutomaticallyAfterDays: new(int64(1)), ScheduleExpression: new("rate(1 day)")}, "can't specify both"},
		{"cron every 4 hours", expression("cron(0 /4 * * ? *)"), ""},
		{"cron every 3 hours", expression("cron(0 0/3 * * ? *)"), "every 4 hours"},
		{"cron twice, close over midnight", expression("cron(0 2,23 * * ? *)"), "every 4 hours"},
		{"cron with minutes", expression("cron(30 8 * * ? *)"), "minutes must be 0"},
		{"cron with both days", expression("cron(0 8 1 * MON *)"), "must be ?"},
		{"cron that never comes", expression("cron(0 8 31 FEB ? *)"), "never comes true"},
		{"cron with nonsense", expression("cron(0 25 * * ? *)"), "not a value from 0 to 23"},
		{"a window", types.RotationRulesType{ScheduleExpression: new("rate(10 days)"), Duration: new("3h")}, ""},
		{"a window longer than the time between", types.RotationRulesType{ScheduleExpression: new("cron(0 0/4 * * ? *)"), Duration: new("5h")}, "ends before the next one"},
		{"a window into the next day", types.RotationRulesType{ScheduleExpression: new("cron(0 22 * * ? *)"), Duration: new("3h")}, "on the same UTC day"},
		{"a window in minutes", types.RotationRulesType{ScheduleExpression: new("rate(10 days)"), Duration: new("90m")}, "use whole hours"},
		{"a window of nothing", types.RotationRulesType{Duration: new("3h")}, "needs AutomaticallyAfterDays or ScheduleExpression"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			err := w.configure(tc.rules)
			if tc.want != "" {
				refused(t, err, "InvalidParameterException", tc.want)
				if d := w.describe(); d.RotationEnabled != nil {
					t.Error("refused rules turn rotation on")
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// NextRotationDate is the end of the next window. at is when the rules are given, next the date.
func TestNextRotationDate(t *testing.T) {
	for _, tc := range []struct {
		name     string
		rules    types.RotationRulesType
		at, next string
	}{
		{"days, to the end of the day", types.RotationRulesType{AutomaticallyAfterDays: new(int64(10))}, "2030-01-01T15:30", "2030-01-12T00:00"},
		{"rate in days", expression("rate(10 days)"), "2030-01-01T15:30", "2030-01-12T00:00"},
		{"rate in days with a window", types.RotationRulesType{ScheduleExpression: new("rate(10 days)"), Duration: new("3h")}, "2030-01-01T15:30", "2030-01-11T03:00"},
		{"rate in hours, for one hour", expression("rate(4 hours)"), "2030-01-01T15:30", "2030-01-01T20:00"},
		{"cron, a day of the month", expression("cron(0 8 1 * ? *)"), "2030-01-15T12:00", "2030-02-02T00:00"},
		{"cron, the last day", expression("cron(0 8 L * ? *)"), "2030-02-15T12:00", "2030-03-01T00:00"},
		{"cron, a weekday", expression("cron(0 8 ? * SUN *)"), "2030-01-01T12:00", "2030-01-07T00:00"},
		{"cron, the second Monday", expression("cron(0 8 ? * 2#2 *)"), "2030-01-01T12:00", "2030-01-15T00:00"},
		{"cron, every six hours", expression("cron(0 0/6 * * ? *)"), "2030-01-01T12:30", "2030-01-01T19:00"},
		{"cron, some months", expression("cron(0 8 1 3-4,DEC ? *)"), "2030-04-15T12:00", "2030-12-02T00:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			w.clock.Advance(instant(t, tc.at).Sub(w.clock.Now()))
			if err := w.configure(tc.rules); err != nil {
				t.Fatal(err)
			}
			if got, want := w.describe().NextRotationDate, instant(t, tc.next); got == nil || !got.Equal(want) {
				t.Errorf("NextRotationDate %v, want %v", got, want)
			}
		})
	}
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestScheduledRotations(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.clock.Advance(instant(t, "2030-01-01T15:30").Sub(w.clock.Now()))
	if err := w.configure(expression("rate(4 hours)")); err != nil {
		t.Fatal(err)
	}
	// Windows open at 19:00, 23:00 and 03:00. No letters: Secrets Manager makes up the tokens.
	w.rotate.on["createSecret"] = func(s step) error {
		_, err := w.PutSecretValue(t.Context(), &awssecrets.PutSecretValueInput{SecretId: &s.SecretId, ClientRequestToken: &s.ClientRequestToken,
			SecretString: new("new"), VersionStages: []string{"AWSPENDING"}})
		return err
	}
	w.rotate.on["finishSecret"] = func(s step) error {
		current, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: &s.SecretId})
		if err != nil {
			return err
		}
		_, err = w.UpdateSecretVersionStage(t.Context(), &awssecrets.UpdateSecretVersionStageInput{SecretId: &s.SecretId,
			VersionStage: new("AWSCURRENT"), RemoveFromVersionId: current.VersionId, MoveToVersionId: &s.ClientRequestToken})
		return err
	}
	w.clock.Advance(12 * time.Hour)
	if got := len(w.versions()); got != 4 {
		t.Errorf("%d versions after three windows, want 4", got)
	}
	d := w.describe()
	if want := instant(t, "2030-01-02T08:00"); !d.NextRotationDate.Equal(want) || d.LastRotatedDate.Sub(instant(t, "2030-01-02T03:00")) > time.Minute {
		t.Errorf("rotated %v, next %v; want about 03:00, and %v", d.LastRotatedDate, d.NextRotationDate, want)
	}

	// While it fails the date stays, and the windows go on.
	w.rotate.on["createSecret"] = func(step) error { return errStep }
	w.rotate.took()
	w.clock.Advance(8 * time.Hour)
	if got, want := strings.Count(w.rotate.took(), "createSecret"), 4; got != want {
		t.Errorf("%d runs in two windows, want %d: each window brings one and its repetition", got, want)
	}
	if next := w.describe().NextRotationDate; !next.Before(w.clock.Now()) {
		t.Errorf("NextRotationDate %v of a rotation that fails; want it in the past", next)
	}
	if got := len(w.versions()); got != 5 {
		t.Errorf("%d versions after two windows that fail, want 5: the second runs the first again", got)
	}

	if _, err := w.CancelRotateSecret(t.Context(), &awssecrets.CancelRotateSecretInput{SecretId: new("app")}); err != nil {
		t.Fatal(err)
	}
	w.rotate.took()
	w.clock.Advance(day)
	if got := w.rotate.took(); got != "" || w.describe().NextRotationDate != nil {
		t.Errorf("steps %q after rotation was turned off", got)
	}
}

func TestValueByHandCountsAsRotation(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.clock.Advance(instant(t, "2030-01-01T12:00").Sub(w.clock.Now()))
	if err := w.configure(types.RotationRulesType{AutomaticallyAfterDays: new(int64(10))}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(5 * day)
	if err := w.put("b", "two"); err != nil {
		t.Fatal(err)
	}
	if got, want := w.describe().NextRotationDate, instant(t, "2030-01-17T00:00"); !got.Equal(want) {
		t.Errorf("NextRotationDate %v, want %v: ten days from the value", got, want)
	}
}

func TestRestoredSecretRotatesAgain(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	if err := w.configure(expression("rate(1 day)")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.delete(awssecrets.DeleteSecretInput{}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(3 * day)
	if got := w.rotate.took(); got != "" {
		t.Errorf("steps %q of a secret in its recovery window", got)
	}
	if _, err := w.RestoreSecret(t.Context(), &awssecrets.RestoreSecretInput{SecretId: new("app")}); err != nil {
		t.Fatal(err)
	}
	w.rotate.on["createSecret"] = func(step) error { return errStep }
	w.clock.Advance(day)
	if got := w.rotate.took(); got == "" {
		t.Error("no rotation after the secret was restored")
	}
}
