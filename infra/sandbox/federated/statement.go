package federated

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

// A Statement is one SQL statement that is about to run in a session.
type Statement struct {
	Cluster, Database string
	SQL               string
	Value             func(parameter string) (value string, ok bool) // of the named parameters; nil has none
	Batch             bool                                           // it is part of a transaction
}

// Prepare does what the cluster does before it runs a statement in conn: it refuses what external schemas do not take,
// and makes ready those that the statement reads. It returns the SQL to run in the statement's place.
//
// What Redshift would answer is a *[Failure].
func (s *Schemas) Prepare(ctx context.Context, conn *pgx.Conn, st Statement) (sql string, err error) {
	at := place{st.Cluster, st.Database}
	c := redshiftsql.Read(st.SQL)
	if isCreate(c) {
		return s.create(ctx, conn, at, c)
	}
	if !s.has(at) {
		return st.SQL, nil
	}
	all, err := read(ctx, conn)
	if err != nil || len(all) == 0 {
		return st.SQL, err
	}
	if rewritten, mine, err := change(st, all); mine || err != nil {
		return rewritten, err
	}
	used, err := s.uses(ctx, conn, st, all)
	if err != nil {
		return "", err
	}
	for _, schema := range used {
		if err := s.ready(ctx, at, schema); err != nil {
			return "", err
		}
	}
	return st.SQL, nil
}

// create turns CREATE EXTERNAL SCHEMA into a schema with a comment.
func (s *Schemas) create(ctx context.Context, conn *pgx.Conn, at place, c *redshiftsql.Cursor) (string, error) {
	d, err := parse(c)
	if err != nil {
		return "", err
	}
	if d.defaultRole {
		role, ok := "", false
		if s.config.DefaultRole != nil {
			role, ok = s.config.DefaultRole(at.cluster)
		}
		if !ok {
			return "", failure("The default IAM role is not set for the cluster")
		}
		d.options.IAMRole = role
	}
	sensitive, err := IsCaseSensitive(ctx, conn)
	if err != nil {
		return "", err
	}
	if !sensitive {
		d.options.Database, d.options.Schema = redshiftsql.Fold(d.options.Database), redshiftsql.Fold(d.options.Schema)
	}
	s.remember(at)
	return d.sql(), nil
}

// CaseSensitive is the setting of a PostgreSQL session that stands for enable_case_sensitive_identifier.
const CaseSensitive = "redshift.enable_case_sensitive_identifier"

// IsCaseSensitive reports whether a session has set enable_case_sensitive_identifier.
func IsCaseSensitive(ctx context.Context, conn *pgx.Conn) (sensitive bool, err error) {
	err = conn.QueryRow(ctx, "SELECT lower(coalesce(current_setting('"+CaseSensitive+"', true), '')) IN ('true', 'on', '1', 't', 'yes')").Scan(&sensitive)
	return sensitive, err
}

// sql makes the schema and its comment at once, as the user of the session. PostgreSQL decides whether that user may.
func (d *definition) sql() string {
	taken := "RAISE EXCEPTION USING ERRCODE = '42P06', MESSAGE = " + redshiftsql.Text(`Schema "`+d.name+`" already exists`)
	if d.ifNotExists {
		taken = "NULL"
	}
	name := redshiftsql.Name(d.name)
	return do("BEGIN",
		"EXECUTE "+redshiftsql.Text("CREATE SCHEMA "+name)+";",
		"EXECUTE "+redshiftsql.Text("COMMENT ON SCHEMA "+name+" IS "+redshiftsql.Text(d.options.comment()))+";",
		"EXCEPTION WHEN duplicate_schema THEN", taken+";", "END")
}

// do makes one statement of a block of PL/pgSQL.
func do(lines ...string) string {
	tag := "$sluice$"
	body := strings.Join(lines, "\n")
	for strings.Contains(body, tag) {
		tag = tag[:len(tag)-1] + "_$"
	}
	return "DO " + tag + body + tag
}

// metadata are the views that show what sources have.
var metadata = []string{"svv_external_tables", "svv_external_columns"}

// uses are the schemas that a statement reads: those that it names, those behind the views that it names, and those
// whose metadata it asks for.
func (s *Schemas) uses(ctx context.Context, conn *pgx.Conn, st Statement, all []schema) ([]schema, error) {
	tokens := redshiftsql.Scan(st.SQL)
	var names, words []string
	for i, t := range tokens {
		switch {
		case !t.IsName():
		case i+1 < len(tokens) && tokens[i+1].Is("."):
			names = append(names, t.Text)
		default:
			words = append(words, t.Text)
		}
	}
	if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(metadata, word) }) {
		filter, filtered := schemaFilter(tokens, st.Value)
		if !filtered {
			return all, nil
		}
		names = append(names, filter...)
	}
	oids, err := behind(ctx, conn, words)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(s schema) bool {
		return !slices.Contains(names, s.name) && !slices.Contains(oids, s.oid)
	}), nil
}

// schemaFilter finds the schemas to which a query of metadata is narrowed: schemaname = 'x' and schemaname IN ('x', 'y'),
// also with trim() around the column. Anything else is no filter, as for a cluster that cannot see it either.
func schemaFilter(tokens []redshiftsql.Token, value func(string) (string, bool)) (names []string, filtered bool) {
	text := func(t redshiftsql.Token) (string, bool) {
		if t.Kind == redshiftsql.Parameter && value != nil {
			return value(t.Text)
		}
		return t.Text, t.Kind == redshiftsql.Literal
	}
	for i := range tokens {
		if !tokens[i].IsName() || tokens[i].Text != "schemaname" {
			continue
		}
		next := i + 1
		for next < len(tokens) && tokens[next].Is(")") {
			next++
		}
		if next+1 >= len(tokens) {
			continue
		}
		if tokens[next].Is("=") {
			if name, ok := text(tokens[next+1]); ok {
				names, filtered = append(names, name), true
			}
			continue
		}
		if !tokens[next].Is("in") || !tokens[next+1].Is("(") {
			continue
		}
		for _, t := range tokens[next+2:] {
			if t.Is(")") {
				break
			}
			if name, ok := text(t); ok {
				names, filtered = append(names, name), true
			}
		}
	}
	return names, filtered
}
