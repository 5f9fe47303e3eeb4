package federated

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A remoteTable is a table or view of a source that the login may read.
type remoteTable struct {
	name   string
	shape  string // its kind, and a digest of its columns: equal as long as nothing about it changed
	strays string // types of its columns that only the source has
}

// shapes lists what the login may read, in the schema of the source.
const shapes = `SELECT c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'VIEW ' ELSE 'TABLE ' END ||
		md5(string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), ',' ORDER BY a.attnum)),
		coalesce(string_agg(DISTINCT format_type(a.atttypid, NULL), ', ') FILTER (WHERE t.typnamespace <> 'pg_catalog'::regnamespace), '')
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
	AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
	GROUP BY c.relname, c.relkind`

// refresh makes foreign tables of what the source has now. A table whose columns have changed is made again, unless
// something in the warehouse depends on it.
func (s *Schemas) refresh(ctx context.Context, admin, remote *pgx.Conn, schema schema) error {
	want, err := s.wanted(ctx, remote, schema)
	if err != nil {
		return err
	}
	have, err := imported(ctx, admin, schema)
	if err != nil {
		return err
	}
	if maps.Equal(want, have) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if want[name] == have[name] {
			continue
		}
		_, err := admin.Exec(ctx, "DROP FOREIGN TABLE "+pgx.Identifier{schema.name, name}.Sanitize()+" RESTRICT", pgx.QueryExecModeSimpleProtocol)
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "2BP01" { // others depend on it
			delete(want, name)
		} else if err != nil {
			return fmt.Errorf("drop table %s of external schema %s: %w", name, schema.name, err)
		} else {
			delete(have, name)
		}
	}
	return importTables(ctx, admin, schema, want, have)
}

// wanted lists the shapes of the tables that can be had, by name.
func (s *Schemas) wanted(ctx context.Context, remote *pgx.Conn, schema schema) (map[string]string, error) {
	rows, err := remote.Query(ctx, shapes, schema.options.remoteSchema())
	if err != nil {
		return nil, noConnection(err.Error() + "\n")
	}
	all := map[string]string{}
	var t remoteTable
	_, err = pgx.ForEachRow(rows, []any{&t.name, &t.shape, &t.strays}, func() error {
		if t.strays != "" {
			s.log.InfoContext(ctx, "table of a source is left out", "schema", schema.name, "table", t.name, "types", t.strays)
			return nil
		}
		all[t.name] = t.shape
		return nil
	})
	if err != nil {
		return nil, noConnection(err.Error() + "\n")
	}
	return all, nil
}

// imported lists the shapes of the foreign tables that are there, by name.
func imported(ctx context.Context, admin *pgx.Conn, schema schema) (map[string]string, error) {
	rows, err := admin.Query(ctx, `SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_catalog.pg_class
		WHERE relnamespace = $1 AND relkind = 'f'`, schema.oid)
	if err != nil {
		return nil, fmt.Errorf("list tables of external schema %s: %w", schema.name, err)
	}
	all := map[string]string{}
	var name, shape string
	if _, err := pgx.ForEachRow(rows, []any{&name, &shape}, func() error { all[name] = shape; return nil }); err != nil {
		return nil, fmt.Errorf("list tables of external schema %s: %w", schema.name, err)
	}
	return all, nil
}

// importTables makes the tables that are wanted and not there. Statements that are sent together are one transaction.
func importTables(ctx context.Context, admin *pgx.Conn, schema schema, want, have map[string]string) error {
	var names, comments []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, there := have[name]; !there {
			names = append(names, pgx.Identifier{name}.Sanitize())
			comments = append(comments, "COMMENT ON FOREIGN TABLE "+pgx.Identifier{schema.name, name}.Sanitize()+" IS '"+want[name]+"'") // hexadecimal
		}
	}
	if names == nil {
		return nil
	}
	local := pgx.Identifier{schema.name}.Sanitize()
	return exec(ctx, admin, "IMPORT FOREIGN SCHEMA "+pgx.Identifier{schema.options.remoteSchema()}.Sanitize()+" LIMIT TO ("+strings.Join(names, ", ")+
		") FROM SERVER "+pgx.Identifier{schema.server()}.Sanitize()+" INTO "+local+" OPTIONS (import_collate 'false'); "+
		strings.Join(comments, "; ")+"; GRANT SELECT ON ALL TABLES IN SCHEMA "+local+" TO PUBLIC")
}
