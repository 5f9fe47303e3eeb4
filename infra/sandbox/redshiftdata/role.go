package redshiftdata

import (
	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

// rolePrefix makes the name of a role in PostgreSQL, where users, groups and roles share one space of names.
const rolePrefix = "role:"

// translateRoles turns Redshift's roles, which PostgreSQL has not beside its users and groups, into roles of PostgreSQL
// that cannot log in:
//
//	CREATE ROLE r [EXTERNALID 'id']              the id is forgotten
//	DROP ROLE r [FORCE | RESTRICT]               FORCE revokes what was granted to it first
//	GRANT | REVOKE ROLE r, … TO | FROM u, ROLE q
//	GRANT | REVOKE … ON … TO | FROM ROLE r, …
func translateRoles(sql string) string {
	c := redshiftsql.Read(sql)
	switch {
	case c.Skip("create", "role"):
		name, ok := c.Name()
		if c.Skip("externalid") {
			_, literal := c.Take(redshiftsql.Literal)
			ok = ok && literal
		}
		if ok && c.Done() {
			return "CREATE ROLE " + roleName(name) + " NOLOGIN"
		}
	case c.Skip("drop", "role"):
		name, ok := c.Name()
		force := c.Skip("force")
		if !force {
			c.Skip("restrict")
		}
		if ok && c.Done() && force {
			role := roleName(name) // whose grants only a member may take back
			return "DO " + redshiftsql.Text("BEGIN GRANT "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role+"; END")
		}
		if ok && c.Done() {
			return "DROP ROLE " + roleName(name)
		}
	case c.SkipAny("grant", "revoke"):
		return redshiftsql.Replace(sql, rolesIn(c.Tokens()))
	}
	return sql
}

func roleName(name string) string { return redshiftsql.Name(rolePrefix + name) }

// rolesIn finds ROLE name in a GRANT or REVOKE.
func rolesIn(tokens []redshiftsql.Token) (places []redshiftsql.Place) {
	for i := 1; i+1 < len(tokens); i++ {
		before := tokens[i-1]
		begins := before.Is("grant") || before.Is("revoke") || before.Is("for") || before.Is("to") || before.Is("from") || before.Is(",")
		if name := tokens[i+1]; begins && tokens[i].Is("role") && name.IsName() {
			places = append(places, redshiftsql.Place{Start: tokens[i].Start, End: name.End, Text: roleName(name.Text)})
		}
	}
	return places
}
