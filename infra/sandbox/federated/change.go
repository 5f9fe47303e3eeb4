package federated

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

// change handles statements that change external schemas or who may use them. mine says that the SQL it returns is
// all there is to do; other statements are not looked at.
func change(st Statement, all []schema) (sql string, mine bool, err error) {
	c := redshiftsql.Read(st.SQL)
	external := func(name string) bool { return len(named(all, []string{name})) > 0 }
	switch {
	case c.Skip("drop", "schema"):
		return drop(c, st.SQL, external)
	case c.Skip("alter", "schema"):
		if name, ok := c.Name(); ok && external(name) && !c.Skip("owner", "to") {
			return "", true, failure("ALTER SCHEMA is not supported for external schema \"%s\"", name)
		}
		return st.SQL, true, nil
	case c.SkipAny("grant", "revoke"):
		return st.SQL, true, grant(c, st.Batch, external)
	case c.Skip("comment", "on", "schema"):
		return "", true, failure(`syntax error at or near "schema"`)
	case c.Skip("set", "search_path"):
		for _, t := range c.Tokens()[2:] {
			if (t.IsName() || t.Kind == redshiftsql.Literal) && external(t.Text) {
				return "", true, failure("External schema \"%s\" cannot be set in search_path", t.Text)
			}
		}
		return st.SQL, true, nil
	case c.Skip("create"):
		return st.SQL, false, createInside(c, external)
	}
	return st.SQL, false, nil
}

// drop makes of DROP SCHEMA a drop of the schema's foreign tables first: they are no objects of the warehouse, so they
// do not keep their schema. What depends on them does.
func drop(c *redshiftsql.Cursor, sql string, external func(string) bool) (string, bool, error) {
	lenient := c.Skip("if", "exists")
	var names []string
	for {
		name, ok := c.Name()
		if !ok {
			return "", true, failure("%s", c.Trouble())
		}
		names = append(names, name)
		if !c.Skip(",") {
			break
		}
	}
	cascade := c.Skip("cascade")
	if !cascade {
		c.Skip("restrict")
	}
	if !c.Done() {
		return "", true, failure("%s", c.Trouble())
	}
	if cascade || !slices.ContainsFunc(names, external) {
		return sql, true, nil
	}
	lines := []string{"DECLARE tables text; why text; at text;", "BEGIN"}
	for _, name := range names {
		lines = append(lines, "at := "+redshiftsql.Text(name)+";")
		if external(name) {
			lines = append(lines,
				"SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') INTO tables FROM pg_catalog.pg_class c",
				"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = at AND c.relkind = 'f'",
				"AND pg_catalog.pg_has_role(n.nspowner, 'USAGE');",
				"IF tables IS NOT NULL THEN EXECUTE 'DROP FOREIGN TABLE ' || tables || ' RESTRICT'; END IF;")
		}
		missing := ""
		if lenient {
			missing = "IF EXISTS "
		}
		lines = append(lines, "EXECUTE format('DROP SCHEMA "+missing+"%I RESTRICT', at);")
	}
	lines = append(lines, "EXCEPTION WHEN dependent_objects_still_exist THEN",
		"GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;",
		"RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = 'cannot drop schema ' || at || ' because other objects depend on it',",
		"DETAIL = why, HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';", "END")
	return do(lines...), true, nil
}

// grant refuses what GRANT and REVOKE do not do with external schemas.
// Source: Amazon Redshift Database Developer Guide, GRANT (usage notes).
func grant(c *redshiftsql.Cursor, batch bool, external func(string) bool) error {
	verb := strings.ToUpper(c.Tokens()[0].Text)
	tokens := c.Tokens()
	on := slices.IndexFunc(tokens, func(t redshiftsql.Token) bool { return t.Is("on") })
	end := slices.IndexFunc(tokens, func(t redshiftsql.Token) bool { return t.Is("to") || t.Is("from") })
	if on < 0 || end < on {
		return nil // of roles
	}
	objects := tokens[on+1 : end]
	for i, t := range objects {
		if !t.IsName() || !external(t.Text) {
			continue
		}
		switch {
		case i+1 < len(objects) && objects[i+1].Is("."), objects[0].Is("all"):
			return failure("Operation not supported on external tables")
		case !objects[0].Is("schema"):
			continue // a table of that name
		case batch:
			return failure("%s on external schema \"%s\" cannot run inside a transaction block", verb, t.Text)
		}
		for _, p := range tokens[1:on] {
			if p.Is("create") || p.Is("alter") || p.Is("drop") {
				return failure("%s %s is not supported on external schema \"%s\"", verb, strings.ToUpper(p.Text), t.Text)
			}
		}
	}
	return nil
}

// createInside refuses to make things in an external schema. c stands behind CREATE.
func createInside(c *redshiftsql.Cursor, external func(string) bool) error {
	c.Skip("or", "replace")
	if !c.SkipAny("table", "view") && !c.Skip("materialized", "view") {
		return nil
	}
	c.Skip("if", "not", "exists")
	if name, ok := c.Name(); ok && c.Skip(".") && external(name) {
		return failure("Operation not supported on external schema \"%s\"", name)
	}
	return nil
}
