package sourcelogin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

func TestDrop(t *testing.T) {
	w := newWorld(t)
	w.as(w.owner, "CREATE TABLE orders (id int)")
	w.as(w.foreign, "CREATE TABLE hidden (id int)")
	w.drop(false) // nothing was ever made
	w.here(fmt.Sprintf(`REVOKE CONNECT ON DATABASE %q FROM PUBLIC`, w.request.Endpoint.Database), "REVOKE USAGE ON SCHEMA public FROM PUBLIC", "GRANT pg_signal_backend TO "+w.admin)
	w.ensure(true)
	// Somebody gave it more, and moved a schema: it all goes.
	w.here("CREATE SCHEMA other AUTHORIZATION "+w.owner, "SET ROLE "+w.owner, "CREATE TABLE other.t (id int)", "GRANT ALL ON other.t TO "+w.request.User, "GRANT ALL ON SCHEMA other TO "+w.request.User,
		"ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO "+w.request.User)
	session := w.reader()
	w.drop(true)
	if state := w.state(); state != "" {
		t.Errorf("left behind\n%s", state)
	}
	if _, err := session.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a session of the login goes on")
	}
	w.drop(false)
	w.ensure(true)
	w.ensure(false)
}

// Where the admin may not end sessions the login goes all the same.
func TestDropWithSessionsThatStay(t *testing.T) {
	w := newWorld(t)
	w.as(w.owner, "CREATE TABLE orders (id int)")
	w.ensure(true)
	session := w.reader()
	w.drop(true)
	if _, err := session.Exec(t.Context(), "SELECT * FROM orders"); err == nil {
		t.Error("the session reads on")
	}
}

// What depends on the login is named, and nothing is half taken away.
func TestDropInUse(t *testing.T) {
	for name, tc := range map[string]struct{ make, says string }{
		"owns a table":                        {"CREATE TABLE kept (id int); ALTER TABLE kept OWNER TO $user", "owner of table public.kept"},
		"has rights that others gave":         {`SET ROLE "$foreign"; CREATE TABLE theirs (id int); GRANT SELECT ON theirs TO $user`, "privileges for table public.theirs"},
		"has rights on what is not ours":      {"CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO $user", "privileges for sequence public.numbers"},
		"has rights on what others will make": {`SET ROLE "$foreign"; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO $user`, "default privileges"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.as(w.owner, "CREATE TABLE orders (id int)")
			w.ensure(true)
			w.here(strings.NewReplacer("$user", w.request.User, "$foreign", w.foreign).Replace(tc.make))
			before := w.state()
			w.fails(source.Drop, fault.Blocked, source.LoginInUse, tc.says, "REASSIGN OWNED")
			if after := w.state(); after != before {
				t.Errorf("changed\n%s\nto\n%s", before, after)
			}
			w.here("DROP OWNED BY " + w.request.User)
			w.drop(true)
		})
	}
}

// Users outlive the databases that they were made for.
func TestDropWithoutItsDatabase(t *testing.T) {
	w := newWorld(t)
	w.ensure(true)
	gone := w.request.Endpoint.Database
	w.super("postgres", fmt.Sprintf("DROP DATABASE %q WITH (FORCE)", gone))
	w.drop(true)
	w.request.Endpoint.Database = "postgres"
	if state := w.state(); state != "" {
		t.Errorf("left behind\n%s", state)
	}
	w.request.Endpoint.Database = gone
	w.drop(false)
}

// A database that is not there is no dead end: the login goes from any other, and where there is none, or none is open, the
// remedy is one of the way down.
func TestDropFromAnywhere(t *testing.T) {
	for name, tc := range map[string]struct {
		refused map[string]string
		kind    fault.Kind
		reason  string
		says    []string // nil if it is dropped
	}{
		"from postgres":             {},
		"without postgres":          {refused: map[string]string{"postgres": "3D000"}},
		"postgres is closed":        {refused: map[string]string{"postgres": "42501"}},
		"postgres is not for admin": {refused: map[string]string{"postgres": "28000"}},
		"without any": {map[string]string{"postgres": "3D000", "template1": "3D000"},
			fault.Blocked, source.DatabaseMissing, []string{"Orders-", "postgres, template1", "make a database postgres in the source"}},
		"all are closed": {map[string]string{"postgres": "28000", "template1": "3D000"},
			fault.Blocked, source.AdminRefused, []string{"postgres is closed"}},
		"template1 is closed":  {map[string]string{"postgres": "3D000", "template1": "42501"}, fault.Blocked, source.AdminPowerless, []string{"template1 is closed"}},
		"postgres is starting": {map[string]string{"postgres": "57P03"}, fault.Retry, source.SourceUnreachable, []string{"postgres is closed"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(true)
			w.super("postgres", fmt.Sprintf("DROP DATABASE %q WITH (FORCE)", w.request.Endpoint.Database))
			w.front.refused = tc.refused
			if tc.says != nil {
				w.fails(source.Drop, tc.kind, tc.reason, tc.says...)
				return
			}
			w.drop(true)
			w.drop(false)
		})
	}
}

func TestDropRefused(t *testing.T) {
	w := newWorld(t)
	w.ensure(true)
	w.here("ALTER ROLE " + w.admin + " NOCREATEROLE")
	w.fails(source.Drop, fault.Blocked, source.AdminPowerless, "42501")
	_ = w.front.listener.Close()
	w.fails(source.Drop, fault.Retry, source.SourceUnreachable)
}

// A connection that is lost at any statement, before or after it is done, is repaired by asking again.
func TestLostAnywhere(t *testing.T) {
	w := newWorld(t)
	w.as(w.owner, "CREATE TABLE orders (id int)")
	w.as(w.foreign, "CREATE TABLE hidden (id int)")
	w.ensure(true)
	whole, toMake := w.state(), len(w.front.take())
	w.drop(true)
	toDrop := len(w.front.take())
	if toMake < 10 || toDrop < 5 {
		t.Fatalf("%d statements make the login and %d drop it", toMake, toDrop)
	}
	for _, tc := range []struct {
		action, first, want string
		statements          int
	}{{source.Ensure, source.Drop, whole, toMake}, {source.Drop, source.Ensure, "", toDrop}} {
		for n := 1; n <= tc.statements; n++ {
			for _, done := range []bool{false, true} {
				if _, err := w.ask(tc.first); err != nil {
					t.Fatal(err)
				}
				w.front.losing(n, done)
				w.fails(tc.action, fault.Retry, source.SourceUnreachable)
				if said := w.front.take(); len(said) < n {
					t.Fatalf("%s: nothing was lost at statement %d", tc.action, n)
				}
				if _, err := w.ask(tc.action); err != nil {
					t.Errorf("%s again after a loss at %d, done %t: %v", tc.action, n, done, err)
				}
				if state := w.state(); state != tc.want {
					t.Errorf("%s, lost at %d, done %t, and again makes\n%s\nwant\n%s", tc.action, n, done, state, tc.want)
				}
			}
		}
	}
}
