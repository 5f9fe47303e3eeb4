// Package redshiftdata plays the Amazon Redshift Data API: statements that run in the background, as a database user,
// on the real PostgreSQL behind a cluster.
//
// A statement authenticates with DbUser, for which the caller needs redshift:GetClusterCredentials as well, or with
// SecretArn, for which the caller needs secretsmanager:GetSecretValue. Other ways (WorkgroupName, the caller's own
// identity) and sessions are not there, and are refused as not there.
//
// What AWS's documentation leaves open is decided here, and nothing but this sandbox says that it is so:
//   - A statement of somebody else is answered like one that does not exist.
//   - A ClientToken that comes again with another request is a ValidationException.
//   - A cluster that is paused, or a user that does not exist, lets the statement fail, not the call.
//   - In a batch that fails, statements before the failure read FINISHED although they are rolled back, later ones ABORTED.
//   - Redshift's roles are PostgreSQL's of the name role:NAME, which cannot log in; see translateRoles.
//   - A login by SecretArn reads the secret when the statement is submitted, and meets the cluster when it runs.
//   - A page of results has 1,000 rows.
//   - Fields have the types of PostgreSQL's columns; everything but integers, floats, booleans and bytea is a string.
package redshiftdata

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/shared/secret"
)

// Lives and limits of the service.
// Source: Amazon Redshift Management Guide, Using the Amazon Redshift Data API (considerations); ExecuteStatement (ClientToken).
const (
	resultLife = 24 * time.Hour // of a statement and its result, from its end
	tokenLife  = 8 * time.Hour  // in which a ClientToken is remembered
	maxActive  = 500            // statements at one time
	maxSQL     = 100 << 10      // bytes of one statement
)

// A Clock tells the time and runs work in the background, and later.
type Clock interface {
	Now() time.Time
	Go(run func())
	At(t time.Time, run func()) (cancel func())
}

// Clusters are the warehouses that statements run in.
type Clusters interface {
	// HasCluster reports whether there is a cluster of that name.
	HasCluster(identifier string) bool
	// Session opens a session of a database user. The caller closes it.
	Session(ctx context.Context, identifier, database, user string) (*pgx.Conn, error)
}

// External are the external schemas of the clusters.
type External interface {
	// Prepare does what the cluster does before it runs a statement in conn, and returns the SQL to run in its place.
	// What it returns as an error fails the statement, with its text.
	Prepare(ctx context.Context, conn *pgx.Conn, st federated.Statement) (sql string, err error)
}

// Config ties the service to the rest of the sandbox.
type Config struct {
	Clock    Clock
	Clusters Clusters
	External External // nil is clusters that do not know external schemas
	// API reads the secrets of logins, and Verify checks their passwords. Both nil is a service without such logins.
	API    API
	Verify func(ctx context.Context, cluster, user string, password secret.Value) error
}

// A Service is the Data API. Its methods may be called from several goroutines.
type Service struct {
	clock    Clock
	clusters Clusters
	external External
	api      API
	verify   func(ctx context.Context, cluster, user string, password secret.Value) error

	mu         sync.Mutex
	statements map[string]*statement // by id
	order      []*statement          // the oldest first
	tokens     map[string]token      // by owner and ClientToken
	queries    int64                 // the last RedshiftQueryId
	slow       time.Duration         // that statements take
	failing    map[int64]string      // problems of statements, by how many ran before
	ran        int64                 // SQL statements that were begun
}

// New returns a service without statements.
func New(c Config) *Service {
	return &Service{
		clock: c.Clock, clusters: c.Clusters, external: c.External, api: c.API, verify: c.Verify,
		statements: map[string]*statement{}, tokens: map[string]token{}, failing: map[int64]string{},
	}
}

// AWS is the service's front.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "redshift-data", Protocol: awshttp.JSON, Target: "RedshiftData",
		Internal: "InternalServerException", Invalid: "ValidationException",
		Operations: map[string]awshttp.Operation{
			"ExecuteStatement":      s.executeStatement,
			"BatchExecuteStatement": s.batchExecuteStatement,
			"DescribeStatement":     s.describeStatement,
			"GetStatementResult":    s.getStatementResult,
			"CancelStatement":       s.cancelStatement,
			"ListStatements":        s.listStatements,
		},
	}
}

// identifierForm is what a statement's id looks like; a number after a colon is a statement of a batch.
var identifierForm = regexp.MustCompile(`^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d+)?$`)

// find returns the caller's statement, and the part that the id asks for: -1 for all of it. It asks the policies
// for the call's own action first. The caller of find holds s.mu.
func (s *Service) find(call *awshttp.Call, id string) (st *statement, part int, err error) {
	if !identifierForm.MatchString(id) {
		return nil, 0, invalid("id must satisfy regex pattern: %s", identifierForm)
	}
	whole, number, numbered := strings.Cut(id, ":")
	st = s.statements[whole]
	access := awshttp.Access{Action: "redshift-data:" + call.Operation, Resource: "*"}
	if st != nil {
		access.Context = map[string][]string{"redshift-data:statement-owner-iam-userid": {st.submitter.UserID}}
	}
	if err := call.Authorize(access); err != nil {
		return nil, 0, err
	}
	part = -1
	if numbered {
		n, _ := strconv.Atoi(number) // digits; too many are 0, and no part
		part = n - 1
	}
	if st == nil || st.owner() != owner(call.Principal) || numbered && (part < 0 || part >= len(st.parts)) {
		return nil, 0, &awshttp.Error{Code: "ResourceNotFoundException", Message: "Query does not exist."}
	}
	if ended := st.ended; !ended.IsZero() && !s.clock.Now().Before(ended.Add(resultLife)) {
		return nil, 0, invalid("Could not retrieve the query result as it has expired after %d.", ended.Add(resultLife).Unix())
	}
	return st, part, nil
}

// owner is who may look after a statement: a role in any of its sessions, or a user.
func owner(p awshttp.Principal) string {
	if p.Role != "" {
		return p.Role
	}
	return p.String()
}

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}
