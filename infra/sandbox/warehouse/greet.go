package warehouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/secret"
)

// maxMessage is the most that a client may send in one message before it is logged in, in bytes.
const maxMessage = 10_000

// A client is the near end of a connection.
type client struct {
	conn       net.Conn // the TLS connection once there is one
	wire       *pgproto3.Backend
	encrypted  bool
	parameters map[string]string // of the startup message
}

func newClient(conn net.Conn) *client {
	c := &client{conn: conn, wire: pgproto3.NewBackend(conn, conn)}
	c.wire.SetMaxBodyLen(maxMessage)
	return c
}

// greet goes with the client from its first byte to the startup message: encryption offered, cancel requests
// passed on. The client that it returns can be told of the error, which is errGone if nobody waits for it.
func (e *Endpoint) greet(ctx context.Context, conn net.Conn) (*client, error) {
	c := newClient(conn)
	for {
		message, err := c.wire.ReceiveStartupMessage()
		if err != nil {
			if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return c, errGone
			}
			return c, &refusal{code: protocolViolation, message: "unsupported frontend protocol: " + err.Error()}
		}
		switch m := message.(type) {
		case *pgproto3.GSSEncRequest:
			if _, err := conn.Write([]byte{'N'}); err != nil {
				return c, errGone
			}
		case *pgproto3.SSLRequest:
			if c, err = e.encrypt(ctx, c); err != nil {
				return c, err
			}
		case *pgproto3.CancelRequest:
			passOn(ctx, e.database, m)
			return c, errGone
		case *pgproto3.StartupMessage:
			c.parameters = maps.Clone(m.Parameters)
			c.agreeOn(m.ProtocolVersion)
			return c, nil
		}
	}
}

// encrypt answers an SSLRequest. Bytes that came with the request, before TLS, are lost with the old client:
// nobody on the way can put words into the session.
func (e *Endpoint) encrypt(ctx context.Context, c *client) (*client, error) {
	if c.encrypted {
		return c, &refusal{code: protocolViolation, message: "SSL was asked for twice"}
	}
	e.mu.Lock()
	certificate := e.certificate
	e.mu.Unlock()
	answer := byte('S')
	if certificate == nil {
		answer = 'N'
	}
	if _, err := c.conn.Write([]byte{answer}); err != nil {
		return c, errGone
	}
	if certificate == nil {
		return c, nil
	}
	conn := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		e.log.Info("client refused TLS", "err", err)
		return c, errGone
	}
	secure := newClient(conn)
	secure.encrypted = true
	return secure, nil
}

// agreeOn tells a client that asks for more than protocol 3.0 that 3.0 is what it gets.
func (c *client) agreeOn(version uint32) {
	var unknown []string
	for name := range c.parameters {
		if strings.HasPrefix(name, "_pq_.") {
			unknown = append(unknown, name)
		}
	}
	if version == pgproto3.ProtocolVersion30 && unknown == nil {
		return
	}
	c.wire.Send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: pgproto3.ProtocolVersion30, UnrecognizedOptions: unknown})
}

// askPassword asks for the password in clear text, which only ever happens inside TLS.
func (c *client) askPassword() (secret.Value, error) {
	c.wire.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := c.wire.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return secret.Value{}, err
	}
	if err := c.wire.Flush(); err != nil {
		return secret.Value{}, errGone
	}
	message, err := c.wire.Receive()
	if err != nil {
		return secret.Value{}, errGone // psql hangs up here to ask its user, and comes back
	}
	password, ok := message.(*pgproto3.PasswordMessage)
	if !ok {
		return secret.Value{}, &refusal{code: protocolViolation, message: fmt.Sprintf("expected a password, got %T", message)}
	}
	return secret.New(password.Password), nil
}

// passOn hands a cancel request to PostgreSQL. It knows the key, because the session's own was given to the client.
func passOn(ctx context.Context, database *postgres.Server, m *pgproto3.CancelRequest) {
	config := database.Config("", "")
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return // a cancel request never has an answer
	}
	defer conn.Close()
	if text, err := m.Encode(nil); err == nil {
		_, _ = conn.Write(text)
		_, _ = conn.Read(make([]byte, 1)) // PostgreSQL closes once it has seen the request
	}
}
