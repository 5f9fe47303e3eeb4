package connector

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"sync"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// A session is everything that a connector finds out once, before its first connection.
type session struct {
	settings resolve.Settings
	aws      cloud // nil where the login is a password
	key      lease.Key
	roots    *x509.CertPool // nil: the system's and Amazon's
}

// known is what a connector has found out so far.
type known struct {
	mu      sync.Mutex
	session *session
	address *address
}

// An address is where a warehouse is.
type address struct {
	host string
	port int
}

// Names of the flights in which things are found out, once for all who wait.
const (
	flightSession = "session"
	flightAddress = "address"
)

// session is the connector's, which the first who asks finds out. A failure is not kept.
func (c *Connector) session(ctx context.Context) (*session, error) {
	if s := c.known.get().session; s != nil {
		return s, nil
	}
	return await(ctx, c, flightSession, func(ctx context.Context) (*session, error) {
		if s := c.known.get().session; s != nil { // found out while we were on the way
			return s, nil
		}
		s, err := c.prepare(ctx)
		if err == nil {
			c.known.set(func(k *known) { k.session = s })
		}
		return s, err
	})
}

// prepare resolves the properties with everything that says something to them.
func (c *Connector) prepare(ctx context.Context) (*session, error) {
	in := resolve.Input{Explicit: c.set}
	if err := c.readAuthProfile(ctx, &in); err != nil {
		return nil, err
	}
	aws, err := c.configure(ctx, &in)
	if err != nil {
		return nil, err
	}
	settings, notices, err := resolve.Resolve(in)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings, aws: aws}
	if s.roots, err = roots(settings.CAFile); err != nil {
		return nil, err
	}
	if settings.GuessedDomain {
		if _, err = aws.DomainCluster(ctx, settings); err != nil {
			return nil, err
		}
	}
	if aws != nil {
		s.key = settings.Key(aws.Identity())
		notices = append(aws.Notices(), notices...)
	}
	c.tell(settings, notices)
	return s, nil
}

// configure is AWS with the credentials that the properties ask for, nil if the login takes none. To in it adds what the AWS
// configuration says.
func (c *Connector) configure(ctx context.Context, in *resolve.Input) (cloud, error) {
	early := *in
	early.Unconfigured = true
	settings, _, err := resolve.Resolve(early)
	if err != nil || settings.Login == resolve.Password {
		return nil, err
	}
	aws, err := c.options.load(ctx, settings.AWS, settings.Region, c.options)
	if err != nil {
		return nil, err
	}
	in.Region, in.RegionFrom = aws.Region()
	return aws, nil
}

// readAuthProfile adds the content of the authentication profile, if one is named.
func (c *Connector) readAuthProfile(ctx context.Context, in *resolve.Input) error {
	reading, ok := resolve.ReadingOf(c.set)
	if !ok {
		return nil
	}
	aws, err := c.options.load(ctx, reading.AWS, reading.Region, c.options)
	if err != nil {
		return err
	}
	region := reading.Region
	if region == "" {
		region, _ = aws.Region()
	}
	content, err := aws.AuthenticationProfile(ctx, region, reading.Endpoint, reading.Name)
	if err != nil {
		return err
	}
	in.AuthProfile, err = property.FromAuthProfile(reading.Name, content)
	return err
}

// tell logs what may surprise, and what was resolved.
func (c *Connector) tell(s resolve.Settings, notices []resolve.Notice) {
	for _, n := range notices {
		c.options.log.Info("property "+string(n.Name)+" "+n.Text, slog.String("property", string(n.Name)))
	}
	for _, v := range s.Values {
		c.options.log.Debug("property resolved", slog.String("property", string(v.Name)), slog.String("value", v.Text), slog.String("from", string(v.From)))
	}
}

// roots are the authorities in a CA file; nil is those of the system and Amazon's.
func roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Problems{{Where: string(property.CAFile), What: "cannot be read: " + err.Error(), Fix: "name a file with certificates of authorities in PEM form"}}
	}
	pool, err := login.RootsFrom(text)
	if err != nil {
		return nil, fault.Problems{{Where: string(property.CAFile), What: err.Error(), Fix: "name a file with certificates of authorities in PEM form"}}
	}
	return pool, nil
}

// lease is a login with enough life.
func (c *Connector) lease(ctx context.Context, s *session) (lease.Lease, error) {
	mint := func(ctx context.Context) (lease.Lease, error) { return s.aws.Mint(ctx, s.settings) }
	switch {
	case s.aws == nil:
		return lease.Lease{User: s.settings.User, Password: s.settings.Password}, nil
	case !s.settings.Cache:
		return mint(ctx)
	}
	return c.options.cache.Get(ctx, s.key, mint)
}

// drop forgets a login that the server did not take.
func (c *Connector) drop(s *session, l lease.Lease) {
	if s.aws != nil {
		c.options.cache.Drop(s.key, l)
	}
}

// target is where to log in with a lease, and how.
func (c *Connector) target(ctx context.Context, s *session, l lease.Lease) (login.Target, error) {
	at := address{s.settings.Host, s.settings.Port}
	if s.settings.Login == resolve.ConsumerSecret {
		at = address{cmp.Or(at.host, l.Host), cmp.Or(at.port, l.Port)}
	}
	if at.host == "" {
		found, err := c.address(ctx, s)
		if err != nil {
			return login.Target{}, err
		}
		at = address{found.host, cmp.Or(at.port, found.port)}
	}
	return login.Target{
		Host: at.host, Port: at.port, Database: cmp.Or(s.settings.Database, l.Database), User: l.User, Password: l.Password, Roots: s.roots,
		ServerName: s.settings.ServerName, AuthorityOnly: s.settings.SSLMode == resolve.VerifyCA,
		ApplicationName: s.settings.ApplicationName, Timeout: s.settings.ConnectTimeout,
	}, nil
}

// address looks up where the warehouse is, once.
func (c *Connector) address(ctx context.Context, s *session) (*address, error) {
	if a := c.known.get().address; a != nil {
		return a, nil
	}
	return await(ctx, c, flightAddress, func(ctx context.Context) (*address, error) {
		if a := c.known.get().address; a != nil {
			return a, nil
		}
		host, port, err := s.aws.Endpoint(ctx, s.settings)
		if err != nil {
			return nil, err
		}
		a := &address{host, port}
		c.known.set(func(k *known) { k.address = a })
		return a, nil
	})
}

// forgetAddress makes the next connection look up where the warehouse is: it may have moved.
func (c *Connector) forgetAddress() { c.known.set(func(k *known) { k.address = nil }) }

// What a connector knows is copied under the lock, which is never held during a call.
type knowledge struct {
	session *session
	address *address
}

func (k *known) get() knowledge {
	k.mu.Lock()
	defer k.mu.Unlock()
	return knowledge{k.session, k.address}
}

func (k *known) set(change func(*known)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// await does work once for all who ask at the same time, and waits for it no longer than ctx lasts. The work goes on without
// whoever gave up.
func await[T any](ctx context.Context, c *Connector, name string, work func(context.Context) (T, error)) (T, error) {
	done := c.flights.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), prepareTimeout)
		defer cancel()
		return work(ctx)
	})
	var none T
	select {
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case r := <-done:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	}
}
