// Package login logs in to a warehouse: over TLS that is always verified, and with errors that say which of
// network, TLS, login, user, group and database was at fault.
package login

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Target is a database to log in to, and as whom.
type Target struct {
	Host     string
	Port     int
	Database string
	User     string // with the prefix that Redshift returned it with
	Password secret.Value

	// ServerName is what the certificate must be for; empty is Host. It is for a load balancer or a managed VPC endpoint,
	// behind which the warehouse shows the certificate of its own name.
	ServerName string
	// AuthorityOnly leaves the name in the certificate unchecked (verify-ca): whoever has a certificate of a trusted authority
	// for any name at all gets the login.
	AuthorityOnly bool
	// Roots are the authorities that the certificate may come from; nil means those of [Roots].
	Roots *x509.CertPool

	// ApplicationName is what the warehouse's log shows of the program; empty is "sluice".
	ApplicationName string
	// Timeout bounds the look-up of the host, and after it the attempt at each of its addresses; 0 is 10 seconds.
	Timeout time.Duration
}

// String names the target without its password.
func (t Target) String() string { return fmt.Sprintf("user %s at %s:%d", t.User, t.Host, t.Port) }

// defaultTimeout bounds one attempt to connect and log in, so that a route that swallows packets is reported while
// the caller still has time to say so.
const defaultTimeout = 10 * time.Second

// given names every setting that pgx would otherwise take from PG* variables and from files in the home folder, so that
// neither weakens, redirects or breaks a login. For a socket (host=/) TLS settings are not even looked at, and with a
// password no file is searched for one.
const given = "host=/ port=5439 user=none password=none database=none connect_timeout=10 sslmode=disable sslcertmode=disable sslnegotiation=postgres " +
	"target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''"

// Config is how pgx gets to t: one host, TLS that is verified in full unless the target asks for less, and no fallback of any kind.
// What pgx says of a login with it is for [Explain].
//
// Errors: a *[fault.Error] with the reason Misconfigured.
func Config(t Target) (*pgx.ConnConfig, error) {
	wrong := func(err error, fix string) (*pgx.ConnConfig, error) {
		return nil, &fault.Error{Kind: fault.Blocked, Reason: Misconfigured, Op: "log in", Subject: t.String(), Err: err, Fix: fix}
	}
	if t.Port < 1 || t.Port > 65535 {
		return wrong(fmt.Errorf("there is no port %d", t.Port), "give a port between 1 and 65535; Redshift's own is 5439")
	}
	roots := t.Roots
	if roots == nil {
		var err error
		if roots, err = trusted(); err != nil {
			return wrong(err, "give the authorities of the warehouse's certificate in a file")
		}
	}
	config, err := pgx.ParseConfig(given) // the only way to a valid config
	if err != nil {
		return wrong(err, "unset PGSERVICE, which names a service that does not exist; nothing is taken from it")
	}
	config.Host, config.Port, config.Database = t.Host, uint16(t.Port), t.Database
	config.User, config.Password = t.User, t.Password.Reveal()
	config.TLSConfig, config.Fallbacks = security(t, roots), nil

	timeout := cmp.Or(t.Timeout, defaultTimeout)
	config.ConnectTimeout = timeout
	config.DialFunc = (&net.Dialer{Timeout: timeout}).DialContext
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout) // pgx's own timeout begins after the look-up
		defer cancel()
		return net.DefaultResolver.LookupHost(ctx, host)
	}

	// Values travel as text: so say what text is. The same three are what Amazon's JDBC driver sends.
	config.RuntimeParams = map[string]string{
		"application_name": cmp.Or(t.ApplicationName, "sluice"),
		"client_encoding":  "UTF8", "DateStyle": "ISO",
		"extra_float_digits": "2", // else the last digits of a double are lost
	}
	// pgx writes arguments into a statement only where the server reports standard_conforming_strings, which is newer than the
	// PostgreSQL in Redshift. Sent beside an unnamed statement they need no such report, and nothing is left on the server.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// Open opens one physical connection with [Config].
//
// Errors: a *[fault.Error] with one of the reasons above. Its kind is retry where nobody need act (network, an
// expired login), and blocked elsewhere.
func Open(ctx context.Context, t Target) (*pgx.Conn, error) {
	config, err := Config(t)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, Explain(err, t)
	}
	return conn, nil
}

// Whoami is the user of a session, and whether it is a superuser.
//
// It asks below pgx's own query methods, in the simple protocol: the answer is text whatever the session's settings are.
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
