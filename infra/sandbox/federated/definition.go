package federated

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

// A definition is what CREATE EXTERNAL SCHEMA says.
type definition struct {
	name        string
	ifNotExists bool
	options     options
	defaultRole bool
}

// options are what a schema remembers. What was not given is empty; see remoteSchema and port.
type options struct {
	Database  string `json:"DATABASE"` // a column of its own in the views
	IAMRole   string `json:"IAM_ROLE"`
	Schema    string `json:"SCHEMA,omitempty"`
	URI       string `json:"URI"`
	Port      string `json:"PORT,omitempty"`
	SecretARN string `json:"SECRET_ARN"`
}

// Defaults of the clauses.
// Source: Amazon Redshift Database Developer Guide, CREATE EXTERNAL SCHEMA.
const (
	defaultSchema = "public"
	defaultPort   = 5432
	maxChain      = 10 // roles
	maxName       = 127
)

func (o options) remoteSchema() string {
	if o.Schema == "" {
		return defaultSchema
	}
	return o.Schema
}

func (o options) port() int {
	if port, err := strconv.Atoi(o.Port); err == nil {
		return port
	}
	return defaultPort
}

func (o options) roles() []string { return strings.Split(o.IAMRole, ",") }

// commented marks the comments in which options are kept.
const commented = "external schema "

func (o options) comment() string {
	text, _ := json.Marshal(o) // strings only
	return commented + string(text)
}

// readComment is the inverse of comment; ok is false for any other comment.
func readComment(comment string) (o options, ok bool) {
	text, marked := strings.CutPrefix(comment, commented)
	return o, marked && json.Unmarshal([]byte(text), &o) == nil
}

var (
	nameForm   = regexp.MustCompile(`^[a-z_\x{80}-\x{10FFFF}][a-z0-9_$\x{80}-\x{10FFFF}]*$`)
	roleForm   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	secretForm = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// elsewhere are clauses of other kinds of external schemas.
var elsewhere = []string{"region", "catalog_role", "catalog_id", "authentication", "authentication_arn", "cluster_arn", "create", "options"}

// isCreate reports whether a statement makes an external schema. It leaves the cursor behind those words.
func isCreate(c *redshiftsql.Cursor) bool { return c.Skip("create", "external", "schema") }

// parse reads CREATE EXTERNAL SCHEMA from behind those words to the end.
func parse(c *redshiftsql.Cursor) (d definition, err error) {
	d.ifNotExists = c.Skip("if", "not", "exists")
	var ok bool
	if d.name, ok = c.Name(); !ok {
		return d, failure("%s", c.Trouble())
	}
	if len(d.name) > maxName || !nameForm.MatchString(d.name) {
		return d, failure("invalid schema name %q", d.name)
	}
	if !c.Skip("from") {
		return d, failure("%s", c.Trouble())
	}
	switch {
	case c.Skip("postgres"):
	case c.Peek().Is("mysql"):
		return d, failure("the sandbox does not have external schemas FROM MYSQL")
	case c.SkipAny("data", "hive", "redshift", "kinesis", "kafka", "msk"):
		return d, failure("the sandbox does not have external schemas but those FROM POSTGRES")
	default:
		return d, failure("%s", c.Trouble())
	}
	return d, d.clauses(c)
}

// clauses reads what follows FROM POSTGRES, in the order of the documentation.
func (d *definition) clauses(c *redshiftsql.Cursor) error {
	o := &d.options
	text := func(word string, into *string, must bool) error {
		if !c.Skip(word) {
			if must {
				return d.strange(c)
			}
			return nil
		}
		value, ok := c.Take(redshiftsql.Literal)
		if !ok {
			return failure("%s", c.Trouble())
		}
		if value == "" {
			return failure("%s of an external schema must not be empty", strings.ToUpper(word))
		}
		*into = value
		return nil
	}
	if err := text("database", &o.Database, true); err != nil {
		return err
	}
	if err := text("schema", &o.Schema, false); err != nil {
		return err
	}
	if err := text("uri", &o.URI, true); err != nil {
		return err
	}
	if c.Skip("port") {
		var ok bool
		if o.Port, ok = c.Take(redshiftsql.Number); !ok {
			return failure("%s", c.Trouble())
		}
	}
	if !c.Skip("iam_role", "default") {
		if err := text("iam_role", &o.IAMRole, true); err != nil {
			return err
		}
	} else {
		d.defaultRole = true
	}
	if err := text("secret_arn", &o.SecretARN, true); err != nil {
		return err
	}
	if !c.Done() {
		return d.strange(c)
	}
	return d.validate()
}

// strange is about a word that does not belong where it stands.
func (d *definition) strange(c *redshiftsql.Cursor) error {
	for _, word := range elsewhere {
		if c.Peek().Is(word) {
			return failure("%s is not a clause of external schemas FROM POSTGRES", strings.ToUpper(word))
		}
	}
	return failure("%s", c.Trouble())
}

func (d *definition) validate() error {
	o := d.options
	if port := o.port(); o.Port != "" && (port < 1 || port > 65535 || strconv.Itoa(port) != o.Port) {
		return failure("invalid PORT %s", o.Port)
	}
	if !hostForm.MatchString(o.URI) {
		return failure("invalid URI '%s': it is a host name and nothing else", o.URI)
	}
	if !secretForm.MatchString(o.SecretARN) {
		return failure("invalid SECRET_ARN '%s'", o.SecretARN)
	}
	if d.defaultRole {
		return nil
	}
	if roles := o.roles(); len(roles) > maxChain {
		return failure("IAM_ROLE has %d roles; at most %d are allowed", len(roles), maxChain)
	}
	for _, role := range o.roles() {
		if !roleForm.MatchString(role) {
			return failure("invalid IAM_ROLE '%s'", o.IAMRole)
		}
	}
	return nil
}
