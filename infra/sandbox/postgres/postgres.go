// Package postgres runs private PostgreSQL servers: the databases behind the sandbox's warehouse, and its sources.
//
// A server listens on a Unix socket only, in a folder that nobody else may enter. So there is no way
// to its databases around the front before it, which asks for TLS and for a password. That folder is
// the lock: on the socket every user but the superuser is let in without a password, because the warehouse's front
// has checked who it is; with [Config.Passwords] the server checks by itself. Data is thrown away at the end, so
// nothing is synced to disk.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/shared/secret"
)

// Superuser owns the server. It has the name that Redshift's own internal superuser has.
const Superuser = "rdsdb"

const (
	startTimeout = 60 * time.Second // initdb takes about 1 s; a cold disk, or many worlds that start at once, far longer
	stopTimeout  = 5 * time.Second  // for open sessions to end; then the server is stopped without them
)

// Config says where a server's programs and files are.
type Config struct {
	// Log is the file that takes the server's messages. Empty is a file in the server's own folder.
	Log string
	// NodeModules is a folder in which npm may have put PostgreSQL, for machines that have none.
	NodeModules string
	// Passwords makes the socket ask every user for a password, md5 or SCRAM as its verifier is. So whoever stands in
	// front of the server can pass logins through to it, and the server decides. [Server.OpenAs] is for the superuser then.
	Passwords bool
	// Settings are added to the server's own and win over them, for example "password_encryption=scram-sha-256".
	Settings []string
}

// A Server is a running PostgreSQL.
type Server struct {
	dir      string // socket, data and log; removed by Stop
	log      string
	config   Config
	password secret.Value
	process  *os.Process
	exited   chan struct{}
	stop     func() error
}

// Start makes a new server and returns when it takes connections. It stops when ctx ends or [Server.Stop]
// is called, whichever is first; if this process is killed, Linux stops it too.
//
// A process of root starts it as the user nobody, because PostgreSQL refuses to run as root.
func Start(ctx context.Context, c Config) (*Server, error) {
	bin, err := Find(Places(c.NodeModules))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sluice-pg-") // short: a socket's path has at most about 100 bytes
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, log: c.Log, config: c, password: secret.New(rand.Text()), exited: make(chan struct{})}
	if s.log == "" {
		s.log = filepath.Join(dir, "postgres.log")
	}
	if err := s.start(ctx, bin); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.stop = sync.OnceValue(s.shutdown)
	context.AfterFunc(ctx, func() { _ = s.stop() })
	return s, nil
}

func (s *Server) start(ctx context.Context, bin string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	account, err := unprivileged()
	if err != nil {
		return err
	}
	if err := account.give(s.dir); err != nil {
		return err
	}
	if err := account.mayEnter(s.dir); err != nil {
		return err
	}
	if bin, err = s.reachable(bin, account); err != nil {
		return err
	}
	if err := s.initdb(ctx, bin, account); err != nil {
		return err
	}
	if err := s.launch(bin, account); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return errors.Join(err, s.shutdown())
	}
	return nil
}

// reachable is a folder with the programs in bin that the account may enter: bin itself, or a copy of the whole
// installation. npm's PostgreSQL can lie below a folder that is root's alone; it works wherever it is put.
func (s *Server) reachable(bin string, account account) (string, error) {
	bin, err := filepath.Abs(bin) // the programs start in another folder than ours
	if err != nil {
		return "", fmt.Errorf("find PostgreSQL's programs: %w", err)
	}
	if account.mayEnter(filepath.Join(bin, "postgres")) == nil {
		return bin, nil
	}
	copied := filepath.Join(s.dir, "programs")
	if err := os.CopyFS(copied, os.DirFS(filepath.Dir(bin))); err != nil {
		return "", fmt.Errorf("copy PostgreSQL to where user %s may enter: %w", account.name, err)
	}
	return filepath.Join(copied, "bin"), nil
}

// initdb makes the data folder. The superuser's password goes by a file: arguments are visible to everybody.
func (s *Server) initdb(ctx context.Context, bin string, account account) error {
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(s.password.Reveal()), 0o600); err != nil {
		return fmt.Errorf("write PostgreSQL's first password: %w", err)
	}
	defer os.Remove(file)
	if err := account.give(file); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", s.data(), "--username", Superuser,
		"--pwfile", file, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	account.apply(cmd, s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", cmd.Path, err, out)
	}
	return s.writeAccess(nil, account)
}

// launch starts the server and watches for its end.
func (s *Server) launch(bin string, account account) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer log.Close()
	args := []string{"-D", s.data()}
	for _, setting := range slices.Concat(settings(s.dir), s.config.Settings) { // the last of one name counts
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	account.apply(cmd, s.dir)
	if err := startAndWatch(cmd, s.exited); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	s.process = cmd.Process
	return nil
}

// settings are for data that nobody needs tomorrow, on a machine that does other work.
func settings(socket string) []string {
	return []string{
		"listen_addresses=", "unix_socket_directories=" + socket,
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"max_connections=100", "shared_buffers=32MB", "jit=off",
		// Verifiers as Redshift keeps them; the front can check a password against one.
		"password_encryption=md5",
		"timezone=UTC", "log_timezone=UTC",
	}
}

// ready waits until the superuser can log in.
func (s *Server) ready(ctx context.Context) error {
	for {
		conn, err := s.Open(ctx, "postgres")
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-s.exited:
			return fmt.Errorf("start PostgreSQL: it ended at once; its log %s", s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL: %w; its log %s", err, s.lastWords())
		}
	}
}

// lastWords is the end of the log, for an error about a server that will not run.
func (s *Server) lastWords() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	return "ends with:\n" + string(text[max(0, len(text)-2000):])
}

// Stop ends open sessions, stops the server and removes its files. Stopping twice does nothing more.
func (s *Server) Stop() error { return s.stop() }

func (s *Server) shutdown() error {
	var problem error
	_ = s.process.Signal(os.Interrupt) // PostgreSQL's "fast shutdown"; an error means it has ended
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = s.process.Kill()
		<-s.exited
		problem = fmt.Errorf("stop PostgreSQL: it did not end within %v and was killed", stopTimeout)
	}
	return errors.Join(problem, os.RemoveAll(s.dir))
}

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.exited }

// Config says how to connect to database as user. The caller may add to it, for example RuntimeParams.
func (s *Server) Config(database, user string) *pgx.ConnConfig {
	// The words that are given here win over PGHOST and the like in the environment of whoever runs the sandbox.
	config, err := pgx.ParseConfig("host=" + s.dir + " port=5432 user=x database=x password=x sslmode=disable connect_timeout=10 target_session_attrs=any")
	if err != nil {
		panic(err) // cannot happen: the text is ours
	}
	config.User, config.Database, config.Password = user, database, ""
	config.RuntimeParams = map[string]string{}
	if user == Superuser {
		config.Password = s.password.Reveal()
	}
	return config
}

// Open connects to database as the superuser. The caller closes the connection.
func (s *Server) Open(ctx context.Context, database string) (*pgx.Conn, error) {
	return s.OpenAs(ctx, database, Superuser)
}

// OpenAs connects to database as user, who may be any user of the server and needs no password here,
// unless the server has [Config.Passwords].
func (s *Server) OpenAs(ctx context.Context, database, user string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.Config(database, user))
	if err != nil {
		return nil, fmt.Errorf("open database %q as %q: %w", database, user, err)
	}
	return conn, nil
}

// CreateDatabase makes an empty database. A name that is taken is a *pgconn.PgError with code 42P04, wrapped.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := s.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create database %q: %w", name, err)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
