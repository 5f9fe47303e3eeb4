package eventbridge_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge"
)

func TestEventReachesTheFunction(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	w.clock.Advance(24 * time.Hour)
	arn := w.rule(t, "sluice", "rotated", `{"detail-type":["Credentials Rotated"]}`, types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)})
	w.rule(t, "sluice", "failing", `{"detail-type":["Credentials Failing"]}`, types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)})
	w.rule(t, "default", "elsewhere", `{"source":["sluice"]}`, types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)})
	id := w.put(t, "sluice", `{"user":"IAM:etl"}`)

	if len(w.functions.calls) != 1 {
		t.Fatalf("calls %+v, want one", w.functions.calls)
	}
	call := w.functions.calls[0]
	events := w.Events("sluice")
	if len(events) != 1 || len(w.Events("default")) != 0 {
		t.Fatalf("events %+v and %+v, want one on the bus sluice", events, w.Events("default"))
	}
	at, err := time.Parse(time.RFC3339, events[0].Time)
	if age := w.clock.Now().Sub(at); err != nil || age < 0 || age > time.Minute {
		t.Errorf("time %s is not that of the sandbox's clock", events[0].Time)
	}
	sameJSON(t, call.Payload, fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"Credentials Rotated","source":"sluice","account":"111122223333",
		"time":%q,"region":"us-east-1","resources":["arn:one"],"detail":{"user":"IAM:etl"}}`, id, events[0].Time))
	want := awshttp.Principal{Service: "events.amazonaws.com", Context: map[string][]string{"aws:SourceArn": {arn}, "aws:SourceAccount": {"111122223333"}}}
	if call.Function != functionARN || !reflect.DeepEqual(call.By, want) {
		t.Errorf("called %s by %+v, want %+v", call.Function, call.By, want)
	}
}

func TestDisabledRuleDeliversNothing(t *testing.T) {
	w := newWorld(t)
	w.rule(t, "default", "ours", `{"source":["sluice"]}`, types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)})
	_, err := w.client.PutRule(t.Context(), &api.PutRuleInput{Name: aws.String("ours"), EventPattern: aws.String(`{"source":["sluice"]}`), State: types.RuleStateDisabled})
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "default", `{}`)
	if len(w.functions.calls) != 0 {
		t.Errorf("a disabled rule delivered %+v", w.functions.calls)
	}
}

func TestInputForms(t *testing.T) {
	transformer := func(template string) types.Target {
		return types.Target{InputTransformer: &types.InputTransformer{InputTemplate: &template, InputPathsMap: map[string]string{
			"user": "$.detail.user", "all": "$.detail", "second": "$.detail.list[1]", "none": "$.detail.none"}}}
	}
	for _, tc := range []struct {
		name   string
		target types.Target
		want   string
	}{
		{"constant", types.Target{Input: aws.String(`{"secret":"arn"}`)}, `{"secret":"arn"}`},
		{"part", types.Target{InputPath: aws.String("$.detail.user")}, `"a \"b\""`},
		{"part that is missing", types.Target{InputPath: aws.String("$.detail.none")}, `null`},
		{"template with values", transformer(`{"u":<user>,"d":<all>,"s":<second>,"n":<none>}`),
			`{"u":"a \"b\"","d":{"user":"a \"b\"","list":[1,2]},"s":2,"n":null}`},
		{"template with text", transformer(`{"say":"<second> is \"<user>\"","key <a b>":1}`), `{"say":"2 is \"a \"b\"\"","key <a b>":1}`},
		{"template that is a text", transformer(`"rule <aws.events.rule-name> saw <user>"`), `"rule ours saw a \"b\""`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			tc.target.Id, tc.target.Arn = aws.String("a"), aws.String(functionARN)
			w.rule(t, "default", "ours", `{"source":["sluice"]}`, tc.target)
			w.put(t, "default", `{"user":"a \"b\"","list":[1,2]}`)
			if len(w.functions.calls) != 1 {
				t.Fatalf("calls %+v, failures %+v", w.functions.calls, w.Failures())
			}
			sameJSON(t, w.functions.calls[0].Payload, tc.want)
		})
	}
}

func TestFailuresAreVisible(t *testing.T) {
	w := newWorld(t)
	broken := &types.InputTransformer{InputTemplate: aws.String(`{"a":`)}
	w.rule(t, "default", "ours", `{"source":["sluice"]}`,
		types.Target{Id: aws.String("a"), Arn: aws.String(closedARN)},
		types.Target{Id: aws.String("b"), Arn: aws.String(functionARN), InputTransformer: broken},
		types.Target{Id: aws.String("c"), Arn: aws.String(functionARN)})
	id := w.put(t, "default", `{}`)
	lost := w.put(t, "nowhere", `{}`)
	if len(w.functions.calls) != 1 {
		t.Errorf("calls %+v, want one: to the target behind those that fail", w.functions.calls)
	}
	got := w.Failures()
	if len(got) != 3 {
		t.Fatalf("failures %+v, want three", got)
	}
	for i, want := range []struct{ id, target, text string }{
		{id, closedARN, "may not"}, {id, functionARN, "no JSON value"}, {lost, "", "nowhere does not exist"},
	} {
		if got[i].EventID != want.id || got[i].Target != want.target || !strings.Contains(got[i].Err, want.text) || got[i].Time.IsZero() {
			t.Errorf("failure %+v, want %+v", got[i], want)
		}
	}
}

func TestPutEventsFailsOneByOne(t *testing.T) {
	w := newWorld(t)
	good := types.PutEventsRequestEntry{Source: aws.String("sluice"), DetailType: aws.String("T"), Detail: aws.String("{}")}
	bad := func(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
		e := good
		change(&e)
		return e
	}
	out, err := w.client.PutEvents(t.Context(), &api.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		good,
		bad(func(e *types.PutEventsRequestEntry) { e.Source = nil }),
		bad(func(e *types.PutEventsRequestEntry) { e.DetailType = nil }),
		bad(func(e *types.PutEventsRequestEntry) { e.Detail = nil }),
		bad(func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("[1]") }),
		bad(func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.rds") }),
		bad(func(e *types.PutEventsRequestEntry) { e.DetailType = aws.String(strings.Repeat("x", 129)) }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, aws.ToString(e.ErrorCode))
	}
	want := []string{"", "InvalidArgument", "InvalidArgument", "InvalidArgument", "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument"}
	if !reflect.DeepEqual(codes, want) || out.FailedEntryCount != 6 || out.Entries[0].EventId == nil {
		t.Errorf("codes %q (%d failed), want %q", codes, out.FailedEntryCount, want)
	}
	if got := w.Events("default"); len(got) != 1 {
		t.Errorf("events %+v, want the good one", got)
	}
}

func TestPutEventsRefusesTheCall(t *testing.T) {
	w := newWorld(t)
	entry := types.PutEventsRequestEntry{Source: aws.String("sluice"), DetailType: aws.String("T"), Detail: aws.String("{}")}
	large := entry
	large.Detail = aws.String(`{"x":"` + strings.Repeat("x", 1<<19) + `"}`)
	for name, entries := range map[string][]types.PutEventsRequestEntry{
		"none":             {},
		"eleven":           {entry, entry, entry, entry, entry, entry, entry, entry, entry, entry, entry},
		"too large":        {large, large},
		"none is an event": {{Source: aws.String("sluice")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.client.PutEvents(t.Context(), &api.PutEventsInput{Entries: entries})
			checkCode(t, err, "ValidationException")
		})
	}
	if got := w.Events("default"); len(got) != 0 {
		t.Errorf("events %+v, want none", got)
	}
}

func TestPutEventsAsksWithSourceAndDetailType(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	w.put(t, "sluice", `{}`)
	asked := w.land.asked[len(w.land.asked)-1]
	if asked.Action != "events:PutEvents" || asked.Resource != "arn:aws:events:us-east-1:111122223333:event-bus/sluice" ||
		!reflect.DeepEqual(asked.Context["events:source"], []string{"sluice"}) ||
		!reflect.DeepEqual(asked.Context["events:detail-type"], []string{"Credentials Rotated"}) {
		t.Errorf("asked for %+v", asked)
	}
}

func TestEventKeepsItsOwnTime(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	_, err := w.client.PutEvents(t.Context(), &api.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("sluice"), DetailType: aws.String("T"), Detail: aws.String("{}"), Time: &at}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Events("default")[0].Time; got != "2026-03-01T12:00:00Z" {
		t.Errorf("time %s", got)
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	w.rule(t, "default", "rotation", `{"source":["aws.secretsmanager"]}`, types.Target{Id: aws.String("a"), Arn: aws.String(functionARN)})
	event := eventbridge.ServiceEvent{Source: "aws.secretsmanager", DetailType: "AWS Service Event via CloudTrail", Detail: json.RawMessage(`{"eventName":"RotationFailed"}`)}
	if err := w.Publish(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if len(w.functions.calls) != 1 || !strings.Contains(w.functions.calls[0].Payload, `"resources":[]`) {
		t.Errorf("calls %+v, want one with an empty list of resources", w.functions.calls)
	}
	event.Source = "sluice"
	if err := w.Publish(t.Context(), event); err == nil {
		t.Error("Publish for something that is no service succeeded")
	}
	event.Source, event.Detail = "aws.secretsmanager", json.RawMessage(`[]`)
	if err := w.Publish(t.Context(), event); err == nil {
		t.Error("Publish of a detail that is no object succeeded")
	}
}

func TestBusForgetsOldEvents(t *testing.T) {
	w := newWorld(t)
	for i := range 1005 {
		event := eventbridge.ServiceEvent{Source: "aws.test", DetailType: "T", Detail: json.RawMessage(fmt.Sprintf(`{"i":%d}`, i))}
		if err := w.Publish(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	got := w.Events("default")
	if len(got) != 1000 || string(got[0].Detail) != `{"i":5}` {
		t.Errorf("%d events, the first %s; want 1000 from number 5 on", len(got), got[0].Detail)
	}
}
