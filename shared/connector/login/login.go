// Package login logs in to a warehouse: over TLS that is always verified, and with errors that say which of
// network, TLS, login, user, group and database was at fault.
package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
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

// String names the target without its password.
func (t Target) String() string { return fmt.Sprintf("user %s at %s:%d", t.User, t.Host, t.Port) }

// Reasons of the faults that [Open] returns.
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
	Busy            = "Busy"            // the server takes no more connections now, or is starting or stopping
	LoginRefused    = "LoginRefused"    // any other refusal of the server
	Misconfigured   = "Misconfigured"   // the environment keeps the driver from starting
)

// dialTimeout bounds one attempt to connect and log in, so that a route that swallows packets is reported while
// the caller still has time to say so.
const dialTimeout = 10 * time.Second

// given names every setting that pgx would otherwise take from PG* variables and from files in the home folder, so that
// neither weakens, redirects or breaks a login. For a socket (host=/) TLS settings are not even looked at, and with a
// password no file is searched for one.
const given = "host=/ port=5439 user=none password=none database=none connect_timeout=10 sslmode=disable sslcertmode=disable sslnegotiation=postgres " +
	"target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''"

// Open opens one physical connection. TLS is verify-full and there is no fallback of any kind.
//
// Errors: a *[fault.Error] with one of the reasons above. Its kind is retry where nobody need act (network, an
// expired login), and blocked elsewhere.
func Open(ctx context.Context, t Target) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(given) // the only way to a valid config
	if err != nil {
		return nil, &fault.Error{Kind: fault.Blocked, Reason: Misconfigured, Op: "log in", Subject: t.String(), Err: err,
			Fix: "unset PGSERVICE, which names a service that does not exist; nothing is taken from it"}
	}
	config.Host, config.Port, config.Database = t.Host, uint16(t.Port), t.Database
	config.User, config.Password = t.User, t.Password.Reveal()
	config.TLSConfig = &tls.Config{ServerName: t.Host, RootCAs: t.Roots, MinVersion: tls.VersionTLS12}
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

// Whoami is the user of a session, and whether it is a superuser.
//
// It asks below pgx's own query methods: they refuse a server that does not report standard_conforming_strings, a
// setting that is newer than the PostgreSQL in Redshift.
func Whoami(ctx context.Context, conn *pgx.Conn) (user string, super bool, err error) {
	results, err := conn.PgConn().Exec(ctx, "SELECT usename, usesuper FROM pg_catalog.pg_user WHERE usename = current_user").ReadAll()
	if err != nil {
		return "", false, fmt.Errorf("ask who is logged in: %w", err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 2 {
		return "", false, errors.New("ask who is logged in: the server does not say")
	}
	row := results[0].Rows[0]
	return string(row[0]), string(row[1]) == "t", nil
}

// explain finds the one cause of a failed login.
func explain(err error, t Target) error {
	e := &fault.Error{Op: "log in", Subject: t.String()}
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
	case network != nil: // refused, reset, or a name that does not resolve
		return set(fault.Retry, Unreachable, "check that the warehouse runs, and routes and security groups on the way to it", network)
	}
	return set(fault.Retry, Unreachable, "check that the warehouse runs, and routes and security groups on the way to it", errors.New("the server closed the connection"))
}

// refused classifies what the server said: by the code where PostgreSQL has one, else by the text without the names in
// it, which may hold any word. Redshift documents none of these texts; the first is reported from the field.
func refused(e *pgconn.PgError, t Target) (fault.Kind, string, string) {
	text := strings.ToLower(quoted.ReplaceAllString(e.Message, ""))
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("token has expired"):
		return fault.Retry, LoginExpired, "mint another lease"
	case e.Code == "3D000":
		return fault.Blocked, DatabaseMissing, "name a database that the warehouse has"
	case e.Code == "28P01", has("password authentication failed"):
		return fault.Blocked, WrongPassword, "mint another lease, and log in with the user name exactly as it was returned"
	case has("group") && has("does not exist"):
		return fault.Blocked, GroupMissing, "create the group in database " + t.Database + ", or take it from the consumer"
	case (has("user") || has("role")) && has("does not exist"):
		return fault.Blocked, UserMissing, "create the user in database " + t.Database + ", or let the consumer create it (autoCreate)"
	}
	switch class := e.Code[:min(2, len(e.Code))]; class {
	case "08", "53", "57": // connection exceptions, resources used up, the operator's doing: all pass
		return fault.Retry, Busy, "nothing; it is tried again. If it lasts, look at the warehouse's connections"
	}
	return fault.Blocked, LoginRefused, "see the warehouse's connection log"
}

// quoted is a name as the server quotes it.
var quoted = regexp.MustCompile(`"[^"]*"`)
