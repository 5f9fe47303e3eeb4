// Package connector logs in to a warehouse: over TLS that is always verified, and with errors that say which of
// network, TLS, login, user, group and database was at fault.
package connector

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Target is a database to log in to, and as whom.
type Target struct {
	Host     string // its certificate must be for this name
	Port     int
	Database string
	User     string // with the prefix that Redshift returned it with
	Password secret.Value

	// Roots are the authorities that the certificate may come from; nil means the system's.
	Roots *x509.CertPool
}

// Reasons of the faults that [Login] returns.
const (
	Unreachable     = "Unreachable"     // no connection, or no answer in time
	TLSRefused      = "TLSRefused"      // the server does not speak TLS
	TLSUnknownCA    = "TLSUnknownCA"    // the certificate comes from an authority that is not trusted
	TLSWrongName    = "TLSWrongName"    // the certificate is for another name
	TLSExpired      = "TLSExpired"      // the certificate has expired or is not yet valid
	TLSFailed       = "TLSFailed"       // any other failure of the handshake
	LoginExpired    = "LoginExpired"    // the temporary password is past its expiry
	WrongPassword   = "WrongPassword"   // the server does not accept the password
	UserMissing     = "UserMissing"     // the database has no such user
	GroupMissing    = "GroupMissing"    // the database has no such group
	DatabaseMissing = "DatabaseMissing" // the warehouse has no such database
	LoginRefused    = "LoginRefused"    // any other refusal of the server
)

// dialTimeout bounds one attempt to connect and log in, so that a route that swallows packets is reported while
// the caller still has time to say so.
const dialTimeout = 10 * time.Second

// Login opens one physical connection. TLS is verify-full and there is no fallback of any kind.
//
// Errors: a *[fault.Error] with one of the reasons above. Its kind is retry where nobody need act (network, an
// expired login), and blocked elsewhere.
func Login(ctx context.Context, t Target) (*pgx.Conn, error) {
	// ParseConfig is the only way to a valid config; it is given nothing that it could take from the environment.
	config, err := pgx.ParseConfig("host=localhost port=5439 user=none password=none database=none sslmode=disable passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("make connection settings: %w", err)
	}
	config.Host, config.Port, config.Database = t.Host, uint16(t.Port), t.Database
	config.User, config.Password = t.User, t.Password.Reveal()
	config.TLSConfig = &tls.Config{ServerName: t.Host, RootCAs: t.Roots, MinVersion: tls.VersionTLS12}
	config.Fallbacks = nil
	config.ConnectTimeout = dialTimeout
	config.RuntimeParams = map[string]string{"application_name": "sluice"}
	// Redshift has no prepared statements with parameter types as pgx asks for them.
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol

	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, explain(err, t)
	}
	return conn, nil
}

// explain finds the one cause of a failed login.
func explain(err error, t Target) error {
	e := &fault.Error{Op: "log in", Subject: fmt.Sprintf("user %s at %s:%d", t.User, t.Host, t.Port)}
	set := func(kind fault.Kind, reason, fix string, cause error) error {
		e.Kind, e.Reason, e.Fix, e.Err = kind, reason, fix, cause
		return e
	}
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		server    *pgconn.PgError
		network   net.Error
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &server):
		kind, reason, fix := refused(server, t)
		return set(kind, reason, fix, errors.New(server.Message))
	case errors.As(err, &authority):
		return set(fault.Blocked, TLSUnknownCA, "trust the authority of the warehouse's certificate, and no other way around", authority)
	case errors.As(err, &name):
		return set(fault.Blocked, TLSWrongName, "connect by the name that the certificate is for", name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return set(fault.Blocked, TLSExpired, "renew the warehouse's certificate, or correct this machine's clock", invalid)
	case errors.As(err, &record), strings.Contains(err.Error(), "server refused TLS connection"): // pgconn has no type for it
		return set(fault.Blocked, TLSRefused, "connect to an endpoint that speaks TLS; a login is never sent without it", errors.New("the server does not speak TLS"))
	case strings.Contains(err.Error(), "tls: "): // crypto/tls has no type for most alerts
		return set(fault.Blocked, TLSFailed, "compare the TLS versions and certificates of both sides", errors.Unwrap(err))
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return set(fault.Retry, Unreachable, "check routes and security groups between the function and the warehouse", errors.New("no answer in time"))
	}
	return set(fault.Retry, Unreachable, "check that the warehouse runs, and routes and security groups on the way to it", errors.New("the connection failed or was closed"))
}

// refused classifies what the server said. Redshift documents none of these texts; the codes are PostgreSQL's, the
// first text is reported from the field.
func refused(e *pgconn.PgError, t Target) (fault.Kind, string, string) {
	has := func(part string) bool { return strings.Contains(strings.ToLower(e.Message), part) }
	switch {
	case has("token has expired"):
		return fault.Retry, LoginExpired, "mint another lease"
	case has("group") && has("does not exist"):
		return fault.Blocked, GroupMissing, "create the group in database " + t.Database + ", or take it from the consumer"
	case (has("user") || has("role")) && has("does not exist"):
		return fault.Blocked, UserMissing, "create the user in database " + t.Database + ", or let the consumer create it (autoCreate)"
	case e.Code == "3D000":
		return fault.Blocked, DatabaseMissing, "name a database that the warehouse has"
	case e.Code == "28P01":
		return fault.Blocked, WrongPassword, "mint another lease, and log in with the user name exactly as it was returned"
	}
	return fault.Blocked, LoginRefused, "see the warehouse's connection log"
}
