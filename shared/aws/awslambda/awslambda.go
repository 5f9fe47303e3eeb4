// Package awslambda is how Sluice's functions answer the Lambda service.
package awslambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sluicehq/sluice/shared/fault"
)

// Malformed is the errorType of an event that is not what the function is for.
const Malformed = "Malformed"

// Start serves the handler that wire makes. Settings that are wrong end the process before the first event, with all
// problems in the log: Lambda then reports the deployment as failed at once.
func Start(name string, wire func(*slog.Logger) (lambda.Handler, error)) {
	log := lambdacontext.NewLogger()
	handler, err := wire(log)
	if err != nil {
		log.Error(name+" cannot start", "outcome", "Misconfigured", "err", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// reserve is what a function keeps of its time limit to report what went wrong in the rest: one call to the bus, and a
// line in the log. Lambda itself reports nothing but that the time was over.
const reserve = 5 * time.Second

// Work is ctx for the work of one invocation: it ends a few seconds before the function's time limit, which ctx has.
func Work(ctx context.Context) (context.Context, context.CancelFunc) {
	limit, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, limit.Add(-reserve))
}

// Failure is err as Lambda publishes it: the reason is the errorType that alarms and callers match on.
func Failure(reason string, err error) error {
	return messages.InvokeResponse_Error{Type: reason, Message: err.Error()}
}

// Answer is the output of a function.
func Answer(output any) ([]byte, error) {
	b, err := json.Marshal(output)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return b, nil
}

// Cause is err as attributes of a log line, under fixed keys.
func Cause(err error) slog.Attr {
	return slog.Group("", slog.String("reason", fault.ReasonOf(err)), slog.String("kind", string(fault.KindOf(err))), slog.String("err", err.Error()))
}
