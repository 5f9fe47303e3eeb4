package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A morgue keeps messages that can never succeed, for people.
type morgue interface {
	DeadLetter(ctx context.Context, body, reason, message string) error
}

// A handler works through batches of messages.
type handler struct {
	reconciler *federation.Reconciler
	dead       morgue
	log        *slog.Logger
}

// Invoke implements lambda.Handler. The messages of a batch are worked on side by side, and each fails for itself.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var batch events.SQSEvent
	if err := json.Unmarshal(payload, &batch); err != nil || len(batch.Records) == 0 {
		err := errors.Join(errors.New("not a batch of messages from the queue"), err)
		h.log.ErrorContext(ctx, "batch refused", "outcome", awslambda.Malformed, "err", err)
		return nil, awslambda.Failure(awslambda.Malformed, err)
	}
	work, cancel := awslambda.Work(ctx)
	defer cancel()
	var mu sync.Mutex
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var all sync.WaitGroup
	for _, m := range batch.Records {
		all.Go(func() {
			if h.message(work, m) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		})
	}
	all.Wait()
	return awslambda.Answer(answer)
}

// message works on one message and reports whether the queue can forget it.
func (h *handler) message(ctx context.Context, m events.SQSMessage) bool {
	log := h.log.With("messageId", m.MessageId, "received", m.Attributes["ApproximateReceiveCount"]) // "message" is the text of the line
	w, err := event.DecodeWork([]byte(m.Body))
	if err != nil {
		return h.bury(ctx, log, m, awslambda.Malformed, err)
	}
	log = log.With("task", w.Task)
	err = h.do(ctx, log, w, by(ctx, m))
	if err == nil {
		return true
	}
	log = log.With("federation", w.Federation)
	if fault.KindOf(err) == fault.Retry || refusedOften(m, err) < maxRefusals {
		log.WarnContext(ctx, "message comes again", "outcome", "Failed", awslambda.Cause(err))
		return false
	}
	return h.bury(ctx, log, m, fault.ReasonOf(err), err)
}

// maxRefusals is how often a message whose work the policies refuse is received before it is buried with that reason: fewer
// than the queue itself allows, which would bury it without one. A policy that was just changed is seen late.
const maxRefusals = 4

// refusedOften is how often a message was received, if err is a refusal by the policies. A message is not to blame for that, and
// it may pass; where it is known of which federation it is, the record says so, and what is refused here is the record itself,
// the queue or the bus.
func refusedOften(m events.SQSMessage, err error) int {
	received, unreadable := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if unreadable != nil || fault.ReasonOf(err) != federation.Unauthorized {
		return maxRefusals
	}
	return received
}

// by names this run in claims.
func by(ctx context.Context, m events.SQSMessage) string {
	id := m.MessageId
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id = lc.AwsRequestID + "/" + id
	}
	return id
}

// bury puts a message that can never succeed where people find it, with its reason.
func (h *handler) bury(ctx context.Context, log *slog.Logger, m events.SQSMessage, reason string, cause error) bool {
	log.ErrorContext(ctx, "message cannot succeed", "outcome", "DeadLetter", "reason", reason, "err", cause)
	if err := h.dead.DeadLetter(context.WithoutCancel(ctx), m.Body, reason, apart(cause)); err != nil {
		log.ErrorContext(ctx, "message not buried, comes again", "outcome", "Failed", awslambda.Cause(err))
		return false
	}
	return true
}

// apart is what an error says, with the remedy on a line of its own: what is wrong with a document has many.
func apart(err error) string {
	e, ok := err.(*fault.Error) // one that is wrapped has more to say
	if !ok || e.Fix == "" {
		return err.Error()
	}
	alone := *e
	alone.Fix = ""
	return alone.Error() + "\nremedy: " + e.Fix
}

// do carries out one task.
func (h *handler) do(ctx context.Context, log *slog.Logger, w event.Work, by string) error {
	if w.Account != "" && w.Account != h.reconciler.Place.Account {
		return &fault.Error{Kind: fault.Blocked, Reason: federation.OtherAccount, Op: "take event", Subject: w.About, Fix: "send events from account " + h.reconciler.Place.Account,
			Err: errors.New("it comes from account " + w.Account)}
	}
	switch w.Task {
	case event.TaskRequest:
		wanted, err := federation.Decode(w.Wanted)
		if err != nil {
			return &fault.Error{Kind: fault.Blocked, Reason: awslambda.Malformed, Op: "read document", Subject: w.About, Err: err, Fix: "correct the document and send it again"}
		}
		return say(ctx, log)(h.reconciler.Request(ctx, wanted, w.At, by))
	case event.TaskWithdraw:
		if why := federation.BadName(w.Federation); why != "" {
			return &fault.Error{Kind: fault.Blocked, Reason: awslambda.Malformed, Op: "read withdrawal", Subject: w.About, Err: errors.New("the name " + why), Fix: "correct the name and send the event again"}
		}
		return say(ctx, log)(h.reconciler.Withdraw(ctx, w.Federation, w.At, by))
	case event.TaskFollowUp:
		return say(ctx, log)(h.reconciler.FollowUp(ctx, w.Federation, w.Number, by))
	case event.TaskLook:
		if w.Instance == "" {
			return say(ctx, log)(h.reconciler.Look(ctx, w.Federation, by))
		}
		looked, err := h.reconciler.Instance(ctx, w.Instance, by)
		for _, o := range looked {
			_ = say(ctx, log)(o, nil)
		}
		if w.Account == "" && fault.ReasonOf(err) == federation.TagsWrong { // the sweep comes back to it until the tags are right
			log.WarnContext(ctx, "tags are not right", "outcome", federation.TagsWrong, "instance", w.Instance, "err", err)
			return nil
		}
		return err
	case event.TaskSweep:
		swept, err := h.reconciler.Sweep(ctx)
		if err != nil {
			return err
		}
		log.InfoContext(ctx, "sweep done", "outcome", "Swept", "looks", swept.Looks, "missed", swept.Missed)
		for _, role := range swept.Unclaimed {
			log.WarnContext(ctx, "role belongs to no federation", "outcome", "Unclaimed", "role", role)
		}
	default:
		log.InfoContext(ctx, "event ignored", "outcome", "Ignored", "about", w.About)
	}
	return nil
}

// say writes the line of the log that says what came of one federation.
func say(ctx context.Context, log *slog.Logger) func(federation.Outcome, error) error {
	return func(o federation.Outcome, err error) error {
		if err == nil {
			outcome := string(o.Phase)
			if o.Dropped != "" {
				outcome = "Dropped"
			}
			log.InfoContext(ctx, "federation looked at", "outcome", outcome, "federation", o.Federation, "phase", o.Phase, "reason", o.Reason, "dropped", o.Dropped)
		}
		return err
	}
}
