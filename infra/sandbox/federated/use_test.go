package federated_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
)

func TestASchemaWorksWhenAllFits(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	if w.asked != 0 {
		t.Errorf("CREATE EXTERNAL SCHEMA read the secret %d times; want never", w.asked)
	}
	want := fmt.Sprintf(`sales 3 orders {"URI": "localhost", "PORT": "%d", "SCHEMA": "public", "IAM_ROLE": "%s", "SECRET_ARN": "%s"} true`, orders.Port(), roleARN, secretARN)
	if got := w.must(t, owner, "SELECT schemaname, eskind, databasename, esoptions, esowner = (SELECT usesysid FROM pg_user WHERE usename = current_user) FROM svv_external_schemas"); got != want {
		t.Errorf("svv_external_schemas\n%s\nwant\n%s", got, want)
	}
	if got := w.must(t, owner, `SELECT o.customer, u.usename FROM "sales".orders o, pg_user u WHERE u.usename = 'owner' AND o.id = 2`); got != "Grace owner" {
		t.Errorf("joined rows %q", got)
	}
	if got := w.must(t, owner, "SELECT tablename, tabletype FROM svv_external_tables WHERE schemaname = 'sales' ORDER BY 1"); got != "customers VIEW; orders TABLE" {
		t.Errorf("tables %q: those that reader may read, without moods", got)
	}
	if got := w.must(t, owner, "SELECT columnname, external_type, is_nullable FROM svv_external_columns WHERE schemaname = 'sales' AND tablename = 'orders' ORDER BY columnnum"); got != "id integer false; customer text false; placed timestamp with time zone true" {
		t.Errorf("columns %q", got)
	}
	if log := w.log.String(); !strings.Contains(log, "table of a source is left out") || !strings.Contains(log, "table=moods types=mood") || strings.Contains(log, "reader") {
		t.Errorf("log %q does not name the table that is left out and its type", log)
	}
	w.fails(t, owner, "INSERT INTO sales.orders VALUES (3, 'Joan')", `permission denied for foreign table orders`)
	w.must(t, owner, "DROP SCHEMA sales")
	if got := w.must(t, owner, "SELECT count(*) FROM svv_external_schemas"); got != "0" {
		t.Errorf("%s schemas after DROP", got)
	}
}

func TestEachCauseHasItsMessage(t *testing.T) {
	ctx := context.Background()
	for name, tc := range map[string]struct {
		spoil func(*world)
		ddl   []string
		want  []string
	}{
		"not attached": {func(w *world) { w.attached = nil }, nil,
			[]string{"ERROR: Not authorized to get credentials of role " + roleARN, "code:      30000", "xen_aws_credentials_mgr.cpp"}},
		"no trust": {func(w *world) { w.assumable = false }, nil, []string{"Not authorized to get credentials of role " + roleARN}},
		"policy denies": {func(w *world) {
			w.denied = &awshttp.Error{Code: "AccessDeniedException", Message: "User: x is not authorized to perform: secretsmanager:GetSecretValue"}
		}, nil, []string{"AccessDeniedException: User: x is not authorized"}},
		"key denies": {func(w *world) {
			w.denied = &awshttp.Error{Code: "AccessDeniedException", Message: "Access to KMS is not allowed"}
		}, nil, []string{"Access to KMS is not allowed"}},
		"no password": {func(w *world) { w.secret = `{"username":"reader","Password":"x"}` }, nil, []string{"needs the keys username and password"}},
		"no username": {func(w *world) { w.secret = `{"password":"x"}` }, nil, []string{"needs the keys username and password"}},
		"no JSON":     {func(w *world) { w.secret = password }, nil, []string{"is not a JSON object"}},
		// Scenario 26
		"no way to Secrets Manager": {func(w *world) { w.unrouted = true }, nil, []string{"Failed to incorporate external table", "Error=: curlCode: 28, Timeout was reached"}},
		"network":                   {func(w *world) { w.reachable = false }, nil, []string{"error:  timeout expired", "code:      25300", "pgclient.cpp", "padbmaster"}},
		"wrong password": {func(w *world) { w.secret = `{"username":"reader","password":"wrong"}` }, nil,
			[]string{`password authentication failed for user "reader"`, "pgclient.cpp"}},
		"SCRAM only":  {func(w *world) { w.secret = `{"username":"scrammer","password":"x"}` }, nil, []string{"authentication method 10 not supported", "pgclient.cpp"}},
		"no database": {func(*world) {}, []string{"'orders'", "'nowhere'"}, []string{`database "nowhere" does not exist`}},
		"no host":     {func(*world) {}, []string{fmt.Sprint(orders.Port()), "1"}, []string{"timeout expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.session(t, "owner")
			w.must(t, owner, ddl(tc.ddl...))
			if tc.ddl == nil {
				w.must(t, owner, "SELECT count(*) FROM sales.orders")
			}
			w.mu.Lock()
			tc.spoil(w)
			w.mu.Unlock()
			w.fails(t, owner, "SELECT count(*) FROM sales.orders", tc.want...)
			w.fails(t, owner, "SELECT 1 FROM svv_external_tables WHERE schemaname = 'sales'", tc.want...)
			if _, err := owner.Exec(ctx, "SELECT count(*) FROM sales.orders"); err == nil {
				t.Error("a session that is open still reads the source")
			}
			w.must(t, owner, "DROP SCHEMA sales")
		})
	}
}

func TestABrokenSchemaHarmsNoOther(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, ddl("sales", "broken", "'orders'", "'nowhere'"))
	for _, sql := range []string{
		"SELECT count(*) FROM sales.orders",
		"SELECT count(*) FROM svv_external_tables WHERE schemaname = 'sales'",
		"SELECT count(*) FROM svv_external_tables t WHERE trim(t.schemaname) IN ('sales', 'no such')",
		"SELECT count(*) FROM svv_external_schemas",
	} {
		if got := w.must(t, owner, sql); got != "2" {
			t.Errorf("%s gives %s; want 2", sql, got)
		}
	}
	for _, sql := range []string{
		"SELECT count(*) FROM svv_external_tables", "SELECT count(*) FROM svv_external_columns WHERE schemaname <> 'broken'", "SELECT * FROM broken.orders",
	} {
		w.fails(t, owner, sql, `database "nowhere" does not exist`)
	}
}

func TestChangesOfTheSourceAreSeen(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, "SELECT * FROM sales.orders")
	admin, err := orders.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	change := func(sql string) {
		if _, err := admin.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	change("CREATE TABLE extra (id integer); INSERT INTO extra VALUES (7); GRANT SELECT ON extra TO reader")
	if got := w.must(t, owner, "SELECT * FROM sales.extra"); got != "7" {
		t.Errorf("new table has %q", got)
	}
	change("ALTER TABLE extra ADD note text DEFAULT 'x'")
	if got := w.must(t, owner, "SELECT * FROM sales.extra"); got != "7 x" {
		t.Errorf("changed table has %q", got)
	}
	change("DROP TABLE extra")
	w.fails(t, owner, "SELECT * FROM sales.extra", `relation "sales.extra" does not exist`)
}

func TestUsageOpensTheTables(t *testing.T) {
	w := newWorld(t)
	owner, analyst := w.session(t, "owner"), w.session(t, "analyst")
	w.must(t, owner, ddl())
	w.fails(t, analyst, "SELECT count(*) FROM sales.orders", "permission denied for schema sales")
	if got := w.must(t, analyst, "SELECT count(*) FROM svv_external_schemas"); got != "0" {
		t.Errorf("who may not use the schema sees %s", got)
	}
	w.must(t, owner, "GRANT USAGE ON SCHEMA sales TO analyst")
	if got := w.must(t, analyst, "SELECT count(*) FROM sales.orders"); got != "2" {
		t.Errorf("rows %q", got)
	}
	want := "sales USAGE analyst user false SCHEMA"
	if got := w.must(t, owner, "SELECT count(*) FROM svv_schema_privileges WHERE namespace_name = 'sales'"); got != "0" {
		t.Errorf("the owner of the schema, who may not read system tables, sees %s grants", got)
	}
	admin := w.session(t, postgres.Superuser)
	w.must(t, admin, "GRANT pg_monitor TO owner")
	defer w.must(t, admin, "REVOKE pg_monitor FROM owner")
	if got := w.must(t, owner, "SELECT namespace_name, privilege_type, identity_name, identity_type, admin_option, privilege_scope FROM svv_schema_privileges WHERE namespace_name = 'sales'"); got != want {
		t.Errorf("svv_schema_privileges %q; want %q", got, want)
	}
	if got := w.must(t, owner, "SELECT has_schema_privilege('analyst', 'sales', 'usage'), has_schema_privilege('stranger', 'sales', 'usage')"); got != "true false" {
		t.Errorf("has_schema_privilege %q", got)
	}
	if got := w.must(t, analyst, "SELECT coalesce(umoptions::text, 'hidden') FROM pg_user_mappings"); got != "hidden" {
		t.Errorf("login of the schema is %q", got)
	}
	w.must(t, owner, "REVOKE USAGE ON SCHEMA sales FROM analyst")
	w.fails(t, analyst, "SELECT count(*) FROM sales.orders", "permission denied for schema sales")
	prepared, err := w.schemas.Prepare(t.Context(), owner, federated.Statement{Cluster: cluster, Database: w.database, SQL: "GRANT USAGE ON SCHEMA sales TO analyst", Batch: true})
	if err == nil || !strings.Contains(err.Error(), "cannot run inside a transaction block") {
		t.Errorf("GRANT in a batch becomes %q, %v", prepared, err)
	}
}

func TestSessionsOfClientsAreReadied(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, ddl("sales", "broken", "'orders'", "'nowhere'"))
	client := w.session(t, "owner")
	refresh := func() {
		if err := w.schemas.Refresh(t.Context(), cluster, w.database); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	var n int
	if err := client.QueryRow(t.Context(), "SELECT count(*) FROM sales.orders").Scan(&n); err != nil || n != 2 {
		t.Fatalf("client reads %d rows, %v", n, err)
	}
	if !strings.Contains(w.log.String(), "schema=broken") || strings.Contains(w.log.String(), "schema=sales err") {
		t.Errorf("log %q; want a line about the broken schema", w.log.String())
	}
	w.mu.Lock()
	w.attached = slices.Clone([]string{"another"})
	w.mu.Unlock()
	refresh()
	if err := client.QueryRow(t.Context(), "SELECT count(*) FROM sales.orders").Scan(&n); err == nil {
		t.Error("client reads the source without the role")
	}
}

func TestManyStatementsAtOnce(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	var running sync.WaitGroup
	for i := range 4 {
		w.must(t, owner, ddl("sales", fmt.Sprintf("sales%d", i)))
	}
	for i := range 12 {
		conn := w.session(t, "owner")
		running.Go(func() {
			rows, err := w.run(t, conn, fmt.Sprintf("SELECT count(*) FROM sales%d.orders", i%4))
			if err != nil || fmt.Sprint(rows) != "[[2]]" {
				t.Errorf("statement %d reads %v, %v", i, rows, err)
			}
		})
	}
	running.Wait()
}

func TestACancelledStatementLeavesTheLogin(t *testing.T) {
	w := newWorld(t)
	owner := w.session(t, "owner")
	w.must(t, owner, ddl())
	w.must(t, owner, "SELECT * FROM sales.orders")
	ctx, cancel := context.WithCancel(t.Context())
	w.mu.Lock()
	w.during = cancel
	w.mu.Unlock()
	_, err := w.schemas.Prepare(ctx, owner, federated.Statement{Cluster: cluster, Database: w.database, SQL: "SELECT * FROM sales.orders"})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled statement gives %v", err)
	}
	if _, err := w.session(t, "owner").Exec(t.Context(), "SELECT * FROM sales.orders"); err != nil {
		t.Errorf("an open session lost the source: %v", err)
	}
}
