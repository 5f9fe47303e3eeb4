package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// ask runs a statement that changes nothing, and returns its rows.
func (r *run) ask(ctx context.Context, purpose, sql string) ([][]string, *wait, error) {
	id, w, err := r.finish(ctx, purpose, sql, "")
	if w != nil || err != nil {
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
	sum := sha256.Sum256([]byte(r.Mark(r.rec.Name) + "\n" + strconv.Itoa(r.rec.Generation) + "\n" + strconv.Itoa(r.rec.Serial) + "\n" + sql))
	id, w, err := r.finish(ctx, purpose, sql, hex.EncodeToString(sum[:])[:maxToken])
	if w == nil && id != "" && r.rec.Statement == nil {
		r.rec.Serial++ // the statement is over; the next one of the same text is another
	}
	return w, err
}

// maxToken is the length of a statement's token. Source: Amazon Redshift Data API Reference, ExecuteStatement (ClientToken).
const maxToken = 64

// finish begins a statement, or finds the one that an earlier run left behind, and waits a little for its end.
func (r *run) finish(ctx context.Context, purpose, sql, token string) (id string, w *wait, err error) {
	if s := r.rec.Statement; s != nil && s.Purpose == purpose {
		id = s.ID
	} else if id, err = r.SQL.Begin(ctx, r.rec.Made.Cluster, r.Warehouses[r.rec.Made.Warehouse].Database, r.Warehouses[r.rec.Made.Warehouse].User, sql, "sluice "+r.rec.Name+": "+purpose, token); err != nil {
		return "", nil, err
	}
	r.rec.Statement = nil
	for waited, pause := time.Duration(0), firstPoll; waited < statementPatience; waited, pause = waited+pause, min(2*pause, lastPoll) {
		r.sleep(ctx, pause)
		p, found, err := r.SQL.Progress(ctx, id)
		switch {
		case err != nil:
			r.rec.Statement = &Statement{purpose, id}
			return id, nil, err
		case !found: // it expired, which says nothing of what it did
			return id, nil, &fault.Error{Kind: fault.Retry, Reason: warehouse.StatementFailed, Op: purpose, Subject: "federation " + r.rec.Name, Fix: "nothing; it is tried again",
				Err: errors.New("the warehouse does not know the statement any more")}
		case p.Over && p.Failure != "":
			cause := warehouse.Explain(p.Failure)
			return id, nil, &fault.Error{Kind: cause.Kind, Reason: cause.Reason, Op: purpose, Subject: "federation " + r.rec.Name, Fix: cause.Fix, Err: errors.New(p.Failure)}
		case p.Over:
			return id, nil, nil
		}
	}
	r.rec.Statement = &Statement{purpose, id}
	return id, &wait{Waiting, "StatementRunning", fmt.Sprintf("the warehouse is still at it: %s", purpose), statementWait}, nil
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
