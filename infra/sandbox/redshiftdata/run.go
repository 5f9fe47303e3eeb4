package redshiftdata

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
)

// run takes a statement from its submission to its end.
func (s *Service) run(ctx context.Context, st *statement) {
	s.move(st, picked)
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	if slow == 0 {
		s.finish(ctx, st)
		return
	}
	s.move(st, started)
	// Whichever comes first: its time, or that it is cancelled.
	finish := sync.OnceFunc(func() { s.clock.Go(func() { s.finish(ctx, st) }) })
	s.clock.At(s.clock.Now().Add(slow), finish)
	context.AfterFunc(ctx, finish)
}

// finish runs the SQL and notes how it ended.
func (s *Service) finish(ctx context.Context, st *statement) {
	defer st.cancel()
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
	if st.login.secretARN != "" {
		if err := s.verify(ctx, st.where.cluster, st.login.user, st.login.password); err != nil {
			return err
		}
	}
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
	problem := s.begin(p)
	begin := time.Now() // how long it really takes; the sandbox's clock may jump
	var r *result
	err := problem
	if err == nil {
		r, err = s.execute(ctx, conn, st, p.sql)
	}
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

// begin marks a part as started. It returns the error of a statement that shall fail.
func (s *Service) begin(p *part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.status, p.updated = started, s.clock.Now()
	problem, fails := s.failing[s.ran]
	delete(s.failing, s.ran)
	s.ran++
	if fails {
		return &federated.Failure{Message: problem}
	}
	return nil
}

// execute runs SQL of Redshift on PostgreSQL.
func (s *Service) execute(ctx context.Context, conn *pgx.Conn, st *statement, redshift string) (*result, error) {
	sql := translate(redshift)
	sql, err := foldNames(ctx, conn, sql)
	if err != nil {
		return nil, err
	}
	if s.external != nil {
		sql, err = s.external.Prepare(ctx, conn, federated.Statement{
			Cluster: st.where.cluster, Database: st.where.database, SQL: sql, Value: st.argument, Batch: st.batch,
		})
		if err != nil {
			return nil, err
		}
	}
	sql, values := bind(sql, st.arguments)
	r, err := read(conn, conn.PgConn().ExecParams(ctx, sql, values, nil, nil, nil))
	return r, whoIsMissing(err, redshift)
}

// describe words an error as the cluster does.
func describe(err error) string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err.Error()
	}
	f := federated.Failure{Message: e.Message, Detail: e.Detail}
	if strings.HasPrefix(e.Message, "tuple concurrently ") { // what PostgreSQL says of two GRANTs at once
		f.Message = concurrent
	}
	if e.Severity == "ERROR" {
		return f.Error()
	}
	return e.Severity + ": " + e.Message
}
