package redshiftdata_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftdata"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

// vault answers GetSecretValue, and knows the one password that fits.
type vault struct{ password string }

func (v vault) Do(_ context.Context, p awshttp.Principal, _, _ string, input any) (map[string]any, error) {
	if p.UserID != "AROA:first" {
		return nil, &awshttp.Error{Code: "AccessDeniedException", Message: "not yours"}
	}
	if fmt.Sprint(input) != "map[SecretId:login]" {
		return nil, &awshttp.Error{Code: "ResourceNotFoundException", Message: "Secrets Manager can't find the specified secret."}
	}
	return map[string]any{"SecretString": fmt.Sprintf(`{"username":%q,"password":%q}`, user, v.password)}, nil
}

func (vault) verify(_ context.Context, name, user string, password secret.Value) error {
	if name != cluster || password.Reveal() != "right" {
		return errors.New("FATAL: password authentication failed for user \"" + user + "\"")
	}
	return nil
}

// newFederated is a world whose cluster knows external schemas, none of which has a role.
func newFederated(t *testing.T, v vault) (*world, *redshiftdata.Service) {
	t.Helper()
	authority, err := warehouse.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := server.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	if err := federated.Furnish(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), "ALTER ROLE "+user+" CREATEROLE; GRANT CREATE ON DATABASE "+database+" TO "+user); err != nil {
		t.Fatal(err)
	}
	schemas, err := federated.New(federated.Config{
		Open:          func(ctx context.Context, _, database string) (*pgx.Conn, error) { return server.Open(ctx, database) },
		AttachedRoles: func(string) []string { return nil }, Authority: authority.PEM(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clock: clock.New(t.Context()), policy: &policy{}}
	service := redshiftdata.New(redshiftdata.Config{Clock: w.clock, Clusters: one{}, External: schemas, API: v, Verify: v.verify})
	front := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w.policy, Authorizer: w.policy})
	front.Register(service.AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	t.Cleanup(w.clock.Settle)
	w.url = web.URL
	return w, service
}

const role = "arn:aws:iam::111122223333:role/sluice/dev/orders"

func schema(name string) string {
	return "CREATE EXTERNAL SCHEMA " + name + " FROM POSTGRES DATABASE 'orders' URI 'localhost' PORT 5432 IAM_ROLE '" + role +
		"' SECRET_ARN 'arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf'"
}

// ends runs a statement that must end in a state, with a text in its error if it has one.
func (w *world) ends(t *testing.T, sql string, status types.StatusString, text string) *api.DescribeStatementOutput {
	t.Helper()
	d := w.run(t, ask(sql))
	if d.Status != status || !strings.Contains(aws.ToString(d.Error), text) {
		t.Fatalf("%s is %s with %q; want %s with %q", sql, d.Status, aws.ToString(d.Error), status, text)
	}
	return d
}

func TestExternalSchemas(t *testing.T) {
	w, _ := newFederated(t, vault{})
	d := w.ends(t, schema("sales"), types.StatusStringFinished, "")
	if text := *d.QueryString; strings.Contains(text, "arn:aws:iam") || !strings.Contains(text, "IAM_ROLE ''") {
		t.Errorf("QueryString %q shows the role", text)
	}
	w.ends(t, schema("sales"), types.StatusStringFailed, `ERROR: Schema "sales" already exists`)
	w.ends(t, "SELECT 1 FROM sales.orders", types.StatusStringFailed, "ERROR: Not authorized to get credentials of role "+role+"\n  Detail: ")
	d = w.run(t, ask("SELECT 1 FROM svv_external_tables WHERE schemaname = :name", func(in *api.ExecuteStatementInput) {
		in.Parameters = []types.SqlParameter{{Name: new("name"), Value: new("another")}}
	}))
	if d.Status != types.StatusStringFinished || d.ResultRows != 0 {
		t.Errorf("a query about another schema is %s with %d rows: %s", d.Status, d.ResultRows, aws.ToString(d.Error))
	}
	w.ends(t, "DROP SCHEMA sales RESTRICT", types.StatusStringFinished, "")
}

func TestABatchMakesASchemaAnew(t *testing.T) {
	w, service := newFederated(t, vault{})
	w.ends(t, schema("anew"), types.StatusStringFinished, "")
	batch := func(sqls ...string) *api.DescribeStatementOutput {
		out, err := w.as("FIRST").BatchExecuteStatement(t.Context(), &api.BatchExecuteStatementInput{
			ClusterIdentifier: new(cluster), Database: new(database), DbUser: new(user), Sqls: sqls})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Settle()
		return w.describe(t, *out.Id)
	}
	again := strings.Replace(schema("anew"), "'orders'", "'Orders2'", 1)
	set := "SET enable_case_sensitive_identifier TO TRUE"
	if err := service.FailStatement(3, redshiftdata.ErrConcurrent); err != nil {
		t.Fatal(err)
	}
	if d := batch(set, "DROP SCHEMA anew", again); d.Status != types.StatusStringFailed || !strings.Contains(*d.Error, "1023 could not complete because of conflict with concurrent transaction") {
		t.Fatalf("batch is %s: %s", d.Status, aws.ToString(d.Error))
	}
	options := func() string {
		d := w.ends(t, "SELECT databasename FROM svv_external_schemas WHERE schemaname = 'anew'", types.StatusStringFinished, "")
		rows, _ := w.rows(t, *d.Id)
		return rows[0][0].(*types.FieldMemberStringValue).Value
	}
	if got := options(); got != "orders" {
		t.Errorf("after a batch that failed the schema reads %q; want orders", got)
	}
	if d := batch(set, "DROP SCHEMA anew", again); d.Status != types.StatusStringFinished {
		t.Fatalf("batch is %s: %s", d.Status, aws.ToString(d.Error))
	}
	if got := options(); got != "Orders2" {
		t.Errorf("after the batch the schema reads %q; want Orders2", got)
	}
	if d := batch("GRANT USAGE ON SCHEMA anew TO PUBLIC"); d.Status != types.StatusStringFailed {
		t.Errorf("GRANT in a batch is %s", d.Status)
	}
	w.ends(t, "DROP SCHEMA anew", types.StatusStringFinished, "")
}

func TestRoles(t *testing.T) {
	w, _ := newFederated(t, vault{})
	const grants = `SELECT listed FROM (SELECT string_agg(identity_type || ' ' || identity_name, ', ' ORDER BY identity_type, identity_name) AS listed
		FROM svv_schema_privileges WHERE namespace_name = 'shelf') g`
	admin, err := server.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	if _, err := admin.Exec(t.Context(), "GRANT pg_monitor TO "+user+" WITH ADMIN OPTION"); err != nil { // to hand it on
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE ROLE catalog", "GRANT ACCESS SYSTEM TABLE TO ROLE catalog", "REVOKE ACCESS SYSTEM TABLE FROM ROLE catalog", "DROP ROLE catalog",
		"CREATE SCHEMA shelf", "CREATE ROLE bi", `CREATE ROLE "Lead" EXTERNALID 'x'`, "CREATE GROUP bi", "CREATE USER reader PASSWORD DISABLE",
		"GRANT ROLE bi TO ROLE lead", "GRANT ROLE lead TO reader", "GRANT USAGE ON SCHEMA shelf TO ROLE bi, GROUP bi, reader, PUBLIC",
	} {
		w.ends(t, sql, types.StatusStringFinished, "")
	}
	d := w.ends(t, grants, types.StatusStringFinished, "")
	rows, _ := w.rows(t, *d.Id)
	if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != "group bi, public public, role bi, user reader" {
		t.Errorf("grants %q", got)
	}
	for sql, want := range map[string]string{
		"GRANT USAGE ON SCHEMA shelf TO missing":               `ERROR: user "missing" does not exist`,
		"GRANT USAGE ON SCHEMA shelf TO GROUP missing":         `ERROR: group "missing" does not exist`,
		"GRANT USAGE ON SCHEMA shelf TO ROLE missing":          `ERROR: role "missing" does not exist`,
		"GRANT USAGE ON SCHEMA shelf TO GROUP bi, missing":     `ERROR: user "missing" does not exist`,
		"REVOKE USAGE ON SCHEMA shelf FROM ROLE bi, ROLE gone": `ERROR: role "gone" does not exist`,
	} {
		w.ends(t, sql, types.StatusStringFailed, want)
	}
	for _, sql := range []string{
		"SELECT 1 / (count(*) - 1) FROM svv_roles", "SELECT 1 / count(*) FROM pg_group WHERE groname = 'bi'", "SELECT 1 / (1 - count(*)) FROM pg_group WHERE groname LIKE 'role%'",
		"SELECT 1 / count(*) FROM svv_user_grants WHERE user_name = 'reader' AND role_name = 'lead'",
		"SELECT 1 / count(*) FROM svv_role_grants WHERE role_name = 'lead' AND granted_role_name = 'bi'",
		"REVOKE USAGE ON SCHEMA shelf FROM GROUP bi, reader, PUBLIC", "REVOKE ROLE lead FROM reader",
		"DROP ROLE lead", "DROP ROLE bi FORCE", "DROP GROUP bi", "DROP USER reader", "DROP SCHEMA shelf",
	} {
		w.ends(t, sql, types.StatusStringFinished, "")
	}
}

func TestALoginBySecret(t *testing.T) {
	bySecret := ask("SELECT session_user::text", func(in *api.ExecuteStatementInput) { in.DbUser, in.SecretArn = nil, new("login") })
	w, _ := newFederated(t, vault{password: "right"})
	d := w.run(t, bySecret)
	if d.Status != types.StatusStringFinished || aws.ToString(d.SecretArn) != "login" || d.DbUser != nil {
		t.Fatalf("statement is %+v", d)
	}
	rows, _ := w.rows(t, *d.Id)
	if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != user {
		t.Errorf("session of %s; want %s", got, user)
	}
	for _, a := range w.policy.asked {
		if a.Action == "redshift:GetClusterCredentials" {
			t.Error("a login by secret asks for temporary credentials")
		}
	}
	_, err := w.as("BOB").ExecuteStatement(t.Context(), bySecret)
	coded(t, err, "AccessDeniedException", "not yours")
	bySecret.SecretArn = new("missing")
	_, err = w.as("FIRST").ExecuteStatement(t.Context(), bySecret)
	coded(t, err, "ValidationException", "cannot be found")

	w, _ = newFederated(t, vault{password: "wrong"})
	bySecret.SecretArn = new("login")
	if d := w.run(t, bySecret); d.Status != types.StatusStringFailed || !strings.Contains(*d.Error, "password authentication failed") || strings.Contains(*d.Error, "wrong") {
		t.Errorf("statement with a wrong password is %s: %s", d.Status, aws.ToString(d.Error))
	}
}

func TestSlowStatements(t *testing.T) {
	w, service := newFederated(t, vault{})
	service.SetSlow(time.Minute)
	submit := func() string {
		out, err := w.as("FIRST").ExecuteStatement(t.Context(), ask("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Settle()
		return *out.Id
	}
	id, cancelled := submit(), submit()
	if _, err := w.as("FIRST").CancelStatement(t.Context(), &api.CancelStatementInput{Id: &cancelled}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(59 * time.Second)
	if d := w.describe(t, id); d.Status != types.StatusStringStarted {
		t.Errorf("after 59 s the statement is %s", d.Status)
	}
	w.clock.Advance(2 * time.Second)
	if d := w.describe(t, id); d.Status != types.StatusStringFinished {
		t.Errorf("after 61 s the statement is %s", d.Status)
	}
	if d := w.describe(t, cancelled); d.Status != types.StatusStringAborted {
		t.Errorf("a statement that was cancelled is %s", d.Status)
	}
}

func TestTheNthStatementFails(t *testing.T) {
	w, service := newFederated(t, vault{})
	before := service.Ran()
	if err := service.FailStatement(2, redshiftdata.ErrConcurrent); err != nil {
		t.Fatal(err)
	}
	w.ends(t, "SELECT 1", types.StatusStringFinished, "")
	w.ends(t, "CREATE TABLE work.never (id integer)", types.StatusStringFailed, "ERROR: 1023 could not complete because of conflict")
	w.ends(t, "SELECT 1 FROM work.never", types.StatusStringFailed, "does not exist")
	if got := service.Ran() - before; got != 3 {
		t.Errorf("%d statements ran; want 3", got)
	}
	if err := service.FailStatement(0, "x"); err == nil {
		t.Error("statement 0 can fail")
	}
}

// Quotes do not keep upper-case letters, but in a session that asks for it.
func TestNamesAreFolded(t *testing.T) {
	w, _ := newFederated(t, vault{})
	w.ends(t, "CREATE SCHEMA cased", types.StatusStringFinished, "")
	w.ends(t, `CREATE TABLE cased."Users" (id integer)`, types.StatusStringFinished, "") // which PostgreSQL does not fold
	w.ends(t, `SELECT count(*) FROM cased."Users"`, types.StatusStringFailed, `ERROR: relation "cased.users" does not exist`)
	out, err := w.as("FIRST").BatchExecuteStatement(t.Context(), &api.BatchExecuteStatementInput{ClusterIdentifier: new(cluster), Database: new(database), DbUser: new(user),
		Sqls: []string{"SET enable_case_sensitive_identifier TO true", `SELECT count(*) FROM cased."Users"`}})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Settle()
	if d := w.describe(t, *out.Id); d.Status != types.StatusStringFinished {
		t.Errorf("%s: %s", d.Status, aws.ToString(d.Error))
	}
	w.ends(t, `DROP SCHEMA cased CASCADE`, types.StatusStringFinished, "")
}
