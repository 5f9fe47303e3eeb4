package credentials

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A LoginProber is a [Prober] that logs in to the warehouse over verified TLS.
type LoginProber struct {
	Roots *x509.CertPool // authorities of the warehouse's certificate; nil means those of [login.Roots]
}

// probeTimeout bounds login and query together, well below the time limit of the function that asks.
const probeTimeout = 15 * time.Second

// Probe implements [Prober]: it logs in with c and looks who it is.
func (p LoginProber) Probe(ctx context.Context, c Content, l warehouse.Login) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := login.Open(ctx, login.Target{Host: c.Host, Port: c.Port, Database: c.Database, User: c.User, Password: c.Password, Roots: p.Roots})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	user, super, err := login.Whoami(ctx, conn)
	if err != nil {
		return &fault.Error{Kind: fault.Retry, Reason: login.Unreachable, Op: "verify lease", Subject: "user " + l.User + " on cluster " + c.Cluster,
			Err: err, Fix: "check that the warehouse answers queries on pg_user"}
	}
	switch {
	case super:
		return superuser("user " + user + " on cluster " + c.Cluster)
	case user != l.User:
		return &fault.Error{Kind: fault.Blocked, Reason: ContentMismatch, Op: "verify lease", Subject: "user " + l.User + " on cluster " + c.Cluster,
			Err: fmt.Errorf("the login is the user %s", user), Fix: "look for a user mapping in the warehouse that renames logins"}
	}
	return nil
}
