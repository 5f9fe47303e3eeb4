package sourcelogin

import (
	"fmt"
	"strings"
)

// An actual is what a user of our name is now.
type actual struct {
	there    bool
	ours     bool
	oid      string
	said     string // its comment
	repairs  string // what ALTER ROLE must say to mend it
	readOnly bool
}

// comment tells people whose the user may be.
func (a actual) comment() string {
	const most = 80
	switch c := []rune(a.said); {
	case len(c) == 0:
		return "no comment"
	case len(c) > most:
		return fmt.Sprintf("the comment %q…", string(c[:most]))
	}
	return fmt.Sprintf("the comment %q", a.said)
}

// find looks the user up.
func (w *work) find() (actual, error) {
	// ALTER ROLE names only what is wrong: a word too much, NOSUPERUSER for one, takes a superuser to say.
	rows, err := w.rows(w.ctx, "find login", `SELECT oid, shobj_description(oid, 'pg_authid'),
 concat_ws(' ', CASE WHEN NOT rolcanlogin THEN 'LOGIN' END, CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
  CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN rolinherit THEN 'NOINHERIT' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END,
  CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END, CASE WHEN rolvaliduntil < 'infinity' THEN 'VALID UNTIL ''infinity''' END),
 'default_transaction_read_only=on' = ANY (rolconfig)
 FROM pg_roles WHERE rolname = `+text(w.r.User))
	if err != nil || len(rows) == 0 {
		return actual{}, err
	}
	row := rows[0]
	return actual{there: true, ours: row[1] == w.r.Mark, oid: row[0], said: row[1], repairs: row[2], readOnly: yes(row[3])}, nil
}

// yes reads a boolean; NULL is none.
func yes(value string) bool { return value == "t" }

// sql puts the user and the schema of the request into a query.
func (w *work) sql(query string) string {
	return strings.NewReplacer("$user", text(w.r.User), "$schema", text(w.r.Endpoint.Schema)).Replace(query)
}

const (
	// unreadTables are tables, views and their like that the user cannot read: name, owner, and whether the admin may
	// let it.
	unreadTables = `SELECT relname, pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION')
 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE nspname = $schema AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT has_table_privilege($user, c.oid, 'SELECT') ORDER BY relname`

	// makers are those whose tables come up in the schema: who owns some, who owns the schema, and the admin where it
	// may make some. Name, whether tables are there, whether the admin may act for it, and whether its tables to come
	// are readable already. Tables that belong to extensions come with these. pg_database_owner, which owns the schema
	// public since PostgreSQL 15, makes nothing; the database's owner does.
	makers = `SELECT o.rolname, tables.owner IS NOT NULL, pg_has_role(o.oid, 'USAGE'), EXISTS (
  SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a JOIN pg_roles u ON u.oid = a.grantee
  WHERE d.defaclrole = o.oid AND d.defaclnamespace = n.oid AND d.defaclobjtype = 'r' AND u.rolname = $user AND a.privilege_type = 'SELECT')
 FROM pg_namespace n CROSS JOIN pg_roles o LEFT JOIN (
  SELECT DISTINCT relnamespace, relowner AS owner FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
 ) tables ON tables.relnamespace = n.oid AND tables.owner = o.oid
 WHERE n.nspname = $schema AND (tables.owner IS NOT NULL
  OR o.oid = CASE WHEN pg_get_userbyid(n.nspowner) = 'pg_database_owner' THEN (SELECT datdba FROM pg_database WHERE datname = current_database()) ELSE n.nspowner END
  OR o.rolname = current_user AND has_schema_privilege(n.oid, 'CREATE'))
 ORDER BY o.rolname`
)
