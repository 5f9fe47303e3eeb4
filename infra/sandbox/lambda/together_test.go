package lambda_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
)

// TestFromTheBusToTheFunction has real policies decide: those of the queue about the rule, those of the role about the
// queue.
func TestFromTheBusToTheFunction(t *testing.T) {
	const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	c := clock.New(t.Context())
	people := identity.New(c)
	people.AddUser("operator", map[string]string{"all": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`})
	server := awshttp.New(awshttp.Config{Clock: c, Caller: people, Authorizer: people})
	front := httptest.NewServer(server)
	defer front.Close()
	queues := sqs.New(sqs.Config{Clock: c, Authorizer: people, Endpoint: front.URL})
	functions := lambda.New(lambda.Config{Clock: c, Authorizer: people, Roles: people, Queues: queues, API: server, Endpoint: front.URL})
	defer functions.Close()
	buses := eventbridge.New(eventbridge.Config{Clock: c, Invoker: functions, Queues: queues})
	server.Register(people.Services()...)
	server.Register(queues.AWS(), functions.AWS(), buses.AWS())
	do := func(service, operation string, input map[string]any) map[string]any {
		t.Helper()
		out, err := server.Do(t.Context(), operator, service, operation, input)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	policy := func(rule string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage",
			"Resource":"` + workARN + `","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-east-1:111122223333:rule/` + rule + `"}}}}`
	}
	put := func(work string) {
		t.Helper()
		detail, err := json.Marshal(map[string]string{"work": work})
		if err != nil {
			t.Fatal(err)
		}
		do("events", "PutEvents", map[string]any{"Entries": []map[string]any{{"Source": "sluice", "DetailType": "d", "Detail": string(detail)}}})
		c.Settle()
	}
	url := do("sqs", "CreateQueue", map[string]any{"QueueName": "work", "Attributes": map[string]string{"Policy": policy("other")}})["QueueUrl"]
	do("iam", "CreateRole", map[string]any{"RoleName": "echo", "AssumeRolePolicyDocument": trust})
	do("iam", "PutRolePolicy", map[string]any{"RoleName": "echo", "PolicyName": "read", "PolicyDocument": `{"Version":"2012-10-17","Statement":{
		"Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes"],"Resource":"` + workARN + `"}}`})
	do("lambda", "CreateFunction", map[string]any{"FunctionName": "echo", "Role": role, "Runtime": "provided.al2023", "Handler": "bootstrap",
		"Code": map[string]any{"SandboxFolder": bootstrapFolder}})
	id := do("lambda", "CreateEventSourceMapping", map[string]any{"FunctionName": "echo", "EventSourceArn": workARN})["UUID"]
	do("events", "PutRule", map[string]any{"Name": "all", "EventPattern": `{"source":["sluice"]}`})
	do("events", "PutTargets", map[string]any{"Rule": "all", "Targets": []map[string]any{{"Id": "a", "Arn": workARN}}})

	put("refused")
	if got := buses.Failures(); len(got) != 1 || !strings.Contains(got[0].Err, "AccessDenied") {
		t.Errorf("failures are %+v; the queue's policy names another rule", got)
	}
	do("sqs", "SetQueueAttributes", map[string]any{"QueueUrl": url, "Attributes": map[string]string{"Policy": policy("all")}})
	put("done")
	mapping := do("lambda", "GetEventSourceMapping", map[string]any{"UUID": id})
	if len(queues.Messages("work")) != 0 || mapping["LastProcessingResult"] != "OK" {
		t.Errorf("left are %+v, result %v", queues.Messages("work"), mapping["LastProcessingResult"])
	}
	do("iam", "DeleteRolePolicy", map[string]any{"RoleName": "echo", "PolicyName": "read"})
	put("unread")
	mapping = do("lambda", "GetEventSourceMapping", map[string]any{"UUID": id})
	if got := fmt.Sprint(mapping["LastProcessingResult"]); len(queues.Messages("work")) != 1 || !strings.Contains(got, "is not authorized to perform: sqs:ReceiveMessage") {
		t.Errorf("left are %+v, result %v; the role may not read", queues.Messages("work"), got)
	}
}
