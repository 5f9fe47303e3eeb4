package sourcelogin_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

func TestEnsureFresh(t *testing.T) {
	w := newWorld(t)
	w.as(w.admin, `CREATE TABLE "Odd ""table""" (id int)`)
	w.as(w.owner, "CREATE TABLE orders (id int) PARTITION BY RANGE (id)")
	w.as(w.owner, "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (1) TO (10)")
	w.as(w.owner, "CREATE VIEW recent AS SELECT * FROM orders")
	w.as(w.owner, "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM orders")
	w.as(w.foreign, "CREATE TABLE hidden (id int)")
	w.as(w.foreign, "CREATE TABLE shown (id int)")
	w.as(w.foreign, "GRANT SELECT ON shown TO PUBLIC")
	w.here("CREATE SCHEMA other", "CREATE TABLE other.t (id int)")

	if answer := w.ensure(true); !slices.Equal(answer.Uncovered, []string{w.foreign}) {
		t.Errorf("uncovered %q, want %q", answer.Uncovered, w.foreign)
	}
	for _, table := range []string{`"Odd ""table"""`, "orders", "orders_1", "recent", "counted", "shown"} {
		if err := w.try("SELECT * FROM " + table); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
	// What comes later is readable where the admin can act for its owner.
	w.as(w.owner, "CREATE TABLE later (id int)")
	w.as(w.admin, "CREATE TABLE latest (id int)")
	w.as(w.foreign, "CREATE TABLE never (id int)")
	for _, table := range []string{"later", "latest"} {
		if err := w.try("SELECT * FROM " + table); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
	for _, statement := range []string{
		"SELECT * FROM hidden", "SELECT * FROM never", "SELECT * FROM other.t", "INSERT INTO orders VALUES (1)", "DELETE FROM later", "TRUNCATE later", "DROP TABLE later", "CREATE TABLE mine (id int)",
		"SET default_transaction_read_only = off; INSERT INTO later VALUES (1)", "SET default_transaction_read_only = off; CREATE TABLE mine (id int)", "SET ROLE " + w.owner, "SELECT nextval('x')",
	} {
		if err := w.try(statement); err == nil {
			t.Errorf("%s: was allowed", statement)
		}
	}
	w.front.take()
	before := w.state()
	if answer := w.ensure(false); !slices.Equal(answer.Uncovered, []string{w.foreign}) {
		t.Errorf("uncovered %q again, want %q", answer.Uncovered, w.foreign)
	}
	for _, statement := range w.front.take() {
		if first, _, _ := strings.Cut(statement, " "); !slices.Contains([]string{"BEGIN", "SELECT", "COMMIT"}, first) {
			t.Errorf("a repeat says: %s", statement)
		}
	}
	if after := w.state(); after != before {
		t.Errorf("a repeat changed\n%s\nto\n%s", before, after)
	}
	if state := w.state(); !strings.HasPrefix(state, "(t,f,f,f,f,f,f,-1,,{default_transaction_read_only=on},md5") || !strings.Contains(state, "it's the") {
		t.Errorf("the login is\n%s", state)
	}
}

// The password itself is in no statement.
func TestStatementsHoldNoPassword(t *testing.T) {
	w := newWorld(t)
	w.ensure(true)
	for _, statement := range w.front.take() {
		if strings.Contains(statement, "EXAMPLE") {
			t.Errorf("%s", statement)
		}
	}
}

func TestEnsureMends(t *testing.T) {
	for name, broken := range map[string]string{
		"made and not marked read-only": "ALTER ROLE $user RESET default_transaction_read_only",
		"writes by default":             "ALTER ROLE $user SET default_transaction_read_only = off",
		"may not log in":                "ALTER ROLE $user NOLOGIN",
		"has rights":                    "ALTER ROLE $user CREATEDB CREATEROLE INHERIT",
		"expired":                       "ALTER ROLE $user VALID UNTIL '2020-01-01'",
		"another password":              "ALTER ROLE $user PASSWORD 'other'",
		"no password":                   "ALTER ROLE $user PASSWORD NULL",
		"a password kept for SCRAM":     "SET password_encryption = 'scram-sha-256'; ALTER ROLE $user PASSWORD 'own \"EXAMPLE\" \\ ü'",
		"several at once":               "ALTER ROLE $user NOLOGIN CREATEDB PASSWORD 'other'",
		"no right on a table":           "REVOKE SELECT ON orders FROM $user",
		"no right on tables to come":    "ALTER DEFAULT PRIVILEGES FOR ROLE $owner IN SCHEMA public REVOKE SELECT ON TABLES FROM $user",
		"no right on the database":      `REVOKE CONNECT ON DATABASE "$database" FROM PUBLIC`,
		"no right on the schema":        "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.as(w.owner, "CREATE TABLE orders (id int)")
			w.ensure(true)
			whole := w.state()
			w.here(strings.NewReplacer("$user", w.request.User, "$owner", w.owner, "$database", w.request.Endpoint.Database).Replace(broken))
			w.ensure(true)
			if mended := strings.Replace(w.state(), ",infinity,", ",,", 1); !strings.HasPrefix(mended, whole[:strings.Index(whole, "\n")]) {
				t.Errorf("mended to\n%s\nwant\n%s", mended, whole)
			}
			w.ensure(false)
			if err := w.try("SELECT * FROM orders"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A user that is not ours is left alone, whatever is asked.
func TestForeignUser(t *testing.T) {
	for name, tc := range map[string]struct{ comment, says string }{
		"no comment":       {"NULL", "with no comment"},
		"another's":        {"'sluice: other stage'", `with the comment "sluice: other stage"`},
		"a long one":       {"'" + strings.Repeat("ü", 100) + "'", strings.Repeat("ü", 80) + `"…`},
		"ours and a blank": {"'" + strings.ReplaceAll(mark, "'", "''") + " '", "with the comment"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.here("CREATE ROLE "+w.request.User+" PASSWORD 'theirs'", "COMMENT ON ROLE "+w.request.User+" IS "+tc.comment)
			before := w.state()
			w.fails(source.Ensure, fault.Blocked, source.LoginTaken, w.request.User, tc.says)
			w.drop(false)
			if after := w.state(); after != before {
				t.Errorf("changed\n%s\nto\n%s", before, after)
			}
		})
	}
}

// What the admin may not give is said with the one statement that mends it, and all else is there already.
func TestDoorsThatTheAdminMayNotOpen(t *testing.T) {
	w := newWorld(t)
	w.here("CREATE SCHEMA Closed AUTHORIZATION "+fmt.Sprintf("%q", w.foreign), "GRANT USAGE ON SCHEMA closed TO "+w.admin)
	w.request.Endpoint.Schema = "closed"
	const right = `GRANT USAGE ON SCHEMA "closed" TO "`
	w.fails(source.Ensure, fault.Blocked, source.AdminPowerless, "may not grant USAGE on schema", fmt.Sprintf(`as "%s", run: %s%s"`, w.foreign, right, w.request.User))
	w.as(w.foreign, right+w.request.User+`"`)
	w.ensure(false)
}

func TestSuperuserIsNotForUsToUnmake(t *testing.T) {
	w := newWorld(t)
	w.ensure(true)
	w.here("ALTER ROLE " + w.request.User + " SUPERUSER")
	w.fails(source.Ensure, fault.Blocked, source.AdminPowerless, "superuser")
}

func TestManyTables(t *testing.T) {
	w := newWorld(t)
	w.here(fmt.Sprintf(`SET ROLE %s; DO $$ BEGIN FOR i IN 1..450 LOOP EXECUTE 'CREATE TABLE t' || i || ' (id int)'; END LOOP; END $$`, w.owner))
	w.ensure(true)
	if err := w.try("SELECT * FROM t1, t250, t450"); err != nil {
		t.Error(err)
	}
	var grants int
	for _, statement := range w.front.take() {
		if strings.HasPrefix(statement, "GRANT SELECT") {
			grants++
		}
	}
	if grants != 3 {
		t.Errorf("%d statements to grant 450 tables, want 3", grants)
	}
	w.drop(true)
}

// A source whose texts have backslashes that mean something is asked the same.
func TestOldTexts(t *testing.T) {
	w := newWorld(t)
	w.here(fmt.Sprintf(`ALTER DATABASE %q SET standard_conforming_strings = off`, w.request.Endpoint.Database))
	w.ensure(true)
	w.ensure(false)
	w.drop(true)
}

// Two functions at once, for one login or for two in one database, do not spoil each other's work.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	w.as(w.owner, "CREATE TABLE orders (id int)")
	other := *w
	other.request.User += "_b"
	other.secrets = map[string][]source.Credential{adminSecret: w.secrets[adminSecret], ownSecret: {{User: other.request.User, Password: secret.New("EXAMPLE of another")}}}
	keeper := *w.keeper
	keeper.Secrets, other.keeper = &other, &keeper
	var both sync.WaitGroup
	for _, one := range []*world{w, &other, w, &other} {
		both.Go(func() {
			if _, err := one.ask(source.Ensure); err != nil {
				t.Errorf("%s: %v", one.request.User, err)
			}
		})
	}
	both.Wait()
	w.ensure(false)
	other.ensure(false)
}

// Whoever may make functions in the source cannot have the admin run them.
func TestSearchPathIsOurs(t *testing.T) {
	w := newWorld(t)
	w.as(w.foreign, `CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$run as %$$, current_user; END'`)
	w.as(w.foreign, "CREATE TABLE hidden (id int)")
	w.here("ALTER ROLE "+w.admin+" SET search_path = public, pg_catalog", "ALTER ROLE "+w.admin+" SET default_transaction_read_only = on")
	w.ensure(true)
	w.drop(true)
}
