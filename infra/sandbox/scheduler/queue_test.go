package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

const (
	queueARN = "arn:aws:sqs:us-east-1:111122223333:work"
	deadARN  = "arn:aws:sqs:us-east-1:111122223333:dead"
)

func toQueue(in *api.CreateScheduleInput) {
	in.Target = &types.Target{Arn: aws.String(queueARN), RoleArn: aws.String(roleARN), Input: aws.String("text, no JSON"),
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(deadARN)}}
}

func TestScheduleSendsToAQueue(t *testing.T) {
	w := newWorld(t)
	w.create(t, toQueue)
	w.clock.Advance(7 * time.Minute)
	if len(w.queues.sent) != 2 {
		t.Fatalf("sent %+v in seven minutes, want 2 messages", w.queues.sent)
	}
	if m := w.queues.sent[0]; m.Queue != queueARN || m.Body != "text, no JSON" || m.By.Role != roleARN {
		t.Errorf("sent %+v, want the input, with the schedule's role", m)
	}
}

func TestFinalFailureBecomesADeadLetter(t *testing.T) {
	w := newWorld(t)
	w.queues.shut = true
	w.create(t, toQueue)
	w.clock.Advance(2 * time.Minute)
	if len(w.queues.sent) != 1 || w.queues.sent[0].Queue != deadARN || w.queues.sent[0].Body != "text, no JSON" {
		t.Errorf("sent %+v, want the input to the dead-letter queue", w.queues.sent)
	}
	if got := w.Failures(); len(got) != 1 || !got[0].Final || strings.Contains(got[0].Err, "dead-letter") {
		t.Errorf("failures are %+v", got)
	}
}
