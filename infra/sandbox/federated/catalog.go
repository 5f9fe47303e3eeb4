package federated

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// A schema is an external schema as PostgreSQL's catalog has it.
type schema struct {
	oid     uint32
	name    string
	options options
}

// server is the name of the schema's foreign server. A schema that is made again is another schema.
func (s schema) server() string { return fmt.Sprintf("%s%d", serverPrefix, s.oid) }

const serverPrefix = "federated_"

// read lists the external schemas that a session sees, its own transaction's included.
func read(ctx context.Context, conn *pgx.Conn) ([]schema, error) {
	rows, err := conn.Query(ctx, `SELECT n.oid, n.nspname, d.description FROM pg_catalog.pg_namespace n
		JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_catalog.pg_namespace'::regclass
		WHERE d.description LIKE $1 ORDER BY n.nspname`, commented+"%")
	if err != nil {
		return nil, fmt.Errorf("list external schemas: %w", err)
	}
	var all []schema
	var s schema
	var comment string
	_, err = pgx.ForEachRow(rows, []any{&s.oid, &s.name, &comment}, func() error {
		if o, ok := readComment(comment); ok {
			all = append(all, schema{s.oid, s.name, o})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list external schemas: %w", err)
	}
	return all, nil
}

// behind lists the external schemas whose tables are read by views, materialized or not, with one of these names.
func behind(ctx context.Context, conn *pgx.Conn, names []string) ([]uint32, error) {
	rows, err := conn.Query(ctx, `WITH RECURSIVE reads(oid) AS (
			SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm') AND relname = ANY ($1)
		UNION
			SELECT d.refobjid FROM reads r
			JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid
			JOIN pg_catalog.pg_depend d ON d.objid = w.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
				AND d.refclassid = 'pg_catalog.pg_class'::regclass
		)
		SELECT DISTINCT c.relnamespace FROM reads r JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'f'`, names)
	if err != nil {
		return nil, fmt.Errorf("find what views read: %w", err)
	}
	oids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil {
		return nil, fmt.Errorf("find what views read: %w", err)
	}
	return oids, nil
}

// named returns the schemas that have one of the names.
func named(all []schema, names []string) (some []schema) {
	for _, s := range all {
		if slices.Contains(names, s.name) {
			some = append(some, s)
		}
	}
	return some
}
