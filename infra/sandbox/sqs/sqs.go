// Package sqs plays Amazon SQS with standard queues: messages that are delivered at least once, hidden while somebody
// works on them, delivered again when that takes too long, and moved to a dead-letter queue when it happens too often.
// All of it goes by the sandbox's clock.
//
// What differs from SQS:
//   - ReceiveMessage does not wait: it answers at once with what is there, whatever WaitTimeSeconds says. Who waits for
//     messages in process uses [Service.Watch].
//   - Messages come in the order in which they became visible. Counts are exact and a queue is one machine.
//   - A message that was received too often moves to the dead-letter queue when it would be visible again, and does
//     not wait for somebody to receive it.
//   - There are no FIFO queues, no keys of KMS and no AddPermission.
//
// Source: Amazon SQS API Reference and Developer Guide.
package sqs

import (
	"cmp"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// A Config says what a [Service] works with.
type Config struct {
	Clock      *clock.Clock
	Authorizer awshttp.Authorizer // asked for what does not come as a call, as [Service.Send]
	Endpoint   string             // where the URLs of queues begin, for example http://127.0.0.1:4566
	Region     string             // empty means awshttp.DefaultRegion
}

// A Service holds queues. Its methods may be called from several goroutines.
type Service struct {
	config Config

	mu      sync.Mutex
	queues  map[string]*queue    // by name
	deleted map[string]time.Time // names of queues that were deleted, and when
	watches map[string][]*watch  // by the name of the queue, which need not be there
}

// New returns a service without queues.
func New(c Config) *Service {
	c.Region = cmp.Or(c.Region, awshttp.DefaultRegion)
	return &Service{config: c, queues: map[string]*queue{}, deleted: map[string]time.Time{}, watches: map[string][]*watch{}}
}

// AWS lists the operations, for [awshttp.Server.Register].
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "sqs", Protocol: awshttp.JSON, JSONVersion: "1.0", Target: "AmazonSQS",
		Invalid: missingParameter, Throttled: "RequestThrottled", QueryErrors: queryErrors,
		Operations: map[string]awshttp.Operation{
			"CreateQueue":                  s.createQueue,
			"GetQueueUrl":                  s.getQueueURL,
			"ListQueues":                   s.listQueues,
			"DeleteQueue":                  s.deleteQueue,
			"PurgeQueue":                   s.purgeQueue,
			"GetQueueAttributes":           s.getQueueAttributes,
			"SetQueueAttributes":           s.setQueueAttributes,
			"TagQueue":                     s.tagQueue,
			"UntagQueue":                   s.untagQueue,
			"ListQueueTags":                s.listQueueTags,
			"SendMessage":                  s.sendMessage,
			"SendMessageBatch":             s.sendMessageBatch,
			"ReceiveMessage":               s.receiveMessage,
			"DeleteMessage":                s.deleteMessage,
			"DeleteMessageBatch":           s.deleteMessageBatch,
			"ChangeMessageVisibility":      s.changeMessageVisibility,
			"ChangeMessageVisibilityBatch": s.changeMessageVisibilityBatch,
		},
	}
}
