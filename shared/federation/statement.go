package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// ask runs a statement that changes nothing, and returns its rows. Most are over at the first look, so that this asks for the
// rows at once; only where there are none it asks how far the statement is.
func (r *run) ask(ctx context.Context, purpose, sql string) ([][]string, *wait, error) {
	id, w, err := r.begin(ctx, purpose, sql, noToken)
	if w != nil || err != nil {
		return nil, w, err
	}
	r.sleep(ctx, firstPoll)
	if rows, err := r.SQL.Rows(ctx, id); err == nil {
		r.rec.Statement = nil
		return rows, nil, nil
	}
	if w, err := r.await(ctx, purpose, id); w != nil || err != nil {
		return nil, w, err
	}
	rows, err := r.SQL.Rows(ctx, id)
	return rows, nil, err
}

// tell runs a statement that changes something. Its token is the same for whoever repeats it after a run that died, so that
// it happens once.
func (r *run) tell(ctx context.Context, purpose, sql string) (*wait, error) {
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	id, w, err := r.finish(ctx, purpose, sql, func() string {
		sum := sha256.Sum256([]byte(r.Mark(r.rec.Name) + "\n" + strconv.Itoa(r.rec.Generation) + "\n" + strconv.Itoa(r.rec.Serial) + "\n" + sql))
		return hex.EncodeToString(sum[:])[:maxToken]
	})
	if w == nil && id != "" && r.rec.Statement == nil {
		r.rec.Serial++ // the statement is over; the next one of the same text is another
	}
	return w, err
}

// maxToken is the length of a statement's token. Source: Amazon Redshift Data API Reference, ExecuteStatement (ClientToken).
const maxToken = 64

func noToken() string { return "" }

// finish runs a statement whose rows nobody needs.
func (r *run) finish(ctx context.Context, purpose, sql string, token func() string) (id string, w *wait, err error) {
	if id, w, err = r.begin(ctx, purpose, sql, token); w != nil || err != nil {
		return "", w, err
	}
	w, err = r.await(ctx, purpose, id)
	return id, w, err
}

// begin begins a statement, or finds the one that an earlier run left behind.
func (r *run) begin(ctx context.Context, purpose, sql string, token func() string) (id string, w *wait, err error) {
	if s := r.rec.Statement; s != nil && s.Purpose == purpose {
		return s.ID, nil, nil
	}
	if w, err := r.leftRunning(ctx); w != nil || err != nil {
		return "", w, err
	}
	made, gate := r.rec.Made, r.Warehouses[r.rec.Made.Warehouse]
	database, user := gate.Database, gate.User
	if made.moved(gate) {
		database, user = made.Database, made.User
	}
	id, err = r.SQL.Begin(ctx, made.Cluster, database, user, sql, "sluice "+r.rec.Name+": "+purpose, token())
	if fault.ReasonOf(err) == Unauthorized && made.moved(gate) {
		err = r.blocked(purpose, Unauthorized, fmt.Sprintf("declare user %s and database %s of cluster %s under another warehouse name until nothing of Sluice is left there", user, database, made.Cluster), err)
	}
	return id, nil, err
}

// leftRunning waits for a statement that was left running for another purpose, because what it does comes after all: a schema
// that is looked for before its CREATE is over would be there a moment later. How it ends does not matter.
func (r *run) leftRunning(ctx context.Context) (*wait, error) {
	s := r.rec.Statement
	if s == nil {
		return nil, nil
	}
	w, err := r.await(ctx, s.Purpose, s.ID)
	if w != nil || r.rec.Statement != nil || fault.ReasonOf(err) == Unauthorized {
		return w, err
	}
	r.rec.Serial++
	return nil, nil
}

// await waits a little for the end of a statement.
func (r *run) await(ctx context.Context, purpose, id string) (*wait, error) {
	r.rec.Statement = nil
	for waited, pause := time.Duration(0), firstPoll; waited < statementPatience; waited, pause = waited+pause, min(2*pause, lastPoll) {
		r.sleep(ctx, pause)
		p, found, err := r.SQL.Progress(ctx, id)
		switch {
		case fault.KindOf(err) == fault.Blocked: // nobody tells us how it ends: it is begun anew, not asked for again
			r.rec.Serial++
			return nil, err
		case err != nil:
			r.rec.Statement = &Statement{purpose, id}
			return nil, err
		case !found: // it expired, which says nothing of what it did
			return nil, &fault.Error{Kind: fault.Retry, Reason: warehouse.StatementFailed, Op: purpose, Subject: "federation " + r.rec.Name, Fix: "nothing; it is tried again",
				Err: errors.New("the warehouse does not know the statement any more")}
		case p.Over && p.Failure != "":
			explain := warehouse.Explain
			if strings.HasPrefix(purpose, provePurpose) {
				explain = warehouse.ExplainRead
			}
			cause := explain(p.Failure)
			return nil, &fault.Error{Kind: cause.Kind, Reason: cause.Reason, Op: purpose, Subject: "federation " + r.rec.Name, Fix: cause.Fix, Err: errors.New(p.Failure)}
		case p.Over:
			return nil, nil
		}
	}
	r.rec.Statement = &Statement{purpose, id}
	return &wait{Waiting, "StatementRunning", fmt.Sprintf("the warehouse is still at it: %s", purpose), statementWait}, nil
}

func (r *Reconciler) sleep(ctx context.Context, d time.Duration) {
	if r.Sleep != nil {
		r.Sleep(ctx, d)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
