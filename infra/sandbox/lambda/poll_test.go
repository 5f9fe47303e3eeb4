package lambda_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// put sends bodies to the queue work in one batch.
func (w *world) put(t *testing.T, bodies ...string) {
	t.Helper()
	var entries []map[string]any
	for i, body := range bodies {
		entries = append(entries, map[string]any{"Id": fmt.Sprint(i), "MessageBody": body})
	}
	w.do(t, "sqs", "SendMessageBatch", map[string]any{"QueueUrl": w.queues.URL(workARN), "Entries": entries})
	w.clock.Settle()
}

// left describes the messages of a queue: body and receives, with a star for those that are hidden.
func (w *world) left(queue string) string {
	var all []string
	for _, m := range w.queues.Messages(queue) {
		var o struct{ Do string }
		_ = json.Unmarshal([]byte(m.Body), &o)
		text := fmt.Sprint(o.Do, m.Receives)
		if !m.Visible {
			text += "*"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func (w *world) checkLeft(t *testing.T, when, work, dead string) {
	t.Helper()
	if w.left("work") != work || w.left("dead") != dead {
		t.Errorf("%s: left are %q, and dead %q; want %q and %q", when, w.left("work"), w.left("dead"), work, dead)
	}
}

func TestBatchIsWorkedOnAndDeleted(t *testing.T) {
	w := newWorld(t)
	id := w.mapped(t)
	w.put(t, `{}`, `{}`)
	w.checkLeft(t, "after success", "", "")
	if w.attempts() != 1 || *w.mapping(t, id).LastProcessingResult != "OK" {
		t.Errorf("%d invocations, result %q; want one for both messages", w.attempts(), *w.mapping(t, id).LastProcessingResult)
	}
	for _, operation := range []string{"ReceiveMessage", "DeleteMessageBatch"} {
		calls := w.server.Calls().List(awshttp.Filter{Service: "sqs", Operation: operation})
		if len(calls) != 1 || !strings.Contains(calls[0].Principal, role) {
			t.Errorf("%s was called %+v; want once, as the function's role", operation, calls)
		}
	}
}

// TestEventOfABatch has the function send its event to a server.
func TestEventOfABatch(t *testing.T) {
	w := newWorld(t)
	events := make(chan []byte, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- body
	}))
	defer listener.Close()
	w.mapped(t)
	body := `{"Do":"event","Text":"` + listener.URL + `"}`
	w.do(t, "sqs", "SendMessage", map[string]any{"QueueUrl": w.queues.URL(workARN), "MessageBody": body,
		"MessageAttributes": map[string]any{"trace": map[string]any{"DataType": "String", "StringValue": "abc"}}})
	w.clock.Settle()
	var event struct {
		Records []map[string]any
	}
	if err := json.Unmarshal(<-events, &event); err != nil || len(event.Records) != 1 {
		t.Fatalf("event is %v, %v", event, err)
	}
	r := event.Records[0]
	own, _ := r["attributes"].(map[string]any)
	if r["body"] != body || r["eventSource"] != "aws:sqs" || r["eventSourceARN"] != workARN || r["awsRegion"] != "us-east-1" ||
		len(r["messageId"].(string)) != 36 || r["receiptHandle"] == "" || len(r["md5OfBody"].(string)) != 32 ||
		own["ApproximateReceiveCount"] != "1" || own["SentTimestamp"] == "" {
		t.Errorf("record is %v", r)
	}
	trace, _ := r["messageAttributes"].(map[string]any)["trace"].(map[string]any)
	if trace["stringValue"] != "abc" || trace["dataType"] != "String" || trace["binaryListValues"] == nil {
		t.Errorf("attribute is %v", trace)
	}
}

func TestFailedItemsComeAgain(t *testing.T) {
	w := newWorld(t)
	w.mapped(t)
	w.put(t, `{}`, `{"Do":"refuse"}`, `{}`)
	w.checkLeft(t, "after one refusal", "refuse1*", "")
	w.clock.Advance(minute + time.Second)
	w.checkLeft(t, "after the visibility timeout", "refuse2*", "")
	w.clock.Advance(2*minute + 2*time.Second)
	w.checkLeft(t, "after three receives", "", "refuse3")
	if w.attempts() != 3 {
		t.Errorf("%d invocations, want 3", w.attempts())
	}
}

func TestWholeBatchFails(t *testing.T) {
	for name, order := range map[string]string{
		"error":       `{"Do":"fail"}`,
		"exit":        `{"Do":"exit"}`,
		"unknown id":  `{"Do":"answer","Text":"{\"batchItemFailures\":[{\"itemIdentifier\":\"x\"}]}"}`,
		"null id":     `{"Do":"answer","Text":"{\"batchItemFailures\":[{\"itemIdentifier\":null}]}"}`,
		"empty id":    `{"Do":"answer","Text":"{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}"}`,
		"other key":   `{"Do":"answer","Text":"{\"batchItemFailures\":[{\"id\":\"x\"}]}"}`,
		"not a list":  `{"Do":"answer","Text":"{\"batchItemFailures\":1}"}`,
		"not a reply": `{"Do":"answer","Text":"\"done\""}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.mapped(t)
			w.put(t, `{}`, order)
			if got := w.queues.Messages("work"); len(got) != 2 || got[0].Visible || got[1].Visible {
				t.Errorf("left are %+v; want both, hidden", got)
			}
			if got := *w.mapping(t, id).LastProcessingResult; got != "PROBLEM: Function call failed" {
				t.Errorf("result is %q", got)
			}
		})
	}
}

func TestAnswersThatMeanSuccess(t *testing.T) {
	for _, answer := range []string{`null`, `{}`, `{"batchItemFailures":null}`, `{"batchItemFailures":[]}`} {
		w := newWorld(t)
		w.mapped(t)
		w.put(t, `{"Do":"answer","Text":`+quoted(answer)+`}`)
		w.checkLeft(t, answer, "", "")
	}
}

func TestWithoutReportsEverySuccessIsOne(t *testing.T) {
	w := newWorld(t)
	w.mapped(t, func(in *api.CreateEventSourceMappingInput) { in.FunctionResponseTypes = nil })
	w.put(t, `{}`, `{"Do":"refuse"}`)
	w.checkLeft(t, "after a refusal that nobody reads", "", "")
}

func TestKilledFunctionLeavesTheBatchHidden(t *testing.T) {
	w := newWorld(t)
	w.mapped(t)
	if err := w.KillNext("echo"); err != nil {
		t.Fatal(err)
	}
	w.put(t, `{}`)
	w.checkLeft(t, "after the kill", "1*", "")
	w.clock.Advance(59 * time.Second)
	w.checkLeft(t, "before the timeout", "1*", "")
	w.clock.Advance(2 * time.Second)
	w.checkLeft(t, "after the timeout", "", "")
}

// TestConcurrencyOfAMapping holds invocations open by a server that they call.
func TestConcurrencyOfAMapping(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	open, most := 0, 0
	arrived, leave := make(chan bool, 10), make(chan bool)
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		open++
		most = max(most, open)
		mu.Unlock()
		arrived <- true
		<-leave
		mu.Lock()
		open--
		mu.Unlock()
	}))
	defer gate.Close()
	w.mapped(t, func(in *api.CreateEventSourceMappingInput) {
		in.BatchSize, in.ScalingConfig = aws.Int32(1), &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}
	})
	for range 5 {
		if err := w.queues.Send(t.Context(), operator, workARN, `{"Do":"call","Text":"`+gate.URL+`"}`, 0); err != nil {
			t.Fatal(err)
		}
	}
	<-arrived
	<-arrived
	if got := w.queues.Waiting(workARN); got != 3 {
		t.Errorf("%d messages wait while two are worked on, want 3", got)
	}
	close(leave)
	w.clock.Settle()
	if w.checkLeft(t, "in the end", "", ""); most != 2 || w.attempts() != 5 {
		t.Errorf("%d at once and %d in all, want 2 and 5", most, w.attempts())
	}
}

func TestThrottledBatchWaits(t *testing.T) {
	w := newWorld(t)
	w.mapped(t)
	w.do(t, "lambda", "PutFunctionConcurrency", map[string]any{"FunctionName": "echo", "ReservedConcurrentExecutions": 0})
	w.put(t, `{}`)
	w.clock.Advance(10 * time.Second)
	w.checkLeft(t, "while throttled", "1*", "")
	w.do(t, "lambda", "PutFunctionConcurrency", map[string]any{"FunctionName": "echo", "ReservedConcurrentExecutions": 1})
	w.clock.Advance(40 * time.Second)
	w.checkLeft(t, "after it, with the same receive", "", "")
}

func TestPermissionThatIsGone(t *testing.T) {
	w := newWorld(t)
	id := w.mapped(t)
	w.land.refuse("sqs:DeleteMessage", true)
	w.put(t, `{}`)
	w.checkLeft(t, "without permission", "0", "")
	if got := *w.mapping(t, id).LastProcessingResult; !strings.HasPrefix(got, "PROBLEM: ") || !strings.Contains(got, "sqs:DeleteMessage") || w.attempts() != 0 {
		t.Errorf("result is %q after %d invocations", got, w.attempts())
	}
	w.land.refuse("sqs:DeleteMessage", false)
	w.clock.Advance(61 * time.Second)
	w.checkLeft(t, "with permission again", "", "")
}

func TestFailuresOfSQSPass(t *testing.T) {
	for _, operation := range []string{"ReceiveMessage", "DeleteMessageBatch"} {
		w := newWorld(t)
		w.mapped(t)
		if err := w.server.Faults().Add(awshttp.Fault{Service: "sqs", Operation: operation, Kind: awshttp.Failing, Count: 1}); err != nil {
			t.Fatal(err)
		}
		w.put(t, `{}`)
		w.clock.Advance(2 * time.Second)
		w.checkLeft(t, operation, "", "")
	}
}

func TestDisabledMappingRests(t *testing.T) {
	w := newWorld(t)
	id := w.mapped(t, func(in *api.CreateEventSourceMappingInput) { in.Enabled = aws.Bool(false) })
	w.put(t, `{}`)
	w.checkLeft(t, "disabled", "0", "")
	if _, err := w.client.UpdateEventSourceMapping(t.Context(), &api.UpdateEventSourceMappingInput{UUID: &id, Enabled: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.clock.Settle()
	w.checkLeft(t, "enabled", "", "")
}

func TestBatchingWindow(t *testing.T) {
	w := newWorld(t)
	w.mapped(t, func(in *api.CreateEventSourceMappingInput) {
		in.MaximumBatchingWindowInSeconds, in.BatchSize = aws.Int32(20), aws.Int32(3)
	})
	w.put(t, `{}`)
	w.clock.Advance(10 * time.Second)
	w.put(t, `{}`)
	w.checkLeft(t, "within the window", "0 0", "")
	w.clock.Advance(11 * time.Second)
	if w.checkLeft(t, "after the window", "", ""); w.attempts() != 1 {
		t.Errorf("%d invocations, want 1", w.attempts())
	}
	if w.put(t, `{}`, `{}`, `{}`); w.attempts() != 2 {
		t.Errorf("%d invocations, want a full batch at once", w.attempts())
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // always encodes
	return string(b)
}
