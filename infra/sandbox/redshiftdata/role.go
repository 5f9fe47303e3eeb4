package redshiftdata

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
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
//	GRANT | REVOKE ACCESS SYSTEM TABLE TO | FROM ROLE r, …   the one system permission that there is: it is pg_monitor's
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
		places := rolesIn(c.Tokens())
		if c.Skip("access", "system", "table") {
			all := c.Tokens()
			places = append([]redshiftsql.Place{{Start: all[1].Start, End: all[3].End, Text: "pg_monitor"}}, places...)
		}
		return redshiftsql.Replace(sql, places)
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

// nobody is what PostgreSQL says of users, groups and roles alike.
var nobody = regexp.MustCompile(`^role "(.*)" does not exist$`)

// whoIsMissing words an error about a user, group or role that is not there as Redshift does, which tells them apart.
func whoIsMissing(err error, sql string) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	m := nobody.FindStringSubmatch(e.Message)
	if m == nil {
		return err
	}
	name, kind := m[1], "user"
	if role, ok := strings.CutPrefix(name, rolePrefix); ok {
		name, kind = role, "role"
	} else if isGroup(redshiftsql.Scan(sql), name) {
		kind = "group"
	}
	return &federated.Failure{Message: fmt.Sprintf("%s %q does not exist", kind, name)}
}

// isGroup reports whether a statement has the name behind GROUP.
func isGroup(tokens []redshiftsql.Token, name string) bool {
	for i := 1; i < len(tokens); i++ {
		if tokens[i].IsName() && tokens[i].Text == name && tokens[i-1].Is("group") {
			return true
		}
	}
	return false
}
