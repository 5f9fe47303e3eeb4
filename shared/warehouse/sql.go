package warehouse

import (
	"fmt"
	"strconv"
	"strings"
)

// Identifier quotes a name for SQL.
func Identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text for SQL. Redshift reads a backslash in a literal as an escape, so that it is doubled as well.
func literal(text string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(text) + "'"
}

// maxIdentifier is the length of a name in bytes. Source: Amazon Redshift Database Developer Guide, "Names and identifiers".
const maxIdentifier = 127

// badIdentifier says what is wrong with the name of a schema, a group or a role, or returns "". Redshift takes more,
// between quotes; what it takes without is what people can type.
func badIdentifier(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxIdentifier:
		return fmt.Sprintf("has %d bytes, of at most %d", len(name), maxIdentifier)
	case reserved[name]:
		return "is a reserved word"
	}
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r == '_'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '$') {
			return fmt.Sprintf("has %q in it", string(r))
		}
	}
	return ""
}

// BadSchema says what is wrong with the name of an external schema, or returns "".
func BadSchema(name string) string {
	if strings.HasPrefix(name, "pg_") {
		return "begins with pg_, as system schemas do"
	}
	return badIdentifier(name)
}

// SchemaRule says in words which names [BadSchema] takes.
const SchemaRule = "use 1 to 127 lower-case letters, digits, _ or $, starting with a letter or _, and no reserved word"

// An ExternalSchema is what CREATE EXTERNAL SCHEMA makes for a PostgreSQL source.
type ExternalSchema struct {
	Name         string // in the warehouse
	Database     string // in the source
	RemoteSchema string
	Host         string
	Port         int
	Role         string // ARN
	Secret       string // ARN
}

// Create makes the schema. There is no IF NOT EXISTS: that would keep another definition silently.
//
// Source: Amazon Redshift Database Developer Guide, "CREATE EXTERNAL SCHEMA".
func (s ExternalSchema) Create() string {
	return fmt.Sprintf("CREATE EXTERNAL SCHEMA %s FROM POSTGRES DATABASE %s SCHEMA %s URI %s PORT %d IAM_ROLE %s SECRET_ARN %s",
		Identifier(s.Name), literal(s.Database), literal(s.RemoteSchema), literal(s.Host), s.Port, literal(s.Role), literal(s.Secret))
}

// DropSchema removes an external schema on which nothing depends. The source is not touched.
func DropSchema(name string) string { return "DROP SCHEMA " + Identifier(name) + " RESTRICT" }

// Grant gives usage of a schema, which for an external one is the right to read it.
func Grant(schema string, to []Grantee) string { return usage("GRANT", schema, "TO", to) }

// Revoke takes usage of a schema back.
func Revoke(schema string, from []Grantee) string { return usage("REVOKE", schema, "FROM", from) }

func usage(verb, schema, direction string, who []Grantee) string {
	names := make([]string, len(who))
	for i, g := range who {
		names[i] = g.sql()
	}
	return verb + " USAGE ON SCHEMA " + Identifier(schema) + " " + direction + " " + strings.Join(names, ", ")
}

// kindPostgres is the eskind of an external schema on PostgreSQL.
//
// Source: Amazon Redshift Database Developer Guide, SVV_EXTERNAL_SCHEMAS (eskind).
const kindPostgres = 3

// Look asks what a schema is: one row for an external schema of the name, one for a schema of the name of any kind, and one for
// each grantee. [ReadSchema] reads the answer. One statement serves all, because each takes three calls. The casts have lengths:
// without one, a VARCHAR has 256 bytes, and the options are longer.
func Look(schema string) string {
	name := literal(schema)
	return "SELECT 'external' AS what, eskind::varchar(256) AS a, databasename::varchar(256) AS b, esoptions::varchar(65535) AS c FROM svv_external_schemas WHERE schemaname = " + name +
		" UNION ALL SELECT 'schema', '', '', '' FROM pg_namespace WHERE nspname = " + name +
		" UNION ALL SELECT 'grant', identity_type::varchar(256), identity_name::varchar(256), '' FROM svv_schema_privileges WHERE namespace_name = " + name + " AND privilege_type = 'USAGE'"
}

// Tables asks for the tables of one external schema, which makes the warehouse ask the source: it fails where secret, key,
// network or login do. It is filtered on the schema, because an unfiltered one asks every source. A table that [OneRow] cannot
// name comes only if there is no other.
func Tables(schema string) string {
	return "SELECT tablename FROM svv_external_tables WHERE schemaname = " + literal(schema) +
		" ORDER BY CASE WHEN tablename = lower(tablename) THEN 0 ELSE 1 END, tablename LIMIT 1"
}

// Folded reports whether a name has upper-case letters, which Redshift folds, between quotes, too, unless a session has set
// enable_case_sensitive_identifier. The sessions that statements get here have not.
//
// Source: Amazon Redshift Database Developer Guide, "Names and identifiers", enable_case_sensitive_identifier. That the names in
// CREATE EXTERNAL SCHEMA are folded as well is reported by users.
func Folded(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r >= 'A' && r <= 'Z' })
}

// OneRow reads a row of a table, if it has one.
func OneRow(schema, table string) string {
	return "SELECT 1 FROM " + Identifier(schema) + "." + Identifier(table) + " LIMIT 1"
}

// CatalogRole is the role in the warehouse by which Sluice's own user sees who has usage of its schemas. To own them is not enough.
//
// Source: Amazon Redshift Database Developer Guide, SVV_SCHEMA_PRIVILEGES; "System permissions for RBAC" (ACCESS SYSTEM TABLE).
const CatalogRole = "sluice_catalog"

// Bootstrap is the SQL that an administrator of the warehouse runs once, so that Sluice has a user of its own there. The user
// has no password: it can log in with temporary credentials only. System permissions are given to roles alone.
func (f Federating) Bootstrap() []string {
	user, role := Identifier(f.User), Identifier(CatalogRole)
	return []string{
		"CREATE USER " + user + " PASSWORD DISABLE",
		"GRANT CREATE ON DATABASE " + Identifier(f.Database) + " TO " + user,
		"CREATE ROLE " + role,
		"GRANT ACCESS SYSTEM TABLE TO ROLE " + role,
		"GRANT ROLE " + role + " TO " + user,
	}
}

// number is a text as a number, or 0.
func number(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return n
}
