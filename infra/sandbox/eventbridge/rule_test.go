package eventbridge_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

func TestBuses(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	out, err := w.client.DescribeEventBus(t.Context(), &api.DescribeEventBusInput{Name: aws.String("sluice")})
	if err != nil || *out.Arn != "arn:aws:events:us-east-1:111122223333:event-bus/sluice" || out.CreationTime == nil {
		t.Errorf("DescribeEventBus = %+v, %v", out, err)
	}
	out, err = w.client.DescribeEventBus(t.Context(), &api.DescribeEventBusInput{})
	if err != nil || *out.Name != "default" {
		t.Errorf("DescribeEventBus without a name = %+v, %v", out, err)
	}
	list, err := w.client.ListEventBuses(t.Context(), &api.ListEventBusesInput{NamePrefix: aws.String("slu")})
	if err != nil || len(list.EventBuses) != 1 || *list.EventBuses[0].Name != "sluice" {
		t.Errorf("ListEventBuses = %+v, %v", list, err)
	}
	_, err = w.client.CreateEventBus(t.Context(), &api.CreateEventBusInput{Name: aws.String("sluice")})
	checkCode(t, err, "ResourceAlreadyExistsException")
	_, err = w.client.CreateEventBus(t.Context(), &api.CreateEventBusInput{Name: aws.String("a bus")})
	checkCode(t, err, "ValidationException")

	w.rule(t, "sluice", "all", `{"source":["sluice"]}`)
	_, err = w.client.DeleteEventBus(t.Context(), &api.DeleteEventBusInput{Name: aws.String("sluice")})
	checkCode(t, err, "ValidationException")
	_, err = w.client.DeleteEventBus(t.Context(), &api.DeleteEventBusInput{Name: aws.String("default")})
	checkCode(t, err, "ValidationException")
	if _, err := w.client.DeleteRule(t.Context(), &api.DeleteRuleInput{Name: aws.String("all"), EventBusName: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.DeleteEventBus(t.Context(), &api.DeleteEventBusInput{Name: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.client.DescribeEventBus(t.Context(), &api.DescribeEventBusInput{Name: aws.String("sluice")})
	checkCode(t, err, "ResourceNotFoundException")
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	const pattern = `{"source":["sluice"]}`
	if got, want := w.rule(t, "default", "ours", pattern), "arn:aws:events:us-east-1:111122223333:rule/ours"; got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	if got, want := w.rule(t, "sluice", "ours", pattern), "arn:aws:events:us-east-1:111122223333:rule/sluice/ours"; got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	out, err := w.client.DescribeRule(t.Context(), &api.DescribeRuleInput{Name: aws.String("ours"), EventBusName: aws.String("sluice")})
	if err != nil || *out.EventPattern != pattern || out.State != types.RuleStateEnabled || *out.EventBusName != "sluice" {
		t.Errorf("DescribeRule = %+v, %v", out, err)
	}
	list, err := w.client.ListRules(t.Context(), &api.ListRulesInput{EventBusName: aws.String("arn:aws:events:us-east-1:111122223333:event-bus/sluice")})
	if err != nil || len(list.Rules) != 1 || *list.Rules[0].Name != "ours" {
		t.Errorf("ListRules = %+v, %v", list, err)
	}
	_, err = w.client.DescribeRule(t.Context(), &api.DescribeRuleInput{Name: aws.String("other")})
	checkCode(t, err, "ResourceNotFoundException")

	w.targets(t, "sluice", "ours", types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)}, types.Target{Id: aws.String("b"), Arn: aws.String(functionARN)})
	w.targets(t, "sluice", "ours", types.Target{Id: aws.String("a"), Arn: aws.String(functionARN), Input: aws.String(`{"x":1}`)})
	w.rule(t, "sluice", "ours", pattern) // again: targets stay
	targets, err := w.client.ListTargetsByRule(t.Context(), &api.ListTargetsByRuleInput{Rule: aws.String("ours"), EventBusName: aws.String("sluice")})
	if err != nil || len(targets.Targets) != 2 || aws.ToString(targets.Targets[1].Input) != `{"x":1}` {
		t.Errorf("ListTargetsByRule = %+v, %v", targets, err)
	}
	_, err = w.client.DeleteRule(t.Context(), &api.DeleteRuleInput{Name: aws.String("ours"), EventBusName: aws.String("sluice")})
	checkCode(t, err, "ValidationException")
	_, err = w.client.RemoveTargets(t.Context(), &api.RemoveTargetsInput{Rule: aws.String("ours"), EventBusName: aws.String("sluice"), Ids: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.DeleteRule(t.Context(), &api.DeleteRuleInput{Name: aws.String("ours"), EventBusName: aws.String("sluice")}); err != nil {
		t.Fatal(err)
	}
}

func TestRulesAndTargetsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.rule(t, "default", "ours", `{"source":["sluice"]}`)
	rule := func(members map[string]any) error {
		_, err := w.server.Do(t.Context(), operator, "events", "PutRule", members)
		return err
	}
	target := func(members map[string]any) error {
		_, err := w.server.Do(t.Context(), operator, "events", "PutTargets", map[string]any{"Rule": "ours", "Targets": []any{members}})
		return err
	}
	for _, tc := range []struct {
		name string
		err  error
		code string
		text string
	}{
		{"unknown operator", rule(map[string]any{"Name": "a", "EventPattern": `{"source":[{"regex":"x"}]}`}), "InvalidEventPatternException", "regex"},
		{"no pattern", rule(map[string]any{"Name": "a"}), "ValidationException", "EventPattern"},
		{"state", rule(map[string]any{"Name": "a", "EventPattern": `{"source":["x"]}`, "State": "ON"}), "ValidationException", "State"},
		{"name", rule(map[string]any{"Name": "a b", "EventPattern": `{"source":["x"]}`}), "ValidationException", "name"},
		{"bus", rule(map[string]any{"Name": "a", "EventPattern": `{"source":["x"]}`, "EventBusName": "nowhere"}), "ResourceNotFoundException", "nowhere"},
		{"schedule", rule(map[string]any{"Name": "a", "ScheduleExpression": "rate(5 minutes)"}), "UnknownOperationException", "ScheduleExpression"},
		{"target that is neither function nor queue", target(map[string]any{"Id": "a", "Arn": "arn:aws:sns:us-east-1:111122223333:t"}), "ValidationException", "functions and standard queues only"},
		{"FIFO queue", target(map[string]any{"Id": "a", "Arn": queueARN + ".fifo"}), "ValidationException", "standard queues only"},
		{"target id", target(map[string]any{"Id": "a b", "Arn": functionARN}), "ValidationException", "target id"},
		{"two inputs", target(map[string]any{"Id": "a", "Arn": functionARN, "Input": "{}", "InputPath": "$"}), "ValidationException", "Only one"},
		{"path", target(map[string]any{"Id": "a", "Arn": functionARN, "InputPath": "detail"}), "ValidationException", "InputPath"},
		{"path of a transformer", target(map[string]any{"Id": "a", "Arn": functionARN,
			"InputTransformer": map[string]any{"InputTemplate": "<x>", "InputPathsMap": map[string]string{"x": "x"}}}), "ValidationException", "not a path"},
		{"unknown placeholder", target(map[string]any{"Id": "a", "Arn": functionARN,
			"InputTransformer": map[string]any{"InputTemplate": "<x>"}}), "ValidationException", "<x> is not in InputPathsMap"},
		{"dead letters", target(map[string]any{"Id": "a", "Arn": functionARN, "DeadLetterConfig": map[string]any{"Arn": "x"}}), "ValidationException", "DeadLetterConfig"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkCode(t, tc.err, tc.code)
			if tc.err != nil && !strings.Contains(tc.err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", tc.err, tc.text)
			}
		})
	}
	var six []any
	for _, id := range strings.Split("abcdef", "") {
		six = append(six, map[string]any{"Id": id, "Arn": functionARN})
	}
	_, err := w.server.Do(t.Context(), operator, "events", "PutTargets", map[string]any{"Rule": "ours", "Targets": six})
	checkCode(t, err, "LimitExceededException")
}

func TestEveryOperationAsks(t *testing.T) {
	w := newWorld(t)
	w.rule(t, "default", "ours", `{"source":["sluice"]}`)
	inputs := map[string]map[string]any{
		"CreateEventBus":    {"Name": "b"},
		"DeleteEventBus":    {"Name": "b"},
		"PutRule":           {"Name": "ours", "EventPattern": `{"source":["sluice"]}`},
		"DescribeRule":      {"Name": "ours"},
		"DeleteRule":        {"Name": "ours"},
		"PutTargets":        {"Rule": "ours", "Targets": []any{}},
		"ListTargetsByRule": {"Rule": "ours"},
		"RemoveTargets":     {"Rule": "ours", "Ids": []string{"a"}},
		"PutEvents":         {"Entries": []any{map[string]any{"Source": "s", "DetailType": "t", "Detail": "{}"}}},
		"TestEventPattern":  {"EventPattern": `{"a":[1]}`, "Event": `{}`},

		"TagResource":         {"ResourceARN": "arn", "Tags": []any{}},
		"UntagResource":       {"ResourceARN": "arn", "TagKeys": []any{}},
		"ListTagsForResource": {"ResourceARN": "arn"},
	}
	for operation := range w.AWS().Operations {
		t.Run(operation, func(t *testing.T) {
			w.land.refused["events:"+operation] = true
			_, err := w.server.Do(t.Context(), operator, "events", operation, inputs[operation])
			checkCode(t, err, "AccessDeniedException")
		})
	}
}

func TestEventPatternIsTested(t *testing.T) {
	w := newWorld(t)
	for event, want := range map[string]bool{`{"a":1}`: true, `{"a":2}`: false} {
		out, err := w.client.TestEventPattern(t.Context(), &api.TestEventPatternInput{EventPattern: aws.String(`{"a":[1]}`), Event: &event})
		if err != nil || out.Result != want {
			t.Errorf("TestEventPattern of %s = %+v, %v; want %v", event, out, err, want)
		}
	}
	_, err := w.client.TestEventPattern(t.Context(), &api.TestEventPatternInput{EventPattern: aws.String(`{"a":1}`), Event: aws.String(`{}`)})
	checkCode(t, err, "InvalidEventPatternException")
	_, err = w.client.TestEventPattern(t.Context(), &api.TestEventPatternInput{EventPattern: aws.String(`{"a":[1]}`), Event: aws.String(`x`)})
	checkCode(t, err, "ValidationException")
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	_, err := w.client.CreateEventBus(t.Context(), &api.CreateEventBusInput{Name: aws.String("sluice"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	if err != nil {
		t.Fatal(err)
	}
	const busARN = "arn:aws:events:us-east-1:111122223333:event-bus/sluice"
	for _, arn := range []string{busARN, w.rule(t, "sluice", "ours", `{"source":["sluice"]}`)} {
		_, err := w.client.TagResource(t.Context(), &api.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{
			{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("c"), Value: aws.String("3")}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.UntagResource(t.Context(), &api.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"a", "c"}}); err != nil {
			t.Fatal(err)
		}
		out, err := w.client.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceARN: &arn})
		if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "b" || *out.Tags[0].Value != "2" {
			t.Errorf("tags of %s: %+v, %v", arn, out, err)
		}
	}
	_, err = w.client.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceARN: aws.String(busARN + "s")})
	checkCode(t, err, "ResourceNotFoundException")
}
