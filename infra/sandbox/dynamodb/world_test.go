package dynamodb_test

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/dynamodb"
)

const tableARN = "arn:aws:dynamodb:us-east-1:111122223333:table/sluice-test"

var alice = awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: awshttp.Account}

// A world is the service behind HTTP and an SDK client of alice for it.
type world struct {
	*awsdynamodb.Client
	t        *testing.T
	policies policies
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	c := clock.New(t.Context())
	service := dynamodb.New(dynamodb.Config{Clock: c, NodeModules: "../../node_modules"})
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	server := awshttp.New(awshttp.Config{Clock: c, Caller: &w.policies, Authorizer: &w.policies})
	server.Register(service.AWS())
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	w.Client = awsdynamodb.New(awsdynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &front.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		Logger: logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) { // of answers whose checksum is not theirs
			t.Errorf("the SDK warns: "+format, v...)
		}),
	})
	return w
}

// withTable is a world with the table sluice-test, whose items are named by pk and sk.
func withTable(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if _, err := w.CreateTable(t.Context(), table("sluice-test")); err != nil {
		t.Fatal(err)
	}
	w.policies.forget()
	return w
}

func table(name string) *awsdynamodb.CreateTableInput {
	return &awsdynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: new("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: new("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: new("pk"), KeyType: types.KeyTypeHash}, {AttributeName: new("sk"), KeyType: types.KeyTypeRange},
		},
	}
}

type attributes = map[string]types.AttributeValue

func str(s string) types.AttributeValue        { return &types.AttributeValueMemberS{Value: s} }
func num(n string) types.AttributeValue        { return &types.AttributeValueMemberN{Value: n} }
func set(all ...string) types.AttributeValue   { return &types.AttributeValueMemberSS{Value: all} }
func key(pk, sk string) attributes             { return attributes{"pk": str(pk), "sk": str(sk)} }
func number(of attributes, name string) string { return of[name].(*types.AttributeValueMemberN).Value }

// put stores version n of the item app/one if it has version before; an empty before means that there is none.
func (w *world) put(n, before string) error {
	in := &awsdynamodb.PutItemInput{
		TableName: new("sluice-test"), Item: key("app", "one"), ConditionExpression: new("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	in.Item["version"] = num(n)
	if before != "" {
		in.ConditionExpression, in.ExpressionAttributeValues = new("#v = :v"), attributes{":v": num(before)}
		in.ExpressionAttributeNames = map[string]string{"#v": "version"}
	}
	_, err := w.PutItem(w.t.Context(), in)
	return err
}

// refused fails the test unless err has that code, and its message those words.
func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok || refusal.ErrorCode() != code || !strings.Contains(refusal.ErrorMessage(), words) {
		t.Errorf("error = %v; want %s with %q", err, code, words)
	}
}

// policies let alice do everything but what deny lists, and remember what was asked.
type policies struct {
	mu    sync.Mutex
	deny  []string // actions
	asked []awshttp.Access
}

func (p *policies) Lookup(string, string) (string, awshttp.Principal, error) {
	return "example", alice, nil
}

func (p *policies) Authorize(_ awshttp.Principal, a awshttp.Access) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "not authorized to perform " + a.Action + " on " + a.Resource}
	}
	return nil
}

// forget empties the memory, and returns what was in it.
func (p *policies) forget() []awshttp.Access {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}
