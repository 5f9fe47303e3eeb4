package scheduler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestTheClockFires(t *testing.T) {
	w := newWorld(t)
	begin := w.clock.Now()
	w.create(t, nil)
	w.clock.Advance(17 * time.Minute)
	calls := w.functions.take()
	if len(calls) != 4 {
		t.Fatalf("%d calls in 17 minutes, want 4", len(calls))
	}
	for i, call := range calls {
		if want := begin.Add(time.Duration(1+5*i) * time.Minute); call.Time.Sub(want).Abs() > 30*time.Second {
			t.Errorf("call %d at %v, want %v", i, call.Time, want)
		}
		if call.Function != functionARN || call.Payload != `{"secret":"arn"}` || call.By.Role != roleARN {
			t.Errorf("call %+v", call)
		}
	}
	want := awshttp.Principal{Service: "scheduler.amazonaws.com", Context: map[string][]string{
		"aws:SourceAccount": {"111122223333"}, "aws:SourceArn": {"arn:aws:scheduler:us-east-1:111122223333:schedule-group/default"}}}
	for _, by := range w.land.assumed {
		if !reflect.DeepEqual(by, want) {
			t.Errorf("the role was assumed by %+v, want %+v", by, want)
		}
	}
	if got := w.Failures(); len(got) != 0 {
		t.Errorf("failures %+v", got)
	}
}

func TestWhenAScheduleFires(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world, in *api.CreateScheduleInput)
		within time.Duration
		want   int
	}{
		{"a rate begins at once", func(_ *world, in *api.CreateScheduleInput) { in.StartDate = nil }, 9 * time.Minute, 2},
		{"disabled", func(_ *world, in *api.CreateScheduleInput) { in.State = types.ScheduleStateDisabled }, time.Hour, 0},
		{"until the end", func(w *world, in *api.CreateScheduleInput) {
			in.EndDate = aws.Time(w.clock.Now().Add(12 * time.Minute))
		}, time.Hour, 3},
		{"once", func(w *world, in *api.CreateScheduleInput) {
			in.ScheduleExpression = aws.String(w.clock.Now().Add(10 * time.Minute).Format("at(2006-01-02T15:04:05)"))
		}, time.Hour, 1},
		{"once, in another zone", func(w *world, in *api.CreateScheduleInput) {
			in.ScheduleExpression = aws.String(w.clock.Now().Add(10*time.Minute + 5*time.Hour + 45*time.Minute).Format("at(2006-01-02T15:04:05)"))
			in.ScheduleExpressionTimezone = aws.String("Asia/Kathmandu")
		}, 15 * time.Minute, 1},
		{"cron", func(_ *world, in *api.CreateScheduleInput) {
			in.ScheduleExpression = aws.String("cron(0/30 * * * ? *)")
		}, 24 * time.Hour, 48},
		{"in a window", func(_ *world, in *api.CreateScheduleInput) {
			in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(1)}
		}, 8 * time.Minute, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(t, func(in *api.CreateScheduleInput) { tc.change(w, in) })
			w.clock.Advance(tc.within)
			if got := len(w.functions.take()); got != tc.want {
				t.Errorf("%d calls within %v, want %d", got, tc.within, tc.want)
			}
		})
	}
}

func TestPlaceInTheWindow(t *testing.T) {
	places := map[time.Duration]bool{}
	for i := range 8 {
		w := newWorld(t)
		start := w.clock.Now().Add(time.Minute)
		w.create(t, func(in *api.CreateScheduleInput) {
			in.Name = aws.String(fmt.Sprintf("tick-%d", i))
			in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(12)}
			in.Target.Input = aws.String(`"<aws.scheduler.scheduled-time>"`)
		})
		w.clock.Advance(30 * time.Minute)
		calls := w.functions.take()
		if len(calls) < 3 {
			t.Fatalf("%d calls, want at least 3", len(calls))
		}
		place := calls[0].Time.Sub(start).Truncate(time.Second)
		if place < 0 || place >= 12*time.Minute {
			t.Errorf("called %v after it was due, want less than 12 minutes", place)
		}
		if every := calls[1].Time.Sub(calls[0].Time).Round(10 * time.Second); every != 5*time.Minute {
			t.Errorf("called again after %v, want 5 minutes: the place in the window stays", every)
		}
		if want := start.Truncate(time.Second).Format(`"2006-01-02T15:04:05Z"`); calls[0].Payload != want {
			t.Errorf("scheduled time %s, want %s, without the place in the window", calls[0].Payload, want)
		}
		places[place] = true
	}
	if len(places) < 4 {
		t.Errorf("8 schedules have the places %v: they do not spread", places)
	}
}

func TestInputs(t *testing.T) {
	w := newWorld(t)
	w.create(t, func(in *api.CreateScheduleInput) {
		in.Target.Input = aws.String(`{"arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>","n":<aws.scheduler.attempt-number>}`)
	})
	due := w.clock.Now().Add(time.Minute)
	w.create(t, func(in *api.CreateScheduleInput) { in.Name, in.Target.Input = aws.String("bare"), nil })
	w.clock.Advance(2 * time.Minute)
	calls := w.functions.take()
	if len(calls) != 2 {
		t.Fatalf("%d calls, want 2", len(calls))
	}
	var filled struct {
		ARN, At, ID string
		N           int
	}
	if err := json.Unmarshal([]byte(calls[0].Payload), &filled); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, filled.At)
	if err != nil || at.Sub(due).Abs() > 30*time.Second || filled.ARN != tickARN || len(filled.ID) != 36 || filled.N != 1 {
		t.Errorf("input %s (due %v, %v)", calls[0].Payload, due, err)
	}
	var envelope map[string]any
	if err := json.Unmarshal([]byte(calls[1].Payload), &envelope); err != nil {
		t.Fatal(err)
	}
	if envelope["source"] != "aws.scheduler" || envelope["detail-type"] != "Scheduled Event" || envelope["detail"] != "{}" {
		t.Errorf("envelope %s", calls[1].Payload)
	}
}

func TestUpdateAndDelete(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	update := func(state types.ScheduleState, rate string) {
		t.Helper()
		out, err := w.client.UpdateSchedule(t.Context(), &api.UpdateScheduleInput{
			Name: aws.String("tick"), ScheduleExpression: &rate, State: state,
			FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
			Target:             &types.Target{Arn: aws.String(functionARN), RoleArn: aws.String(roleARN)},
		})
		if err != nil || *out.ScheduleArn != tickARN {
			t.Fatalf("UpdateSchedule = %+v, %v", out, err)
		}
	}
	advance := func(d time.Duration, want int) {
		t.Helper()
		w.clock.Advance(d)
		if got := len(w.functions.take()); got != want {
			t.Errorf("%d calls in %v, want %d", got, d, want)
		}
	}
	update(types.ScheduleStateDisabled, "rate(5 minutes)")
	advance(time.Hour, 0)
	update(types.ScheduleStateEnabled, "rate(10 minutes)")
	advance(time.Hour, 6)
	if _, err := w.client.DeleteSchedule(t.Context(), &api.DeleteScheduleInput{Name: aws.String("tick")}); err != nil {
		t.Fatal(err)
	}
	advance(time.Hour, 0)
}

func TestActionAfterCompletion(t *testing.T) {
	w := newWorld(t)
	w.create(t, func(in *api.CreateScheduleInput) {
		in.EndDate = aws.Time(w.clock.Now().Add(4 * time.Minute))
		in.ActionAfterCompletion = types.ActionAfterCompletionDelete
	})
	w.clock.Advance(time.Hour)
	if got := len(w.functions.take()); got != 1 {
		t.Errorf("%d calls, want 1", got)
	}
	_, err := w.client.GetSchedule(t.Context(), &api.GetScheduleInput{Name: aws.String("tick")})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestFailuresAreVisible(t *testing.T) {
	busy := &awshttp.Error{Status: 429, Code: "TooManyRequestsException"}
	denied := &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "may not invoke"}
	for _, tc := range []struct {
		name     string
		retries  int32
		age      int32
		fail     []error
		failures int
		calls    int
	}{
		{"throttled for a while", 5, 240, []error{busy, busy}, 2, 1},
		{"failure of the service", 5, 240, []error{errors.New("broken")}, 1, 1},
		{"throttled, no retries", 0, 240, []error{busy}, 1, 0},
		{"throttled, too many retries", 1, 240, []error{busy, busy}, 2, 0},
		{"throttled until it is too old", 185, 60, []error{busy, busy, busy, busy, busy, busy, busy, busy}, 5, 0},
		{"denied", 5, 240, []error{denied}, 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(t, func(in *api.CreateScheduleInput) {
				in.ScheduleExpression = aws.String("rate(1 day)")
				in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: &tc.retries, MaximumEventAgeInSeconds: &tc.age}
			})
			w.functions.fail = tc.fail
			w.clock.Advance(time.Hour)
			failures, calls := w.Failures(), w.functions.take()
			if len(failures) != tc.failures || len(calls) != tc.calls {
				t.Fatalf("failures %+v and %d calls, want %d and %d", failures, len(calls), tc.failures, tc.calls)
			}
			for i, f := range failures {
				final := i == len(failures)-1 && tc.calls == 0
				if f.Schedule != tickARN || f.Target != functionARN || f.Attempt != i+1 || f.Final != final || f.Err != tc.fail[i].Error() {
					t.Errorf("failure %d is %+v, want attempt %d, final %v", i, f, i+1, final)
				}
			}
		})
	}
}

func TestRoleThatCannotBeAssumedAnyMore(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	w.land.closed[roleARN] = true
	w.clock.Advance(2 * time.Minute)
	got := w.Failures()
	if len(got) != 1 || !got[0].Final || !strings.Contains(got[0].Err, "no trust") || len(w.functions.take()) != 0 {
		t.Errorf("failures %+v, want one that is final", got)
	}
	w.land.closed[roleARN] = false
	w.clock.Advance(5 * time.Minute)
	if got := len(w.functions.take()); got != 1 {
		t.Errorf("%d calls after the role trusts again, want 1", got)
	}
}
