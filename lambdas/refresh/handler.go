package main

import (
	"cmp"
	"context"
	"io"
	"log/slog"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
)

// An announcer tells others what happened.
type announcer interface {
	Announce(ctx context.Context, detailType, resource string, detail any) error
}

// A handler looks at one consumer for each event.
type handler struct {
	refresher *credentials.Refresher
	bus       announcer
	log       *slog.Logger
	metrics   io.Writer // where CloudWatch reads embedded metrics: the function's standard output
}

// answer is what the function returns; nobody waits for it but a person who invokes the function.
type answer struct {
	Outcome          credentials.Action `json:"outcome"`
	Reason           string             `json:"reason,omitempty"`
	Consumer         string             `json:"consumer"`
	RemainingSeconds int                `json:"remainingSeconds"`
}

// Invoke implements lambda.Handler.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	in, err := event.DecodeTick(payload)
	if err != nil {
		h.log.ErrorContext(ctx, "tick refused", "outcome", awslambda.Malformed, "err", err)
		return nil, awslambda.Failure(awslambda.Malformed, err)
	}
	work, cancel := awslambda.Work(ctx)
	defer cancel()
	look, err := h.refresher.Tick(work, in.Secret)
	log := h.log.With("secret", in.Secret, "consumer", look.Consumer.Name, "warehouse", look.Consumer.Warehouse, "user", look.Consumer.Login.User)
	if look.Seen {
		if err := measure(h.metrics, h.refresher.Stage, look); err != nil {
			log.WarnContext(ctx, "remaining life not reported", "outcome", "Unmeasured", "err", err)
		}
	}
	defer h.announce(ctx, log, in, look, cmp.Or(err, look.Trouble)) // after the line in the log: a bus that does not answer must not cost that
	if err != nil {
		log.ErrorContext(ctx, "tick failed", "outcome", "Failed", awslambda.Cause(err))
		return nil, awslambda.Failure(fault.ReasonOf(err), err)
	}
	log = log.With("outcome", look.Action, "remaining", look.Left.String(), "expires", look.Expires)
	if look.Trouble != nil {
		log.WarnContext(ctx, "tick done", awslambda.Cause(look.Trouble))
	} else {
		log.InfoContext(ctx, "tick done", "reason", look.Reason)
	}
	return awslambda.Answer(answer{look.Action, look.Reason, look.Consumer.Name, int(look.Left.Seconds())})
}

// announce reports a tick that failed, or found trouble, and a lease at risk on the bus. A bus that cannot be reached is a line in the log.
func (h *handler) announce(ctx context.Context, log *slog.Logger, in event.Tick, look credentials.Look, failure error) {
	who := event.Consumer{Consumer: look.Consumer.Name, Secret: in.Secret, Warehouse: look.Consumer.Warehouse}
	send := func(detailType string, detail any) {
		if err := h.bus.Announce(ctx, detailType, in.Secret, detail); err != nil {
			log.WarnContext(ctx, "event not announced", "outcome", "Unannounced", awslambda.Cause(err))
		}
	}
	if failure != nil && fault.ReasonOf(failure) != credentials.NotOurs {
		send(event.CredentialsFailing, event.Failing{
			Consumer: who, Step: "tick", Kind: string(fault.KindOf(failure)), Reason: fault.ReasonOf(failure), Cause: failure.Error(), Remedy: fault.FixOf(failure),
		})
	}
	if look.AtRisk {
		reason := string(look.Action)
		if failure != nil {
			reason = fault.ReasonOf(failure)
		}
		send(event.CredentialsAtRisk, event.AtRisk{Consumer: who, RemainingSeconds: int(look.Left.Seconds()), ExpiresAt: look.Expires, Reason: reason})
	}
}
