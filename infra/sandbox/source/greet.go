package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
)

// maintenance are databases that every instance has besides its own. All sources share them here, as they share the roles.
var maintenance = []string{"postgres", "template1"}

// maxStartup is the longest startup message, in bytes, as in PostgreSQL.
const maxStartup = 10_000

// Codes with which a client begins.
//
// Source: PostgreSQL documentation, "Message Formats" (StartupMessage, SSLRequest, GSSENCRequest, CancelRequest).
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSS    = 80877104
)

// Codes of SQLSTATE that a login ends with.
const (
	invalidAuthorization = "28000"
	invalidCatalog       = "3D000"
	protocolViolation    = "08P01"
	connectionFailure    = "08006"
)

// A client is the near end of a connection.
type client struct {
	conn      net.Conn // the TLS connection once there is one
	encrypted bool
	user      string
	startup   []byte // the startup message as it came, without its length
}

// A refusal is why a client may not log in, in PostgreSQL's words.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return "FATAL: " + r.message }

// errGone means that the client left, or never wanted a session: there is nobody to tell anything.
var errGone = errors.New("the client is gone")

// greet goes with the client from its first byte to the startup message.
func (s *Source) greet(ctx context.Context, conn net.Conn) (*client, error) {
	c := &client{conn: conn}
	for {
		code, body, err := readStartup(c.conn)
		if err != nil {
			return c, errGone
		}
		switch code {
		case codeGSS:
			if _, err := c.conn.Write([]byte{'N'}); err != nil {
				return c, errGone
			}
		case codeSSL:
			if err := s.encrypt(ctx, c); err != nil {
				return c, err
			}
		case codeCancel:
			s.passOn(ctx, body)
			return c, errGone
		default:
			return c, s.check(c, body)
		}
	}
}

// encrypt answers an SSLRequest. Nothing that came before TLS is kept: readStartup reads no byte too many, and a
// client that sent more than the request fails the handshake.
func (s *Source) encrypt(ctx context.Context, c *client) error {
	if c.encrypted {
		return &refusal{protocolViolation, "SSL was asked for twice"}
	}
	s.mu.Lock()
	certificate := *s.certificate
	s.mu.Unlock()
	if _, err := c.conn.Write([]byte{'S'}); err != nil {
		return errGone
	}
	conn := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		s.service.config.Log.Info("client refused TLS", "source", s.database.Identifier, "err", err)
		return errGone
	}
	c.conn, c.encrypted = conn, true
	return nil
}

// check reads the startup message and says who may not come in at all. Passwords are the server's matter.
func (s *Source) check(c *client, body []byte) error {
	var m pgproto3.StartupMessage
	if err := m.Decode(body); err != nil {
		return &refusal{protocolViolation, "unsupported frontend protocol: " + err.Error()}
	}
	c.user, c.startup = m.Parameters["user"], body
	database := m.Parameters["database"]
	if database == "" {
		database = c.user
	}
	switch {
	case !c.encrypted: // the words of an RDS instance with rds.force_ssl
		return &refusal{invalidAuthorization, fmt.Sprintf("no pg_hba.conf entry for host \"127.0.0.1\", user %q, database %q, no encryption", c.user, database)}
	case c.user == postgres.Superuser || m.Parameters["replication"] != "":
		return &refusal{invalidAuthorization, fmt.Sprintf("pg_hba.conf rejects connection for host \"127.0.0.1\", user %q, database %q, SSL encryption", c.user, database)}
	case database != s.database.Name && !slices.Contains(maintenance, database):
		return &refusal{invalidCatalog, fmt.Sprintf("database %q does not exist", database)}
	}
	return nil
}

// connect opens a connection to the server, on which nothing has been said.
func (s *Source) connect(ctx context.Context) (net.Conn, error) {
	config := s.server.Config("", "")
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	return new(net.Dialer).DialContext(ctx, network, address)
}

// passOn hands a cancel request to the server, whose key the client has.
func (s *Source) passOn(ctx context.Context, body []byte) {
	conn, err := s.connect(ctx)
	if err != nil {
		return // a cancel request never has an answer
	}
	defer conn.Close()
	if _, err := conn.Write(startupFrame(body)); err == nil {
		_, _ = conn.Read(make([]byte, 1)) // PostgreSQL closes once it has seen the request
	}
}

// turnAway tells the client why it may not come in, and the log.
func (s *Source) turnAway(c *client, err error) {
	if errors.Is(err, errGone) {
		return
	}
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = &refusal{connectionFailure, "the database behind the endpoint does not answer"}
	}
	s.service.config.Log.Info("client turned away", "source", s.database.Identifier, "user", c.user, "err", err)
	_, _ = c.conn.Write(fatal(r.code, r.message)) // a client that does not listen needs no reason
}

// fatal is an error after which the connection ends.
func fatal(code, message string) frame { return errorFrame("FATAL", code, message) }

func errorFrame(severity, code, message string) frame {
	m := pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: message}
	text, err := m.Encode(nil)
	if err != nil {
		panic(fmt.Sprintf("encode error %s: %v", code, err)) // cannot happen: it is short
	}
	return text
}
