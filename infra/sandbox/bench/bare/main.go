// Command bare is a rotation function that makes the calls of rotate and nothing else: no check, no report, no
// care. Its speed is what the product's is compared with.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"
)

// The one login that all rotations mint.
const (
	cluster  = "examplecluster"
	database = "exampledb"
	user     = "temp_creds_user"
	group    = "example_group"
	bus      = "default"
)

type step struct{ Step, SecretId, ClientRequestToken string }

type value struct {
	Host     string `json:"host"`
	Port     int32  `json:"port"`
	Username string `json:"username"`
	Password string `json:"password"`
}

type rotation struct {
	secrets  *secretsmanager.Client
	redshift *redshift.Client
	events   *eventbridge.Client
}

func main() {
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: new(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
	r := rotation{secretsmanager.NewFromConfig(cfg), redshift.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)}
	lambda.StartHandlerFunc(func(ctx context.Context, s step) (struct{}, error) { return struct{}{}, r.take(ctx, s) })
}

func (r rotation) take(ctx context.Context, s step) error {
	about, err := r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretId})
	if err != nil {
		return err
	}
	switch s.Step {
	case "createSecret":
		return r.create(ctx, s)
	case "testSecret":
		return r.test(ctx, s)
	case "finishSecret":
		return r.finish(ctx, s, about.VersionIdsToStages)
	}
	return nil
}

func (r rotation) create(ctx context.Context, s step) error {
	found, err := r.redshift.DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: new(cluster)})
	if err != nil {
		return err
	}
	login, err := r.redshift.GetClusterCredentials(ctx, &redshift.GetClusterCredentialsInput{
		ClusterIdentifier: new(cluster), DbUser: new(user), DbName: new(database), DbGroups: []string{group}, DurationSeconds: new(int32(3600)),
	})
	if err != nil {
		return err
	}
	end := found.Clusters[0].Endpoint
	text, err := json.Marshal(value{*end.Address, *end.Port, *login.DbUser, *login.DbPassword})
	if err != nil {
		return err
	}
	_, err = r.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &s.SecretId, ClientRequestToken: &s.ClientRequestToken, SecretString: new(string(text)), VersionStages: []string{"AWSPENDING"},
	})
	return err
}

func (r rotation) read(ctx context.Context, s step) (v value, err error) {
	out, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.SecretId, VersionId: &s.ClientRequestToken})
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(*out.SecretString), &v)
}

func (r rotation) test(ctx context.Context, s step) error {
	v, err := r.read(ctx, s)
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig("host=localhost user=none password=none database=none sslmode=disable")
	if err != nil {
		return err
	}
	config.Host, config.Port, config.Database, config.User, config.Password = v.Host, uint16(v.Port), database, v.Username, v.Password
	config.TLSConfig = &tls.Config{ServerName: v.Host}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT usename, usesuper FROM pg_catalog.pg_user WHERE usename = current_user")
	return err
}

func (r rotation) finish(ctx context.Context, s step, stages map[string][]string) error {
	if _, err := r.read(ctx, s); err != nil {
		return err
	}
	var current string
	for version, labels := range stages {
		for _, label := range labels {
			if label == "AWSCURRENT" {
				current = version
			}
		}
	}
	if _, err := r.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.SecretId, VersionStage: new("AWSCURRENT"), MoveToVersionId: &s.ClientRequestToken, RemoveFromVersionId: &current,
	}); err != nil {
		return err
	}
	_, err := r.events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: new(bus), Source: new("bare"), DetailType: new("Rotated"), Detail: new(fmt.Sprintf(`{"secret":%q}`, s.SecretId)),
	}}})
	return err
}
