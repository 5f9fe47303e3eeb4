package eventbridge_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

const anything = `{"source":["sluice"]}`

func TestQueueGetsEvents(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	rule := w.rule(t, "sluice", "all", anything,
		types.Target{Id: aws.String("whole"), Arn: aws.String(queueARN)},
		types.Target{Id: aws.String("constant"), Arn: aws.String(queueARN), Input: aws.String(`{"a":1}`)},
		types.Target{Id: aws.String("made"), Arn: aws.String(queueARN), InputTransformer: &types.InputTransformer{
			InputPathsMap: map[string]string{"b": "$.detail.b"}, InputTemplate: aws.String(`{"c":<b>}`)}})
	id := w.put(t, "sluice", `{"b":2}`)
	if len(w.queues.sent) != 3 {
		t.Fatalf("sent %+v, want 3 messages", w.queues.sent)
	}
	var event struct{ ID string }
	if err := json.Unmarshal([]byte(w.queues.sent[0].Body), &event); err != nil || event.ID != id {
		t.Errorf("the whole event is %s", w.queues.sent[0].Body)
	}
	sameJSON(t, w.queues.sent[1].Body, `{"a":1}`)
	sameJSON(t, w.queues.sent[2].Body, `{"c":2}`)
	by := w.queues.sent[0].By
	if by.Service != "events.amazonaws.com" || by.Context["aws:SourceArn"][0] != rule || by.Context["aws:SourceAccount"][0] != "111122223333" {
		t.Errorf("sent by %+v", by)
	}
}

func TestWhatCannotBeDeliveredBecomesADeadLetter(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	for name, target := range map[string]string{"function": closedARN, "queue": shutARN} {
		w.rule(t, "sluice", name, anything, types.Target{Id: aws.String("a"), Arn: aws.String(target),
			DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(deadARN)}})
	}
	w.put(t, "sluice", `{"b":2}`)
	if len(w.queues.sent) != 2 || w.queues.sent[0].Queue != deadARN || !strings.Contains(w.queues.sent[0].Body, `"detail":{"b":2}`) {
		t.Errorf("sent %+v, want the event to the dead-letter queue, twice", w.queues.sent)
	}
	if got := w.Failures(); len(got) != 2 {
		t.Errorf("failures are %+v, want 2", got)
	}
}

func TestDeadLetterThatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.createBus(t)
	w.rule(t, "sluice", "all", anything, types.Target{Id: aws.String("a"), Arn: aws.String(closedARN),
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(shutARN)}})
	w.put(t, "sluice", `{}`)
	if got := w.Failures(); len(got) != 1 || !strings.Contains(got[0].Err, "dead-letter queue") {
		t.Errorf("failures are %+v, want one that tells of both refusals", got)
	}
}
