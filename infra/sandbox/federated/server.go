package federated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

// opened makes the foreign server of a schema and gives it the login.
func (s *Schemas) opened(ctx context.Context, admin *pgx.Conn, schema schema, l login) error {
	var visible, made bool
	var mapped []string // NULL without a login
	err := admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid = $1),
		EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = $2),
		(SELECT umoptions FROM pg_catalog.pg_user_mappings WHERE srvname = $2 AND umuser = 0)`, schema.oid, schema.server()).Scan(&visible, &made, &mapped)
	if err != nil {
		return fmt.Errorf("look up the server of external schema %s: %w", schema.name, err)
	}
	if !visible {
		return failure("the sandbox cannot use external schema \"%s\" in the transaction that makes it", schema.name)
	}
	server := pgx.Identifier{schema.server()}.Sanitize()
	if !made {
		if err := s.makeServer(ctx, admin, schema, server); err != nil {
			return err
		}
	}
	user, password := "user="+l.user, "password="+l.password.Reveal()
	if slices.Contains(mapped, user) && slices.Contains(mapped, password) {
		return nil // changing it would cut open sessions off
	}
	options := " OPTIONS (user " + redshiftsql.Text(l.user) + ", password " + redshiftsql.Text(l.password.Reveal()) + ")"
	_, err = admin.Exec(ctx, "DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER "+server+"; CREATE USER MAPPING FOR PUBLIC SERVER "+server+options, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return fmt.Errorf("give external schema %s its login: %w", schema.name, err)
	}
	return nil
}

// makeServer makes a foreign server that only PostgreSQL's superuser owns, so that nobody else reads its login.
func (s *Schemas) makeServer(ctx context.Context, admin *pgx.Conn, schema schema, name string) error {
	authority, err := s.authority(ctx, admin)
	if err != nil {
		return err
	}
	text := redshiftsql.Text
	o := schema.options
	return exec(ctx, admin, "CREATE SERVER "+name+" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host "+text(o.URI)+
		", port "+text(strconv.Itoa(o.port()))+", dbname "+text(o.Database)+", application_name 'redshift', updatable 'false'"+
		", sslmode 'verify-full', sslrootcert "+text(authority)+", connect_timeout '10')")
}

// authority is the file with the certificate that PostgreSQL trusts. PostgreSQL writes it itself: it may run as a user who
// cannot read our files.
func (s *Schemas) authority(ctx context.Context, admin *pgx.Conn) (path string, err error) {
	s.files.Lock() // a session must not read half of it
	defer s.files.Unlock()
	var there bool
	err = admin.QueryRow(ctx, `SELECT file, (pg_stat_file(file, true)).size IS NOT NULL
		FROM (SELECT current_setting('data_directory') || '/federated.pem' AS file) f`).Scan(&path, &there)
	if err != nil {
		return "", fmt.Errorf("find the certificate that PostgreSQL trusts: %w", err)
	}
	if there {
		return path, nil
	}
	lines := redshiftsql.Text(string(s.config.Authority))
	return path, exec(ctx, admin, "COPY (SELECT unnest(string_to_array("+lines+", E'\\n'))) TO "+redshiftsql.Text(path))
}

// closed takes the login of a schema away, because of err, which it returns. Only what the cluster itself would say is a
// reason: a statement that is cancelled must not harm others.
func closed(ctx context.Context, admin *pgx.Conn, schema schema, err error) error {
	if _, ok := errors.AsType[*Failure](err); !ok {
		return err
	}
	server := pgx.Identifier{schema.server()}.Sanitize()
	return firstOf(err, exec(context.WithoutCancel(ctx), admin, "DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER "+server))
}

// firstOf is a failure as it is, or both errors if the second is one too.
func firstOf(err, then error) error {
	if then == nil {
		return err
	}
	return errors.Join(err, then)
}
