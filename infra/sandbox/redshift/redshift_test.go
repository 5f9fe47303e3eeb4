package redshift_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/redshift"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

const identifier = "examplecluster"

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

// start makes the database and the group of the Management Guide's examples.
func start(ctx context.Context) (err error) {
	if server, err = postgres.Start(ctx, postgres.Config{NodeModules: "../../node_modules"}); err != nil {
		return err
	}
	if err := server.CreateDatabase(ctx, "exampledb"); err != nil {
		return err
	}
	admin, err := server.Open(ctx, "exampledb")
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, "CREATE GROUP example_group")
	return err
}

// A policy lets everybody do everything except what it lists, and remembers the questions.
type policy struct {
	deny   []string // "action resource"
	asked  []awshttp.Access
	caller awshttp.Principal
}

var alice = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/staff/alice", Account: awshttp.Account}

func (p *policy) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret", p.caller, nil
}

func (p *policy) Authorize(by awshttp.Principal, a awshttp.Access) error {
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action+" "+a.Resource) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: by.String() + " may not " + a.Action + " on " + a.Resource}
	}
	return nil
}

type world struct {
	*api.Client
	service  *redshift.Service
	endpoint *warehouse.Endpoint
	clock    *clock.Clock
	policy   *policy
	root     string // file with the authority of the endpoint's certificate
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.New(t.Context()), policy: &policy{caller: alice}, root: filepath.Join(t.TempDir(), "ca.pem")}
	authority, err := warehouse.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.Certificate("localhost")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.root, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.endpoint, err = warehouse.Listen(t.Context(), warehouse.Config{Address: "127.0.0.1:0", Database: server, Clock: w.clock, Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.endpoint.Close)
	w.service = redshift.New(w.clock)
	w.add(t, redshift.Cluster{Identifier: identifier, Database: "exampledb", SecurityGroups: []string{"sg-1"},
		Roles: []string{"arn:aws:iam::111122223333:role/fq"}, Tags: map[string]string{"team": "data"}})
	front := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w.policy, Authorizer: w.policy})
	front.Register(w.service.AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	w.Client = api.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &web.URL, Retryer: patient,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	return w
}

// add adds a cluster behind the world's endpoint.
func (w *world) add(t *testing.T, c redshift.Cluster) {
	t.Helper()
	c.Endpoint = w.endpoint
	if err := w.service.AddCluster(c); err != nil {
		t.Fatal(err)
	}
}

// ask is a request for a login that is good as it stands, changed by edit.
func ask(edit ...func(*api.GetClusterCredentialsInput)) *api.GetClusterCredentialsInput {
	in := &api.GetClusterCredentialsInput{ClusterIdentifier: new(identifier), DbUser: new("postgres_probe")}
	for _, e := range edit {
		e(in)
	}
	return in
}

// patient tries again at once. The SDK's HTTP client closes its connection when an answer comes before its own request
// is quite done, as it may on one machine; an answer of more than 4 KB is lost then (smithy-go 1.28, safeReadCloser).
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		o.MaxAttempts = 10
	})
}

// coded wants an error with that code whose message contains text.
func coded(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Fatalf("error %v; want %s with %q", err, code, text)
	}
}

func TestDescribeClusters(t *testing.T) {
	w := newWorld(t)
	out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{ClusterIdentifier: new(identifier)})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Clusters) != 1 {
		t.Fatalf("%d clusters; want 1", len(out.Clusters))
	}
	c := out.Clusters[0]
	for _, m := range []struct{ name, got, want string }{
		{"ClusterIdentifier", *c.ClusterIdentifier, identifier},
		{"ClusterStatus", *c.ClusterStatus, "available"},
		{"ClusterAvailabilityStatus", *c.ClusterAvailabilityStatus, "Available"},
		{"DBName", *c.DBName, "exampledb"},
		{"MasterUsername", *c.MasterUsername, "awsuser"},
		{"Endpoint", fmt.Sprint(*c.Endpoint.Address, *c.Endpoint.Port), fmt.Sprint("localhost", w.endpoint.Port())},
		{"IamRoles", *c.IamRoles[0].IamRoleArn + " " + *c.IamRoles[0].ApplyStatus, "arn:aws:iam::111122223333:role/fq in-sync"},
		{"VpcSecurityGroups", *c.VpcSecurityGroups[0].VpcSecurityGroupId, "sg-1"},
		{"Tags", *c.Tags[0].Key + "=" + *c.Tags[0].Value, "team=data"},
		{"Encrypted", fmt.Sprint(*c.Encrypted), "true"},
	} {
		if m.got != m.want {
			t.Errorf("%s = %q; want %q", m.name, m.got, m.want)
		}
	}
	if !strings.HasPrefix(*c.ClusterNamespaceArn, "arn:aws:redshift:us-east-1:111122223333:namespace:") {
		t.Errorf("ClusterNamespaceArn = %q", *c.ClusterNamespaceArn)
	}
	if got := w.policy.asked[0]; got.Action != "redshift:DescribeClusters" || got.Resource != "*" {
		t.Errorf("asked for %s on %s", got.Action, got.Resource)
	}
}

func TestDescribeClustersRefusals(t *testing.T) {
	w := newWorld(t)
	_, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{ClusterIdentifier: new("ExampleCluster")}) // case counts
	if _, ok := errors.AsType[*types.ClusterNotFoundFault](err); !ok {
		t.Errorf("another case of the name: %v; want ClusterNotFound", err)
	}
	_, err = w.DescribeClusters(t.Context(), &api.DescribeClustersInput{MaxRecords: new(int32(19))})
	coded(t, err, "InvalidParameterValue", "MaxRecords")
	_, err = w.DescribeClusters(t.Context(), &api.DescribeClustersInput{ClusterIdentifier: new(identifier), Marker: new("a")})
	coded(t, err, "InvalidParameterCombination", "Marker")
	w.policy.deny = []string{"redshift:DescribeClusters *"}
	_, err = w.DescribeClusters(t.Context(), &api.DescribeClustersInput{ClusterIdentifier: new("missing")})
	coded(t, err, "AccessDenied", "DescribeClusters") // said before whether there is such a cluster
}

func TestDescribeClustersPagesAndTags(t *testing.T) {
	w := newWorld(t)
	for i := range 41 { // 42 with the first: a page of 20, one of 20 and one of 2
		w.add(t, redshift.Cluster{Identifier: fmt.Sprintf("more-%02d", i), Tags: map[string]string{"number": fmt.Sprint(i)}})
	}
	seen := map[string]int{}
	pages := api.NewDescribeClustersPaginator(w, &api.DescribeClustersInput{MaxRecords: new(int32(20))})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Clusters {
			seen[*c.ClusterIdentifier]++
		}
	}
	if n != 3 || len(seen) != 42 {
		t.Errorf("%d pages with %d clusters; want 3 with 42", n, len(seen))
	}
	out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{TagKeys: []string{"team"}, TagValues: []string{"7"}})
	if err != nil || len(out.Clusters) != 2 {
		t.Errorf("by tag: %d clusters, %v; want the one with the key and the one with the value", len(out.Clusters), err)
	}
}

func TestCredentialsNames(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name   string
		create bool
		groups []string
		want   string
	}{
		{"existing user", false, nil, "IAM:postgres_probe"},
		{"existing user with groups", false, []string{"a"}, "IAM:postgres_probe"},
		{"auto-create", true, nil, "IAMA:postgres_probe"},
		{"auto-create with a group", true, []string{"example_group"}, "IAMA:postgres_probe:example_group"},
		{"auto-create with groups", true, []string{"a", "b"}, "IAMA:postgres_probe:a:b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := w.clock.Now()
			out, err := w.GetClusterCredentials(t.Context(), ask(func(in *api.GetClusterCredentialsInput) {
				in.AutoCreate, in.DbGroups = &tc.create, tc.groups
			}))
			if err != nil {
				t.Fatal(err)
			}
			if *out.DbUser != tc.want {
				t.Errorf("DbUser = %q; want %q", *out.DbUser, tc.want)
			}
			if text, err := base64.StdEncoding.DecodeString(*out.DbPassword); err != nil || len(*out.DbPassword) != 76 || len(text) != 55 {
				t.Errorf("DbPassword has %d characters (%v); want 76 of base64", len(*out.DbPassword), err)
			}
			if left := out.Expiration.Sub(before); left < 899*time.Second || left > 905*time.Second {
				t.Errorf("Expiration leaves %v; want the default, 15m", left)
			}
		})
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	w := newWorld(t)
	type input = api.GetClusterCredentialsInput
	long := "u" + strings.Repeat("x", 64)
	for _, tc := range []struct {
		name       string
		edit       func(*input)
		code, text string
	}{
		{"no such cluster", func(in *input) { in.ClusterIdentifier = new("missing") }, "ClusterNotFound", "Cluster missing not found."},
		{"other case of the cluster", func(in *input) { in.ClusterIdentifier = new("ExampleCluster") }, "ClusterNotFound", "ExampleCluster"},
		{"no cluster", func(in *input) { in.ClusterIdentifier = nil }, "InvalidParameterValue", "ClusterIdentifier"},
		{"user with a colon", func(in *input) { in.DbUser = new("a:b") }, "InvalidParameterValue", "DbUser"},
		{"user with a slash", func(in *input) { in.DbUser = new("a/b") }, "InvalidParameterValue", "DbUser"},
		{"user begins with a digit", func(in *input) { in.DbUser = new("1a") }, "InvalidParameterValue", "DbUser"},
		{"user of 65 characters", func(in *input) { in.DbUser = &long }, "InvalidParameterValue", "1 to 64"},
		{"user is public", func(in *input) { in.DbUser = new("public") }, "InvalidParameterValue", "PUBLIC"},
		{"user is reserved", func(in *input) { in.DbUser = new("Select") }, "InvalidParameterValue", "reserved"},
		{"database with a blank", func(in *input) { in.DbName = new("a b") }, "InvalidParameterValue", "DbName"},
		{"empty database", func(in *input) { in.DbName = new("") }, "InvalidParameterValue", "DbName"},
		{"group in upper case", func(in *input) { in.DbGroups = []string{"ok", "Bad"} }, "InvalidParameterValue", "DbGroups"},
		{"reserved group", func(in *input) { in.DbGroups = []string{"group"} }, "InvalidParameterValue", "reserved"},
		{"899 seconds", func(in *input) { in.DurationSeconds = new(int32(899)) }, "InvalidParameterValue", "between 900 and 3600"},
		{"3601 seconds", func(in *input) { in.DurationSeconds = new(int32(3601)) }, "InvalidParameterValue", "between 900 and 3600"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.GetClusterCredentials(t.Context(), ask(tc.edit))
			coded(t, err, tc.code, tc.text)
		})
	}
}

// The policies are asked about everything that is in the request, and any one No is enough.
func TestCredentialsAreAuthorized(t *testing.T) {
	w := newWorld(t)
	const arn = "arn:aws:redshift:us-east-1:111122223333:"
	in := ask(func(in *api.GetClusterCredentialsInput) {
		in.DbName, in.DbGroups, in.AutoCreate, in.DurationSeconds = new("exampledb"), []string{"a", "b"}, new(true), new(int32(1800))
	})
	want := []string{
		"redshift:GetClusterCredentials " + arn + "dbuser:examplecluster/postgres_probe",
		"redshift:GetClusterCredentials " + arn + "dbname:examplecluster/exampledb",
		"redshift:CreateClusterUser " + arn + "dbuser:examplecluster/postgres_probe",
		"redshift:JoinGroup " + arn + "dbgroup:examplecluster/a",
		"redshift:JoinGroup " + arn + "dbgroup:examplecluster/b",
	}
	if _, err := w.GetClusterCredentials(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, a := range w.policy.asked {
		asked = append(asked, a.Action+" "+a.Resource)
		for key, value := range map[string]string{"redshift:DbUser": "postgres_probe", "redshift:DbName": "exampledb", "redshift:DurationSeconds": "1800"} {
			if got := a.Context[key]; !slices.Equal(got, []string{value}) {
				t.Errorf("%s came with %s = %q; want %q", a.Action, key, got, value)
			}
		}
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
	for _, no := range want {
		w.policy.deny = []string{no}
		_, err := w.GetClusterCredentials(t.Context(), in)
		action, _, _ := strings.Cut(no, " ")
		coded(t, err, "AccessDenied", action)
	}

	w.policy.deny, w.policy.asked = nil, nil
	if _, err := w.GetClusterCredentials(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	if len(w.policy.asked) != 1 || w.policy.asked[0].Context["redshift:DbName"] != nil {
		t.Errorf("a plain request asked %v; want only for the user, without a database", w.policy.asked)
	}
}

func TestMissingUserFails(t *testing.T) {
	w := newWorld(t)
	if _, err := w.GetClusterCredentials(t.Context(), ask()); err != nil {
		t.Fatalf("by default the call succeeds: %v", err)
	}
	w.service.SetMissingUserFails(true)
	_, err := w.GetClusterCredentials(t.Context(), ask())
	coded(t, err, "InvalidParameterValue", "postgres_probe")
	if _, err := w.GetClusterCredentials(t.Context(), ask(func(in *api.GetClusterCredentialsInput) { in.AutoCreate = new(true) })); err != nil {
		t.Errorf("with AutoCreate: %v", err)
	}
}

// What the API answers opens the cluster, as the examples of the Management Guide go.
func TestCredentialsOpenTheCluster(t *testing.T) {
	w := newWorld(t)
	out, err := w.GetClusterCredentials(t.Context(), ask(func(in *api.GetClusterCredentialsInput) {
		in.DbUser, in.DbName, in.DbGroups = new("Temp_Creds_User"), new("exampledb"), []string{"example_group"}
		in.AutoCreate, in.DurationSeconds = new(true), new(int32(3600))
	}))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("host=localhost port=%d dbname=exampledb sslmode=verify-full sslrootcert=%s user='%s' password='%s'",
		w.endpoint.Port(), w.root, *out.DbUser, *out.DbPassword)
	conn, err := pgx.Connect(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var user string
	var member bool
	if err := conn.QueryRow(t.Context(), "SELECT current_user, pg_has_role('example_group', 'MEMBER')").Scan(&user, &member); err != nil {
		t.Fatal(err)
	}
	if user != "temp_creds_user" || !member {
		t.Errorf("logged in as %s, member %v; want temp_creds_user in the group", user, member)
	}
	w.clock.Advance(time.Hour)
	if _, err := pgx.Connect(t.Context(), text); err == nil || !strings.Contains(err.Error(), "IAM Authentication token has expired") {
		t.Errorf("login after an hour: %v; want it expired", err)
	}
}

func TestPauseAndResume(t *testing.T) {
	w := newWorld(t)
	status := func() string {
		out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{})
		if err != nil {
			t.Fatal(err)
		}
		return *out.Clusters[0].ClusterStatus + "/" + *out.Clusters[0].ClusterAvailabilityStatus
	}
	step := func(want string) {
		t.Helper()
		if got := status(); got != want {
			t.Fatalf("cluster is %s; want %s", got, want)
		}
	}
	_, err := w.ResumeCluster(t.Context(), &api.ResumeClusterInput{ClusterIdentifier: new(identifier)})
	coded(t, err, "InvalidClusterState", "available")

	out, err := w.PauseCluster(t.Context(), &api.PauseClusterInput{ClusterIdentifier: new(identifier)})
	if err != nil || *out.Cluster.ClusterStatus != "pausing" {
		t.Fatalf("PauseCluster: %v, %v", out, err)
	}
	step("pausing/Modifying")
	_, err = w.ResumeCluster(t.Context(), &api.ResumeClusterInput{ClusterIdentifier: new(identifier)}) // not until it is done
	coded(t, err, "InvalidClusterState", "pausing")
	w.clock.Advance(5 * time.Minute)
	step("paused/Unavailable")
	_, err = w.GetClusterCredentials(t.Context(), ask())
	coded(t, err, "InvalidClusterState", "paused")
	if _, err := w.service.Session(t.Context(), identifier, "postgres", "anybody"); !errors.Is(err, warehouse.ErrPaused) {
		t.Errorf("session of a paused cluster: %v; want ErrPaused", err)
	}

	if _, err := w.ResumeCluster(t.Context(), &api.ResumeClusterInput{ClusterIdentifier: new(identifier)}); err != nil {
		t.Fatal(err)
	}
	step("resuming/Modifying")
	w.clock.Advance(5 * time.Minute)
	step("available/Available")
	if _, err := w.GetClusterCredentials(t.Context(), ask()); err != nil {
		t.Errorf("credentials of a resumed cluster: %v", err)
	}

	_, err = w.PauseCluster(t.Context(), &api.PauseClusterInput{ClusterIdentifier: new("missing")})
	coded(t, err, "ClusterNotFound", "missing")
	w.policy.deny = []string{"redshift:PauseCluster arn:aws:redshift:us-east-1:111122223333:cluster:examplecluster"}
	_, err = w.PauseCluster(t.Context(), &api.PauseClusterInput{ClusterIdentifier: new(identifier)})
	coded(t, err, "AccessDenied", "PauseCluster")
}

func TestMaintenance(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		begins bool
		want   string
	}{{true, "available Maintenance"}, {false, "available Available"}} {
		if err := w.service.SetMaintenance(identifier, tc.begins); err != nil {
			t.Fatal(err)
		}
		out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{})
		if err != nil {
			t.Fatal(err)
		}
		if got := *out.Clusters[0].ClusterStatus + " " + *out.Clusters[0].ClusterAvailabilityStatus; got != tc.want {
			t.Errorf("the cluster is %s, want %s", got, tc.want)
		}
	}
	if err := w.service.SetMaintenance("missing", true); !errors.Is(err, redshift.ErrClusterNotFound) {
		t.Errorf("maintenance of a cluster that is not there: %v", err)
	}
}

func TestSetStatus(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		status string
		logins bool
	}{
		{"paused", false}, {"available", true}, {"creating", false}, {"resizing", true}, {"rebooting", false},
		{"available, prep-for-resize", true}, {"modifying", true}, {"hardware-failure", false},
	} {
		if err := w.service.SetStatus(identifier, tc.status); err != nil {
			t.Fatal(err)
		}
		if _, err := w.GetClusterCredentials(t.Context(), ask()); (err == nil) != tc.logins {
			t.Errorf("%s: credentials %v; want logins %v", tc.status, err, tc.logins)
		}
	}
	if err := w.service.SetStatus(identifier, "asleep"); err == nil || !strings.Contains(err.Error(), `no status "asleep"`) {
		t.Errorf("a status that Redshift does not have: %v", err)
	}
	if err := w.service.SetStatus("missing", "paused"); !errors.Is(err, redshift.ErrClusterNotFound) {
		t.Errorf("a cluster that is not there: %v", err)
	}

	// A status that was set stays, also when a change was under way.
	if err := w.service.SetStatus(identifier, "available"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PauseCluster(t.Context(), &api.PauseClusterInput{ClusterIdentifier: new(identifier)}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if err := w.service.SetStatus(identifier, "available"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(4 * time.Minute) // to the end of the pausing that was called off
	if _, err := w.GetClusterCredentials(t.Context(), ask()); err != nil {
		t.Errorf("credentials after the change was called off: %v", err)
	}
}

func TestRemovedClusterIsGoneUntilItIsAddedAgain(t *testing.T) {
	w := newWorld(t)
	removed, ok := w.service.RemoveCluster(identifier)
	if !ok || removed.Identifier != identifier || removed.Database != "exampledb" {
		t.Fatalf("RemoveCluster() = %+v, %t", removed, ok)
	}
	_, err := w.GetClusterCredentials(t.Context(), ask())
	coded(t, err, "ClusterNotFound", identifier)
	if _, err := w.endpoint.Session(t.Context(), "exampledb", "awsuser"); !errors.Is(err, warehouse.ErrPaused) {
		t.Errorf("its endpoint still takes sessions: %v", err)
	}
	if _, ok := w.service.RemoveCluster(identifier); ok {
		t.Error("it was removed twice")
	}
	if err := w.service.AddCluster(removed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetClusterCredentials(t.Context(), ask()); err != nil {
		t.Errorf("after it was added again: %v", err)
	}
}
