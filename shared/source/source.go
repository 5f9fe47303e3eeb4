// Package source knows the databases outside the warehouse: what they are called, where they answer, and the one
// read-only login that Sluice keeps in each.
package source

import (
	"fmt"
	"net"
	"regexp"
	"strconv"

	"github.com/sluicehq/sluice/shared/fault"
)

// Engines, as RDS names them.
const (
	Postgres       = "postgres"
	AuroraPostgres = "aurora-postgresql"
	MySQL          = "mysql"
	AuroraMySQL    = "aurora-mysql"
)

// engines says which engines this version federates.
var engines = map[string]bool{Postgres: true, AuroraPostgres: false, MySQL: false, AuroraMySQL: false}

const (
	// PostgresPort is what a PostgreSQL source answers on when nothing else is said.
	PostgresPort = 5432
	// DefaultSchema is the schema of the source that is read when none is named.
	DefaultSchema = "public"
	maxPort       = 65535
)

// A Source is an outside database that a warehouse shall query, as a request names it: an RDS instance, whose address
// is looked up, or a host that the configuration lists.
type Source struct {
	Engine   string `json:"engine"`
	Instance string `json:"instance,omitempty"` // RDS instance identifier
	Cluster  string `json:"cluster,omitempty"`  // Aurora cluster identifier
	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"` // of Host
	Database string `json:"database"`
	Schema   string `json:"schema,omitempty"` // in the source; empty is DefaultSchema
}

// Complete is s with its defaults.
func (s Source) Complete() Source {
	if s.Schema == "" {
		s.Schema = DefaultSchema
	}
	if s.Host != "" && s.Port == 0 {
		s.Port = PostgresPort
	}
	return s
}

// ID is what allow-lists, and the tags of secrets, call the source: the identifier of the instance or of the cluster, or host:port.
func (s Source) ID() string {
	switch {
	case s.Instance != "":
		return s.Instance
	case s.Cluster != "":
		return s.Cluster
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Complete().Port))
}

var (
	identifier = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	hostName   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$`)
	remoteName = regexp.MustCompile(`^[a-z_][a-z0-9_$-]*$`)
)

// Problems returns everything that is wrong with s. Where is the JSON path below it.
func (s Source) Problems() fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}
	switch federates, known := engines[s.Engine]; {
	case s.Engine == "":
		add("engine", "is missing", `write "postgres"`)
	case !known:
		add("engine", fmt.Sprintf("is %q", s.Engine), `write "postgres"`)
	case !federates:
		add("engine", fmt.Sprintf("is %q, which this version does not federate", s.Engine), `use a source with the engine "postgres"`)
	}
	named := 0
	for _, name := range []string{s.Instance, s.Cluster, s.Host} {
		if name != "" {
			named++
		}
	}
	switch {
	case named == 0:
		add("instance", "is missing", "name the source by exactly one of instance and host")
	case named > 1:
		add("instance", fmt.Sprintf("is one of %d ways in which the source is named", named), "name the source by exactly one of instance and host")
	case s.Cluster != "":
		add("cluster", "is a way to name a source that this version does not have", "name an RDS instance")
	case s.Instance != "" && !identifier.MatchString(s.Instance):
		add("instance", fmt.Sprintf("is %q", s.Instance), "write the identifier of the RDS instance: lower-case letters, digits and single hyphens")
	case s.Host != "" && (!hostName.MatchString(s.Host) || len(s.Host) > 253):
		add("host", fmt.Sprintf("is %q", s.Host), "write a host name, without scheme and port")
	}
	if s.Port < 0 || s.Port > maxPort || s.Port != 0 && s.Host == "" {
		add("port", fmt.Sprintf("is %d", s.Port), "write the port of host, or nothing where the source is an RDS instance")
	}
	if s.Database == "" {
		add("database", "is missing", nameFix)
	} else if badRemote(s.Database) {
		add("database", fmt.Sprintf("is %q", s.Database), nameFix)
	}
	if badRemote(s.Complete().Schema) {
		add("schema", fmt.Sprintf("is %q", s.Schema), nameFix)
	}
	return problems
}

// maxRemote is the length of a PostgreSQL name. Source: PostgreSQL documentation, "Identifiers and Key Words".
const maxRemote = 63

func badRemote(name string) bool { return len(name) > maxRemote || !remoteName.MatchString(name) }

const nameFix = "write a name of 1 to 63 lower-case letters, digits, _ $ or -, starting with a letter or _; the warehouse reads upper-case letters as lower-case ones, and others cannot be written safely into its SQL"

// An Endpoint is where a source answers, and what in it is read.
type Endpoint struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
	Schema   string `json:"schema"`
}

func (e Endpoint) String() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) + "/" + e.Database
}

// A Database is what RDS says of a source now; of a listed host it is what the configuration says.
type Database struct {
	Endpoint
	Engine         string
	ResourceID     string   // names the database itself: one that was deleted and made again has another
	ARN            string   // empty for a host
	Status         string   // DBInstanceStatus; "available" for a host
	MasterSecret   string   // ARN of the secret that RDS manages; empty if it does not
	SecretStatus   string   // of that secret: "active", "rotating", "impaired", "creating"
	SecurityGroups []string // of the instance
	Tags           map[string]string
}

// Answers reports whether a database in this state takes logins.
//
// Source: Amazon RDS User Guide, "Viewing Amazon RDS DB instance status".
func (d Database) Answers() bool {
	switch d.Status {
	case "available", "backing-up", "configuring-enhanced-monitoring", "configuring-iam-database-auth", "configuring-log-exports",
		"converting-to-vpc", "maintenance", "modifying", "moving-to-vpc", "storage-config-upgrade", "storage-initialization", "storage-optimization", "upgrading":
		return d.Host != ""
	}
	return false
}
