package awshttp_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var alice = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: awshttp.Account, UserID: "AIDAEXAMPLE"}

// world is a server with one caller, alice, who may do everything that is not on her list.
type world struct {
	*awshttp.Server
	clock *clock.Clock
	url   string
	deny  []string // actions
	token string   // session token that alice's key needs
	store cells
}

// cells are what the services store. A lock is needed because a lost connection tells the test nothing.
type cells struct {
	mu   sync.Mutex
	kept map[string]string
}

func (c *cells) get(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[name]
}

func (c *cells) set(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]string{}
	}
	c.kept[name] = value
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.New(t.Context())}
	w.Server = awshttp.New(awshttp.Config{Clock: w.clock, Caller: w, Authorizer: w})
	w.Register(w.secrets(), w.warehouse(), w.schedules())
	front := httptest.NewServer(w)
	t.Cleanup(front.Close)
	w.url = front.URL
	return w
}

func (w *world) Lookup(key, token string) (string, awshttp.Principal, error) {
	if key != accessKey {
		return "", awshttp.Principal{}, &awshttp.Error{Status: 403, Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	}
	if token != w.token {
		return "", awshttp.Principal{}, &awshttp.Error{Status: 403, Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	}
	return secretKey, alice, nil
}

func (w *world) Authorize(p awshttp.Principal, a awshttp.Access) error {
	if slices.Contains(w.deny, a.Action) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "User: " + p.String() + " is not authorized to perform: " + a.Action}
	}
	return nil
}

// config is an SDK configuration for alice that does not retry.
func (w *world) config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &w.url,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, w.token),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// withRetries is config for a client that tries three times, without waiting.
func (w *world) withRetries() aws.Config {
	c := w.config()
	c.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
	return c
}

// secrets plays a JSON service with two operations.
func (w *world) secrets() awshttp.Service {
	return awshttp.Service{
		Name: "secretsmanager", Protocol: awshttp.JSON, Target: "secretsmanager",
		Internal: "InternalServiceError", Invalid: "InvalidParameterException",
		Operations: map[string]awshttp.Operation{
			"PutSecretValue": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct {
					SecretId           string `aws:"required"`
					ClientRequestToken string
					SecretString       *string `aws:"required"`
					SecretBinary       []byte
					VersionStages      []string
				}
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				if err := c.Authorize(awshttp.Access{Action: "secretsmanager:PutSecretValue", Resource: in.SecretId}); err != nil {
					return nil, err
				}
				w.store.set(in.SecretId, *in.SecretString)
				return struct {
					Name          string
					VersionStages []string
				}{in.SecretId, in.VersionStages}, nil
			},
			"DescribeSecret": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct{ SecretId string }
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				if w.store.get(in.SecretId) == "" {
					return nil, &awshttp.Error{Code: "ResourceNotFoundException", Message: "Secrets Manager can't find the specified secret."}
				}
				return struct {
					ARN         *string
					CreatedDate time.Time
					DeletedDate time.Time
					Tags        []struct{ Key, Value string }
				}{new(in.SecretId), noon, time.Time{}, []struct{ Key, Value string }{{"a", "b"}}}, nil
			},
		},
	}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 250e6, time.UTC)

type cluster struct {
	ClusterIdentifier string
	NumberOfNodes     int32
	Encrypted         bool
	ClusterCreateTime time.Time
	IamRoles          []iamRole `aws:"list=ClusterIamRole"`
	Tags              []tag     `aws:"list=Tag"`
	DBName            *string
}
type iamRole struct{ IamRoleArn string }
type tag struct{ Key, Value string }

// warehouse plays a query service whose lists have names of their own.
func (w *world) warehouse() awshttp.Service {
	return awshttp.Service{
		Name: "redshift", Protocol: awshttp.Query, Namespace: "http://redshift.amazonaws.com/doc/2012-12-01/", Version: "2012-12-01",
		Internal: "InternalFailure", Invalid: "InvalidParameterValue",
		Operations: map[string]awshttp.Operation{
			"DescribeClusters": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct {
					ClusterIdentifier *string
					MaxRecords        int32
					TagKeys           []string
				}
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				if in.ClusterIdentifier != nil && *in.ClusterIdentifier == "gone" {
					return nil, &awshttp.Error{Status: 404, Code: "ClusterNotFound", Message: "Cluster gone not found."}
				}
				var tags []tag
				for _, key := range in.TagKeys {
					tags = append(tags, tag{key, "<&>"})
				}
				return struct {
					Clusters []cluster `aws:"list=Cluster"`
				}{[]cluster{{ClusterIdentifier: "one", NumberOfNodes: in.MaxRecords, Encrypted: true, ClusterCreateTime: noon,
					IamRoles: []iamRole{{"arn:aws:iam::111122223333:role/a"}, {"arn:aws:iam::111122223333:role/b"}}, Tags: tags}}}, nil
			},
			"CreateTags": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct {
					ResourceName string `aws:"required"`
					Tags         []tag  `aws:"required"`
				}
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				w.store.set(in.ResourceName, in.Tags[1].Value)
				return nil, nil
			},
		},
	}
}

// schedules plays a REST service.
func (w *world) schedules() awshttp.Service {
	return awshttp.Service{
		Name: "scheduler", Protocol: awshttp.RESTJSON, Internal: "InternalServerException", Invalid: "ValidationException",
		Routes: map[string]string{"GET /schedules/{Name}": "GetSchedule", "POST /tags/{ResourceArn}": "TagResource"},
		Operations: map[string]awshttp.Operation{
			"GetSchedule": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct {
					Name      string  `aws:"path=Name,required"`
					GroupName *string `aws:"query=groupName"`
				}
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				return struct {
					Name, GroupName *string
					CreationDate    time.Time
				}{&in.Name, in.GroupName, noon}, nil
			},
			"TagResource": func(_ context.Context, c *awshttp.Call) (any, error) {
				var in struct {
					ResourceArn string `aws:"path=ResourceArn"`
					Tags        []tag
				}
				if err := c.Decode(&in); err != nil {
					return nil, err
				}
				w.store.set(c.Path["ResourceArn"], in.ResourceArn+in.Tags[0].Value)
				return nil, nil
			},
		},
	}
}

func TestJSONService(t *testing.T) {
	w := newWorld(t)
	client := secretsmanager.NewFromConfig(w.config())
	put, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: new("s"), SecretString: new("v"), VersionStages: []string{"A", "B"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := put.VersionStages; !slices.Equal(got, []string{"A", "B"}) || put.VersionId != nil {
		t.Errorf("PutSecretValue: stages %v, version %v; want [A B] and none", got, put.VersionId)
	}
	got, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	if !got.CreatedDate.Equal(noon) || got.DeletedDate != nil || *got.Tags[0].Value != "b" {
		t.Errorf("DescribeSecret: created %v, deleted %v, tags %v", got.CreatedDate, got.DeletedDate, got.Tags)
	}
}

func TestQueryService(t *testing.T) {
	w := newWorld(t)
	client := redshift.NewFromConfig(w.config())
	out, err := client.DescribeClusters(t.Context(), &redshift.DescribeClustersInput{MaxRecords: new(int32(20)), TagKeys: []string{"k1", "k2"}})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Clusters[0]
	if *c.ClusterIdentifier != "one" || *c.NumberOfNodes != 20 || !*c.Encrypted || !c.ClusterCreateTime.Equal(noon) || c.DBName != nil {
		t.Errorf("scalars of the cluster are %+v", c)
	}
	if len(c.IamRoles) != 2 || *c.IamRoles[1].IamRoleArn != "arn:aws:iam::111122223333:role/b" {
		t.Errorf("roles are %+v", c.IamRoles)
	}
	if len(c.Tags) != 2 || *c.Tags[1].Key != "k2" || *c.Tags[1].Value != "<&>" {
		t.Errorf("tags are %+v", c.Tags)
	}
	if id, ok := middleware.GetRequestIDMetadata(out.ResultMetadata); !ok || id == "" {
		t.Error("the answer has no request id")
	}
}

func TestRESTService(t *testing.T) {
	w := newWorld(t)
	client := scheduler.NewFromConfig(w.config())
	got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: new("a tick"), GroupName: new("g&h")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Name != "a tick" || *got.GroupName != "g&h" || !got.CreationDate.Equal(noon) {
		t.Errorf("GetSchedule = %s, %s, %v", *got.Name, *got.GroupName, got.CreationDate)
	}
}

// wantCode fails the test unless err, of an SDK client or of Do, has this code. It returns the message.
func wantCode(t *testing.T, err error, code string) (message string) {
	t.Helper()
	var got string
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		got, message = api.ErrorCode(), api.ErrorMessage()
	} else if direct, ok := errors.AsType[*awshttp.Error](err); ok {
		got, message = direct.Code, direct.Message
	}
	if got != code {
		t.Fatalf("error is %v; want code %s", err, code)
	}
	return message
}
