package federated

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
)

// loginTimeout is the machine's time, not the sandbox's: a source on this machine answers in milliseconds.
const loginTimeout = 10 * time.Second

// dial logs in to a source with what Redshift's own client can do: passwords in clear text or as md5, inside TLS.
func (s *Schemas) dial(ctx context.Context, l login, o options) (*pgx.Conn, error) {
	// The words that are given here win over PGHOST and the like in the environment of whoever runs the sandbox.
	config, err := pgx.ParseConfig("host=x port=5432 user=x database=x password=x sslmode=disable target_session_attrs=any require_auth=md5,password")
	if err != nil {
		return nil, fmt.Errorf("prepare the login to a source: %w", err)
	}
	config.Host, config.Port, config.Database = o.URI, uint16(o.port()), o.Database
	config.User, config.Password = l.user, l.password.Reveal()
	config.TLSConfig = &tls.Config{RootCAs: s.roots, ServerName: o.URI, MinVersion: tls.VersionTLS12}
	config.Fallbacks, config.RuntimeParams = nil, map[string]string{"application_name": "redshift"}
	config.ConnectTimeout = loginTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, refused(err, o)
	}
	return conn, nil
}

// refused words a login that failed as Redshift's client does.
func refused(err error, o options) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok { // the source's own words
		return noConnection(e.Severity + ":  " + e.Message + "\n")
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return noConnection(fmt.Sprintf("could not translate host name %q to address: Name or service not known\n", o.URI))
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return noConnection(fmt.Sprintf("server certificate for %q does not match host name %q\n", strings.Join(e.Certificate.DNSNames, ", "), o.URI))
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return noConnection("SSL error: certificate verify failed\n")
	}
	switch text := err.Error(); {
	case strings.Contains(text, "server refused TLS"):
		return noConnection("server does not support SSL, but SSL was required\n")
	case strings.Contains(text, "server requested scram-sha-256 authentication"):
		return noConnection("authentication method 10 not supported\n")
	case strings.Contains(text, "authentication method requirement"): // none, for example
		return noConnection("the sandbox takes sources that ask for a password only\n")
	}
	return noConnection("timeout expired\n") // nobody answers there
}
