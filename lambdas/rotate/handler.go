package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
)

// An announcer tells others what happened.
type announcer interface {
	Announce(ctx context.Context, detailType, resource string, detail any) error
}

// A handler takes one step for each event.
type handler struct {
	rotator *credentials.Rotator
	bus     announcer
	log     *slog.Logger
}

// answer is what the function returns. Secrets Manager ignores it; a person who invokes the function reads it.
type answer struct {
	Outcome   credentials.Action `json:"outcome"`
	Consumer  string             `json:"consumer"`
	ExpiresAt *time.Time         `json:"expiresAt,omitempty"`
}

// Invoke implements lambda.Handler.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	in, err := event.DecodeRotation(payload)
	if err != nil {
		h.log.ErrorContext(ctx, "rotation event refused", "outcome", awslambda.Malformed, "err", err)
		return nil, awslambda.Failure(awslambda.Malformed, err)
	}
	work, cancel := awslambda.Work(ctx)
	defer cancel()
	out, err := h.step(in.Step)(work, credentials.Rotation{Secret: in.ID, Token: in.Token, Proof: in.Proof})
	log := h.log.With("step", in.Step, "secret", in.ID, "version", in.Token, "consumer", out.Consumer.Name, "warehouse", out.Consumer.Warehouse, "user", out.Consumer.Login.User)
	defer h.announce(ctx, log, in, out, err) // after the line in the log: a bus that does not answer must not cost that
	if err != nil {
		log.ErrorContext(ctx, "rotation step failed", "outcome", "Failed", awslambda.Cause(err))
		return nil, awslambda.Failure(fault.ReasonOf(err), err)
	}
	result := answer{Outcome: out.Action, Consumer: out.Consumer.Name}
	if !out.Lease.ExpiresAt.IsZero() {
		result.ExpiresAt = &out.Lease.ExpiresAt
	}
	log.InfoContext(ctx, "rotation step done", "outcome", out.Action, "expires", result.ExpiresAt)
	return awslambda.Answer(result)
}

func (h *handler) step(s event.Step) func(context.Context, credentials.Rotation) (credentials.Outcome, error) {
	return map[event.Step]func(context.Context, credentials.Rotation) (credentials.Outcome, error){
		event.Create: h.rotator.Create, event.Set: h.rotator.Set, event.Test: h.rotator.Test, event.Finish: h.rotator.Finish,
	}[s]
}

// notFailing are reasons that say nothing about a consumer's credentials: the event was not for us, or is late.
var notFailing = []string{credentials.NotOurs, credentials.TokenUnknown, credentials.TokenNotPending}

// announce reports a new lease and a failed step on the bus. The rotation does not depend on it: a bus that cannot be
// reached is a line in the log. A repeated last step announces again, since the first run may have died before it could.
func (h *handler) announce(ctx context.Context, log *slog.Logger, in event.Rotation, out credentials.Outcome, failure error) {
	who := event.Consumer{Consumer: out.Consumer.Name, Secret: in.ID, Warehouse: out.Consumer.Warehouse}
	var err error
	switch {
	case failure != nil && !slices.Contains(notFailing, fault.ReasonOf(failure)):
		err = h.bus.Announce(ctx, event.CredentialsFailing, in.ID, event.Failing{
			Consumer: who, Step: string(in.Step), Kind: string(fault.KindOf(failure)), Reason: fault.ReasonOf(failure), Cause: failure.Error(), Remedy: fault.FixOf(failure),
		})
	case failure == nil && in.Step == event.Finish && out.Lease.User != "":
		err = h.bus.Announce(ctx, event.CredentialsRotated, in.ID, event.Rotated{
			Consumer: who, Version: in.Token, User: out.Lease.User, IssuedAt: out.Lease.IssuedAt, ExpiresAt: out.Lease.ExpiresAt,
		})
	}
	if err != nil {
		log.WarnContext(ctx, "event not announced", "outcome", "Unannounced", awslambda.Cause(err))
	}
}
