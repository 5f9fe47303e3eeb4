package scheduler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestScheduleIsShown(t *testing.T) {
	w := newWorld(t)
	start := w.clock.Now().Add(time.Hour).Truncate(time.Second)
	w.create(t, func(in *api.CreateScheduleInput) {
		in.StartDate, in.Description, in.ScheduleExpressionTimezone = &start, aws.String("the tick"), aws.String("Europe/Berlin")
	})
	out, err := w.client.GetSchedule(t.Context(), &api.GetScheduleInput{Name: aws.String("tick")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"ARN", *out.Arn, tickARN},
		{"group", *out.GroupName, "default"},
		{"description", *out.Description, "the tick"},
		{"expression", *out.ScheduleExpression, "rate(5 minutes)"},
		{"zone", *out.ScheduleExpressionTimezone, "Europe/Berlin"},
		{"state", string(out.State), "ENABLED"},
		{"window", string(out.FlexibleTimeWindow.Mode), "OFF"},
		{"target", *out.Target.Arn, functionARN},
		{"role", *out.Target.RoleArn, roleARN},
		{"input", *out.Target.Input, `{"secret":"arn"}`},
		{"start", out.StartDate.UTC().String(), start.String()},
	} {
		if tc.got != tc.want {
			t.Errorf("%s is %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	if p := out.Target.RetryPolicy; *p.MaximumRetryAttempts != 185 || *p.MaximumEventAgeInSeconds != 86400 {
		t.Errorf("default retry policy %+v", p)
	}
	if age := w.clock.Now().Sub(*out.CreationDate); age < 0 || age > time.Minute {
		t.Errorf("made at %v", out.CreationDate)
	}
}

func TestCreateScheduleTwice(t *testing.T) {
	w := newWorld(t)
	token := func(token string) func(*api.CreateScheduleInput) {
		return func(in *api.CreateScheduleInput) { in.ClientToken = &token }
	}
	w.create(t, token("one"))
	w.create(t, token("one")) // an answer was lost
	checkCode(t, w.tryCreate(t, token("two")), "ConflictException")
	w.clock.Advance(3 * time.Minute)
	if got := len(w.functions.take()); got != 1 {
		t.Errorf("%d calls, want 1", got)
	}
}

func TestListSchedules(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client.CreateScheduleGroup(t.Context(), &api.CreateScheduleGroupInput{Name: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "a", "c"} {
		w.create(t, func(in *api.CreateScheduleInput) {
			in.Name = &name
			if name == "c" {
				in.GroupName, in.State = aws.String("sluice"), types.ScheduleStateDisabled
			}
		})
	}
	for _, tc := range []struct {
		name string
		in   api.ListSchedulesInput
		want string
	}{
		{"all", api.ListSchedulesInput{}, "a b c"},
		{"group", api.ListSchedulesInput{GroupName: aws.String("sluice")}, "c"},
		{"prefix", api.ListSchedulesInput{NamePrefix: aws.String("b")}, "b"},
		{"state", api.ListSchedulesInput{State: types.ScheduleStateEnabled}, "a b"},
	} {
		out, err := w.client.ListSchedules(t.Context(), &tc.in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range out.Schedules {
			names = append(names, *s.Name)
		}
		if got := strings.Join(names, " "); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	_, err := w.client.ListSchedules(t.Context(), &api.ListSchedulesInput{GroupName: aws.String("nowhere")})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	in := &api.CreateScheduleGroupInput{Name: aws.String("sluice"), ClientToken: aws.String("one"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}
	for range 2 { // the second time, an answer was lost
		if _, err := w.client.CreateScheduleGroup(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	in.ClientToken = aws.String("two")
	_, err := w.client.CreateScheduleGroup(t.Context(), in)
	checkCode(t, err, "ConflictException")
	out, err := w.client.GetScheduleGroup(t.Context(), &api.GetScheduleGroupInput{Name: aws.String("sluice")})
	if err != nil || *out.Arn != "arn:aws:scheduler:us-east-1:111122223333:schedule-group/sluice" || out.State != types.ScheduleGroupStateActive {
		t.Errorf("GetScheduleGroup = %+v, %v", out, err)
	}
	list, err := w.client.ListScheduleGroups(t.Context(), &api.ListScheduleGroupsInput{})
	if err != nil || len(list.ScheduleGroups) != 2 || *list.ScheduleGroups[0].Name != "default" {
		t.Errorf("ListScheduleGroups = %+v, %v", list, err)
	}
	if _, err := w.client.TagResource(t.Context(), &api.TagResourceInput{ResourceArn: out.Arn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.UntagResource(t.Context(), &api.UntagResourceInput{ResourceArn: out.Arn, TagKeys: []string{"a", "x"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := w.client.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceArn: out.Arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("ListTagsForResource = %+v, %v", tags, err)
	}

	w.create(t, func(in *api.CreateScheduleInput) { in.GroupName = aws.String("sluice") })
	_, err = w.client.DeleteScheduleGroup(t.Context(), &api.DeleteScheduleGroupInput{Name: aws.String("default")})
	checkCode(t, err, "ValidationException")
	if _, err := w.client.DeleteScheduleGroup(t.Context(), &api.DeleteScheduleGroupInput{Name: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if got := w.functions.take(); len(got) != 0 {
		t.Errorf("calls %+v of a schedule whose group was deleted", got)
	}
	_, err = w.client.GetSchedule(t.Context(), &api.GetScheduleInput{Name: aws.String("tick"), GroupName: aws.String("sluice")})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestCreateScheduleRefuses(t *testing.T) {
	w := newWorld(t)
	w.land.closed["arn:aws:iam::111122223333:role/others"] = true
	target := func(name string, value any) map[string]any {
		t := map[string]any{"Arn": functionARN, "RoleArn": roleARN}
		t[name] = value
		return map[string]any{"Target": t}
	}
	window := func(mode string, minutes any) map[string]any {
		return map[string]any{"FlexibleTimeWindow": map[string]any{"Mode": mode, "MaximumWindowInMinutes": minutes}}
	}
	for _, tc := range []struct {
		name    string
		members map[string]any
		code    string
		text    string
	}{
		{"name", map[string]any{"Name": "a b"}, "ValidationException", "name"},
		{"no expression", map[string]any{"ScheduleExpression": nil}, "ValidationException", "ScheduleExpression"},
		{"expression", map[string]any{"ScheduleExpression": "rate(0 minutes)"}, "ValidationException", "Invalid Schedule Expression rate(0 minutes)"},
		{"zone", map[string]any{"ScheduleExpressionTimezone": "Mars/Olympus"}, "ValidationException", "Mars/Olympus"},
		{"the machine's zone", map[string]any{"ScheduleExpressionTimezone": "Local"}, "ValidationException", "Local"},
		{"state", map[string]any{"State": "ON"}, "ValidationException", "State"},
		{"action", map[string]any{"ActionAfterCompletion": "KEEP"}, "ValidationException", "ActionAfterCompletion"},
		{"start long ago", map[string]any{"StartDate": "2020-01-01T00:00:00Z"}, "ValidationException", "earlier than 5 minutes"},
		{"end in the past", map[string]any{"EndDate": "2020-01-01T00:00:00Z"}, "ValidationException", "EndDate"},
		{"end before start", map[string]any{"StartDate": "2190-01-02T00:00:00Z", "EndDate": "2190-01-01T00:00:00Z"}, "ValidationException", "before the EndDate"},
		{"window mode", window("WIDE", nil), "ValidationException", "WIDE"},
		{"window without width", window("FLEXIBLE", nil), "ValidationException", "between 1 and 1440"},
		{"window of two days", window("FLEXIBLE", 2880), "ValidationException", "between 1 and 1440"},
		{"no window with width", window("OFF", 1), "ValidationException", "no meaning"},
		{"target", target("Arn", "arn:aws:sns:us-east-1:111122223333:t"), "ValidationException", "functions and sends to standard queues only"},
		{"role", target("RoleArn", "tick"), "ValidationException", "ARN of a role"},
		{"role that does not trust", target("RoleArn", "arn:aws:iam::111122223333:role/others"), "ValidationException", "must allow AWS EventBridge Scheduler"},
		{"retries", target("RetryPolicy", map[string]any{"MaximumRetryAttempts": 186}), "ValidationException", "between 0 and 185"},
		{"event age", target("RetryPolicy", map[string]any{"MaximumEventAgeInSeconds": 59}), "ValidationException", "between 60 and 86400"},
		{"input", target("Input", "secret"), "ValidationException", "JSON"},
		{"group", map[string]any{"GroupName": "nowhere"}, "ResourceNotFoundException", "nowhere"},
		{"dead letters", target("DeadLetterConfig", map[string]any{"Arn": "x"}), "ValidationException", "DeadLetterConfig"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := w.do(t.Context(), "CreateSchedule", tc.members)
			checkCode(t, err, tc.code)
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", err, tc.text)
			}
		})
	}
	if err := w.do(t.Context(), "CreateSchedule", nil); err != nil {
		t.Errorf("what the others are compared with is refused: %v", err)
	}
}

func TestRoleHasToBePassed(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	i := slices.IndexFunc(w.land.asked, func(a awshttp.Access) bool { return a.Action == "iam:PassRole" })
	if i < 0 {
		t.Fatalf("nobody asked for iam:PassRole: %+v", w.land.asked)
	}
	if a := w.land.asked[i]; a.Resource != roleARN || a.Context["iam:PassedToService"][0] != "scheduler.amazonaws.com" {
		t.Errorf("asked for %+v", a)
	}
	w.land.refused["iam:PassRole"] = true
	checkCode(t, w.do(t.Context(), "CreateSchedule", nil), "AccessDeniedException")
}

func TestEveryOperationAsks(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	const group = "arn:aws:scheduler:us-east-1:111122223333:schedule-group/default"
	inputs := map[string]map[string]any{
		"GetSchedule": {"Name": "tick"}, "DeleteSchedule": {"Name": "tick"}, "ListSchedules": {},
		"CreateScheduleGroup": {"Name": "g"}, "GetScheduleGroup": {"Name": "g"}, "DeleteScheduleGroup": {"Name": "g"}, "ListScheduleGroups": {},
		"TagResource": {"ResourceArn": group, "Tags": []any{}}, "UntagResource": {"ResourceArn": group, "TagKeys": []any{}}, "ListTagsForResource": {"ResourceArn": group},
	}
	for operation := range w.AWS().Operations {
		t.Run(operation, func(t *testing.T) {
			w.land.refused["scheduler:"+operation] = true
			var err error
			if in, ok := inputs[operation]; ok {
				_, err = w.server.Do(t.Context(), operator, "scheduler", operation, in)
			} else {
				err = w.do(t.Context(), operation, nil)
			}
			checkCode(t, err, "AccessDeniedException")
		})
	}
}
