package federated_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
)

func TestMaterializedViewsKeepTheirSchema(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, "CREATE SCHEMA local")
	w.must(t, owner, "CREATE MATERIALIZED VIEW local.copied AS SELECT * FROM sales.orders")
	w.fails(t, owner, "DROP SCHEMA IF EXISTS sales RESTRICT", "cannot drop schema sales because other objects depend on it",
		"materialized view local.copied depends on foreign table sales.orders")
	if got := w.must(t, owner, "SELECT count(*) FROM local.copied"); got != "2" {
		t.Errorf("view has %s rows", got)
	}
	w.mu.Lock()
	w.attached = nil
	w.mu.Unlock()
	w.fails(t, owner, "REFRESH MATERIALIZED VIEW local.copied", "Not authorized to get credentials of role")
	w.must(t, owner, "DROP SCHEMA sales CASCADE")
}

func TestDDLIsRefused(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, "CREATE SCHEMA taken")
	for _, tc := range []struct {
		edit []string
		want string
	}{
		{[]string{"sales", "taken"}, `Schema "taken" already exists`},
		{[]string{"FROM POSTGRES", "FROM MYSQL"}, "the sandbox does not have external schemas FROM MYSQL"},
		{[]string{"FROM POSTGRES", "FROM DATA CATALOG"}, "the sandbox does not have external schemas but those FROM POSTGRES"},
		{[]string{"sales", "1x"}, `syntax error at or near "1"`},
		{[]string{"sales", `"a b"`}, "invalid schema name"},
		{[]string{"sales", strings.Repeat("x", 128)}, "invalid schema name"},
		{[]string{"DATABASE 'orders'", ""}, `syntax error at or near "SCHEMA"`},
		{[]string{"URI 'localhost'", "URI localhost"}, `syntax error at or near "localhost"`},
		{[]string{"URI 'localhost'", "URI 'postgres://localhost'"}, "it is a host name and nothing else"},
		{[]string{"PORT ", "PORT 99"}, "invalid PORT"},
		{[]string{"PORT", "REGION 'x' PORT"}, "REGION is not a clause of external schemas FROM POSTGRES"},
		{[]string{"IAM_ROLE '", "IAM_ROLE 'x"}, "invalid IAM_ROLE"},
		{[]string{"IAM_ROLE '" + roleARN + "'", "IAM_ROLE default"}, "The default IAM role is not set"},
		{[]string{"SECRET_ARN '", "SECRET_ARN 'x"}, "invalid SECRET_ARN"},
		{[]string{"SECRET_ARN", "SECRET_ARN 'a'"}, `syntax error at or near`},
	} {
		w.fails(t, owner, ddl(tc.edit...), tc.want)
	}
	w.fails(t, w.session(t, "stranger"), ddl(), "permission denied for database")
	w.must(t, owner, ddl("SCHEMA sales", "SCHEMA IF NOT EXISTS taken"))
	if got := w.must(t, owner, "SELECT count(*) FROM svv_external_schemas"); got != "0" {
		t.Errorf("IF NOT EXISTS made %s external schemas of a local one", got)
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl("sales", `"Mixed$é"`, "'orders'", "'It''s'", "'public'", "'Pub'")+" ;")
	if got := w.must(t, owner, "SELECT schemaname, databasename, json_extract_path_text(esoptions, 'SCHEMA'), is_valid_json(esoptions) FROM svv_external_schemas"); got != "mixed$é it's pub true" {
		t.Errorf("schema %q: names are folded", got)
	}
	w.must(t, owner, "SET "+federated.CaseSensitive+" = 'true'")
	w.must(t, owner, ddl("'orders'", "'Orders'"))
	w.fails(t, owner, "SELECT * FROM sales.orders", `database "Orders" does not exist`)
}

func TestExternalSchemasDoNotTakeEverything(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	for sql, want := range map[string]string{
		"ALTER SCHEMA sales RENAME TO other":                    "ALTER SCHEMA is not supported",
		"CREATE TABLE sales.mine (id integer)":                  "not supported on external schema",
		"CREATE OR REPLACE VIEW sales.mine AS SELECT 1":         "not supported on external schema",
		"GRANT SELECT ON sales.orders TO analyst":               "Operation not supported on external tables",
		"GRANT SELECT ON ALL TABLES IN SCHEMA sales TO analyst": "Operation not supported on external tables",
		"GRANT CREATE ON SCHEMA sales TO analyst":               "GRANT CREATE is not supported",
		"COMMENT ON SCHEMA sales IS 'x'":                        "syntax error",
		"SET search_path TO public, sales":                      `External schema "sales" cannot be set in search_path`,
		"DROP SCHEMA sales NOW":                                 `syntax error at or near "NOW"`,
	} {
		w.fails(t, owner, sql, want)
	}
	w.must(t, owner, "ALTER SCHEMA sales OWNER TO owner")
	w.must(t, owner, "CREATE SCHEMA plain")
	w.must(t, owner, "ALTER SCHEMA plain RENAME TO other")
	w.must(t, owner, "DROP SCHEMA IF EXISTS sales, other, missing")
}

func TestABatchIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, "SELECT * FROM sales.orders")
	for _, end := range []string{"ROLLBACK", "COMMIT"} {
		w.must(t, owner, "BEGIN")
		w.must(t, owner, "DROP SCHEMA sales")
		w.must(t, owner, ddl("'public'", "'other'"))
		w.fails(t, owner, "SELECT * FROM sales.orders", "in the transaction that makes it")
		w.must(t, owner, end)
		want := map[string]string{"ROLLBACK": "public", "COMMIT": "other"}[end]
		if got := w.must(t, owner, "SELECT json_extract_path_text(esoptions, 'SCHEMA') FROM svv_external_schemas"); got != want {
			t.Errorf("after %s the schema reads %q; want %q", end, got, want)
		}
	}
	w.fails(t, owner, "SELECT * FROM sales.orders", `relation "sales.orders" does not exist`)
	left := w.must(t, owner, "SELECT count(*) FROM pg_foreign_server")
	if left != "1" {
		t.Errorf("%s servers for one schema", left)
	}
}
