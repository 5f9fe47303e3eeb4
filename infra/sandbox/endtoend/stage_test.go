package endtoend_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/secret"
)

const (
	assembly = "../../../build/cdk.out"
	modules  = "../../node_modules"
	busName  = "sluice-sandbox"

	// What infra/config/sandbox.json leaves at its defaults, written down again: these are promises to readers.
	lifetime = 60 * time.Minute
	due      = 40 * time.Minute // a lease with less life left is replaced
	everyN   = 5 * time.Minute  // a tick
	floor    = 34 * time.Minute // the least that a reader finds outside outages
)

// The steps of a rotation, in order.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// A stage is the stage of infra/config/sandbox.json, deployed in a world of its own.
type stage struct {
	*world.World
	t       *testing.T
	aws     aws.Config // the operator's
	secrets *secretsmanager.Client
	roots   *x509.CertPool // what clients of the warehouse trust
	front   *journal       // what the warehouse's front says about logins that it refuses

	rotate, refresh   function
	reporting, ingest string // ARNs of the consumers' secrets
}

// A function is one that was deployed.
type function struct {
	name string
	by   awshttp.Principal // as it calls AWS
}

// start deploys a stage and waits for the first rotations of its consumers. It ends with the test.
func start(t *testing.T) *stage {
	t.Helper()
	return startIn(t, false)
}

// startIn is start, with the ready-made source or without it.
func startIn(t *testing.T, sources bool) *stage {
	t.Helper()
	if _, err := os.Stat(assembly); errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: run make test, which synthesizes it first", assembly)
	}
	s := &stage{t: t, front: new(journal), roots: x509.NewCertPool()}
	var err error
	s.World, err = world.Start(t.Context(), world.Config{
		Assembly: assembly, State: t.TempDir(), NodeModules: modules, Sources: sources, Log: slog.New(slog.NewTextHandler(s.front, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Clock.Settle()
		if err := errors.Join(run.keep(context.WithoutCancel(t.Context()), s), s.Close()); err != nil {
			t.Error(err)
		}
	})
	s.roots.AppendCertsFromPEM(s.Authority.PEM())
	s.aws = aws.Config{Region: awshttp.DefaultRegion, BaseEndpoint: aws.String(s.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(s.Operator.AccessKeyID, s.Operator.SecretAccessKey.Reveal(), "")}
	s.secrets = secretsmanager.NewFromConfig(s.aws)
	s.rotate, s.refresh = s.function("Rotate"), s.function("Refresh")
	s.reporting, s.ingest = s.deployed("AWS::SecretsManager::Secret", "Consumerreporting"), s.deployed("AWS::SecretsManager::Secret", "Consumeringest")
	s.Clock.Settle()
	s.Clock.Hold() // no test may depend on how busy the machine is
	return s
}

// in is the same stage for a subtest.
func (s *stage) in(t *testing.T) *stage {
	c := *s
	c.t = t
	return &c
}

// run runs a test of several in one stage. Each takes it over healthy, with its ticks on.
func (s *stage) run(name string, test func(*stage)) {
	s.t.Run(name, func(t *testing.T) {
		s := s.in(t)
		s.rested()
		s.ticks("Consumerreporting", true)
		test(s)
	})
}

// rested gives the secret of reporting a day to forget how many versions it had. Nothing of it ticks meanwhile.
func (s *stage) rested() {
	s.t.Helper()
	if s.madeSince(s.reporting, s.Clock.Now().Add(-24*time.Hour)) < 40 {
		return
	}
	s.ticks("Consumerreporting", false)
	s.pass(25 * time.Hour)
	s.ticks("Consumerreporting", true)
	s.pass(2 * everyN)
}

// deployed is the physical id of the one resource of a type whose logical id begins with prefix.
func (s *stage) deployed(kind, prefix string) string {
	s.t.Helper()
	var found []template.Resource
	for _, r := range s.Deployer.Resources() {
		if r.Type == kind && strings.HasPrefix(r.LogicalID, prefix) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("the template has %d resources %s of type %s, want one", len(found), prefix, kind)
	}
	return found[0].PhysicalID
}

func (s *stage) function(prefix string) function {
	name := s.deployed("AWS::Lambda::Function", prefix)
	return function{name, session(s.deployed("AWS::IAM::Role", prefix), name)}
}

// session is somebody who has assumed a role.
func session(role, name string) awshttp.Principal {
	return awshttp.Principal{
		ARN: "arn:aws:sts::" + awshttp.Account + ":assumed-role/" + role + "/" + name, Account: awshttp.Account,
		Role: "arn:aws:iam::" + awshttp.Account + ":role/" + role,
	}
}

// The people of the sandbox.
var (
	application = session("reporting-app", "test")
	deployment  = session("cdk-hnb659fds-cfn-exec-role-"+awshttp.Account+"-"+awshttp.DefaultRegion, "AWSCloudFormation")
	operator    = awshttp.Principal{ARN: "arn:aws:iam::" + awshttp.Account + ":user/operator", Account: awshttp.Account}
)

// as performs an operation of AWS as somebody.
func (s *stage) as(by awshttp.Principal, service, operation string, input any) error {
	_, err := s.AWS.Do(s.t.Context(), by, service, operation, input)
	return err
}

// must fails the test for an error in what only prepares it.
func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// pass lets time go by, with all ticks in it.
func (s *stage) pass(d time.Duration) {
	s.Clock.Advance(d)
}

// mark is an instant after all that has happened, for madeSince: what is made from now on may bear it.
func (s *stage) mark() time.Time {
	s.pass(time.Millisecond)
	return s.Clock.Now()
}

// wait lets time go by until the lease of reporting is to be replaced by the next tick, and leaves it to the test to make
// that one by hand. The tick knows the time from a header that has whole seconds.
func (s *stage) wait() {
	s.t.Helper()
	s.ticks("Consumerreporting", false)
	s.pass(max(s.left(s.read(s.reporting))-due, 0) + 2*time.Second)
}

// renewed lets time go by until a tick has replaced the lease of reporting.
func (s *stage) renewed() lease {
	s.t.Helper()
	s.ticks("Consumerreporting", true)
	s.pass(max(s.left(s.read(s.reporting))-due, 0) + everyN + 2*time.Second)
	return s.read(s.reporting)
}

// A lease is what an application finds in its secret.
type lease struct {
	login.Target
	version   string
	expiresAt time.Time
}

func (l lease) same(m lease) bool {
	return l.version == m.version && l.Password.Reveal() == m.Password.Reveal()
}

// left is the life of a lease at this moment.
func (s *stage) left(l lease) time.Duration { return l.expiresAt.Sub(s.Clock.Now()) }

// read is what readers find in a secret now. The reader of reporting is its application; ingest has none yet.
func (s *stage) read(id string) lease {
	s.t.Helper()
	reader := application
	if id == s.ingest {
		reader = operator
	}
	out, err := s.AWS.Do(s.t.Context(), reader, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": id})
	s.must(err)
	var value struct {
		Host      string    `json:"host"`
		Port      int       `json:"port"`
		Database  string    `json:"dbname"`
		Username  string    `json:"username"`
		Password  string    `json:"password"`
		ExpiresAt time.Time `json:"expiresAt"`
	}
	s.must(json.Unmarshal([]byte(out["SecretString"].(string)), &value))
	return lease{
		Target:  login.Target{Host: value.Host, Port: value.Port, Database: value.Database, User: value.Username, Password: secret.New(value.Password), Roots: s.roots},
		version: out["VersionId"].(string), expiresAt: value.ExpiresAt,
	}
}

// open opens a session with l over verified TLS.
func (s *stage) open(l lease) (*pgx.Conn, error) { return login.Open(s.t.Context(), l.Target) }

// login logs in with l over verified TLS and says who that is.
func (s *stage) login(l lease) (user string, err error) {
	conn, err := s.open(l)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(s.t.Context()) }()
	err = conn.QueryRow(s.t.Context(), "SELECT current_user").Scan(&user)
	return user, err
}

// sql runs statements as the superuser of the cluster.
func (s *stage) sql(statements string) {
	s.t.Helper()
	conn, err := s.Warehouse.Session(s.t.Context(), world.Database, world.Master)
	s.must(err)
	defer func() { _ = conn.Close(s.t.Context()) }()
	_, err = conn.Exec(s.t.Context(), statements, pgx.QueryExecModeSimpleProtocol)
	s.must(err)
}

// versions are all that a secret has, with their labels.
func (s *stage) versions(id string) []types.SecretVersionsListEntry {
	s.t.Helper()
	out, err := s.secrets.ListSecretVersionIds(s.t.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: &id, IncludeDeprecated: new(true), MaxResults: new(int32(100))})
	s.must(err)
	return out.Versions
}

// madeSince counts the versions that were made from an instant on.
func (s *stage) madeSince(id string, t time.Time) (n int) {
	s.t.Helper()
	for _, v := range s.versions(id) {
		if !v.CreatedDate.Before(t.Truncate(time.Millisecond)) {
			n++
		}
	}
	return n
}

// labels are the staging labels of a secret by version, those without any left out.
func (s *stage) labels(id string) map[string][]string {
	s.t.Helper()
	out, err := s.secrets.DescribeSecret(s.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id})
	s.must(err)
	for _, labels := range out.VersionIdsToStages {
		slices.Sort(labels)
	}
	return out.VersionIdsToStages
}

// keeps checks that readers of reporting have had nothing but l, and that it logs in.
func (s *stage) keeps(l lease) {
	s.t.Helper()
	if now := s.read(s.reporting); !now.same(l) {
		s.t.Errorf("readers find version %s, want still %s", now.version, l.version)
	}
	if _, err := s.login(l); err != nil {
		s.t.Errorf("the last lease that worked, with %s of life left: %v", s.left(l), err)
	}
}

// healthy checks that readers of reporting have a lease with enough life that logs in, and that no rotation was left behind.
func (s *stage) healthy() {
	s.t.Helper()
	now := s.read(s.reporting)
	if _, err := s.login(now); err != nil {
		s.t.Errorf("readers find a lease that does not log in: %v", err)
	}
	if left := s.left(now); left < floor {
		s.t.Errorf("readers find a lease with %s of life left, want at least %s", left, floor)
	}
	for version, labels := range s.labels(s.reporting) {
		if slices.Contains(labels, "AWSPENDING") && version != now.version {
			s.t.Errorf("AWSPENDING was left on version %s %v; AWSCURRENT is %s", version, labels, now.version)
		}
	}
}

// healed checks that reporting is healthy with another lease than old.
func (s *stage) healed(old lease) {
	s.t.Helper()
	s.healthy()
	if s.read(s.reporting).same(old) {
		s.t.Errorf("readers still find version %s", old.version)
	}
}
