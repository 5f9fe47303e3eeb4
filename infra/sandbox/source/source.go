package source

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/secret"
)

// An Authentication is what a source accepts at login, as RDS's parameter rds.accepted_password_auth_method says.
type Authentication string

// The ways of authentication.
const (
	MD5   Authentication = "md5"   // md5 and SCRAM, whichever the user's verifier is; the default
	SCRAM Authentication = "scram" // SCRAM only
)

// A Source is one database behind its front. Its methods may be called from several goroutines.
type Source struct {
	service  *Service
	server   *postgres.Server
	database Database
	listener net.Listener
	serving  sync.WaitGroup

	mu          sync.Mutex
	password    secret.Value // of the master user
	method      Authentication
	certificate *tls.Certificate
	stopped     bool
	open        map[net.Conn]bool
}

// Identifier is that of the RDS instance.
func (s *Source) Identifier() string { return s.database.Identifier }

// Database is the name of the database.
func (s *Source) Database() string { return s.database.Name }

// Master is the name of the master user.
func (s *Source) Master() string { return s.database.Master }

// Port is the port of the front on [Host].
func (s *Source) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// MasterPassword is the master user's password.
func (s *Source) MasterPassword() secret.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.password
}

// Authentication is what the source accepts at login.
func (s *Source) Authentication() Authentication {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.method
}

// Open opens a session of the server's superuser in the database, around the front. The caller closes it.
func (s *Source) Open(ctx context.Context) (*pgx.Conn, error) {
	return s.server.Open(ctx, s.database.Name)
}

// SetMasterPassword changes the master user's password. Its verifier is SCRAM if the source accepts nothing else, and md5
// otherwise: a warehouse that does not speak SCRAM can use the master user then.
func (s *Source) SetMasterPassword(ctx context.Context, password secret.Value) error {
	return s.storePassword(ctx, password, s.Authentication())
}

// SetAuthentication chooses what the source accepts at login, for connections that come from now on. The master user
// keeps its password: its verifier becomes one that is accepted.
func (s *Source) SetAuthentication(ctx context.Context, method Authentication) error {
	if method != MD5 && method != SCRAM {
		return fmt.Errorf("set authentication of source %s: %q is unknown; use %q or %q", s.database.Identifier, method, MD5, SCRAM)
	}
	s.mu.Lock()
	s.method = method
	s.mu.Unlock()
	if err := s.storePassword(ctx, s.MasterPassword(), method); err != nil {
		return err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	return s.service.access(ctx)
}

// SetCertificate changes what the front shows to connections that come from now on.
func (s *Source) SetCertificate(certificate *tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certificate = certificate
}

// Stop ends all sessions of clients and takes no new ones, as a stopped instance does.
func (s *Source) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.hangUp()
}

// Start takes sessions again.
func (s *Source) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = false
}

// storePassword gives the master user a password with a verifier of the kind.
func (s *Source) storePassword(ctx context.Context, password secret.Value, kind Authentication) error {
	s.service.given.add(password)
	encryption := "md5"
	if kind == SCRAM {
		encryption = "scram-sha-256"
	}
	conn, err := s.server.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET password_encryption = '"+encryption+"'"); err != nil {
		return fmt.Errorf("choose the verifier of user %q: %w", s.database.Master, err)
	}
	literal, err := conn.PgConn().EscapeString(password.Reveal())
	if err != nil {
		return fmt.Errorf("quote the password of user %q: %w", s.database.Master, err)
	}
	if _, err := conn.Exec(ctx, "ALTER ROLE "+quoted(s.database.Master)+" PASSWORD '"+literal+"'"); err != nil {
		return fmt.Errorf("set the password of user %q: %w", s.database.Master, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
	return nil
}

// make makes the database and its master user.
func (s *Source) make(ctx context.Context) error {
	admin, err := s.server.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	master, database := quoted(s.database.Master), quoted(s.database.Name)
	if _, err := admin.Exec(ctx, "CREATE ROLE "+master+" LOGIN CREATEDB CREATEROLE"); err != nil {
		return fmt.Errorf("make the master user of source %s: %w", s.database.Identifier, err)
	}
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+database+" TEMPLATE template0 OWNER "+master); err != nil {
		_, undo := admin.Exec(ctx, "DROP ROLE "+master)
		return errors.Join(fmt.Errorf("make the database of source %s: %w", s.database.Identifier, err), undo)
	}
	// As in PostgreSQL 15, whatever the server's version is: nobody makes objects without having been allowed to.
	conn, err := s.Open(ctx)
	if err != nil {
		return errors.Join(err, s.drop(ctx))
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "ALTER SCHEMA public OWNER TO "+master+"; REVOKE CREATE ON SCHEMA public FROM PUBLIC"); err != nil {
		return errors.Join(fmt.Errorf("give schema public of source %s to its master: %w", s.database.Identifier, err), s.drop(ctx))
	}
	if err := s.storePassword(ctx, secret.New(rand.Text()), s.method); err != nil {
		return errors.Join(err, s.drop(ctx))
	}
	return nil
}

// Roles with rights or objects in one database, and those of them that have none in another one.
// Objects of the whole server, such as databases, count for database 0.
const (
	rolesOfDatabase = `SELECT DISTINCT r.rolname FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
		WHERE d.refclassid = 'pg_authid'::regclass
		AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = $1)
			OR d.classid = 'pg_database'::regclass AND d.objid = (SELECT oid FROM pg_database WHERE datname = $1))
		AND r.rolname <> '` + postgres.Superuser + `' AND r.rolname NOT LIKE 'pg\_%'`
	dependsElsewhere = `SELECT EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
		WHERE d.refclassid = 'pg_authid'::regclass AND r.rolname = $1)`
)

// drop removes the database with its roles.
func (s *Source) drop(ctx context.Context) error {
	admin, err := s.server.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	rows, err := admin.Query(ctx, rolesOfDatabase, s.database.Name)
	if err != nil {
		return fmt.Errorf("list the roles of source %s: %w", s.database.Identifier, err)
	}
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list the roles of source %s: %w", s.database.Identifier, err)
	}
	if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(s.database.Name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the database of source %s: %w", s.database.Identifier, err)
	}
	for _, role := range append(roles, s.database.Master) {
		var used bool
		if err := admin.QueryRow(ctx, dependsElsewhere, role).Scan(&used); err != nil {
			return fmt.Errorf("look whether role %q is used elsewhere: %w", role, err)
		}
		if used {
			continue
		}
		if _, err := admin.Exec(ctx, "DROP ROLE IF EXISTS "+quoted(role)); err != nil {
			return fmt.Errorf("drop role %q of source %s: %w", role, s.database.Identifier, err)
		}
	}
	return nil
}
