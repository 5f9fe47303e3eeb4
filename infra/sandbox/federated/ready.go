package federated

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ready makes a schema work, or fails and makes sure that it does not.
func (s *Schemas) ready(ctx context.Context, at place, schema schema) error {
	defer s.one(at, schema)()
	return s.inside(ctx, at, func(admin *pgx.Conn) error { return s.renew(ctx, admin, at, schema) })
}

// renew checks everything that a schema needs and brings its login and its tables up to date.
func (s *Schemas) renew(ctx context.Context, admin *pgx.Conn, at place, schema schema) error {
	l, remote, err := s.logIn(ctx, at.cluster, schema.options)
	if err != nil {
		return closed(ctx, admin, schema, err)
	}
	defer remote.Close(context.WithoutCancel(ctx))
	if err := s.opened(ctx, admin, schema, l); err != nil {
		return err
	}
	return s.refresh(ctx, admin, remote, schema)
}

// Refresh checks all external schemas of a database, as before a session of a client opens. Those that do not fit
// lose their login, and the log says why.
func (s *Schemas) Refresh(ctx context.Context, cluster, database string) error {
	at := place{cluster, database}
	if !s.has(at) {
		return nil
	}
	return s.inside(ctx, at, func(admin *pgx.Conn) error {
		all, err := read(ctx, admin)
		if err != nil {
			return err
		}
		for _, schema := range all {
			unlock := s.one(at, schema)
			err := s.renew(ctx, admin, at, schema)
			unlock()
			if err != nil {
				s.log.InfoContext(ctx, "external schema does not work", "cluster", cluster, "database", database, "schema", schema.name, "err", err)
			}
		}
		return nil
	})
}

// lockTimeout bounds the wait for a table that an open transaction reads. Go's scheduler and PostgreSQL do not see
// each other's locks, so nothing else would end such a wait.
const lockTimeout = 2 * time.Second

// inside runs work in a session of PostgreSQL's superuser. Statements hold passwords there, so none is logged.
func (s *Schemas) inside(ctx context.Context, at place, work func(admin *pgx.Conn) error) error {
	admin, err := s.config.Open(ctx, at.cluster, at.database)
	if err != nil {
		return fmt.Errorf("open database %s of cluster %s for its external schemas: %w", at.database, at.cluster, err)
	}
	defer admin.Close(context.WithoutCancel(ctx))
	settings := fmt.Sprintf("SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1; "+
		"SET client_min_messages = 'warning'; SET lock_timeout = %d", lockTimeout.Milliseconds())
	if err := exec(ctx, admin, settings); err != nil {
		return err
	}
	if err := sweep(ctx, admin); err != nil {
		return err
	}
	return work(admin)
}

// sweep drops what is left of schemas that are gone.
func sweep(ctx context.Context, admin *pgx.Conn) error {
	rows, err := admin.Query(ctx, `SELECT srvname FROM pg_catalog.pg_foreign_server WHERE srvname LIKE $1
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE srvname = $2 || n.oid)`, serverPrefix+"%", serverPrefix)
	if err != nil {
		return fmt.Errorf("list servers of external schemas: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list servers of external schemas: %w", err)
	}
	for _, name := range names {
		if err := exec(ctx, admin, "DROP SERVER IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE"); err != nil {
			return err
		}
	}
	return nil
}

func exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("keep external schemas: %w", err)
	}
	return nil
}
