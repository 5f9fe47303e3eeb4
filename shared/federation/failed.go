package federation

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// fromIAM are refusals that may come from a change of IAM which is not seen yet.
var fromIAM = []string{Unauthorized, NotAssumable, warehouse.RoleRefused, warehouse.SecretRefused, warehouse.KeyRefused}

// passing are refusals that may pass by themselves once: a password that rotates, rights that are being given anew, an unexplained
// failure, a call of the warehouse's that was lost, a database that is restarting.
var passing = []string{Unauthorized, warehouse.PasswordRefused, warehouse.SecretsUnreachable, warehouse.StatementDenied, warehouse.StatementFailed, source.AdminRefused, source.AdminPowerless, source.SourceUnreachable}

// enduring are failures that people see elsewhere, and that end by themselves: they are tried again for as long as it takes.
var enduring = []string{Throttled, Unavailable, ClusterBusy, Conflict, warehouse.WarehouseAway}

// stubborn are the remedies of failures that should pass by themselves, and did not.
var stubborn = map[string]string{
	source.SourceUnreachable:    "see that the source runs, and that the network of the login function reaches its port: subnets and security groups in federation.network, routes",
	warehouse.StatementConflict: "see what else changes the schema or its grants at the same time, and stop it",
	warehouse.StatementFailed:   "read the message: it is the warehouse's own",
	LoginDied:                   "read the log of the login function",
}

// persists reports whether a failure that should pass by itself has been tried often enough.
func (r *run) persists(reason string, fresh bool) bool {
	if reason == warehouse.StatementFailed {
		return !fresh
	}
	return !slices.Contains(enduring, reason) && (r.rec.Tries > stubbornTries || r.rec.Phase == Blocked && r.rec.Reason == reason)
}

// failed stores what a failure means: another try soon, or a federation that is blocked until a person acts.
func (r *run) failed(ctx context.Context, err error) error {
	kind, reason := fault.KindOf(err), fault.ReasonOf(err)
	r.rec.Tries++
	fresh := r.rec.Tries <= patientTries && !(r.rec.Phase == Blocked && r.rec.Reason == reason) // what is blocked has used up its tries
	patient := slices.Contains(passing, reason) && fresh || slices.Contains(fromIAM, reason) && r.now().Before(r.rec.IAMChanged.Add(propagation))
	if kind == fault.Retry && !r.persists(reason, fresh) || patient {
		r.Log.WarnContext(ctx, "step failed, to be tried again", "federation", r.rec.Name, "step", r.rec.At, "reason", reason, "tries", r.rec.Tries, "err", err.Error())
		r.rec.enter(Waiting, reason, r.telling(err), "", r.now())
		r.rec.At, r.rec.AtFor = "", 0
		return r.later(ctx, retryWait(r.rec.Tries))
	}
	remedy := fault.FixOf(err)
	switch {
	case kind == fault.Bug && remedy == "":
		remedy = "report this message"
	case kind == fault.Retry && stubborn[reason] != "":
		remedy = stubborn[reason]
	case kind == fault.Retry:
		remedy = "see what the message says; once its cause is gone, the federation goes on by itself"
	}
	changed := r.rec.enter(Blocked, reason, r.telling(err), remedy, r.now())
	r.Log.ErrorContext(ctx, "federation blocked", "federation", r.rec.Name, "step", r.rec.At, "reason", reason, "kind", string(kind), "err", err.Error())
	r.rec.At, r.rec.AtFor = "", 0
	if changed {
		r.rec.Tries = 1 // of looks at what is blocked
		if err := r.announce(ctx, event.FederationBlocked); err != nil {
			return err
		}
	}
	if kind == fault.Bug {
		if stored := r.release(ctx); stored != nil {
			return stored
		}
		if changed {
			return err // so that the message is kept for people, once
		}
		return nil
	}
	if r.rec.Tries <= blockedTries {
		return r.later(ctx, blockedWait)
	}
	return r.release(ctx)
}

// telling is what the record says of a failure. Whoever has corrected a document shall see that it is what was there before that
// fails to go, and not the correction.
func (r *run) telling(err error) string {
	if r.goesDown() && !r.rec.Withdrawn {
		return "taking down what was made before: " + err.Error()
	}
	return err.Error()
}

// blocked is a refusal that a person can lift.
func (r *run) blocked(op, reason, fix string, cause error) error {
	return &fault.Error{Kind: fault.Blocked, Reason: reason, Op: op, Subject: "federation " + r.rec.Name, Fix: fix, Err: cause}
}
