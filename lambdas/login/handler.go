package main

import (
	"context"
	"log/slog"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/source"
)

// A keeper does what requests ask.
type keeper interface {
	Do(ctx context.Context, r source.Request) (source.Answer, error)
}

// A handler answers each request with a [source.Reply].
type handler struct {
	keeper keeper
	log    *slog.Logger
}

// Invoke implements lambda.Handler. Only what is no request is an error of the function; all else that can go wrong is
// in the reply, with kind and remedy.
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := source.DecodeRequest(payload)
	if err != nil {
		h.log.ErrorContext(ctx, "request refused", "outcome", awslambda.Malformed, "err", err)
		return nil, awslambda.Failure(awslambda.Malformed, err)
	}
	work, cancel := awslambda.Work(ctx)
	defer cancel()
	answer, err := h.keeper.Do(work, r)
	log := h.log.With("action", r.Action, "federation", r.Federation, "source", r.Endpoint.String(), "user", r.User)
	if err != nil {
		log.ErrorContext(ctx, "login not kept", "outcome", "Failed", awslambda.Cause(err))
	} else {
		log.InfoContext(ctx, "login kept", "outcome", outcome(r, answer), "uncovered", answer.Uncovered)
	}
	return awslambda.Answer(source.ReplyWith(answer, err))
}

// outcome is what was done, in one word.
func outcome(r source.Request, a source.Answer) string {
	switch {
	case !a.Changed:
		return "Unchanged"
	case r.Action == source.Drop:
		return "Dropped"
	}
	return "Changed"
}
