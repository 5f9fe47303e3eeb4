package redshiftdata_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftdata"
)

const (
	cluster  = "examplecluster"
	database = "exampledb"
	user     = "analyst"
)

var server *postgres.Server

func TestMain(m *testing.M) {
	if err := start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func start(ctx context.Context) (err error) {
	if server, err = postgres.Start(ctx, postgres.Config{NodeModules: "../../node_modules"}); err != nil {
		return err
	}
	if err := server.CreateDatabase(ctx, database); err != nil {
		return err
	}
	admin, err := server.Open(ctx, database)
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, "CREATE USER "+user+"; CREATE USER boss SUPERUSER; CREATE SCHEMA work AUTHORIZATION "+user)
	return err
}

// one is the only cluster there is.
type one struct{}

func (one) HasCluster(identifier string) bool { return identifier == cluster }

func (one) Session(ctx context.Context, _, database, user string) (*pgx.Conn, error) {
	return server.OpenAs(ctx, database, user)
}

// A policy knows its callers by their access keys, and lets everybody do everything except what it lists.
type policy struct {
	mu    sync.Mutex
	deny  []string // "action resource"
	asked []awshttp.Access
}

// callers: two sessions of one role, and a user.
var callers = map[string]awshttp.Principal{
	"FIRST":  {ARN: "arn:aws:sts::111122223333:assumed-role/worker/first", Role: "arn:aws:iam::111122223333:role/worker", UserID: "AROA:first"},
	"SECOND": {ARN: "arn:aws:sts::111122223333:assumed-role/worker/second", Role: "arn:aws:iam::111122223333:role/worker", UserID: "AROA:second"},
	"BOB":    {ARN: "arn:aws:iam::111122223333:user/bob", UserID: "AIDABOB"},
}

func (p *policy) Lookup(key, _ string) (string, awshttp.Principal, error) {
	return "secret", callers[key], nil
}

func (p *policy) Authorize(by awshttp.Principal, a awshttp.Access) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action+" "+a.Resource) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: by.String() + " may not " + a.Action}
	}
	return nil
}

type world struct {
	clock  *clock.Clock
	policy *policy
	url    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.New(t.Context()), policy: &policy{}}
	front := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w.policy, Authorizer: w.policy})
	front.Register(redshiftdata.New(redshiftdata.Config{Clock: w.clock, Clusters: one{}}).AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	t.Cleanup(w.clock.Settle) // statements end before their server
	w.url = web.URL
	return w
}

// as is a client with the access key of one of the callers.
func (w *world) as(key string) *api.Client {
	return api.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &w.url, Retryer: patient,
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

// ask is a request that is good as it stands, changed by edit.
func ask(sql string, edit ...func(*api.ExecuteStatementInput)) *api.ExecuteStatementInput {
	in := &api.ExecuteStatementInput{ClusterIdentifier: new(cluster), Database: new(database), DbUser: new(user), Sql: &sql}
	for _, e := range edit {
		e(in)
	}
	return in
}

// run executes a statement and waits for its end.
func (w *world) run(t *testing.T, in *api.ExecuteStatementInput) *api.DescribeStatementOutput {
	t.Helper()
	out, err := w.as("FIRST").ExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Settle()
	return w.describe(t, *out.Id)
}

func (w *world) describe(t *testing.T, id string) *api.DescribeStatementOutput {
	t.Helper()
	d, err := w.as("FIRST").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: &id})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rows reads every page of a result.
func (w *world) rows(t *testing.T, id string) (all [][]types.Field, pages int) {
	t.Helper()
	p := api.NewGetStatementResultPaginator(w.as("FIRST"), &api.GetStatementResultInput{Id: &id})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, pages = append(all, page.Records...), pages+1
	}
	return all, pages
}

// patient tries again at once. The SDK's HTTP client closes its connection when an answer comes before its own request
// is quite done, as it may on one machine; an answer of more than 4 KB is lost then (smithy-go 1.28, safeReadCloser).
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		o.MaxAttempts = 10
	})
}

func coded(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Fatalf("error %v; want %s with %q", err, code, text)
	}
}

func TestStatementRunsAsTheDatabaseUser(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask("SELECT session_user::text", func(in *api.ExecuteStatementInput) { in.StatementName = new("probe") }))
	if d.Status != types.StatusStringFinished || !*d.HasResultSet || d.ResultRows != 1 || d.RedshiftPid == 0 || d.Duration <= 0 {
		t.Fatalf("statement is %+v", d)
	}
	rows, _ := w.rows(t, *d.Id)
	if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != user {
		t.Errorf("session of %s; want %s", got, user)
	}
}

// A query that finds nothing has a result like any other.
func TestResultWithoutRows(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask("SELECT 1 WHERE false"))
	if d.Status != types.StatusStringFinished || !*d.HasResultSet || d.ResultRows != 0 {
		t.Fatalf("statement is %+v", d)
	}
	if rows, pages := w.rows(t, *d.Id); len(rows) != 0 || pages != 1 {
		t.Errorf("%d rows on %d pages", len(rows), pages)
	}
}

func TestFieldsAreTyped(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask(`SELECT 7::int2 a, 8::int8 b, 1.5::float8 c, 'NaN'::float4 d, true e, 2.50::numeric f, 'x'::varchar g, NULL::int h, '\x00ff'::bytea i, DATE '2026-01-02' j`))
	out, err := w.as("FIRST").GetStatementResult(t.Context(), &api.GetStatementResultInput{Id: d.Id})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a int2 7", "b int8 8", "c float8 1.5", "d float4 NaN", "e bool true", "f numeric 2.50", "g varchar x", "h int4 null", "i bytea [0 255]", "j date 2026-01-02"}
	for i, f := range out.Records[0] {
		var value any
		switch f := f.(type) {
		case *types.FieldMemberLongValue:
			value = f.Value
		case *types.FieldMemberDoubleValue:
			value = f.Value
		case *types.FieldMemberBooleanValue:
			value = f.Value
		case *types.FieldMemberBlobValue:
			value = f.Value
		case *types.FieldMemberStringValue:
			value = f.Value
		case *types.FieldMemberIsNull:
			value = "null"
		}
		c := out.ColumnMetadata[i]
		if got := fmt.Sprintf("%s %s %v", *c.Name, *c.TypeName, value); got != want[i] {
			t.Errorf("column %d is %q; want %q", i, got, want[i])
		}
	}
}

func TestResultsHavePages(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask("SELECT n FROM generate_series(1, 2500) n"))
	rows, pages := w.rows(t, *d.Id)
	if len(rows) != 2500 || pages != 3 || rows[2499][0].(*types.FieldMemberLongValue).Value != 2500 {
		t.Errorf("%d rows in %d pages; want 2500 in 3", len(rows), pages)
	}
}

func TestParameters(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask(`SELECT :n::int + 1, ':n ' || :word || :word -- :n`, func(in *api.ExecuteStatementInput) {
		in.Parameters = []types.SqlParameter{{Name: new("n"), Value: new("41")}, {Name: new("word"), Value: new("it's")}}
	}))
	if d.Status != types.StatusStringFinished {
		t.Fatalf("statement failed: %s", aws.ToString(d.Error))
	}
	rows, _ := w.rows(t, *d.Id)
	if n, word := rows[0][0].(*types.FieldMemberLongValue).Value, rows[0][1].(*types.FieldMemberStringValue).Value; n != 42 || word != ":n it'sit's" {
		t.Errorf("answer %d %q", n, word)
	}
	_, err := w.as("FIRST").ExecuteStatement(t.Context(), ask("SELECT ':n'", func(in *api.ExecuteStatementInput) {
		in.Parameters = []types.SqlParameter{{Name: new("n"), Value: new("1")}}
	}))
	coded(t, err, "ValidationException", "Unused parameters: [n]")
}

func TestFailures(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name string
		in   *api.ExecuteStatementInput
		want string
	}{
		{"wrong SQL", ask("SELEC 1"), `ERROR: syntax error at or near "SELEC"`},
		{"two statements", ask("SELECT 1; SELECT 2"), "ERROR: cannot insert multiple commands into a prepared statement"},
		{"a parameter without a value", ask("SELECT :n"), `ERROR: syntax error at or near ":"`},
		{"no permission", ask("CREATE TABLE public.t (n int)"), "ERROR: permission denied for schema public"},
		{"no such user", ask("SELECT 1", func(in *api.ExecuteStatementInput) { in.DbUser = new("nobody_here") }), "nobody_here"},
		{"no such database", ask("SELECT 1", func(in *api.ExecuteStatementInput) { in.Database = new("nowhere") }), `database "nowhere" does not exist`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := w.run(t, tc.in)
			if d.Status != types.StatusStringFailed || !strings.Contains(aws.ToString(d.Error), tc.want) {
				t.Errorf("statement is %s: %q; want FAILED with %q", d.Status, aws.ToString(d.Error), tc.want)
			}
			_, err := w.as("FIRST").GetStatementResult(t.Context(), &api.GetStatementResultInput{Id: d.Id})
			coded(t, err, "ResourceNotFoundException", "does not have result")
		})
	}
}

func TestRequestsThatDoNotFit(t *testing.T) {
	w := newWorld(t)
	type input = api.ExecuteStatementInput
	for _, tc := range []struct {
		name       string
		edit       func(*input)
		code, text string
	}{
		{"no cluster", func(in *input) { in.ClusterIdentifier = nil }, "ValidationException", "Either ClusterIdentifier or WorkgroupName"},
		{"no such cluster", func(in *input) { in.ClusterIdentifier = new("missing") }, "ValidationException", "Redshift endpoint doesn't exist in this region."},
		{"no database", func(in *input) { in.Database = nil }, "ValidationException", "Database"},
		{"blank", func(in *input) { in.Sql = new(" \n") }, "ValidationException", "empty"},
		{"too long", func(in *input) { in.Sql = new("SELECT '" + strings.Repeat("x", 100<<10) + "'") }, "ValidationException", "102400"},
		{"own identity", func(in *input) { in.DbUser = nil }, "UnknownOperationException", "give DbUser"},
		{"user and secret", func(in *input) { in.SecretArn = new("arn") }, "ValidationException", "cannot be specified together"},
		{"secret", func(in *input) { in.DbUser, in.SecretArn = nil, new("arn") }, "UnknownOperationException", "SecretArn"},
		{"workgroup", func(in *input) { in.WorkgroupName = new("w") }, "UnknownOperationException", "WorkgroupName"},
		{"CSV", func(in *input) { in.ResultFormat = types.ResultFormatStringCsv }, "UnknownOperationException", "CSV"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.as("FIRST").ExecuteStatement(t.Context(), ask("SELECT 1", tc.edit))
			coded(t, err, tc.code, tc.text)
		})
	}
}

func TestBatchIsOneTransaction(t *testing.T) {
	w := newWorld(t)
	batch := func(sqls ...string) *api.DescribeStatementOutput {
		out, err := w.as("FIRST").BatchExecuteStatement(t.Context(), &api.BatchExecuteStatementInput{
			ClusterIdentifier: new(cluster), Database: new(database), DbUser: new(user), Sqls: sqls,
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Settle()
		return w.describe(t, *out.Id)
	}
	defer w.run(t, ask("DROP TABLE work.t"))
	good := batch("CREATE TABLE work.t (n int)", "INSERT INTO work.t VALUES (1), (2)", "SELECT sum(n) FROM work.t")
	if good.Status != types.StatusStringFinished || !*good.HasResultSet || good.SubStatements[1].ResultRows != 2 {
		t.Fatalf("batch is %s: %s", good.Status, aws.ToString(good.Error))
	}
	rows, _ := w.rows(t, *good.Id+":3")
	if got := rows[0][0].(*types.FieldMemberLongValue).Value; got != 3 {
		t.Errorf("sum is %d; want 3", got)
	}
	if d := w.describe(t, *good.Id+":2"); *d.Id != *good.Id+":2" || *d.QueryString != "INSERT INTO work.t VALUES (1), (2)" {
		t.Errorf("second statement is %s %s", *d.Id, *d.QueryString)
	}

	bad := batch("INSERT INTO work.t VALUES (3)", "SELECT nothing FROM work.t", "SELECT 1")
	if bad.Status != types.StatusStringFailed || *bad.Error != `Query #2 failed with ERROR: column "nothing" does not exist` {
		t.Errorf("batch is %s: %q", bad.Status, aws.ToString(bad.Error))
	}
	var states []string
	for _, s := range bad.SubStatements {
		states = append(states, string(s.Status))
	}
	if want := []string{"FINISHED", "FAILED", "ABORTED"}; !slices.Equal(states, want) {
		t.Errorf("statements are %v; want %v", states, want)
	}
	rows, _ = w.rows(t, *w.run(t, ask("SELECT count(*) FROM work.t")).Id)
	if got := rows[0][0].(*types.FieldMemberLongValue).Value; got != 2 {
		t.Errorf("%d rows after the failed batch; want 2, it is rolled back", got)
	}
}

func TestClientTokenIsRemembered(t *testing.T) {
	w := newWorld(t)
	execute := func(by, sql string) (string, error) {
		out, err := w.as(by).ExecuteStatement(t.Context(), ask(sql, func(in *api.ExecuteStatementInput) { in.ClientToken = new("token") }))
		if err != nil {
			return "", err
		}
		return *out.Id, nil
	}
	first, err := execute("FIRST", "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(8*time.Hour - time.Minute)
	if again, err := execute("SECOND", "SELECT 1"); err != nil || again != first {
		t.Errorf("the same request: %s, %v; want %s", again, err, first)
	}
	_, err = execute("FIRST", "SELECT 2")
	coded(t, err, "ValidationException", "ClientToken")
	if other, err := execute("BOB", "SELECT 1"); err != nil || other == first {
		t.Errorf("somebody else's token: %s, %v; want another statement", other, err)
	}
	w.clock.Advance(time.Minute)
	if later, err := execute("FIRST", "SELECT 1"); err != nil || later == first {
		t.Errorf("after 8 hours: %s, %v; want another statement", later, err)
	}
}

func TestOnlyTheSubmitterSees(t *testing.T) {
	w := newWorld(t)
	id := w.run(t, ask("SELECT 1")).Id
	if _, err := w.as("SECOND").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: id}); err != nil {
		t.Errorf("another session of the role: %v", err)
	}
	_, err := w.as("BOB").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: id})
	coded(t, err, "ResourceNotFoundException", "Query does not exist.")
	_, err = w.as("BOB").GetStatementResult(t.Context(), &api.GetStatementResultInput{Id: id})
	coded(t, err, "ResourceNotFoundException", "Query does not exist.")
	_, err = w.as("FIRST").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: new("nonsense")})
	coded(t, err, "ValidationException", "id must satisfy")
	_, err = w.as("FIRST").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: new(*id + ":2")})
	coded(t, err, "ResourceNotFoundException", "Query does not exist.")
}

func TestPoliciesAreAsked(t *testing.T) {
	w := newWorld(t)
	const arn = "arn:aws:redshift:us-east-1:111122223333:"
	want := []string{
		"redshift-data:ExecuteStatement " + arn + "cluster:examplecluster",
		"redshift:GetClusterCredentials " + arn + "dbuser:examplecluster/analyst",
		"redshift:GetClusterCredentials " + arn + "dbname:examplecluster/exampledb",
		"redshift-data:DescribeStatement *",
	}
	id := w.run(t, ask("SELECT 1")).Id
	var asked []string
	for _, a := range w.policy.asked {
		asked = append(asked, a.Action+" "+a.Resource)
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
	if got := w.policy.asked[3].Context["redshift-data:statement-owner-iam-userid"]; !slices.Equal(got, []string{"AROA:first"}) {
		t.Errorf("owner's user id is %q", got)
	}
	for _, no := range want[:3] {
		w.policy.deny = []string{no}
		_, err := w.as("FIRST").ExecuteStatement(t.Context(), ask("SELECT 1"))
		coded(t, err, "AccessDeniedException", strings.Split(no, " ")[0])
	}
	w.policy.deny = []string{"redshift-data:CancelStatement *", "redshift-data:ListStatements *"}
	_, err := w.as("FIRST").CancelStatement(t.Context(), &api.CancelStatementInput{Id: id})
	coded(t, err, "AccessDeniedException", "CancelStatement")
	_, err = w.as("FIRST").ListStatements(t.Context(), &api.ListStatementsInput{})
	coded(t, err, "AccessDeniedException", "ListStatements")
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	out, err := w.as("FIRST").ExecuteStatement(t.Context(), ask("SELECT pg_sleep(60)"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.as("FIRST").CancelStatement(t.Context(), &api.CancelStatementInput{Id: out.Id}); err != nil {
		t.Fatal(err)
	}
	w.clock.Settle()
	if d := w.describe(t, *out.Id); d.Status != types.StatusStringAborted {
		t.Errorf("statement is %s; want ABORTED", d.Status)
	}
	_, err = w.as("FIRST").CancelStatement(t.Context(), &api.CancelStatementInput{Id: out.Id})
	coded(t, err, "ValidationException", "Could not cancel a query that is already in ABORTED state.")
}

func TestResultsExpire(t *testing.T) {
	w := newWorld(t)
	id := w.run(t, ask("SELECT 1")).Id
	w.clock.Advance(24*time.Hour - time.Minute)
	w.describe(t, *id)
	w.clock.Advance(time.Minute)
	for name, call := range map[string]func() error{
		"DescribeStatement": func() error {
			_, err := w.as("FIRST").DescribeStatement(t.Context(), &api.DescribeStatementInput{Id: id})
			return err
		},
		"GetStatementResult": func() error {
			_, err := w.as("FIRST").GetStatementResult(t.Context(), &api.GetStatementResultInput{Id: id})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			coded(t, call(), "ValidationException", "Could not retrieve the query result as it has expired after ")
		})
	}
	if out, err := w.as("FIRST").ListStatements(t.Context(), &api.ListStatementsInput{}); err != nil || len(out.Statements) != 0 {
		t.Errorf("list has %d, %v; want nothing", len(out.Statements), err)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	named := func(name string) func(*api.ExecuteStatementInput) {
		return func(in *api.ExecuteStatementInput) { in.StatementName = &name }
	}
	w.run(t, ask("SELECT 1", named("up-1")))
	w.run(t, ask("SELECT 2", named("up-2")))
	w.run(t, ask("SELEC", named("up-3")))
	if _, err := w.as("BOB").ExecuteStatement(t.Context(), ask("SELECT 4", named("up-4"))); err != nil {
		t.Fatal(err)
	}
	w.clock.Settle()
	for _, tc := range []struct {
		name string
		by   string
		in   api.ListStatementsInput
		want []string
	}{
		{"finished ones, newest first", "FIRST", api.ListStatementsInput{}, []string{"up-2", "up-1"}},
		{"all", "FIRST", api.ListStatementsInput{Status: types.StatusStringAll}, []string{"up-3", "up-2", "up-1"}},
		{"by prefix", "FIRST", api.ListStatementsInput{StatementName: new("up-1")}, []string{"up-1"}},
		{"of the role", "SECOND", api.ListStatementsInput{}, []string{"up-2", "up-1"}},
		{"of this session only", "SECOND", api.ListStatementsInput{RoleLevel: new(false)}, nil},
		{"other cluster", "FIRST", api.ListStatementsInput{ClusterIdentifier: new("other")}, nil},
		{"other database", "FIRST", api.ListStatementsInput{Database: new("other")}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			tc.in.MaxResults = 1
			pages := api.NewListStatementsPaginator(w.as(tc.by), &tc.in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.Statements {
					got = append(got, *s.StatementName)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("listed %v; want %v", got, tc.want)
			}
		})
	}
}

func TestRoleARNsAreNotShown(t *testing.T) {
	w := newWorld(t)
	d := w.run(t, ask("SELECT 'arn:aws:iam::111122223333:role/fq'"))
	if *d.QueryString != "SELECT ''" {
		t.Errorf("QueryString is %q", *d.QueryString)
	}
	rows, _ := w.rows(t, *d.Id)
	if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != "arn:aws:iam::111122223333:role/fq" {
		t.Errorf("the statement that ran had %q", got)
	}
}

// What Redshift says and PostgreSQL does not.
func TestDialect(t *testing.T) {
	w := newWorld(t)
	as := func(in *api.ExecuteStatementInput) { in.DbUser = new("boss") }
	defer w.run(t, ask("DROP USER temp_creds_user", as))
	for _, sql := range []string{
		"CREATE USER temp_creds_user PASSWORD DISABLE SESSION TIMEOUT 600 SYSLOG ACCESS RESTRICTED NOCREATEUSER",
		"alter user temp_creds_user createuser",
		"CREATE VIEW unbound AS SELECT 1 AS n, 'WITH NO SCHEMA BINDING' AS said WITH NO SCHEMA BINDING",
		"create or replace view unbound as select 2 as n, 'WITH NO SCHEMA BINDING' as said with no\n schema binding;",
		"SELECT 1 / (n - 1) FROM unbound WHERE said = 'WITH NO SCHEMA BINDING'", // fails for the first of them
		"DROP VIEW unbound",
		"SELECT getdate(), 'GETDATE() PASSWORD DISABLE'",
	} {
		if d := w.run(t, ask(sql, as)); d.Status != types.StatusStringFinished {
			t.Errorf("%s: %s", sql, aws.ToString(d.Error))
		} else if *d.QueryString != sql {
			t.Errorf("QueryString is %q; want the words that came", *d.QueryString)
		}
	}
	rows, _ := w.rows(t, *w.run(t, ask("SELECT 'GETDATE() PASSWORD DISABLE'", as)).Id)
	if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != "GETDATE() PASSWORD DISABLE" {
		t.Errorf("a literal became %q", got)
	}
	d := w.run(t, ask("SELECT usesuper, passwd IS NULL FROM pg_shadow WHERE usename = 'temp_creds_user'", as))
	rows, _ = w.rows(t, *d.Id)
	if super, none := rows[0][0].(*types.FieldMemberBooleanValue).Value, rows[0][1].(*types.FieldMemberBooleanValue).Value; !super || !none {
		t.Errorf("superuser %v, without password %v; want both", super, none)
	}
}

// Whatever stands in literals, quoted names and comments is not touched: what goes in as a literal comes out.
func TestNothingInsideLiteralsIsTouched(t *testing.T) {
	w := newWorld(t)
	value := func(in *api.ExecuteStatementInput) {
		in.Parameters = []types.SqlParameter{{Name: new("text"), Value: new("bound")}}
	}
	for _, tc := range []struct{ sql, want string }{
		{`SELECT 'a'':text' || :text`, "a':textbound"},
		{`SELECT ":text" || :text FROM (SELECT 'column'::text AS ":text") t`, "columnbound"},
		{`SELECT $$:text$$ || $q$ :text '$q$ || :text`, ":text :text 'bound"},
		{"SELECT /* :text ' */ :text -- it's :text", "bound"},
		{"SELECT :text::text || ':text'", "bound:text"},
		{"SELECT (ARRAY['a','b'])[1:1]::text || :text", "{a}bound"},
	} {
		d := w.run(t, ask(tc.sql, value))
		if d.Status != types.StatusStringFinished {
			t.Errorf("%s: %s", tc.sql, aws.ToString(d.Error))
			continue
		}
		rows, _ := w.rows(t, *d.Id)
		if got := rows[0][0].(*types.FieldMemberStringValue).Value; got != tc.want {
			t.Errorf("%s gives %q; want %q", tc.sql, got, tc.want)
		}
	}
}
