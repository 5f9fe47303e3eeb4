package world_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/secret"
)

// connect opens a session at one of the world's addresses, where clients expect the name server.
func connect(ctx context.Context, w *world.World, at *warehouse.Endpoint, server, user string, password secret.Value) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=localhost port=%d dbname=%s sslmode=verify-full", at.Port(), world.Database))
	if err != nil {
		return nil, err
	}
	config.User, config.Password = user, password.Reveal()
	config.TLSConfig.ServerName = server
	config.TLSConfig.RootCAs = x509.NewCertPool()
	config.TLSConfig.RootCAs.AppendCertsFromPEM(w.Authority.PEM())
	return pgx.ConnectConfig(ctx, config)
}

// assumed is the configuration of clients in a session of the application's role, which may then do what the policy says.
func assumed(t *testing.T, w *world.World, policy string) aws.Config {
	t.Helper()
	config := configured(w)
	about, err := w.Control().World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	role := about.Roles[0][strings.LastIndex(about.Roles[0], "/")+1:]
	if _, err := iam.NewFromConfig(config).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: new("test"), PolicyDocument: &policy}); err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &about.Roles[0], RoleSessionName: new("test")})
	if err != nil {
		t.Fatal(err)
	}
	config.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return config
}

// Cluster and workgroup have the same databases, and each has logins of its own.
func TestReadyMadeWorkgroup(t *testing.T) {
	t.Setenv("PGSSLROOTCERT", "")
	w := start(t, "")
	about, err := redshiftserverless.NewFromConfig(configured(w)).GetWorkgroup(t.Context(), &redshiftserverless.GetWorkgroupInput{WorkgroupName: new(world.Workgroup)})
	if err != nil {
		t.Fatal(err)
	}
	if g := about.Workgroup; *g.NamespaceName != world.Namespace || *g.Endpoint.Address != world.Host || int(*g.Endpoint.Port) != w.Workgroup.Port() {
		t.Errorf("GetWorkgroup() = %+v", g)
	}
	if is, err := w.Control().World(t.Context()); err != nil || is.Workgroup.Name != world.Workgroup || is.Workgroup.Port != w.Workgroup.Port() || is.Workgroup.Port == is.Port {
		t.Errorf("World() = %+v, %v", is, err)
	}
	config := assumed(t, w, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "redshift-serverless:GetCredentials", "Resource": "`+*about.Workgroup.WorkgroupArn+`"},
		{"Effect": "Allow", "Action": "redshift:GetClusterCredentialsWithIAM", "Resource": "arn:aws:redshift:us-east-1:111122223333:dbname:examplecluster/exampledb"}]}`)
	serverless, err := redshiftserverless.NewFromConfig(config).GetCredentials(t.Context(), &redshiftserverless.GetCredentialsInput{
		WorkgroupName: new(world.Workgroup), DbName: new(world.Database)})
	if err != nil {
		t.Fatal(err)
	}
	provisioned, err := redshift.NewFromConfig(config).GetClusterCredentialsWithIAM(t.Context(), &redshift.GetClusterCredentialsWithIAMInput{
		ClusterIdentifier: new(world.Cluster), DbName: new(world.Database)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name           string
		user, password string
		own, other     *warehouse.Endpoint
	}{
		{"of the workgroup", *serverless.DbUser, *serverless.DbPassword, w.Workgroup, w.Warehouse},
		{"of the cluster", *provisioned.DbUser, *provisioned.DbPassword, w.Warehouse, w.Workgroup},
	} {
		t.Run(tc.name, func(t *testing.T) {
			password := secret.New(tc.password)
			if !slices.ContainsFunc(w.Minted(), func(v secret.Value) bool { return v.Reveal() == tc.password }) {
				t.Error("Minted() does not have the password")
			}
			conn, err := connect(t.Context(), w, tc.own, world.Host, tc.user, password)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var user string
			if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != "IAMR:reporting-app" {
				t.Errorf("logged in as %q, %v", user, err)
			}
			if n, err := count(t, conn, "venue"); err != nil || n == 0 {
				t.Errorf("venue has %d rows, %v", n, err)
			}
			if _, err := connect(t.Context(), w, tc.other, world.Host, tc.user, password); err == nil || !strings.Contains(err.Error(), "password authentication failed") {
				t.Errorf("login at the other address: %v", err)
			}
		})
	}
}

// Certificates hold for the names that they were asked for, at both addresses.
func TestCertifyHosts(t *testing.T) {
	t.Setenv("PGSSLROOTCERT", "")
	w := start(t, "")
	if err := w.CertifyHosts("dw.example.com"); err != nil {
		t.Fatal(err)
	}
	for _, at := range []*warehouse.Endpoint{w.Warehouse, w.Workgroup} {
		for name, want := range map[string]string{"dw.example.com": "password authentication failed", world.Host: "password authentication failed", "other.example.com": "not other.example.com"} {
			_, err := connect(t.Context(), w, at, name, "IAM:nobody", secret.New("wrong"))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("a client that expects %s: %v; want %q", name, err, want)
			}
		}
	}
}
