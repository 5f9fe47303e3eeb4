package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/secret"
)

// Host is the name under which clients reach and verify every source.
const Host = "localhost"

// ErrNotFound means that there is no source of that identifier.
var ErrNotFound = errors.New("source not found")

// An Authority signs the certificates that sources show.
type Authority interface {
	Certificate(names ...string) (*tls.Certificate, error)
}

// A Clock tells when statements came.
type Clock interface{ Now() time.Time }

// Config says what a [Service] is made of.
type Config struct {
	Authority Authority
	Clock     Clock
	Postgres  postgres.Config // where the server's programs and log are; the rest of it is the service's
	Log       *slog.Logger    // takes a line for each client that is turned away; nil takes none
	Kill      func()          // kills the process that runs statements, for faults that say so; nil kills nothing
}

// A Service holds all sources. Its methods may be called from several goroutines.
type Service struct {
	config Config
	life   context.Context // ends the server and the fronts
	faults Faults
	record recorder
	given  given

	mu      sync.Mutex
	server  *postgres.Server // nil until there is a source
	sources map[string]*Source
	closed  bool
}

// New returns a service without sources. Its server and its fronts run until life ends or [Service.Close] is called.
func New(life context.Context, c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Postgres.Passwords = true
	c.Postgres.Settings = []string{
		"password_encryption=scram-sha-256", // as PostgreSQL 14 and later
		"log_min_error_statement=panic",     // the text of a statement may hold a password
	}
	return &Service{config: c, life: life, sources: map[string]*Source{}}
}

// Faults holds what will go wrong with the next statements.
func (s *Service) Faults() *Faults { return &s.faults }

// A given is every password that a master user ever got.
type given struct {
	mu        sync.Mutex
	passwords []secret.Value
}

// Passwords returns every password that a master user ever got, so that a test can search all output for them.
func (s *Service) Passwords() []secret.Value {
	s.given.mu.Lock()
	defer s.given.mu.Unlock()
	return slices.Clone(s.given.passwords)
}

func (g *given) add(password secret.Value) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passwords = append(g.passwords, password)
}

// Find returns the source with that identifier. It is [ErrNotFound], wrapped, if there is none.
func (s *Service) Find(identifier string) (*Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if source := s.sources[identifier]; source != nil {
		return source, nil
	}
	return nil, fmt.Errorf("find source %q: %w", identifier, ErrNotFound)
}

// At returns the source that has the port. It is [ErrNotFound], wrapped, if there is none.
func (s *Service) At(port int) (*Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, source := range s.sources {
		if source.Port() == port {
			return source, nil
		}
	}
	return nil, fmt.Errorf("find the source at port %d: %w", port, ErrNotFound)
}

// Add makes a source: its database, its master user with a random password, and its front. The server starts with the
// first one, which takes about a second.
func (s *Service) Add(ctx context.Context, d Database) (*Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := d.complete(); err != nil {
		return nil, err
	}
	if s.closed {
		return nil, fmt.Errorf("add source %s: the sandbox is ending", d.Identifier)
	}
	if s.sources[d.Identifier] != nil {
		return nil, fmt.Errorf("add source %s: there is one already", d.Identifier)
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	certificate, err := s.config.Authority.Certificate(Host, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	source := &Source{service: s, server: s.server, database: d, method: MD5, certificate: certificate, open: map[net.Conn]bool{}}
	if err := source.make(ctx); err != nil {
		return nil, err
	}
	if err := source.listen(s.life); err != nil {
		return nil, errors.Join(err, source.drop(ctx))
	}
	s.sources[d.Identifier] = source
	return source, nil
}

// start starts the server if it does not run yet. The caller holds s.mu.
func (s *Service) start() error {
	if s.server != nil {
		return nil
	}
	server, err := postgres.Start(s.life, s.config.Postgres)
	if err != nil {
		return fmt.Errorf("start the server of the sources: %w", err)
	}
	s.server = server
	return nil
}

// Remove ends the source: its front, its database, its master user, and the other roles that had rights or objects
// in its database and have none elsewhere.
func (s *Service) Remove(ctx context.Context, identifier string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.sources[identifier]
	if source == nil {
		return fmt.Errorf("remove source %q: %w", identifier, ErrNotFound)
	}
	delete(s.sources, identifier)
	source.end()
	return errors.Join(source.drop(ctx), s.access(ctx))
}

// Close ends all sources and their server. Closing twice does nothing more.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, source := range s.sources {
		source.end()
	}
	clear(s.sources)
	if s.server == nil {
		return nil
	}
	return s.server.Stop()
}

// access tells the server which databases want SCRAM. The caller holds s.mu.
func (s *Service) access(ctx context.Context) error {
	var scram []string
	for _, source := range s.sources {
		if source.Authentication() == SCRAM {
			scram = append(scram, source.database.Name)
		}
	}
	slices.Sort(scram)
	return s.server.RequireSCRAM(ctx, scram...)
}

// A Database describes a source to add.
type Database struct {
	Identifier string // of the RDS instance
	Name       string // of the database; empty is the identifier with underscores for hyphens
	Master     string // name of the master user; empty is that with _master
}

func (d *Database) complete() error {
	if d.Identifier == "" {
		return errors.New("add source: it needs an identifier, that of the RDS instance")
	}
	plain := strings.ReplaceAll(d.Identifier, "-", "_")
	if d.Name == "" {
		d.Name = plain
	}
	if d.Master == "" {
		d.Master = plain + "_master"
	}
	if d.Master == postgres.Superuser {
		return fmt.Errorf("add source %s: user %q is the server's own", d.Identifier, d.Master)
	}
	return nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
