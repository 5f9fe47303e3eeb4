package warehouse

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Codes of SQLSTATE that a login ends with. Redshift, being PostgreSQL 8.0 at heart, knows one code for all that is
// wrong with who logs in.
const (
	invalidAuthorization = "28000"
	protocolViolation    = "08P01"
	connectionFailure    = "08006"
	undefinedObject      = "42704"
	duplicateObject      = "42710" // never told to a client
)

// A refusal is why a client may not log in, in the words of the cluster.
type refusal struct {
	code    string // SQLSTATE
	message string
	hint    string
}

func (r *refusal) Error() string { return "FATAL: " + r.message }

func wrongPassword(name string) *refusal {
	return &refusal{code: invalidAuthorization, message: fmt.Sprintf("password authentication failed for user %q", name)}
}

func noSuchUser(user string) *refusal {
	return &refusal{code: invalidAuthorization, message: fmt.Sprintf("user %q does not exist", user)}
}

// errGone means that the client left, or never wanted a session: there is nobody to tell anything.
var errGone = errors.New("the client is gone")

// refuse tells the client why, and the log.
func (e *Endpoint) refuse(c *client, err error) {
	if errors.Is(err, errGone) {
		return
	}
	response := &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL"}
	if r, ok := errors.AsType[*refusal](err); ok {
		response.Code, response.Message, response.Hint = r.code, r.message, r.hint
	} else if p, ok := errors.AsType[*pgconn.PgError](err); ok { // PostgreSQL's own, for example a database that does not exist
		response.Code, response.Message, response.Detail = p.Code, p.Message, p.Detail
	} else {
		response.Code, response.Message = connectionFailure, "the database behind the endpoint does not answer"
	}
	e.log.Info("login refused", "user", c.parameters["user"], "database", c.parameters["database"], "err", err)
	c.wire.Send(response)
	_ = c.wire.Flush() // a client that does not listen needs no reason
}
