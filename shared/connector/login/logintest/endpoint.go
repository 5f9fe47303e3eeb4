// Package logintest is a warehouse endpoint for tests: it speaks the PostgreSQL protocol over TLS with certificates
// made for the test, and logs in, refuses and answers as the test says.
package logintest

import (
	"crypto/tls"
	"net"
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
	// Answer is the answer to a query, before the server is ready for the next. nil leaves the client without one.
	Answer []pgproto3.BackendMessage
	// Talk, if set, is all that the endpoint does with a connection.
	Talk func(net.Conn)

	authority *Authority
	listener  net.Listener
	serving   sync.WaitGroup

	mu     sync.Mutex
	logins []Login
}

// A Login is what a client sent, after TLS.
type Login struct {
	Parameters map[string]string
	Password   string
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
	return e.logins
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
	encrypted := tls.Server(conn, e.TLS)
	if encrypted.Handshake() == nil {
		e.session(pgproto3.NewBackend(encrypted, encrypted))
	}
	_ = encrypted.Close()
}

func (e *Endpoint) session(b *pgproto3.Backend) {
	send := func(messages ...pgproto3.BackendMessage) error {
		for _, m := range messages {
			b.Send(m)
		}
		return b.Flush()
	}
	startup, err := b.ReceiveStartupMessage()
	hello, ok := startup.(*pgproto3.StartupMessage)
	if err != nil || !ok || send(&pgproto3.AuthenticationCleartextPassword{}) != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	message, err := b.Receive()
	password, ok := message.(*pgproto3.PasswordMessage)
	if err != nil || !ok {
		return
	}
	e.mu.Lock()
	e.logins = append(e.logins, Login{hello.Parameters, password.Password})
	e.mu.Unlock()
	if e.Refuse != nil {
		_ = send(e.Refuse)
		return
	}
	if send(&pgproto3.AuthenticationOk{}, &pgproto3.BackendKeyData{SecretKey: []byte{0, 0, 0, 0}}, &pgproto3.ReadyForQuery{TxStatus: 'I'}) != nil {
		return
	}
	for {
		message, err := b.Receive()
		if _, ok := message.(*pgproto3.Query); err != nil || !ok || e.Answer == nil {
			return
		}
		if send(append(e.Answer, &pgproto3.ReadyForQuery{TxStatus: 'I'})...) != nil {
			return
		}
	}
}
