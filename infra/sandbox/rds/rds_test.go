package rds_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/rds"
	"github.com/sluicehq/sluice/shared/secret"
)

const (
	identifier = "orders-prod"
	arn        = "arn:aws:rds:us-east-1:111122223333:db:orders-prod"
)

// A world is RDS with one instance. It is the policies, which let everybody do everything except what it lists, the bus,
// and the keeper of secrets too.
type world struct {
	*api.Client
	service *rds.Service
	deny    string // "action resource"
	asked   []awshttp.Access
	events  []event
	secrets map[string]secret.Value
	status  []string
}

type event struct {
	source, detailType, resource string
	detail                       map[string]any
}

func (w *world) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret", awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: awshttp.Account}, nil
}

func (w *world) Authorize(by awshttp.Principal, a awshttp.Access) error {
	w.asked = append(w.asked, a)
	if a.Action+" "+a.Resource == w.deny {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: by.String() + " may not " + a.Action}
	}
	return nil
}

func (w *world) Publish(_ context.Context, source, detailType string, detail []byte, resources ...string) {
	e := event{source: source, detailType: detailType, resource: strings.Join(resources, " ")}
	if err := json.Unmarshal(detail, &e.detail); err != nil {
		panic(err)
	}
	w.events = append(w.events, e)
}

func (w *world) AddManaged(owner, name string, value secret.Value, tags map[string]string) (string, error) {
	if owner != "rds" || !strings.HasPrefix(name, "rds!db-") || tags["aws:rds:primaryDBInstanceArn"] == "" {
		return "", fmt.Errorf("secret %s of %s with tags %v", name, owner, tags)
	}
	w.secrets["arn:"+name] = value
	return "arn:" + name, nil
}

func (w *world) PutManaged(arn string, value secret.Value) error {
	w.secrets[arn] = value
	return nil
}

func (w *world) RemoveManaged(arn string) error {
	delete(w.secrets, arn)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{secrets: map[string]secret.Value{}}
	now := clock.New(t.Context())
	w.service = rds.New(rds.Config{Clock: now, Publish: w, Secrets: w, StatusChanged: func(id, status string) { w.status = append(w.status, id+" "+status) }})
	w.add(t, rds.Instance{Identifier: "Orders-Prod", Address: "localhost", Port: 5433, Database: "orders", Master: "boss", MasterPassword: secret.New("s3cret"),
		VPC: "vpc-1", SecurityGroups: []string{"sg-1", "sg-2"}, Tags: map[string]string{"team": "orders"}})
	front := awshttp.New(awshttp.Config{Clock: now, Caller: w, Authorizer: w})
	front.Register(w.service.AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	w.Client = api.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &web.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		// The SDK's HTTP client may lose an answer that comes before its own request is quite done; see redshift's tests.
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff, o.MaxAttempts = retry.BackoffDelayerFunc(nil), 1
			})
		}})
	return w
}

func (w *world) add(t *testing.T, i rds.Instance) {
	t.Helper()
	if err := w.service.AddInstance(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

// coded wants an error with that code whose message contains text.
func coded(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("error %v; want %s with %q", err, code, text)
	}
}

func (w *world) describe(t *testing.T) types.DBInstance {
	t.Helper()
	out, err := w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{DBInstanceIdentifier: new(identifier)})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.DBInstances) != 1 {
		t.Fatalf("%d instances; want 1", len(out.DBInstances))
	}
	return out.DBInstances[0]
}

func TestDescribeDBInstances(t *testing.T) {
	w := newWorld(t)
	i := w.describe(t)
	for _, m := range []struct{ name, got, want string }{
		{"DBInstanceIdentifier", *i.DBInstanceIdentifier, identifier},
		{"DBInstanceArn", *i.DBInstanceArn, arn},
		{"Engine", *i.Engine + " " + *i.EngineVersion, "postgres 15.7"},
		{"DBInstanceStatus", *i.DBInstanceStatus, "available"},
		{"Endpoint", fmt.Sprint(*i.Endpoint.Address, *i.Endpoint.Port, *i.Endpoint.HostedZoneId), "localhost5433Z2R2ITUGPM61AM"},
		{"DBName", *i.DBName, "orders"},
		{"MasterUsername", *i.MasterUsername, "boss"},
		{"SecretStatus", *i.MasterUserSecret.SecretStatus, "active"},
		{"VpcSecurityGroups", *i.VpcSecurityGroups[1].VpcSecurityGroupId + " " + *i.VpcSecurityGroups[1].Status, "sg-2 active"},
		{"VpcId", *i.DBSubnetGroup.VpcId, "vpc-1"},
		{"TagList", *i.TagList[0].Key + "=" + *i.TagList[0].Value, "team=orders"},
		{"public, encrypted", fmt.Sprint(*i.PubliclyAccessible, *i.StorageEncrypted), "false true"},
		{"CACertificateIdentifier", *i.CACertificateIdentifier, "rds-ca-rsa2048-g1"},
	} {
		if m.got != m.want {
			t.Errorf("%s = %q; want %q", m.name, m.got, m.want)
		}
	}
	if id := *i.DbiResourceId; !strings.HasPrefix(id, "db-") || len(id) != 29 {
		t.Errorf("DbiResourceId = %q", id)
	}
	if key := *i.MasterUserSecret.KmsKeyId; !strings.HasPrefix(key, "arn:aws:kms:us-east-1:111122223333:key/") {
		t.Errorf("KmsKeyId = %q", key)
	}
	if got := w.secrets[*i.MasterUserSecret.SecretArn].Reveal(); got != `{"password":"s3cret","username":"boss"}` {
		t.Errorf("the secret holds %q", got)
	}
	if got := w.asked[0]; got.Action != "rds:DescribeDBInstances" || got.Resource != arn || !slices.Equal(got.Context["aws:ResourceTag/team"], []string{"orders"}) {
		t.Errorf("asked %+v", got)
	}
	byARN, err := w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{DBInstanceIdentifier: new(arn)})
	if err != nil || len(byARN.DBInstances) != 1 {
		t.Errorf("by ARN: %+v, %v", byARN, err)
	}
	_, err = w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{DBInstanceIdentifier: new("gone")})
	if missing, ok := errors.AsType[*types.DBInstanceNotFoundFault](err); !ok || missing.ErrorMessage() != "DBInstance gone not found." {
		t.Errorf("error %v; want DBInstanceNotFoundFault", err)
	}
	w.deny = "rds:DescribeDBInstances arn:aws:rds:us-east-1:111122223333:db:*"
	_, err = w.DescribeDBInstances(t.Context(), nil)
	coded(t, err, "AccessDenied", "may not rds:DescribeDBInstances")
}

func TestInstanceWithoutEndpointOrSecret(t *testing.T) {
	w := newWorld(t)
	w.add(t, rds.Instance{Identifier: "plain", Master: "boss", Status: rds.Creating, Unencrypted: true})
	out, err := w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{DBInstanceIdentifier: new("plain")})
	if err != nil {
		t.Fatal(err)
	}
	if i := out.DBInstances[0]; i.Endpoint != nil || i.MasterUserSecret != nil || i.DBName != nil || *i.StorageEncrypted || *i.DBInstanceStatus != "creating" {
		t.Errorf("instance %+v", i)
	}
	if err := w.service.SetEndpoint("plain", "localhost", 7); err != nil {
		t.Fatal(err)
	}
	if i, ok := w.service.At("LOCALHOST", 7); !ok || i.Identifier != "plain" {
		t.Errorf("At() = %+v, %t", i, ok)
	}
	if err := w.service.SetSecurityGroups("plain", "sg-9"); err != nil {
		t.Fatal(err)
	}
	if i, _ := w.service.Instance("plain"); !slices.Equal(i.SecurityGroups, []string{"sg-9"}) {
		t.Errorf("groups %v", i.SecurityGroups)
	}
}

func TestPagesAndFilters(t *testing.T) {
	w := newWorld(t)
	for n := range 30 {
		w.add(t, rds.Instance{Identifier: fmt.Sprintf("x-%02d", n), Master: "boss", Engine: "mysql", Version: "8.0.36"})
	}
	pages := api.NewDescribeDBInstancesPaginator(w.Client, &api.DescribeDBInstancesInput{MaxRecords: aws.Int32(20)})
	var sizes []int
	seen := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.DBInstances))
		for _, i := range page.DBInstances {
			seen[*i.DBInstanceIdentifier] = true
		}
	}
	if !slices.Equal(sizes, []int{20, 11}) || len(seen) != 31 {
		t.Errorf("pages of %v with %d different instances; want 20 and 11 with 31", sizes, len(seen))
	}
	out, err := w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{Filters: []types.Filter{{Name: new("engine"), Values: []string{"postgres"}}}})
	if err != nil || len(out.DBInstances) != 1 {
		t.Errorf("filter by engine: %d instances, %v", len(out.DBInstances), err)
	}
	_, err = w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{Filters: []types.Filter{{Name: new("domain"), Values: []string{"x"}}}})
	coded(t, err, "InvalidParameterValue", "domain")
	_, err = w.DescribeDBInstances(t.Context(), &api.DescribeDBInstancesInput{MaxRecords: aws.Int32(5)})
	coded(t, err, "InvalidParameterValue", "between 20 and 100")
}

func TestDescribeDBClusters(t *testing.T) {
	w := newWorld(t)
	out, err := w.DescribeDBClusters(t.Context(), nil)
	if err != nil || len(out.DBClusters) != 0 {
		t.Errorf("%+v, %v; want none", out, err)
	}
	_, err = w.DescribeDBClusters(t.Context(), &api.DescribeDBClustersInput{DBClusterIdentifier: new("aurora")})
	if missing, ok := errors.AsType[*types.DBClusterNotFoundFault](err); !ok || missing.ErrorMessage() != "DBCluster aurora not found." {
		t.Errorf("error %v; want DBClusterNotFoundFault", err)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	if _, err := w.AddTagsToResource(t.Context(), &api.AddTagsToResourceInput{ResourceName: new(arn),
		Tags: []types.Tag{{Key: new("sluice:federation"), Value: new("orders")}, {Key: new("empty")}}}); err != nil {
		t.Fatal(err)
	}
	asked := w.asked[len(w.asked)-1]
	if asked.Action != "rds:AddTagsToResource" || asked.Resource != arn || !slices.Equal(asked.Context["aws:RequestTag/sluice:federation"], []string{"orders"}) ||
		!slices.Equal(asked.Context["aws:TagKeys"], []string{"sluice:federation", "empty"}) {
		t.Errorf("asked %+v", asked)
	}
	if _, err := w.RemoveTagsFromResource(t.Context(), &api.RemoveTagsFromResourceInput{ResourceName: new(arn), TagKeys: []string{"team", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := w.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceName: new(arn)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tag := range out.TagList {
		got = append(got, *tag.Key+"="+*tag.Value)
	}
	if want := []string{"empty=", "sluice:federation=orders"}; !slices.Equal(got, want) {
		t.Errorf("tags %q; want %q", got, want)
	}
	_, err = w.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceName: new(arn + "x")})
	coded(t, err, "DBInstanceNotFound", "orders-prodx")
	_, err = w.ListTagsForResource(t.Context(), &api.ListTagsForResourceInput{ResourceName: new("arn:aws:rds:us-east-1:111122223333:cluster:c")})
	coded(t, err, "InvalidParameterValue", "cluster:c")
	_, err = w.AddTagsToResource(t.Context(), &api.AddTagsToResourceInput{ResourceName: new(arn), Tags: []types.Tag{{Key: new("aws:x"), Value: new("y")}}})
	coded(t, err, "InvalidParameterValue", "aws:x")
}

// TestEvents goes through the life of an instance.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	for _, status := range []string{"stopping", "stopped", "stopped", "starting", "available", "modifying", "available"} {
		if err := w.service.SetStatus(t.Context(), identifier, status); err != nil {
			t.Fatal(err)
		}
	}
	kept := *w.describe(t).MasterUserSecret.SecretArn
	if err := w.service.SetMasterPassword(identifier, secret.New("next")); err != nil {
		t.Fatal(err)
	}
	if got := w.secrets[kept].Reveal(); !strings.Contains(got, `"next"`) {
		t.Error("the new password is not in the secret")
	}
	if err := w.service.RemoveInstance(t.Context(), identifier); err != nil {
		t.Fatal(err)
	}
	if len(w.secrets) != 0 {
		t.Error("the secret outlives its instance")
	}
	var ids []string
	for _, e := range w.events {
		ids = append(ids, e.detail["EventID"].(string))
		tags, _ := e.detail["Tags"].(map[string]any)
		if e.source != "aws.rds" || e.detailType != "RDS DB Instance Event" || e.resource != arn || e.detail["SourceArn"] != arn ||
			e.detail["SourceIdentifier"] != identifier || e.detail["SourceType"] != "DB_INSTANCE" || tags["team"] != "orders" {
			t.Errorf("event %+v", e)
		}
	}
	if want := []string{"RDS-EVENT-0005", "RDS-EVENT-0087", "RDS-EVENT-0088", "RDS-EVENT-0003"}; !slices.Equal(ids, want) {
		t.Errorf("events %q; want %q", ids, want)
	}
	if len(w.status) != 7 || w.status[1] != "orders-prod stopped" {
		t.Errorf("told of %q", w.status)
	}
	for name, err := range map[string]error{
		"remove":   w.service.RemoveInstance(t.Context(), identifier),
		"status":   w.service.SetStatus(t.Context(), identifier, "available"),
		"endpoint": w.service.SetEndpoint(identifier, "", 0),
		"password": w.service.SetMasterPassword(identifier, secret.New("x")),
		"no name":  w.service.AddInstance(t.Context(), rds.Instance{Master: "boss"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestSameNameIsAnotherInstance shows that an instance of the same name has another resource ID.
func TestSameNameIsAnotherInstance(t *testing.T) {
	w := newWorld(t)
	before := *w.describe(t).DbiResourceId
	if err := w.service.AddInstance(t.Context(), rds.Instance{Identifier: identifier, Master: "boss"}); err == nil {
		t.Error("an instance is added twice")
	}
	if err := w.service.RemoveInstance(t.Context(), identifier); err != nil {
		t.Fatal(err)
	}
	w.add(t, rds.Instance{Identifier: identifier, Master: "boss"})
	if after := *w.describe(t).DbiResourceId; after == before {
		t.Errorf("both instances are %s", after)
	}
}
