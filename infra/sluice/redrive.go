package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/aws/awsqueue"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

const (
	perReceive = 10 // the most that SQS hands out at once
	// patience, in seconds, makes SQS ask all its machines for messages: without it, an empty answer means little.
	patience = 1
	// hold is for how long, in seconds, a message is kept from others: for as long as it takes to bring a batch back, and at
	// most that long if the command dies.
	hold = 30
)

// A redriver moves what is in the dead-letter queue back to the queue that provision works on.
type redriver struct {
	*session
	api         *sqs.Client
	queue, dead string // URLs
}

func redrive(ctx context.Context, s *session, _ []string) error {
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	r := redriver{s, sqs.NewFromConfig(cfg), p.Queue, p.DeadLetters}
	n, err := r.run(ctx)
	switch {
	case s.dry && err == nil:
		fmt.Fprintf(s.out, "%s; nothing was changed\n", messages(n.moved))
	case err == nil || n.moved > 0:
		fmt.Fprintf(s.out, "%s brought back\n", messages(n.moved))
	}
	if n.left > 0 {
		fmt.Fprintf(s.out, "%s failed again meanwhile and stayed\n", messages(n.left))
	}
	if n.hopeless > 0 {
		fmt.Fprintf(s.out, "%s cannot succeed unchanged and stayed; send what was meant anew, corrected, or bring them back all the same with -all\n", messages(n.hopeless))
	}
	return err
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// unchanging are the reasons of messages that fail again as long as they are what they are.
var unchanging = []string{awslambda.Malformed, federation.OtherAccount}

// A redriven is how many messages were brought back, and how many stayed: those that failed again meanwhile, and those that cannot
// succeed.
type redriven struct{ moved, left, hopeless int }

// run brings back what is there.
func (r redriver) run(ctx context.Context) (redriven, error) {
	return r.since(ctx, time.Time{})
}

// since brings back what was there at a time, or when it begins. What fails again meanwhile stays, so that it comes to an end.
func (r redriver) since(ctx context.Context, began time.Time) (n redriven, err error) {
	var kept []types.Message
	seen, returned := make(map[string]bool), make(map[string]bool) // by identifier and by body
	defer func() {                                                 // what was only looked at can be brought back at once
		for _, m := range kept {
			if shown := r.release(context.WithoutCancel(ctx), m); err == nil {
				err = shown
			}
		}
	}()
	for {
		batch, now, err := r.receive(ctx)
		if err != nil || len(batch) == 0 {
			return n, err
		}
		if began.IsZero() {
			began = now
		}
		for i, m := range batch {
			id := aws.ToString(m.MessageId)
			if seen[id] { // it was held for so long that it comes again: that was all
				kept = append(kept, batch[i:]...)
				return n, nil
			}
			seen[id] = true
			again := returned[aws.ToString(m.Body)] && !sent(m).Before(began) // the service's date has whole seconds
			if again || sent(m).After(began.Add(time.Second)) {
				kept = append(kept, m)
				n.left++
				continue
			}
			r.message(m)
			if !r.all && slices.Contains(unchanging, reason(m)) {
				kept = append(kept, m)
				n.hopeless++
				continue
			}
			if r.dry {
				kept = append(kept, m)
			} else if err := r.back(ctx, m); err != nil {
				kept = append(kept, batch[i:]...)
				return n, err
			} else {
				returned[aws.ToString(m.Body)] = true
			}
			n.moved++
		}
	}
}

// receive takes some messages, and the service's time.
func (r redriver) receive(ctx context.Context) ([]types.Message, time.Time, error) {
	out, err := r.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &r.dead, MaxNumberOfMessages: perReceive, MessageAttributeNames: []string{"All"}, VisibilityTimeout: hold, WaitTimeSeconds: patience,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, time.Time{}, explainQueue(err, "read messages", r.dead)
	}
	now, err := awserror.Clock(out.ResultMetadata, "read messages", "queue "+r.dead)
	return out.Messages, now, err
}

// back sends a message to the work again. It is deleted among the dead letters only after that, so that none is lost; if it then
// stays, it is there twice, which changes nothing.
func (r redriver) back(ctx context.Context, m types.Message) error {
	if _, err := r.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &r.queue, MessageBody: m.Body}); err != nil {
		return explainQueue(err, "send message "+aws.ToString(m.MessageId)+" back", r.queue)
	}
	if _, err := r.api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &r.dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
		return explainQueue(err, "delete message "+aws.ToString(m.MessageId)+", which was sent back", r.dead)
	}
	return nil
}

// release lets others see a message again.
func (r redriver) release(ctx context.Context, m types.Message) error {
	_, err := r.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &r.dead, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
	if err != nil {
		return explainQueue(err, "let go of message "+aws.ToString(m.MessageId)+", which is seen again in half a minute", r.dead)
	}
	return nil
}

func explainQueue(err error, op, queue string) error {
	missing := awserror.Cause{Kind: fault.Blocked, Reason: awsqueue.QueueMissing, Fix: notDeployed}
	return awserror.Explain(err, op, "queue "+queue, awserror.Table{"AWS.SimpleQueueService.NonExistentQueue": missing, "QueueDoesNotExist": missing})
}

// sent is when a message came to the queue.
func sent(m types.Message) time.Time {
	n, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// reason is why a message is among the dead letters, and empty if SQS put it there.
func reason(m types.Message) string {
	return aws.ToString(m.MessageAttributes[awsqueue.ReasonAttribute].StringValue)
}

// message writes one message with its reason.
func (s *session) message(m types.Message) {
	fmt.Fprintf(s.out, "%s  %s\n", aws.ToString(m.MessageId), cmp.Or(reason(m), "it was tried too often; the log of the provision function says why"))
	if text, ok := m.MessageAttributes[awsqueue.MessageAttribute]; ok {
		fmt.Fprintf(s.out, "  %s\n", indented(aws.ToString(text.StringValue)))
	}
	fmt.Fprintf(s.out, "  %s\n", indented(aws.ToString(m.Body)))
}
