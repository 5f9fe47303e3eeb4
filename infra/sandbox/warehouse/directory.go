package warehouse

import (
	"context"
	"crypto/md5" // the verifiers that PostgreSQL keeps, and Redshift too
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/shared/secret"
)

// A directory is the cluster's users and groups. One superuser session does all of its work, one thing at a time,
// so that two logins of one user cannot race for its groups.
type directory struct {
	database *postgres.Server
	clock    Clock

	mu     sync.Mutex
	admin  *pgx.Conn // nil until needed
	joined map[membership]int
}

const (
	// findUser does not find the server's own superuser: it is the cluster's, not its customers'.
	findUser   = "SELECT FROM pg_user WHERE usename = $1 AND usename <> '" + postgres.Superuser + "'"
	findMember = `SELECT FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
		WHERE u.rolname = $1 AND g.rolname = $2`
)

type membership struct{ user, group string }

func newDirectory(database *postgres.Server, clock Clock) *directory {
	return &directory{database: database, clock: clock, joined: map[membership]int{}}
}

// locked runs work on the superuser's session.
func (d *directory) locked(ctx context.Context, work func(*pgx.Conn) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admin == nil || d.admin.IsClosed() {
		conn, err := d.database.Open(ctx, "postgres")
		if err != nil {
			return err
		}
		d.admin = conn
	}
	return work(d.admin)
}

func (d *directory) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = d.admin.Close(ctx)
	}
}

// hasUser reports whether there is a database user of that name.
func (d *directory) hasUser(ctx context.Context, name string) (found bool, err error) {
	err = d.locked(ctx, func(admin *pgx.Conn) error {
		found, err = exists(ctx, admin, findUser, name)
		return err
	})
	return found, err
}

// verify checks the password of an ordinary login: a user with a password of its own, within its VALID UNTIL.
// It says only that the login failed, not why.
func (d *directory) verify(ctx context.Context, user string, password secret.Value) error {
	var verifier *string
	var until *time.Time
	err := d.locked(ctx, func(admin *pgx.Conn) error {
		return admin.QueryRow(ctx, `SELECT rolpassword, CASE WHEN isfinite(rolvaliduntil) THEN rolvaliduntil END
			FROM pg_authid WHERE rolname = $1 AND rolcanlogin`, user).Scan(&verifier, &until)
	})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("look up user %q: %w", user, err)
	}
	sum := md5.Sum([]byte(password.Reveal() + user))
	want := "md5" + hex.EncodeToString(sum[:])
	disabled := verifier == nil || password.IsZero() // also no such user
	if disabled || subtle.ConstantTimeCompare([]byte(*verifier), []byte(want)) != 1 {
		return wrongPassword(user)
	}
	if until != nil && !d.clock.Now().Before(*until) {
		return wrongPassword(user)
	}
	return nil
}

// join makes the login's user if it asks for that, and a member of its groups. The caller leaves them again
// with the function that it returns, when the session is over.
func (d *directory) join(ctx context.Context, l Login) (leave func(context.Context), err error) {
	var joined []membership
	err = d.locked(ctx, func(admin *pgx.Conn) error {
		if err := ensureUser(ctx, admin, l); err != nil {
			return err
		}
		for _, group := range l.Groups {
			found, err := exists(ctx, admin, "SELECT FROM pg_group WHERE groname = $1", group)
			if err != nil {
				return err
			}
			if !found {
				return &refusal{code: undefinedObject, message: fmt.Sprintf("group %q does not exist", group)}
			}
		}
		joined, err = d.grant(ctx, admin, l)
		return err
	})
	leave = func(ctx context.Context) { d.leave(ctx, joined) }
	if err != nil {
		leave(ctx)
		return nil, err
	}
	return leave, nil
}

func ensureUser(ctx context.Context, admin *pgx.Conn, l Login) error {
	found, err := exists(ctx, admin, findUser, l.User)
	if err != nil || found {
		return err
	}
	if !l.AutoCreate {
		return noSuchUser(l.User)
	}
	// No password: only temporary logins open this user.
	_, err = admin.Exec(ctx, "CREATE USER "+pgx.Identifier{l.User}.Sanitize())
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == duplicateObject {
		return nil // another endpoint of the same PostgreSQL was faster
	}
	if err != nil {
		return fmt.Errorf("create user %q: %w", l.User, err)
	}
	return nil
}

// grant joins the groups in which the user is no member yet, and counts the sessions that need them. It returns the
// memberships that it counted, also with an error.
func (d *directory) grant(ctx context.Context, admin *pgx.Conn, l Login) (joined []membership, err error) {
	for _, group := range l.Groups {
		m := membership{l.User, group}
		if d.joined[m] == 0 {
			member, err := exists(ctx, admin, findMember, l.User, group)
			if err != nil {
				return joined, err
			}
			if member {
				continue // for good, so there is nothing to take back
			}
			if _, err := admin.Exec(ctx, "GRANT "+m.sql("TO")); err != nil {
				return joined, fmt.Errorf("join group %q: %w", group, err)
			}
		}
		d.joined[m]++
		joined = append(joined, m)
	}
	return joined, nil
}

// leave takes a group back when the last session that joined it ends. If that fails, for example because the
// user has been dropped meanwhile, nobody is left to be told.
func (d *directory) leave(ctx context.Context, joined []membership) {
	_ = d.locked(ctx, func(admin *pgx.Conn) error {
		for _, m := range joined {
			if d.joined[m]--; d.joined[m] == 0 {
				delete(d.joined, m)
				_, _ = admin.Exec(ctx, "REVOKE "+m.sql("FROM"))
			}
		}
		return nil
	})
}

func (m membership) sql(to string) string {
	return pgx.Identifier{m.group}.Sanitize() + " " + to + " " + pgx.Identifier{m.user}.Sanitize()
}

// exists reports whether query has a row.
func exists(ctx context.Context, admin *pgx.Conn, query string, args ...any) (found bool, err error) {
	if err := admin.QueryRow(ctx, "SELECT EXISTS ("+query+")", args...).Scan(&found); err != nil {
		return false, fmt.Errorf("look up users and groups: %w", err)
	}
	return found, nil
}
