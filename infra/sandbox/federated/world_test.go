package federated_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

const (
	cluster   = "examplecluster"
	roleARN   = "arn:aws:iam::111122223333:role/sluice/dev/orders"
	secretARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf"
	password  = "reader's \\ password"
)

var (
	server    *postgres.Server
	sources   *source.Service
	orders    *source.Source
	authority *warehouse.Authority
)

func TestMain(m *testing.M) {
	ctx, cancel := context.WithCancel(context.Background())
	code := 1
	if err := start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if err := errors.Join(sources.Close(), server.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	cancel()
	os.Exit(code)
}

func start(ctx context.Context) (err error) {
	if server, err = postgres.Start(ctx, postgres.Config{NodeModules: "../../node_modules"}); err != nil {
		return err
	}
	if authority, err = warehouse.NewAuthority(); err != nil {
		return err
	}
	sources = source.New(ctx, source.Config{Authority: authority, Clock: clock.New(ctx), Postgres: postgres.Config{NodeModules: "../../node_modules"}})
	if orders, err = sources.Add(ctx, source.Database{Identifier: "orders-prod", Name: "orders", Master: "orders_admin"}); err != nil {
		return err
	}
	admin, err := orders.Open(ctx)
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, `
		CREATE TABLE orders (id integer PRIMARY KEY, customer text NOT NULL, placed timestamptz DEFAULT now());
		INSERT INTO orders VALUES (1, 'Ada'), (2, 'Grace');
		CREATE VIEW customers AS SELECT DISTINCT customer FROM orders;
		CREATE TABLE hidden (id integer);
		CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE moods (id integer, mood mood);
		SET password_encryption = md5;
		CREATE ROLE reader LOGIN PASSWORD '`+strings.ReplaceAll(password, "'", "''")+`';
		GRANT SELECT ON orders, customers, moods TO reader;
		SET password_encryption = 'scram-sha-256'; CREATE ROLE scrammer LOGIN PASSWORD 'x'`, pgx.QueryExecModeSimpleProtocol)
	return err
}

// A world is one database of a warehouse, and the rest of AWS as it is wanted.
type world struct {
	schemas  *federated.Schemas
	database string
	log      *strings.Builder

	mu        sync.Mutex
	attached  []string
	assumable bool
	reachable bool
	unrouted  bool // to Secrets Manager
	secret    string
	denied    *awshttp.Error
	asked     int    // times that the secret was read
	during    func() // called while the secret is read; nil does nothing
}

var number int

func newWorld(t *testing.T) *world {
	t.Helper()
	number++
	w := &world{
		database: fmt.Sprintf("db%d", number), log: &strings.Builder{}, attached: []string{roleARN}, assumable: true, reachable: true,
		secret: fmt.Sprintf(`{"username":"reader","password":%q}`, password),
	}
	if err := server.CreateDatabase(t.Context(), w.database); err != nil {
		t.Fatal(err)
	}
	admin := w.session(t, postgres.Superuser)
	if err := federated.Furnish(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"owner", "analyst", "stranger"} {
		w.must(t, admin, fmt.Sprintf("DO $$ BEGIN CREATE USER %[1]s; EXCEPTION WHEN duplicate_object THEN NULL; END $$", user))
	}
	w.must(t, admin, fmt.Sprintf("GRANT CREATE ON DATABASE %s TO owner", w.database))
	var err error
	w.schemas, err = federated.New(federated.Config{
		Open: func(ctx context.Context, _, database string) (*pgx.Conn, error) { return server.Open(ctx, database) },
		AttachedRoles: func(name string) []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			if name != cluster {
				return nil
			}
			return w.attached
		},
		Roles: w, API: w, Authority: authority.PEM(), Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Reachable: func(name, host string, port int) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.reachable && name == cluster && host == "localhost"
		},
		ReachesSecrets: func(name string) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return !w.unrouted && name == cluster
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) AssumeAs(service, role string) (awshttp.Principal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.assumable || service != "redshift.amazonaws.com" {
		return awshttp.Principal{}, &awshttp.Error{Code: "AccessDeniedException", Message: "no"}
	}
	return awshttp.Principal{Role: role}, nil
}

func (w *world) Do(_ context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.during != nil {
		w.during()
	}
	if in := input.(map[string]any); p.Role != roleARN || service+":"+operation != "secretsmanager:GetSecretValue" || in["SecretId"] != secretARN {
		return nil, fmt.Errorf("unexpected call %s %s as %s with %v", service, operation, p, in)
	}
	if w.denied != nil {
		return nil, w.denied
	}
	return map[string]any{"SecretString": w.secret}, nil
}

func (w *world) session(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	conn, err := server.OpenAs(t.Context(), w.database, user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// run is what the Data API does with a statement.
func (w *world) run(t *testing.T, conn *pgx.Conn, sql string) ([][]any, error) {
	t.Helper()
	prepared, err := w.schemas.Prepare(t.Context(), conn, federated.Statement{Cluster: cluster, Database: w.database, SQL: sql})
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(t.Context(), prepared, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return all, rows.Err()
}

func (w *world) must(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	run := w.run
	if w.schemas == nil {
		run = func(t *testing.T, conn *pgx.Conn, sql string) ([][]any, error) {
			_, err := conn.Exec(t.Context(), sql)
			return nil, err
		}
	}
	rows, err := run(t, conn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var lines []string
	for _, row := range rows {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	return strings.Join(lines, "; ")
}

// fails checks that a statement fails with each of the texts in its message or detail.
func (w *world) fails(t *testing.T, conn *pgx.Conn, sql string, texts ...string) {
	t.Helper()
	_, err := w.run(t, conn, sql)
	if err == nil {
		t.Fatalf("%s runs; want an error with %q", sql, texts)
	}
	got := err.Error()
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		got += " " + e.Detail
	}
	if strings.Contains(got, password) {
		t.Fatalf("%s tells the password: %s", sql, got)
	}
	for _, text := range texts {
		if !strings.Contains(got, text) {
			t.Errorf("%s fails with\n%s\nwhich lacks %q", sql, got, text)
		}
	}
}

func ddl(edit ...string) string {
	sql := fmt.Sprintf(`CREATE EXTERNAL SCHEMA sales FROM POSTGRES DATABASE 'orders' SCHEMA 'public' URI 'localhost' PORT %d IAM_ROLE '%s' SECRET_ARN '%s'`,
		orders.Port(), roleARN, secretARN)
	return strings.NewReplacer(edit...).Replace(sql)
}
