package connector

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"

	"github.com/sluicehq/sluice/shared/aws/awslease"
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

// An address is where a warehouse is.
type address struct {
	host string
	port int
}

// session is the connector's, which the first who asks finds out.
func (c *Connector) session(ctx context.Context) (*session, error) {
	return c.settled.get(ctx, c.prepare)
}

// reload reads the AWS configuration again, and reports whether AWS credentials come from elsewhere now. If not, the session stays: it
// holds what was got with them, such as sessions of roles.
func (c *Connector) reload(ctx context.Context, old *session) bool {
	c.settled.swap(old, nil)
	s, err := c.session(ctx)
	if err != nil || s.aws == nil {
		return false
	}
	if s.key.Identity == old.key.Identity {
		c.settled.swap(s, old)
		return false
	}
	return true
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

// target is where to log in with a lease, and how. What a consumer's secret leaves out is as Redshift has it by default.
func (c *Connector) target(ctx context.Context, s *session, l lease.Lease) (login.Target, error) {
	at := address{cmp.Or(s.settings.Host, l.Host), cmp.Or(s.settings.Port, l.Port)}
	switch {
	case at.host != "":
	case s.settings.Login == resolve.ConsumerSecret:
		return login.Target{}, &fault.Error{Kind: fault.Blocked, Reason: awslease.NotALease, Op: "log in with a consumer's secret", Subject: s.settings.Secret,
			Err: errors.New("it does not say where the warehouse is"), Fix: "give Server"}
	default:
		found, err := c.address(ctx, s)
		if err != nil {
			return login.Target{}, err
		}
		at = address{found.host, cmp.Or(at.port, found.port)}
	}
	return login.Target{
		Host: at.host, Port: cmp.Or(at.port, resolve.DefaultPort), Database: cmp.Or(s.settings.Database, l.Database, resolve.DefaultDatabase),
		User: l.User, Password: l.Password, Roots: s.roots,
		ServerName: s.settings.ServerName, AuthorityOnly: s.settings.SSLMode == resolve.VerifyCA,
		ApplicationName: s.settings.ApplicationName, Timeout: s.settings.ConnectTimeout,
	}, nil
}

// address looks up where the warehouse is, once. While AWS does not answer when it is asked again, it is where it was.
func (c *Connector) address(ctx context.Context, s *session) (*address, error) {
	return c.looked.get(ctx, func(ctx context.Context) (*address, error) {
		host, port, err := s.aws.Endpoint(ctx, s.settings)
		if before := c.before.Load(); before != nil && fault.KindOf(err) == fault.Retry {
			return before, nil
		}
		if err != nil {
			return nil, err
		}
		a := &address{host, port}
		c.before.Store(a)
		return a, nil
	})
}

// moved makes the next connection look up where the warehouse is.
func (c *Connector) moved() { c.looked.swap(c.before.Load(), nil) }
