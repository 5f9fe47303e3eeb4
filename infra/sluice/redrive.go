package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	perReceive = 10 // the most that SQS hands out at once
	// looked is for how long, in seconds, messages that are only shown stay invisible, so that none is shown twice.
	looked = 20
)

// redrive moves what is in the dead-letter queue back to the queue that provision works on. A message is deleted there only
// after it has been sent here, so that none is lost.
func redrive(ctx context.Context, s *session, _ []string) error {
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	count := 0
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &p.DeadLetters, MaxNumberOfMessages: perReceive, MessageAttributeNames: []string{"All"}, VisibilityTimeout: looked,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
		})
		if err != nil {
			return fmt.Errorf("read queue %s: %w", p.DeadLetters, err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			s.message(m)
			count++
			if s.dry {
				continue
			}
			if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &p.Queue, MessageBody: m.Body}); err != nil {
				return fmt.Errorf("send message %s back: %w", aws.ToString(m.MessageId), err)
			}
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &p.DeadLetters, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return fmt.Errorf("message %s was sent back and is still in %s: %w", aws.ToString(m.MessageId), p.DeadLetters, err)
			}
		}
	}
	if s.dry {
		fmt.Fprintf(s.out, "%d messages; nothing was changed\n", count)
	} else {
		fmt.Fprintf(s.out, "%d messages brought back\n", count)
	}
	return nil
}

// message writes one message with its reason.
func (s *session) message(m types.Message) {
	reason := "it was tried too often; the log of the provision function says why"
	if r, ok := m.MessageAttributes["Reason"]; ok {
		reason = aws.ToString(r.StringValue)
	}
	fmt.Fprintf(s.out, "%s  %s\n", aws.ToString(m.MessageId), reason)
	if text, ok := m.MessageAttributes["Message"]; ok {
		fmt.Fprintf(s.out, "  %s\n", aws.ToString(text.StringValue))
	}
	fmt.Fprintf(s.out, "  %s\n", aws.ToString(m.Body))
}
