package connector

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"time"

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
	host  string
	port  int
	again time.Time // when AWS was asked for it again; zero if it was not
}

// session is the connector's, which the first who asks finds out.
func (c *Connector) session(ctx context.Context) (*session, error) {
	return c.settled.get(ctx, c.prepare)
}

// reload reads the AWS configuration again, and reports whether AWS credentials come from elsewhere now. If not, the session stays: it
// holds what was got with them, such as sessions of roles.
func (c *Connector) reload(ctx context.Context, old *session) bool {
	if last := c.fruitless.Load(); old.settings.AWS.Kind == resolve.Static || last != nil && time.Since(*last) < findRest {
		return false
	}
	c.settled.swap(old, nil)
	s, err := c.settled.get(ctx, func(ctx context.Context) (*session, error) {
		s, err := c.prepare(ctx)
		if err == nil && s.key.Identity == old.key.Identity {
			return old, nil
		}
		return s, err
	})
	if err == nil && s.key.Identity != old.key.Identity {
		return true
	}
	c.fruitless.Store(new(time.Now()))
	return false
}

// prepare resolves the properties with everything that says something to them.
func (c *Connector) prepare(ctx context.Context) (*session, error) {
	in := resolve.Input{Explicit: c.set}
	reader, err := c.readAuthProfile(ctx, &in)
	if err != nil {
		return nil, err
	}
	aws, err := c.configure(ctx, &in, reader)
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

// A loaded cloud is one with what it was loaded for.
type loaded struct {
	aws        cloud
	of         resolve.Credentials
	configured string // region
}

// cloud is what was loaded; nil if nothing was.
func (l *loaded) cloud() cloud {
	if l == nil {
		return nil
	}
	return l.aws
}

// configure is AWS with the credentials that the properties ask for, nil if the login takes none. To in it adds what the AWS
// configuration says. Where reader, which may be nil, has the same credentials, or those that RoleArn is assumed with, they are got once: a
// person may have to type a code for them, which counts once. They are as good in another region.
func (c *Connector) configure(ctx context.Context, in *resolve.Input, reader *loaded) (cloud, error) {
	early := *in
	early.Unconfigured = true
	settings, _, err := resolve.Resolve(early)
	if err != nil || settings.Login == resolve.Password {
		return nil, err
	}
	var aws cloud
	if reader != nil && reader.of == settings.AWS.Base() {
		aws = reader.aws.As(settings.AWS, settings.Region)
	} else if aws, err = c.options.load(ctx, settings.AWS, settings.Region, c.options); err != nil {
		return nil, err
	}
	in.Region, in.RegionFrom = aws.Region()
	return aws, nil
}

// reader is what reads the authentication profile. It is the one that read it last, if the AWS configuration still says the same: it holds
// what was got, and hears what a person is still typing. It makes no call.
func (c *Connector) reader(ctx context.Context, reading resolve.Reading) (*loaded, error) {
	aws, err := c.options.load(ctx, reading.AWS, reading.Region, c.options)
	if err != nil {
		return nil, err
	}
	configured, _ := aws.Region()
	if last := c.read.Load(); last != nil && last.aws.Identity() == aws.Identity() && last.configured == configured {
		return last, nil
	}
	now := &loaded{aws, reading.AWS, configured}
	c.read.Store(now)
	return now, nil
}

// readAuthProfile adds the content of the authentication profile, if one is named, and returns with what it was read.
func (c *Connector) readAuthProfile(ctx context.Context, in *resolve.Input) (*loaded, error) {
	reading, ok := resolve.ReadingOf(c.set)
	if !ok {
		return nil, nil
	}
	reader, err := c.reader(ctx, reading)
	if err != nil {
		return nil, err
	}
	content, err := reader.aws.AuthenticationProfile(ctx, cmp.Or(reading.Region, reader.configured), reading.Endpoint, reading.Name)
	if err != nil {
		return nil, err
	}
	in.AuthProfile, err = property.FromAuthProfile(reading.Name, content)
	return reader, err
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
	at := address{host: cmp.Or(s.settings.Host, l.Host), port: cmp.Or(s.settings.Port, l.Port)}
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
		at = address{host: found.host, port: cmp.Or(at.port, found.port)}
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
		before := c.before.Load()
		if before != nil && (fault.KindOf(err) == fault.Retry || awslease.Reloadable(err)) {
			host, port, err = before.host, before.port, nil
		}
		if err != nil {
			return nil, err
		}
		a := &address{host: host, port: port}
		if before != nil {
			a.again = time.Now()
		}
		c.before.Store(a)
		return a, nil
	})
}

// moved makes the next connection look up where the warehouse is, unless that was asked again a moment ago, or is already another place.
func (c *Connector) moved(from login.Target) {
	if a := c.before.Load(); a != nil && a.host == from.Host && time.Since(a.again) >= findRest {
		c.looked.swap(a, nil)
	}
}
