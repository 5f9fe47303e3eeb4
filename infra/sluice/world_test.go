package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/rds"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/secret"
)

// stageFile configures the stage that the tests work on.
const stageFile = "../config/sandbox.json"

// sandbox is the one world of this package's tests, with what a deployment of the stage would make and what runs behind it
// left out: nobody works on the queue. Records are written by the tests.
var sandbox = sync.OnceValues(func() (*world.World, error) {
	ctx := context.Background()
	state, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return nil, err
	}
	w, err := world.Start(ctx, world.Config{State: state, NodeModules: "../node_modules"})
	if err != nil {
		return nil, err
	}
	close = func() error { defer os.RemoveAll(state); return w.Close() }
	cfg := configured(w)
	_, err = dynamodb.NewFromConfig(cfg).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: new("sluice-sandbox"), BillingMode: dynamodbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: new("name"), AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
		KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: new("name"), KeyType: dynamodbtypes.KeyTypeHash}},
	})
	if err != nil {
		return nil, err
	}
	for _, queue := range []string{"sluice-sandbox-work", "sluice-sandbox-dead"} {
		if _, err := sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &queue}); err != nil {
			return nil, err
		}
	}
	if _, err := eventbridge.NewFromConfig(cfg).CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: new("sluice-sandbox")}); err != nil {
		return nil, err
	}
	for _, id := range []string{"orders-prod", "payroll"} {
		if err := w.RDS.AddInstance(ctx, rds.Instance{
			Identifier: id, Address: id + ".example.internal", Port: 5432, Database: "orders", Master: "master", MasterPassword: secret.New("of a master whom nobody asks"),
		}); err != nil {
			return nil, err
		}
	}
	return w, nil
})

// close ends the sandbox, if one was started.
var close = func() error { return nil }

func TestMain(m *testing.M) {
	code := m.Run()
	if err := close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func configured(w *world.World) aws.Config {
	return aws.Config{Region: awshttp.DefaultRegion, BaseEndpoint: new(w.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(w.Operator.AccessKeyID, w.Operator.SecretAccessKey.Reveal(), "")}
}

// start gives the test the environment that make sandbox writes, and no other way to AWS.
func start(t *testing.T) *world.World {
	t.Helper()
	w, err := sandbox()
	if err != nil {
		t.Fatal(err)
	}
	alone(t)
	variables, err := w.Environment()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		t.Setenv(v.Name, v.Value)
	}
	return w
}

// alone hides whatever the machine knows of AWS, and tries each call once.
func alone(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "SLUICE_CONFIG": stageFile,
		"AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": "",
	} {
		t.Setenv(name, value)
	}
}

// as makes the command's credentials those of a user with a policy.
func as(t *testing.T, key identity.Credentials) {
	t.Setenv("AWS_ACCESS_KEY_ID", key.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", key.SecretAccessKey.Reveal())
}

// run is one command line, with in as its standard input.
func run(t *testing.T, in string, arguments ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	patient := clock{time.Now, func(context.Context, time.Duration) error { return nil }}
	code = execute(t.Context(), arguments, strings.NewReader(in), &o, &e, patient)
	return o.String(), e.String(), code
}

// succeed is the output of a command line that must succeed.
func succeed(t *testing.T, in string, arguments ...string) string {
	t.Helper()
	out, errs, code := run(t, in, arguments...)
	if code != 0 || errs != "" {
		t.Fatalf("sluice %s ended with %d:\n%s%s", strings.Join(arguments, " "), code, out, errs)
	}
	return out
}

// says checks that a text has all parts in it.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// write makes a file of text.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// stage is the file of a stage that is the sandbox's, but for what is replaced.
func stage(t *testing.T, old, replacement string) string {
	t.Helper()
	text, err := os.ReadFile(stageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %s", stageFile, old)
	}
	return write(t, strings.ReplaceAll(string(text), old, replacement))
}

// keep writes records as provision would, and takes them out of the world again.
func keep(t *testing.T, w *world.World, records ...federation.Record) {
	t.Helper()
	db := dynamodb.NewFromConfig(configured(w))
	for _, r := range records {
		if _, err := store(provision(t), configured(w)).Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, err := db.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{
				TableName: new("sluice-sandbox"), Key: map[string]dynamodbtypes.AttributeValue{"name": &dynamodbtypes.AttributeValueMemberS{Value: "federation#" + r.Name}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

var since = time.Date(2031, 5, 4, 10, 20, 30, 0, time.UTC)

// ordersRecord is a federation that is ready, with all that can be made.
func ordersRecord(t *testing.T) federation.Record {
	t.Helper()
	w, err := federation.Decode([]byte(orders))
	if err != nil {
		t.Fatal(err)
	}
	n := federation.Configure(provision(t)).Namer
	return federation.Record{
		Name: w.Name, Wanted: w, WantedAt: since.Add(-time.Minute), Origin: federation.ByRequest, Generation: 2, Phase: federation.Ready, Since: since, Proved: since, IAMChanged: since.Add(-time.Minute),
		Made: federation.Made{
			Begun: true, SchemaReady: true, LoginReady: true, Schema: w.Schema, Role: n.Role(w), RoleARN: n.RoleARN(n.Role(w)), SecretName: n.Secret(w), Login: n.Login(w),
			Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:" + n.Secret(w) + "-AbCdEf",
			Grants: w.GrantUsageTo, Ingress: true, Groups: []string{"sg-orders"},
		},
	}
}

// orders is a wanted document.
const orders = `{
	"name": "orders", "warehouse": "analytics", "source": {"engine": "postgres", "instance": "orders-prod", "database": "orders"},
	"schema": "orders_live", "grantUsageTo": ["group:analysts", "role:bi"], "manageIngress": true
}`
