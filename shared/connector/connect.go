package connector

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Errors of [Connector.Connect] that come from the warehouse, for errors.Is.
var (
	ErrPlaintextRefused = login.ErrPlaintextRefused // the server does not speak TLS; no login is sent without
	ErrWrongCertificate = login.ErrWrongCertificate // authority, name, dates or purpose of the server's certificate are wrong
	ErrUnreachable      = login.ErrUnreachable      // no connection, or no answer in time
	ErrWrongPassword    = login.ErrWrongPassword    // the server does not know the password
	ErrUserMissing      = login.ErrUserMissing      // the database has no such user: create it, or set AutoCreate
	ErrGroupMissing     = login.ErrGroupMissing     // the database has no such group
	ErrDatabaseMissing  = login.ErrDatabaseMissing  // the warehouse has no such database
	ErrBusy             = login.ErrBusy             // the server takes no more connections now

	// ErrExpired is that the login is past its expiry, and another one too; or that nobody has replaced the one in a consumer's secret.
	ErrExpired error = fault.NewReasons("the temporary login has expired", login.LoginExpired, awslease.LeaseExpired)
)

// Errors of [Connector.Connect] that come from AWS, for errors.Is.
var (
	ErrUnauthorized error = fault.NewReasons("AWS does not allow the call", awserror.Unauthorized)
	ErrThrottled    error = fault.NewReasons("AWS is asked too often", awserror.Throttled)
	ErrParked       error = fault.NewReasons("the warehouse is paused", awslease.WarehouseParked)

	// ErrCredentials is that there are no AWS credentials, or none that AWS takes.
	ErrCredentials error = fault.NewReasons("there are no AWS credentials that work", awslease.CredentialsMissing, awslease.CredentialsExpired,
		awslease.CredentialsInvalid, awslease.CredentialsFailed, awslease.MetadataMissing, awslease.SessionExpired, awslease.MFARequired)
)

// A Connector makes connections to one warehouse. It may be used by several goroutines.
type Connector struct {
	set     Properties
	options options
	settled finding[session]
	looked  finding[address]
	before  atomic.Pointer[address] // where the warehouse was, for when AWS does not say it again
	read    atomic.Pointer[loaded]  // what read the authentication profile last
	// fruitless is when AWS credentials were read again that were the same.
	fruitless atomic.Pointer[time.Time]
}

func newConnector(set Properties, o options) *Connector {
	c := &Connector{set: set, options: o}
	c.settled.what, c.looked.what = "what the properties come to", "where the warehouse is"
	c.settled.limit, c.looked.limit = o.patience(), o.patience()
	return c
}

var _ driver.Connector = (*Connector)(nil)

// Connect implements [driver.Connector]: it logs in with a login that has enough life. If the server says all the same that the login
// has expired, if a consumer's secret holds a password that the server does not know, or if the AWS credentials have ended, it tries
// again once, with others. After a failure of AWS, and after several logins that were refused, all who ask hear the same for a moment.
//
// Errors: a *fault.Error that is one of [ErrExpired] and its like, or says what AWS refused; a fault.Problems if the properties make no
// sense together with what the authentication profile and the AWS configuration say; ctx's own error if that ended.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, again, err := c.attempt(ctx)
	if again {
		c.options.log.DebugContext(ctx, "connecting again", slog.String("after", fault.ReasonOf(err)))
		conn, _, err = c.attempt(ctx)
	}
	return conn, err
}

// attempt makes one attempt, and forgets what its failure shows to be wrong. again says that another may succeed at once.
func (c *Connector) attempt(ctx context.Context) (conn driver.Conn, again bool, err error) {
	s, err := c.session(ctx)
	if err != nil {
		return nil, false, err
	}
	l, err := c.lease(ctx, s)
	if err != nil {
		return nil, awslease.Reloadable(err) && c.reload(ctx, s), err
	}
	target, err := c.target(ctx, s, l)
	if err != nil {
		return nil, awslease.Reloadable(err) && c.reload(ctx, s), err
	}
	conn, err = dial(ctx, target)
	switch {
	case errors.Is(err, login.ErrExpired):
		c.drop(s, l, err)
		again = s.aws != nil
	case errors.Is(err, login.ErrWrongPassword):
		c.drop(s, l, err)
		again = s.settings.Login == resolve.ConsumerSecret // it may have been replaced by one that does not say when it ends
	case errors.Is(err, login.ErrUnreachable) && ctx.Err() == nil:
		c.moved(target)
	}
	return conn, again, err
}

// dial logs in.
func dial(ctx context.Context, target login.Target) (driver.Conn, error) {
	config, err := login.Config(target)
	if err != nil {
		return nil, err
	}
	conn, err := stdlib.GetConnector(*config).Connect(ctx)
	if err != nil {
		return nil, login.Explain(err, target)
	}
	return Conn{conn.(*stdlib.Conn)}, nil
}

// lease is a login with enough life.
func (c *Connector) lease(ctx context.Context, s *session) (lease.Lease, error) {
	switch {
	case s.aws == nil:
		return lease.Lease{User: s.settings.User, Password: s.settings.Password}, nil
	case !s.settings.Cache:
		l, err := c.mint(ctx, s)
		if err != nil && ctx.Err() != nil {
			return l, lease.Ended(ctx)
		}
		return l, err
	}
	return c.options.cache.GetWithin(ctx, s.key, c.options.patience(), func(ctx context.Context) (lease.Lease, error) { return c.mint(ctx, s) })
}

// mint gets another login.
func (c *Connector) mint(ctx context.Context, s *session) (lease.Lease, error) {
	began := time.Now()
	l, err := s.aws.Mint(ctx, s.settings)
	about := []any{slog.String("by", string(s.settings.Login)), slog.Duration("took", time.Since(began))}
	if err != nil {
		c.options.log.DebugContext(ctx, "no login", append(about, slog.String("reason", fault.ReasonOf(err)))...)
		return l, err
	}
	c.options.log.DebugContext(ctx, "another login", append(about, slog.String("user", l.User), slog.Time("expires", l.Expires))...)
	return l, nil
}

// drop forgets a login that the server did not take.
func (c *Connector) drop(s *session, l lease.Lease, because error) {
	if s.aws != nil && s.settings.Cache {
		c.options.cache.Drop(s.key, l, because)
	}
}
