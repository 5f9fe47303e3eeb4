package redshiftdata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// run takes a statement from its submission to its end.
func (s *Service) run(ctx context.Context, st *statement) {
	defer st.cancel()
	s.move(st, picked)
	err := s.inSession(ctx, st)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	st.updated, st.ended = now, now
	switch {
	case ctx.Err() != nil:
		st.status = aborted
	case err != nil:
		st.status, st.problem = failed, describe(err)
	default:
		st.status = finished
	}
	for _, p := range st.parts { // those that were never begun
		if p.status == submitted || p.status == started {
			p.status, p.updated = aborted, now
		}
	}
}

// move is a change of the statement's state before its end.
func (s *Service) move(st *statement, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.status, st.updated = status, s.clock.Now()
}

// inSession runs the parts in a session of the database user; a batch is one transaction.
func (s *Service) inSession(ctx context.Context, st *statement) error {
	conn, err := s.clusters.Session(ctx, st.where.cluster, st.where.database, st.where.user)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s.mu.Lock()
	st.pid = conn.PgConn().PID()
	s.mu.Unlock()
	s.move(st, started)
	if !st.batch {
		return s.runPart(ctx, conn, st, st.parts[0])
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // nothing after a commit
	for i, p := range st.parts {
		if err := s.runPart(ctx, conn, st, p); err != nil {
			return &batchError{i + 1, err}
		}
	}
	return tx.Commit(ctx)
}

// A batchError says which statement of a batch failed, in the service's words.
type batchError struct {
	number int // from 1
	err    error
}

func (e *batchError) Error() string {
	return fmt.Sprintf("Query #%d failed with %s", e.number, describe(e.err))
}

// runPart runs one SQL statement. The protocol's prepared form takes no more than one, as the API does.
func (s *Service) runPart(ctx context.Context, conn *pgx.Conn, st *statement, p *part) error {
	s.mu.Lock()
	p.status, p.updated = started, s.clock.Now()
	s.mu.Unlock()
	sql, values := bind(translate(p.sql), st.arguments)
	begin := time.Now() // how long it really takes; the sandbox's clock may jump
	r, err := read(conn, conn.PgConn().ExecParams(ctx, sql, values, nil, nil, nil).Read())
	s.mu.Lock()
	defer s.mu.Unlock()
	p.took, p.updated = time.Since(begin), s.clock.Now()
	if err != nil {
		p.status, p.problem = failed, describe(err)
		return err
	}
	p.status, p.result = finished, r
	return nil
}

// describe words an error as the cluster does.
func describe(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Severity + ": " + e.Message
	}
	return err.Error()
}
