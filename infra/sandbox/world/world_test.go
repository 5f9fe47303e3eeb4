package world_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/secret"
)

// start starts a world that ends with the test.
func start(t *testing.T, assembly string) *world.World {
	t.Helper()
	w, err := world.Start(t.Context(), world.Config{Assembly: assembly, State: t.TempDir(), NodeModules: "../../node_modules"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// configured is how AWS's clients reach w as the operator.
func configured(w *world.World) aws.Config {
	key := w.Operator
	return aws.Config{Region: awshttp.DefaultRegion, BaseEndpoint: aws.String(w.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey.Reveal(), "")}
}

// login opens a session of the warehouse, over verified TLS.
func login(ctx context.Context, w *world.World, user string, password secret.Value) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=verify-full", w.Warehouse.Host(), w.Warehouse.Port(), world.Database))
	if err != nil {
		return nil, err
	}
	config.User, config.Password = user, password.Reveal()
	config.TLSConfig.RootCAs = x509.NewCertPool()
	config.TLSConfig.RootCAs.AppendCertsFromPEM(w.Authority.PEM())
	return pgx.ConnectConfig(ctx, config)
}

func count(t *testing.T, conn *pgx.Conn, table string) (n int, err error) {
	t.Helper()
	err = conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
	return n, err
}

func TestReadyMadeWorld(t *testing.T) {
	t.Setenv("PGSSLROOTCERT", "") // a shell that uses a running sandbox has that sandbox's
	w := start(t, "")
	client := redshift.NewFromConfig(configured(w))
	for _, tc := range []struct {
		name   string
		groups []string
		sales  bool // may be read
	}{
		{"without a group", nil, false},
		{"in the group", []string{world.Group}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := client.GetClusterCredentials(t.Context(), &redshift.GetClusterCredentialsInput{
				ClusterIdentifier: new(world.Cluster), DbUser: new(world.User), DbName: new(world.Database), DbGroups: tc.groups})
			if err != nil {
				t.Fatal(err)
			}
			password := secret.New(*out.DbPassword)
			if !slices.ContainsFunc(w.Minted(), func(v secret.Value) bool { return v.Reveal() == password.Reveal() }) {
				t.Error("Minted() does not have the password")
			}
			conn, err := login(t.Context(), w, *out.DbUser, password)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if n, err := count(t, conn, "venue"); err != nil || n == 0 {
				t.Errorf("venue has %d rows, %v", n, err)
			}
			if n, err := count(t, conn, "sales"); (err == nil) != tc.sales || tc.sales && n == 0 {
				t.Errorf("sales has %d rows, %v; may be read: %t", n, err, tc.sales)
			}
		})
	}
}

func TestOperatorMayAssumeTheApplicationsRole(t *testing.T) {
	w := start(t, "")
	about, err := w.Control().World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config := configured(w)
	out, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &about.Roles[0], RoleSessionName: new("test")})
	if err != nil {
		t.Fatal(err)
	}
	config.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	if _, err := secretsmanager.NewFromConfig(config).ListSecrets(t.Context(), nil); err == nil {
		t.Error("the application may list secrets; it has no policy that says so")
	}
}

func TestDescriptionHoldsNoSecret(t *testing.T) {
	w := start(t, "")
	about, err := w.Control().World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", about); strings.Contains(text, w.Operator.SecretAccessKey.Reveal()) {
		t.Error("World() shows the operator's secret key")
	}
	if about.Endpoint != w.Endpoint() || about.Port != w.Warehouse.Port() || about.Cluster != world.Cluster {
		t.Errorf("World() = %+v", about)
	}
}

func TestClose(t *testing.T) {
	state := t.TempDir()
	w, err := world.Start(t.Context(), world.Config{State: state, NodeModules: "../../node_modules"})
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(w.Endpoint(), "http://")
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(state, "ca.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the certificate is still there: %v", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	listener.Close()
}

func TestPortsThatAreTaken(t *testing.T) {
	port := take(t)
	for _, first := range []int{port, port - 1, port - 2} { // AWS's endpoint, and cluster and workgroup beside it
		_, err := world.Start(t.Context(), world.Config{Port: first, State: t.TempDir(), NodeModules: "../../node_modules"})
		refused, ok := errors.AsType[*world.PortError](err)
		if !ok || refused.Port != port || !strings.Contains(err.Error(), "SANDBOX_PORT") {
			t.Errorf("Start() with port %d = %v; want that %d is taken, and the remedy", first, err, port)
		}
	}
}

// take listens on a port, until the test ends, and returns it. The two before it are free, and stay so: systems give out none
// below 32768 by themselves.
func take(t *testing.T) int {
	t.Helper()
	for port := 20_000 + os.Getpid()%10_000; port < 32_000; port += 3 {
		var all []net.Listener
		for i := range 3 {
			if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+i)); err == nil {
				all = append(all, l)
			}
		}
		free := len(all) == 3
		for i, l := range all {
			if free && i == 2 {
				t.Cleanup(func() { _ = l.Close() })
				return port + i
			}
			_ = l.Close()
		}
	}
	t.Fatal("no three ports in a row are free")
	return 0
}

func TestWrongAssemblyStopsTheStart(t *testing.T) {
	folder := assembly(t, `{"Resources": {"Table": {"Type": "AWS::DynamoDB::Table"}}}`)
	_, err := world.Start(t.Context(), world.Config{Assembly: folder, State: t.TempDir(), NodeModules: "../../node_modules"})
	if err == nil || !strings.Contains(err.Error(), "test/Table") {
		t.Errorf("Start() = %v, want a refusal of test/Table", err)
	}
}

func TestCancelledStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := world.Start(ctx, world.Config{State: t.TempDir(), NodeModules: "../../node_modules"}); err == nil {
		t.Errorf("Start() with a context that has ended succeeds: %v", errors.Join(nil, w.Close()))
	}
}

// deployed is a stack with a function that a schedule starts every five minutes and that a rule on the stack's bus starts too.
const deployed = `{"Resources": {
	"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
		{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}},
	"Start": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "start", "Roles": [{"Ref": "Role"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": {
		"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": {"Fn::GetAtt": ["Echo", "Arn"]}}}}},
	"Echo": {"Type": "AWS::Lambda::Function", "Properties": {
		"Code": {"S3Bucket": {"Fn::Sub": "assets-${AWS::AccountId}"}, "S3Key": "echo.zip"}, "Handler": "bootstrap", "Runtime": "provided.al2023",
		"Architectures": ["ARCHITECTURE"], "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Timeout": 10}},
	"Tick": {"Type": "AWS::Scheduler::Schedule", "DependsOn": "Start", "Properties": {
		"ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": {"Mode": "OFF"},
		"Target": {"Arn": {"Fn::GetAtt": ["Echo", "Arn"]}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Input": "{\"Do\": \"print\", \"Text\": \"tick\\n\"}"}}},
	"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "own"}},
	"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": {"Ref": "Bus"}, "EventPattern": {"source": ["test"]},
		"Targets": [{"Id": "echo", "Arn": {"Fn::GetAtt": ["Echo", "Arn"]}, "Input": "{\"Do\": \"print\", \"Text\": \"event\\n\"}"}]}},
	"FromRule": {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "Echo"},
		"Principal": "events.amazonaws.com", "SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}}
}, "Outputs": {"Name": {"Value": {"Ref": "Echo"}}}}`

func TestDeployedFunctionIsStarted(t *testing.T) {
	architecture := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	folder := assembly(t, strings.ReplaceAll(deployed, "ARCHITECTURE", architecture))
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(folder, "asset.echo", "bootstrap"), "../lambda/internal/echo")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	w := start(t, folder)
	before := w.AWS.Calls().Last()
	if err := w.Deploy(t.Context(), folder); err != nil || len(w.AWS.Calls().List(awshttp.Filter{After: before, Principal: "arn:aws:sts::111122223333:assumed-role/cdk-hnb659fds-cfn-exec-role-111122223333-us-east-1/AWSCloudFormation"})) > 0 {
		t.Errorf("Deploy() of the same assembly = %v, and it called something", err)
	}
	function := w.Deployer.Outputs()[0].Value
	if _, err := w.Control().Advance(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	operator := awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/operator", Account: awshttp.Account}
	event := map[string]any{"EventBusName": "own", "Source": "test", "DetailType": "Test", "Detail": "{}"}
	if _, err := w.AWS.Do(t.Context(), operator, "events", "PutEvents", map[string]any{"Entries": []any{event}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Control().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, err := w.Control().Logs(t.Context(), function)
	if err != nil {
		t.Fatal(err)
	}
	var printed []string
	for _, line := range lines {
		if line == "tick" || line == "event" {
			printed = append(printed, line)
		}
	}
	// A rate counts from the schedule's making: the first tick is at once.
	if want := []string{"tick", "tick", "tick", "event"}; !slices.Equal(printed, want) {
		t.Errorf("the function printed %v, want %v; its log: %q", printed, want, lines)
	}
	if put, err := w.Control().Events(t.Context(), "own"); err != nil || len(put) != 1 || !strings.Contains(string(put[0].Event), `"Test"`) {
		t.Errorf("Events() = %s, %v", put, err)
	}
	if err := w.Deployer.Delete(t.Context()); err != nil || len(w.Deployer.Resources()) > 0 {
		t.Errorf("Delete() = %v, left %v", err, w.Deployer.Resources())
	}
}

// assembly writes a cloud assembly of one stack, "test", with one asset, "echo.zip".
func assembly(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]any{
		"manifest.json": map[string]any{"artifacts": map[string]any{
			"test":        map[string]any{"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": map[string]any{"templateFile": "test.json"}},
			"test.assets": map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": "assets.json"}}}},
		"assets.json": map[string]any{"files": map[string]any{"echo": map[string]any{
			"source": map[string]any{"path": "asset.echo", "packaging": "zip"}, "destinations": map[string]any{"here": map[string]any{"objectKey": "echo.zip"}}}}},
		"test.json": json.RawMessage(text),
	} {
		b, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
