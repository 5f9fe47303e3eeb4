package world_test

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// TestSource goes the way of somebody who wants to read a source: find it, open the network, take the secret, log in.
func TestSource(t *testing.T) {
	t.Setenv("PGSSLROOTCERT", "") // a shell that uses a running sandbox has that sandbox's
	w := start(t, "")
	made, err := w.AddSource(t.Context(), world.Source{Identifier: "orders-prod", Database: "orders", Managed: true,
		Tags: map[string]string{"team": "orders"}, GroupTags: map[string]string{"open": "yes"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := rds.NewFromConfig(configured(w)).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: new("orders-prod")})
	if err != nil {
		t.Fatal(err)
	}
	i := out.DBInstances[0]
	host, port, group := *i.Endpoint.Address, int(*i.Endpoint.Port), *i.VpcSecurityGroups[0].VpcSecurityGroupId

	reaches := func() bool { return w.EC2.Reachable(w.Redshift.SecurityGroups(world.Cluster), []string{group}, port) }
	if reaches() {
		t.Error("the cluster reaches the source before anybody opened the way")
	}
	if _, err := ec2.NewFromConfig(configured(w)).AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group,
		IpPermissions: []ec2types.IpPermission{{IpProtocol: new("tcp"), FromPort: i.Endpoint.Port, ToPort: i.Endpoint.Port,
			UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: new(world.ClusterGroup)}}}}}); err != nil {
		t.Fatal(err)
	}
	if !reaches() {
		t.Error("the cluster does not reach the source")
	}

	enter := func() error {
		value, err := secretsmanager.NewFromConfig(configured(w)).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: i.MasterUserSecret.SecretArn})
		if err != nil {
			return err
		}
		var login struct{ Username, Password string }
		if err := json.Unmarshal([]byte(*value.SecretString), &login); err != nil {
			return err
		}
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=verify-full", host, port, *i.DBName))
		if err != nil {
			return err
		}
		config.User, config.Password = login.Username, login.Password
		config.TLSConfig.RootCAs = x509.NewCertPool()
		config.TLSConfig.RootCAs.AppendCertsFromPEM(w.Authority.PEM())
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			return err
		}
		return conn.Close(t.Context())
	}
	if err := enter(); err != nil {
		t.Error(err)
	}
	if err := w.RotateMaster(t.Context(), "orders-prod"); err != nil {
		t.Fatal(err)
	}
	if err := enter(); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	for _, tc := range []struct {
		status string
		enters bool
	}{{"stopped", false}, {"available", true}} {
		if err := w.RDS.SetStatus(t.Context(), "orders-prod", tc.status); err != nil {
			t.Fatal(err)
		}
		if err := enter(); (err == nil) != tc.enters {
			t.Errorf("login while the instance is %s: %v", tc.status, err)
		}
	}
	if err := w.RemoveSource(t.Context(), "orders-prod"); err != nil {
		t.Fatal(err)
	}
	if err := enter(); err == nil {
		t.Error("the secret of a deleted instance is still there")
	}
	if _, err := w.Sources.At(made.Port()); err == nil {
		t.Error("the database of a deleted instance is still there")
	}
	events, err := w.Control().Events(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		var seen struct {
			Resources []string
			Detail    struct {
				EventID string
				Tags    map[string]string
			}
		}
		if err := json.Unmarshal(e.Event, &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Detail.EventID != "" && seen.Detail.Tags["team"] == "orders" && len(seen.Resources) == 1 {
			ids = append(ids, seen.Detail.EventID)
		}
	}
	if got, want := strings.Join(ids, " "), "RDS-EVENT-0005 RDS-EVENT-0087 RDS-EVENT-0088 RDS-EVENT-0003"; got != want {
		t.Errorf("events %s; want %s", got, want)
	}
}
