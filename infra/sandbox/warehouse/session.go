package warehouse

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// leaveTimeout bounds what is done for a session that has ended: leaving its groups.
const leaveTimeout = 10 * time.Second

// redshiftOnly are parameters that Amazon's drivers send at login and that PostgreSQL would refuse.
var redshiftOnly = []string{"client_protocol_version", "driver_version", "os_version", "plugin_name", "idp_type", "token_type"}

// A session is the far end of a connection that has logged in.
type session struct {
	server net.Conn
	leave  func(context.Context)
}

// logIn turns a greeted client into a session of its database user.
func (e *Endpoint) logIn(ctx context.Context, c *client) (*session, error) {
	login, err := e.authorize(ctx, c)
	if err != nil {
		return nil, err
	}
	leave, err := e.directory.join(ctx, login)
	if err != nil {
		return nil, err
	}
	if e.opening != nil {
		e.opening(ctx, c.database())
	}
	server, err := e.connect(ctx, c, login.User)
	if err != nil {
		leave(ctx)
		return nil, err
	}
	welcome(c, server)
	if err := c.wire.Flush(); err != nil {
		_ = server.Conn.Close()
		leave(ctx)
		return nil, errGone
	}
	return &session{server.Conn, leave}, nil
}

// connect opens PostgreSQL's session with the parameters that the client sent.
func (e *Endpoint) connect(ctx context.Context, c *client, user string) (*pgconn.HijackedConn, error) {
	config := e.database.Config(c.database(), user)
	for name, value := range c.parameters {
		if name != "user" && name != "database" && name != "replication" &&
			!strings.HasPrefix(name, "_pq_.") && !slices.Contains(redshiftOnly, name) {
			config.RuntimeParams[name] = value
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		return nil, err
	}
	// On a busy machine pgconn has begun to read in the background, and would keep the answer to the client's first query.
	if err := conn.SyncConn(ctx); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn.Hijack()
}

// welcome tells the client what PostgreSQL told the front, its key for cancel requests included.
func welcome(c *client, server *pgconn.HijackedConn) {
	c.wire.Send(&pgproto3.AuthenticationOk{})
	for _, name := range slices.Sorted(maps.Keys(server.ParameterStatuses)) {
		c.wire.Send(&pgproto3.ParameterStatus{Name: name, Value: server.ParameterStatuses[name]})
	}
	c.wire.Send(&pgproto3.BackendKeyData{ProcessID: server.PID, SecretKey: server.SecretKey})
	c.wire.Send(&pgproto3.ReadyForQuery{TxStatus: server.TxStatus})
}

// pipe passes bytes both ways until either side hangs up.
func (s *session) pipe(c *client) {
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // an end is an end, whatever the reason
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { pass(s.server, c.conn) })
	both.Go(func() { pass(c.conn, s.server) })
	both.Wait()
}

// end closes what the session held.
func (s *session) end(ctx context.Context) {
	_ = s.server.Close()
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	s.leave(ctx)
}
