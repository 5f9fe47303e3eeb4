package connector

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Properties are what a program gives, parsed. They print without values.
type Properties = property.Set

// A Source is what properties can be given as: a connection string or URL in the style of Amazon's ODBC or JDBC driver, a map
// with the names of any of the three drivers, or properties that were parsed before.
type Source interface {
	string | map[string]string | Properties
}

// Parse reads properties, in the spelling of any driver and in any case. More maps add to the first source, as a Properties object
// does to a JDBC URL. It says what was given, and not yet whether that makes sense: [New] does.
//
// Errors: a fault.Problems with all that is unknown, malformed, or given in two spellings or places with different values. Of one
// spelling that an ODBC string repeats the last counts, as in the driver.
func Parse[S Source](from S, more ...map[string]string) (Properties, error) {
	var set Properties
	var err error
	switch from := any(from).(type) {
	case string:
		set, err = property.Parse(from)
	case map[string]string:
		set, err = property.FromMap(from)
	case Properties:
		set = from
	}
	problems := []error{err}
	for _, m := range more {
		further, malformed := property.FromMap(m)
		var contrary error
		set, contrary = set.With(further)
		problems = append(problems, malformed, contrary)
	}
	return set, all(problems)
}

// all makes one error of what is wrong with several sources.
func all(errs []error) error {
	var problems fault.Problems
	for _, err := range errs {
		if some, ok := errors.AsType[fault.Problems](err); ok {
			problems = append(problems, some...)
		} else if err != nil {
			return err
		}
	}
	return problems.Err()
}

// Open returns a database whose every new connection logs in with a login that has enough life. It makes no call yet.
//
// Errors: those of [New].
func Open[S Source](from S, options ...Option) (*sql.DB, error) {
	c, err := New(from, options...)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// New returns a connector for sql.OpenDB. It makes no call and reads no file yet.
//
// Errors: a fault.Problems with everything that is unknown, missing, contradicts or makes no sense in the properties. What an
// authentication profile or the AWS configuration may still say is missed when the first connection is made.
func New[S Source](from S, options ...Option) (*Connector, error) {
	set, malformed := Parse(from)
	if malformed != nil && len(set.Entries()) == 0 {
		return nil, malformed
	}
	_, reads := resolve.ReadingOf(set)
	_, _, senseless := resolve.Resolve(resolve.Input{Explicit: set, Unread: reads, Unconfigured: true})
	if malformed != nil {
		senseless = about(set, senseless) // what is missing may be what is malformed
	}
	if err := all([]error{malformed, senseless}); err != nil {
		return nil, err
	}
	return newConnector(set, newOptions(options)), nil
}

// about is what is wrong with properties that were given.
func about(set Properties, err error) error {
	problems, _ := errors.AsType[fault.Problems](err)
	return slices.DeleteFunc(problems, func(p fault.Problem) bool {
		_, given := set.Get(property.Name(p.Where))
		return !given
	}).Err()
}

// Driver implements [driver.Connector].
func (c *Connector) Driver() driver.Driver { return Driver{} }

// DriverName is the name that [Driver] has in database/sql. It is registered for tools that can only be told a name and a string, and
// import this package for that alone; as database/sql expects of drivers, nothing else happens then.
const DriverName = "sluice"

func init() { sql.Register(DriverName, Driver{}) }

// A Driver opens connections by a connection string alone. [Open] does more.
type Driver struct{}

// Open implements [driver.Driver].
func (d Driver) Open(name string) (driver.Conn, error) {
	c, err := d.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return c.Connect(context.Background())
}

// OpenConnector implements [driver.DriverContext].
func (Driver) OpenConnector(name string) (driver.Connector, error) { return New(name) }
