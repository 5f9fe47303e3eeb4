// Package federated plays the external schemas of a cluster: CREATE EXTERNAL SCHEMA … FROM POSTGRES as a schema of foreign
// tables in the PostgreSQL behind the cluster.
//
// A statement that names such a schema, or a metadata view of it, makes the cluster fetch the login from Secrets Manager
// as its role and log in to the source, each time anew. What does not fit (attachment, trust, policy, key, secret,
// network, login) fails the statement with Redshift's message for it. Only then do the foreign tables work.
//
// # Differences from Redshift
//
// Nothing here proves anything about Redshift. What its documentation leaves open is decided here:
//
//   - CREATE EXTERNAL SCHEMA contacts nobody: it fails only for its grammar, a name that is taken and a missing right to
//     create schemas. Roles, secrets and hosts that are not there show when the schema is used.
//   - The statements are understood where they come by the Data API. A client that logs in at the cluster's address
//     talks to PostgreSQL, so it can use external schemas and not make them. For such a client, all external schemas
//     are checked when its session opens, not at each statement; svv_external_tables shows what was seen last.
//   - A schema whose role or login no longer fits loses its login, so that open sessions cannot read either, as soon as
//     somebody uses it or logs in.
//   - A schema that was made in a batch can be used only after the batch.
//   - The options are kept in PostgreSQL's comment on the schema: they come and go with it, inside transactions too.
//   - USAGE on the schema opens its tables, because everybody may select from tables that only USAGE lets one name.
//   - A source must speak TLS with a certificate for its host, of the sandbox's authority. Redshift's own mode is not documented.
//   - Columns keep PostgreSQL's types, where Redshift shows many as VARCHAR. A table with a column of a type that the source
//     defined itself is left out; the log says so.
//   - The wording of errors of Secrets Manager, of an unusable secret, and of statements that external schemas do not take
//     is ours where no source was found.
//   - A cluster that does not reach Secrets Manager says so in words that somebody reported of a query of a table; of the views
//     with metadata, too, which nobody has reported. It does not wait for a time-out. That it still gets sessions of roles then,
//     by a way of Redshift's own, is not documented.
//   - Without enable_case_sensitive_identifier, names of databases and schemas of the source are folded to lower case.
package federated

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Roles gives sessions of roles.
type Roles interface {
	// AssumeAs is a session that the AWS service gets of the role, by the role's trust policy.
	AssumeAs(service, roleARN string) (awshttp.Principal, error)
}

// An API performs operations of AWS as somebody. [awshttp.Server] is one.
type API interface {
	Do(ctx context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error)
}

// Config ties the external schemas to the rest of the sandbox.
type Config struct {
	// Open opens a session of PostgreSQL's superuser in a database of a cluster. The session is closed after use.
	Open func(ctx context.Context, cluster, database string) (*pgx.Conn, error)
	// AttachedRoles lists the roles that are attached to a cluster and in-sync.
	AttachedRoles func(cluster string) []string
	// DefaultRole is the role that IAM_ROLE default means at this moment; nil is a cluster without one.
	DefaultRole func(cluster string) (arn string, ok bool)
	Roles       Roles
	API         API // for GetSecretValue
	// Reachable reports whether the network lets a cluster through to a host.
	Reachable func(cluster, host string, port int) bool
	// ReachesSecrets reports whether the network lets a cluster through to Secrets Manager; nil lets all of them.
	ReachesSecrets func(cluster string) bool
	// Authority is the certificate, in PEM, that the certificates of sources lead to.
	Authority []byte
	// Log takes a line for each table that is left out and each schema that does not work when a session opens. No
	// password is ever in it. Nil takes none.
	Log *slog.Logger
}

// Schemas are the external schemas of all clusters. Its methods may be called from several goroutines.
type Schemas struct {
	config Config
	roots  *x509.CertPool
	log    *slog.Logger

	files sync.Mutex // held while a certificate is written

	mu    sync.Mutex
	known map[place]bool // databases in which an external schema was made
	locks map[string]*sync.Mutex
}

// A place is one database of a cluster.
type place struct{ cluster, database string }

// New returns the external schemas of clusters that have none yet.
func New(c Config) (*Schemas, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.Authority) {
		return nil, fmt.Errorf("read the authority of the sources' certificates: no certificate in %d bytes of PEM", len(c.Authority))
	}
	return &Schemas{
		config: c, roots: roots, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		known: map[place]bool{}, locks: map[string]*sync.Mutex{},
	}, nil
}

// remember notes that a database may have external schemas from now on.
func (s *Schemas) remember(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[p] = true
}

// has reports whether a database may have external schemas. All others cost nothing.
func (s *Schemas) has(p place) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[p]
}

// one locks a schema: its tables are brought up to date by one statement at a time. The caller unlocks it.
func (s *Schemas) one(p place, schema schema) (unlock func()) {
	key := fmt.Sprint(p.cluster, " ", p.database, " ", schema.oid)
	s.mu.Lock()
	lock := s.locks[key]
	if lock == nil {
		lock = &sync.Mutex{}
		s.locks[key] = lock
	}
	s.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}
