// Package logintest is a warehouse endpoint for tests: it speaks the PostgreSQL protocol over TLS with certificates
// made for the test, and logs in, refuses and answers as the test says.
package logintest

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/secret"
)

// An Endpoint listens on localhost. Set its fields before it serves.
type Endpoint struct {
	// TLS is the server's side of it; nil answers the client's request for TLS with a no.
	TLS *tls.Config
	// Refuse is the answer to a login; nil lets everybody in.
	Refuse *pgproto3.ErrorResponse
	// Judge, if set, answers each login in the place of Refuse.
	Judge func(Login) *pgproto3.ErrorResponse
	// Reports are the settings that the server tells a client once it is in. Redshift tells of fewer than PostgreSQL does.
	Reports map[string]string
	// Answer is the answer to a query, before the server is ready for the next. nil leaves the client without one.
	Answer []pgproto3.BackendMessage
	// Talk, if set, is all that the endpoint does with a connection.
	Talk func(net.Conn)

	authority *Authority
	listener  net.Listener
	serving   sync.WaitGroup

	mu          sync.Mutex
	serverNames []string
	logins      []Login
	queries     []Query
	prepared    []string
}

// A Login is what a client sent, after TLS.
type Login struct {
	Parameters map[string]string
	Password   string
}

// A Query is what a client asked after its login.
type Query struct {
	SQL       string
	Simple    bool   // sent in the simple protocol, where the arguments are part of the text
	Statement string // name of the prepared statement; empty is the unnamed one
	Arguments []any  // a string each, or nil for NULL
	Binary    bool   // an argument was in binary, or a result was asked for in it
}

// New opens an endpoint with a valid certificate for localhost that lets everybody in. Clients wait until it serves.
func New() *Endpoint {
	authority := NewAuthority("authority of the test")
	return &Endpoint{authority: authority, TLS: authority.Issue("localhost", day, day), listener: must(net.Listen("tcp4", "127.0.0.1:0"))}
}

// Serve begins to answer, in the background.
func (e *Endpoint) Serve() {
	e.serving.Go(func() {
		for {
			conn, err := e.listener.Accept()
			if err != nil {
				return
			}
			e.serving.Go(func() { e.serve(conn) })
		}
	})
}

// Close stops listening and waits for the connections to end.
func (e *Endpoint) Close() {
	_ = e.listener.Close()
	e.serving.Wait()
}

// Authority is the one that issued the endpoint's certificate.
func (e *Endpoint) Authority() *Authority { return e.authority }

// Target is a login to the endpoint that should succeed.
func (e *Endpoint) Target() login.Target {
	return login.Target{
		Host: "localhost", Port: e.listener.Addr().(*net.TCPAddr).Port, Database: "sales", User: "IAM:app",
		Password: secret.New("correct horse battery"), Roots: e.authority.Pool(),
	}
}

// Logins are those that got as far as sending a password.
func (e *Endpoint) Logins() []Login {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.logins)
}

// Queries are all that clients have asked, on all connections.
func (e *Endpoint) Queries() []Query {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.queries)
}

// Prepared are the names of the prepared statements that clients have left behind.
func (e *Endpoint) Prepared() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.prepared)
}

// ServerNames are the names that clients asked a certificate for, one for each handshake that began; empty where one named none.
func (e *Endpoint) ServerNames() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.serverNames)
}

func (e *Endpoint) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if e.Talk != nil {
		e.Talk(conn)
		return
	}
	first := pgproto3.NewBackend(conn, conn)
	if message, err := first.ReceiveStartupMessage(); err != nil {
		return
	} else if _, ok := message.(*pgproto3.SSLRequest); !ok || e.TLS == nil {
		_, _ = conn.Write([]byte("N"))
		return
	}
	if _, err := conn.Write([]byte("S")); err != nil {
		return
	}
	config := e.TLS.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.serverNames = append(e.serverNames, hello.ServerName)
		return nil, nil // the config stays as it is
	}
	encrypted := tls.Server(conn, config)
	if encrypted.Handshake() == nil {
		s := &session{endpoint: e, wire: pgproto3.NewBackend(encrypted, encrypted), statements: make(map[string]string)}
		if s.logIn() {
			s.talk()
		}
	}
	_ = encrypted.Close()
}
