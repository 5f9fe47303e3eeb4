package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awsqueue"
	"github.com/sluicehq/sluice/shared/event"
)

// dead puts messages among the dead letters, as provision does, and empties both queues when the test ends.
func dead(t *testing.T, w *world.World, bodies ...string) {
	t.Helper()
	deadFor(t, w, "Unauthorized", bodies...)
}

func deadFor(t *testing.T, w *world.World, reason string, bodies ...string) {
	t.Helper()
	p, api := provision(t), sqs.NewFromConfig(configured(w))
	for _, body := range bodies {
		if err := awsqueue.New(api, p.Queue, p.DeadLetters).DeadLetter(t.Context(), body, reason, "read table: denied\nremedy: allow it"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		take(t, w, p.Queue)
		take(t, w, p.DeadLetters)
	})
}

// take empties a queue and returns the bodies, sorted.
func take(t *testing.T, w *world.World, queue string) (bodies []string) {
	t.Helper()
	ctx, api := context.Background(), sqs.NewFromConfig(configured(w))
	for {
		out, err := api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
			if _, err := api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// looks are n different messages.
func looks(n int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, event.Look(fmt.Sprintf("orders-%02d", i)))
	}
	return bodies
}

func TestRedrive(t *testing.T) {
	w := start(t)
	p, bodies := provision(t), looks(23) // more than SQS hands out at once
	dead(t, w, bodies...)

	shown := succeed(t, "", "redrive", "-dry-run")
	says(t, shown, "23 messages; nothing was changed")
	out := succeed(t, "", "redrive") // at once: a look hides nothing
	says(t, out, "23 messages brought back", "  Unauthorized\n", "  read table: denied\n    remedy: allow it\n")
	for _, body := range bodies {
		if strings.Count(shown, "  "+body+"\n") != 1 || strings.Count(out, "  "+body+"\n") != 1 {
			t.Errorf("%s is not shown once", body)
		}
	}
	if left := take(t, w, p.DeadLetters); len(left) > 0 {
		t.Errorf("%d messages are still among the dead letters", len(left))
	}
	if back := take(t, w, p.Queue); !slices.Equal(back, bodies) {
		t.Errorf("%d messages came back: %v", len(back), back)
	}
	says(t, succeed(t, "", "redrive"), "0 messages brought back")
}

// TestRedriveOfOneThatWasTriedTooOften is of a message that SQS itself moved, which has no reason with it.
func TestRedriveOfOneThatWasTriedTooOften(t *testing.T) {
	w := start(t)
	p, body := provision(t), event.Look("orders")
	dead(t, w)
	if _, err := sqs.NewFromConfig(configured(w)).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &p.DeadLetters, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
	says(t, succeed(t, "", "redrive"), "it was tried too often; the log of the provision function says why", body, "1 message brought back")
}

// TestRedriveLosesNothing lets each of its calls fail in each way. No message is gone afterwards; one that is there twice is so
// because nobody could know better.
//
// Scenario 36: the part of sluice redrive.
func TestRedriveLosesNothing(t *testing.T) {
	w := start(t)
	p, bodies := provision(t), looks(3)
	for _, operation := range []string{"ReceiveMessage", "SendMessage", "DeleteMessage"} {
		for _, kind := range []awshttp.Kind{awshttp.Throttled, awshttp.Refused, awshttp.Failing, awshttp.LostBefore, awshttp.LostAfter} {
			t.Run(operation+" "+string(kind), func(t *testing.T) {
				dead(t, w, bodies...)
				if err := w.AWS.Faults().Add(awshttp.Fault{Service: "sqs", Operation: operation, Kind: kind, Count: 1}); err != nil {
					t.Fatal(err)
				}
				_, errs, code := run(t, "", "redrive")
				if code != exitFailed {
					t.Errorf("it ended with %d", code)
				}
				says(t, errs, "sluice redrive: ", "message", "queue https://sqs.us-east-1.amazonaws.com/111122223333/sluice-sandbox-", "\n  remedy: ")

				if _, err := w.Control().Advance(t.Context(), hold*time.Second); err != nil { // what an answer that was lost has hidden is seen again
					t.Fatal(err)
				}
				succeed(t, "", "redrive")
				back := slices.Compact(take(t, w, p.Queue))
				if left := take(t, w, p.DeadLetters); len(left) > 0 || !slices.Equal(back, bodies) {
					t.Errorf("after another try %v came back and %v are left; want %v and none", back, left, bodies)
				}
			})
		}
	}
}

// TestRedriveEnds is of messages that fail again at once, and are among the dead letters while the command still runs.
func TestRedriveEnds(t *testing.T) {
	w := start(t)
	p, api := provision(t), sqs.NewFromConfig(configured(w))
	dead(t, w, looks(1)...)
	if _, err := w.Control().Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	began := w.Clock.Now().Add(-30 * time.Second) // one of them is newer than this, the other is not
	dead(t, w, event.Look("again"))
	r := redriver{&session{out: new(strings.Builder)}, api, p.Queue, p.DeadLetters}
	n, err := r.since(t.Context(), began)
	if want := (redriven{moved: 1, left: 1}); err != nil || n != want {
		t.Errorf("%+v, %v; want %+v", n, err, want)
	}
	if back := take(t, w, p.Queue); !slices.Equal(back, looks(1)) {
		t.Errorf("%v came back", back)
	}
	if stayed := take(t, w, p.DeadLetters); !slices.Equal(stayed, []string{event.Look("again")}) {
		t.Errorf("%v can be seen among the dead letters", stayed)
	}
}

// TestRedriveOfWhatCannotSucceed is of messages that would be among the dead letters again at once: they stay, unless all are asked for.
func TestRedriveOfWhatCannotSucceed(t *testing.T) {
	w := start(t)
	p, bodies := provision(t), looks(3)
	dead(t, w, bodies[0])
	deadFor(t, w, "Malformed", bodies[1])
	deadFor(t, w, "OtherAccount", bodies[2])
	const stay = "2 messages cannot succeed unchanged and stayed; send what was meant anew"
	says(t, succeed(t, "", "redrive", "-dry-run"), "\n1 message; nothing was changed\n", stay)
	says(t, succeed(t, "", "redrive", "-dry-run", "-all"), "\n3 messages; nothing was changed\n")
	says(t, succeed(t, "", "redrive"), "  Malformed\n", bodies[1], "\n1 message brought back\n", stay)
	if back := take(t, w, p.Queue); !slices.Equal(back, bodies[:1]) {
		t.Errorf("%v came back", back)
	}
	says(t, succeed(t, "", "redrive", "-all"), "\n2 messages brought back\n")
	if back := take(t, w, p.Queue); !slices.Equal(back, bodies[1:]) {
		t.Errorf("of all %v came back", back)
	}
}
