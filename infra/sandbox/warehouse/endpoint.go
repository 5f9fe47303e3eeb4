package warehouse

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/secret"
)

const (
	handshakeTimeout   = 10 * time.Second // from connecting to being logged in
	acceptPause        = 50 * time.Millisecond
	defaultConnections = 80 // below PostgreSQL's own limit of 100, which the Data API shares
)

// ErrPaused means that the cluster is paused: it takes no sessions.
var ErrPaused = errors.New("the cluster is paused")

// A Clock tells the time by which logins expire.
type Clock interface{ Now() time.Time }

// Config describes an endpoint.
type Config struct {
	Address  string           // where to listen, for example "127.0.0.1:4781"; port 0 takes a free one
	Host     string           // name that clients connect to and verify; empty is localhost
	Database *postgres.Server // holds the databases, users and groups
	Clock    Clock
	// Certificate is what the front shows. Nil is a front that has no TLS, so that nobody can log in.
	Certificate *tls.Certificate
	// MaxConnections limits connections at one time; 0 is 80.
	MaxConnections int
	// Opening is called before a session opens in a database, for what must be up to date then. It cannot refuse the
	// session; nil does nothing.
	Opening func(ctx context.Context, database string)
	// Log takes one line for each login that is refused; nil takes none. No password is ever in it.
	Log *slog.Logger
}

// An Endpoint is a cluster's address, host and port, at which clients log in.
// Its methods may be called from several goroutines.
type Endpoint struct {
	host      string
	database  *postgres.Server
	clock     Clock
	opening   func(ctx context.Context, database string)
	log       *slog.Logger
	listener  net.Listener
	slots     chan struct{} // one token for each connection
	book      *book
	directory *directory
	serving   sync.WaitGroup

	mu          sync.Mutex
	certificate *tls.Certificate
	paused      bool
	open        map[net.Conn]bool
}

// Listen starts an endpoint. It serves until ctx ends or [Endpoint.Close] is called.
func Listen(ctx context.Context, c Config) (*Endpoint, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("listen for clients of the warehouse: %w", err)
	}
	e := &Endpoint{
		host:        cmp.Or(c.Host, "localhost"),
		database:    c.Database,
		clock:       c.Clock,
		opening:     c.Opening,
		log:         cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		listener:    listener,
		slots:       make(chan struct{}, cmp.Or(c.MaxConnections, defaultConnections)),
		book:        newBook(c.Clock),
		directory:   newDirectory(c.Database, c.Clock),
		certificate: c.Certificate,
		open:        map[net.Conn]bool{},
	}
	e.serving.Go(func() { e.accept(ctx) })
	context.AfterFunc(ctx, e.Close)
	return e, nil
}

// Host is the name that clients connect to and verify.
func (e *Endpoint) Host() string { return e.host }

// Port is the port that clients connect to.
func (e *Endpoint) Port() int { return e.listener.Addr().(*net.TCPAddr).Port }

// Issue makes a login valid from now on. Logins that were issued before stay valid.
func (e *Endpoint) Issue(l Login) { e.book.add(l) }

// SetCertificate changes what the front shows to connections that come from now on. Nil takes its TLS away.
func (e *Endpoint) SetCertificate(certificate *tls.Certificate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.certificate = certificate
}

// Pause ends all sessions of clients and takes no new ones, as a paused cluster does.
func (e *Endpoint) Pause() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused = true
	e.hangUp()
}

// Resume takes sessions again.
func (e *Endpoint) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused = false
}

// HasUser reports whether the cluster has a database user of that name.
func (e *Endpoint) HasUser(ctx context.Context, name string) (bool, error) {
	return e.directory.hasUser(ctx, name)
}

// Verify checks the password of an ordinary login, for services that stand inside the cluster. Its error is what a
// client would hear; it is [ErrPaused] when the cluster is paused.
func (e *Endpoint) Verify(ctx context.Context, user string, password secret.Value) error {
	e.mu.Lock()
	paused := e.paused
	e.mu.Unlock()
	if paused {
		return ErrPaused
	}
	return e.directory.verify(ctx, user, password)
}

// Session opens a session of a database user without a login, for services that stand inside the cluster.
// It is ErrPaused when the cluster is paused. The caller closes the session.
func (e *Endpoint) Session(ctx context.Context, database, user string) (*pgx.Conn, error) {
	e.mu.Lock()
	paused := e.paused
	e.mu.Unlock()
	if paused {
		return nil, ErrPaused
	}
	if found, err := e.directory.hasUser(ctx, user); err != nil {
		return nil, err
	} else if !found {
		return nil, noSuchUser(user)
	}
	return e.database.OpenAs(ctx, database, user)
}

// Close ends all sessions and waits until their groups have been left.
func (e *Endpoint) Close() {
	_ = e.listener.Close() // closed twice is no matter
	e.mu.Lock()
	e.paused = true
	e.hangUp()
	e.mu.Unlock()
	e.serving.Wait()
	e.directory.close()
}

// hangUp resets every open connection. The caller holds e.mu.
func (e *Endpoint) hangUp() {
	for conn := range e.open {
		reset(conn)
	}
}

func (e *Endpoint) accept(ctx context.Context) {
	for {
		conn, err := e.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // for example too many open files: others may close some
			e.log.Warn("cannot accept a client", "err", err)
			time.Sleep(acceptPause)
			continue
		}
		if !e.admit(conn) {
			reset(conn)
			continue
		}
		e.serving.Go(func() {
			defer e.dismiss(conn)
			e.serve(context.WithoutCancel(ctx), conn)
		})
	}
}

// admit counts a connection in, unless the cluster is paused.
func (e *Endpoint) admit(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.paused {
		e.open[conn] = true
	}
	return !e.paused
}

func (e *Endpoint) dismiss(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, conn)
	_ = conn.Close()
}

// reset closes a connection without a farewell, as an address behind which there is nothing.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// serve takes one connection from its first byte to its last.
func (e *Endpoint) serve(ctx context.Context, conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout)) // the network's time, not the sandbox's
	shake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c, err := e.greet(shake, conn)
	if err != nil {
		e.refuse(c, err)
		return
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	default:
		e.refuse(c, &refusal{code: "53300", message: "too many connections"})
		return
	}
	s, err := e.logIn(shake, c)
	if err != nil {
		e.refuse(c, err)
		return
	}
	defer s.end(ctx)
	_ = conn.SetDeadline(time.Time{})
	s.pipe(c)
}
