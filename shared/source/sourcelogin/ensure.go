package sourcelogin

import (
	"context"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

// A work is one request inside a transaction of the admin.
type work struct {
	*session
	ctx     context.Context
	r       source.Request
	user    string // quoted
	schema  string // quoted
	changed bool
}

func (s *session) begin(ctx context.Context, r source.Request) *work {
	return &work{session: s, ctx: ctx, r: r, user: name(r.User), schema: name(r.Endpoint.Schema)}
}

// do runs a statement that changes something.
func (w *work) do(op, sql string) error {
	w.changed = true
	return w.run(w.ctx, op, sql)
}

// blocked is a refusal of ours.
func (w *work) blocked(op, reason, fix string, cause error) error {
	return &fault.Error{Kind: fault.Blocked, Reason: reason, Op: op, Subject: w.subject, Err: cause, Fix: fix}
}

// establish brings the user and its rights to what they shall be. set gives it the password even if it was there
// before. It reports whether the user has the password for sure, and adds to answer what it did.
func (s *session) establish(ctx context.Context, r source.Request, password secret.Value, set bool, answer *source.Answer) (given bool, err error) {
	w := s.begin(ctx, r)
	var uncovered []string
	var lacking error
	err = s.transact(ctx, func() error {
		if given, err = w.keepUser(password, set); err != nil {
			return err
		}
		// What may be granted is, and stays, even where something else may not: the remedy is then short.
		if lacking, err = w.keepDoors(); err != nil {
			return err
		}
		uncovered, err = w.keepTables()
		return err
	})
	if err == nil {
		err = lacking
	}
	answer.Changed, answer.Uncovered = answer.Changed || w.changed, uncovered
	return given, err
}

// keepUser makes the user, or mends ours.
func (w *work) keepUser(password secret.Value, set bool) (given bool, err error) {
	schema, err := w.rows(w.ctx, "find schema", "SELECT 1 FROM pg_namespace WHERE nspname = "+text(w.r.Endpoint.Schema))
	if err != nil {
		return false, err
	}
	if len(schema) == 0 {
		return false, w.blocked("find schema", source.SchemaMissing, "name a schema that the database has, or make it", fmt.Errorf("database %q has no schema %q", w.r.Endpoint.Database, w.r.Endpoint.Schema))
	}
	is, err := w.find()
	if err != nil {
		return false, err
	}
	withPassword := " PASSWORD " + text(verifier(w.r.User, password))
	switch {
	case !is.there:
		// NOINHERIT: whoever makes the user a member of a role by mistake gives it nothing.
		if err := w.do("make login", "CREATE ROLE "+w.user+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"+withPassword); err != nil {
			return false, err
		}
		if err := w.do("mark login", "COMMENT ON ROLE "+w.user+" IS "+text(w.r.Mark)); err != nil {
			return false, err
		}
	case !is.ours:
		return false, w.blocked("find login", source.LoginTaken, "rename or drop the user in the source, if nobody needs it; Sluice changes no user that it did not make",
			fmt.Errorf("user %q is there already, with %s", w.r.User, is.comment()))
	case set:
		if err := w.do("set password", "ALTER ROLE "+w.user+" "+is.repairs+withPassword); err != nil {
			return false, err
		}
	case is.repairs != "":
		if err := w.do("mend login", "ALTER ROLE "+w.user+" "+is.repairs); err != nil {
			return false, err
		}
	}
	if !is.readOnly {
		// The rights are what keeps the user from writing; this also keeps it from making objects where everybody may.
		if err := w.do("make login read-only", "ALTER ROLE "+w.user+" SET default_transaction_read_only = on"); err != nil {
			return false, err
		}
	}
	return set || !is.there, nil
}

// keepDoors lets the user into the database and the schema, where the admin may. lacking says where it may not.
func (w *work) keepDoors() (lacking, err error) {
	for _, d := range []struct{ kind, of, right, catalog, key, owner, name string }{
		{"DATABASE", "database", "CONNECT", "pg_database", "datname", "datdba", w.r.Endpoint.Database},
		{"SCHEMA", "schema", "USAGE", "pg_namespace", "nspname", "nspowner", w.r.Endpoint.Schema},
	} {
		op := "let login into " + d.of
		rows, err := w.rows(w.ctx, op, fmt.Sprintf("SELECT has_%s_privilege(%s, oid, '%s'), pg_has_role(%s, 'USAGE') OR has_%s_privilege(oid, '%s WITH GRANT OPTION'), pg_get_userbyid(%s) FROM %s WHERE %s = %s",
			d.of, text(w.r.User), d.right, d.owner, d.of, d.right, d.owner, d.catalog, d.key, text(d.name)))
		if err != nil {
			return nil, err
		}
		switch {
		case len(rows) == 0: // dropped meanwhile
			return nil, w.blocked(op, source.SchemaMissing, "name a schema that the database has, or make it", fmt.Errorf("%s %q is gone", d.of, d.name))
		case yes(rows[0][0]):
		case yes(rows[0][1]):
			if err := w.do(op, fmt.Sprintf("GRANT %s ON %s %s TO %s", d.right, d.kind, name(d.name), w.user)); err != nil {
				return nil, err
			}
		case lacking == nil:
			lacking = w.blocked(op, source.AdminPowerless, fmt.Sprintf("as %s, run: GRANT %s ON %s %s TO %s", name(rows[0][2]), d.right, d.kind, name(d.name), w.user),
				fmt.Errorf("the admin may not grant %s on %s %q, which belongs to %q", d.right, d.of, d.name, rows[0][2]))
		}
	}
	return lacking, nil
}

// keepTables lets the user read the tables of the schema, those of today and those that come. It returns the owners of
// tables for whom the admin cannot act.
func (w *work) keepTables() (uncovered []string, err error) {
	const op = "let login read tables"
	unread, err := w.rows(w.ctx, op, w.sql(unreadTables))
	if err != nil {
		return nil, err
	}
	var tables []string
	for _, row := range unread {
		if yes(row[2]) {
			tables = append(tables, name(w.r.Endpoint.Schema, row[0]))
		} else {
			uncovered = append(uncovered, row[1])
		}
	}
	for _, statement := range onTables(tables, "GRANT SELECT ON TABLE ", " TO "+w.user) {
		if err := w.do(op, statement); err != nil {
			return nil, err
		}
	}
	owners, err := w.rows(w.ctx, "look at owners", w.sql(makers))
	if err != nil {
		return nil, err
	}
	for _, row := range owners {
		owner, hasTables, may, granted := row[0], yes(row[1]), yes(row[2]), yes(row[3])
		switch {
		case may && !granted:
			if err := w.do("let login read tables to come", "ALTER DEFAULT PRIVILEGES FOR ROLE "+name(owner)+" IN SCHEMA "+w.schema+" GRANT SELECT ON TABLES TO "+w.user); err != nil {
				return nil, err
			}
		case !may && !granted && hasTables:
			uncovered = append(uncovered, owner)
		}
	}
	slices.Sort(uncovered)
	return slices.Compact(uncovered), nil
}
