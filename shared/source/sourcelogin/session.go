package sourcelogin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

const (
	// dialTimeout bounds one attempt to connect and log in, so that a route that swallows packets is reported while
	// there is still time to say so.
	dialTimeout = 10 * time.Second
	goodbye     = 2 * time.Second // for the last message of a session, which nobody needs
)

// given names every setting that pgx would otherwise take from PG* variables and from files in the home folder, so that
// neither weakens, redirects or breaks a login. For a socket (host=/) TLS settings are not even looked at, and with a
// password no file is searched for one.
const given = "host=/ port=5432 user=none password=none database=none connect_timeout=10 sslmode=disable sslcertmode=disable sslnegotiation=postgres " +
	"target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''"

// A role is who logs in, and why.
type role int

const (
	asAdmin  role = iota // to change something
	asReader             // to prove that Redshift can
)

// A door is a database, and a login to it.
type door struct {
	source.Endpoint
	user     string
	password secret.Value
	roots    *x509.CertPool
	role     role
}

// A session is one connection. It sends one statement in each message.
type session struct {
	conn    *pgconn.PgConn
	subject string // for errors
	secrets []string
}

// open logs in over TLS that is verified in full, with no fallback of any kind. Its error is a *[fault.Error].
func open(ctx context.Context, d door) (*session, error) {
	s := &session{subject: fmt.Sprintf("user %s at %s", d.user, d.Endpoint)}
	s.hide(d.password.Reveal())
	config, err := pgconn.ParseConfig(given) // the only way to a valid config
	if err != nil {
		return nil, &fault.Error{Kind: fault.Blocked, Reason: Misconfigured, Op: "log in to source", Subject: s.subject, Err: s.cause(err.Error()),
			Fix: "unset PGSERVICE, which names a service that does not exist; nothing is taken from it"}
	}
	config.Host, config.Port, config.Database = d.Host, uint16(d.Port), d.Database
	config.User, config.Password = d.user, d.password.Reveal()
	config.TLSConfig = &tls.Config{ServerName: d.Host, RootCAs: d.roots, MinVersion: tls.VersionTLS12}
	config.ConnectTimeout = dialTimeout
	config.RuntimeParams = map[string]string{"application_name": "sluice", "client_encoding": "UTF8"}
	switch d.role {
	case asAdmin:
		for name, value := range adminSettings {
			config.RuntimeParams[name] = value
		}
	case asReader:
		// Redshift is reported to speak nothing newer ("authentication method 10 not supported"), so a login by
		// SCRAM proves nothing. A source that asks for no password at all proves nothing either.
		config.RequireAuth = "md5,password"
	}
	if s.conn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		return nil, s.refused(d.role, err)
	}
	return s, nil
}

// adminSettings hold for the admin's session, whatever the source has been told to give its users.
var adminSettings = map[string]string{
	// Whoever may make objects in a schema on the path could otherwise have the admin run them.
	"search_path":                         "pg_catalog",
	"default_transaction_read_only":       "off",
	"lock_timeout":                        "10s",
	"statement_timeout":                   "20s",
	"idle_in_transaction_session_timeout": "30s", // a function that was killed holds its locks no longer
}

// close ends the session. How that goes does not matter: what had to be kept was committed.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// hide keeps texts out of errors: servers quote what they do not understand.
func (s *session) hide(texts ...string) {
	for _, text := range texts {
		if text != "" {
			s.secrets = append(s.secrets, text)
		}
	}
}

// hashed is how PostgreSQL keeps passwords.
var hashed = regexp.MustCompile(`md5[0-9a-f]{32}|SCRAM-SHA-256\$[^\s']+`)

// cause is what a server or the network said, without secrets.
func (s *session) cause(text string) error {
	for _, hidden := range s.secrets {
		text = strings.ReplaceAll(text, hidden, "[secret]")
	}
	return said(hashed.ReplaceAllString(text, "[secret]"))
}

// said is the text of an error whose chain is not kept: pgx keeps passwords in its.
type said string

func (s said) Error() string { return string(s) }

// run sends one statement. op is what it does, for errors.
func (s *session) run(ctx context.Context, op, sql string) error {
	_, err := s.rows(ctx, op, sql)
	return err
}

// rows sends one statement and returns its rows, as texts; NULL is empty. It uses the simple protocol: statements that
// make users take no parameters.
func (s *session) rows(ctx context.Context, op, sql string) ([][]string, error) {
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, s.failed(op, err)
	}
	var rows [][]string
	for _, result := range results {
		for _, values := range result.Rows {
			row := make([]string, len(values))
			for i, v := range values {
				row[i] = string(v)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// transact runs change in a transaction that no other session of Sluice in this database works beside: PostgreSQL fails
// the second of two that grant on one object ("tuple concurrently updated").
func (s *session) transact(ctx context.Context, change func() error) error {
	if err := s.run(ctx, "begin", "BEGIN"); err != nil {
		return err
	}
	err := s.run(ctx, "wait for others", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", advisory))
	if err == nil {
		err = change()
	}
	if err != nil {
		if !s.conn.IsClosed() {
			_ = s.run(ctx, "roll back", "ROLLBACK") // the session ends anyway
		}
		return err
	}
	return s.run(ctx, "commit", "COMMIT")
}

// advisory is the number of Sluice's lock, "sluice" in letters.
const advisory = 0x736c75696365
