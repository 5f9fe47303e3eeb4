package awshttp_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	redshifttypes "github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestModelledErrorsReachTheClient(t *testing.T) {
	w := newWorld(t)
	_, err := secretsmanager.NewFromConfig(w.config()).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("no")})
	if missing, ok := errors.AsType[*secretstypes.ResourceNotFoundException](err); !ok || !strings.Contains(missing.ErrorMessage(), "can't find") {
		t.Errorf("DescribeSecret: %v; want ResourceNotFoundException with its message", err)
	}
	_, err = redshift.NewFromConfig(w.config()).DescribeClusters(t.Context(), &redshift.DescribeClustersInput{ClusterIdentifier: new("gone")})
	if missing, ok := errors.AsType[*redshifttypes.ClusterNotFoundFault](err); !ok || missing.ErrorMessage() != "Cluster gone not found." {
		t.Errorf("DescribeClusters: %v; want ClusterNotFoundFault with its message", err)
	}
}

// TestMembersOfAnError has a service that answers with a map of its own, and an error with more than a message.
func TestMembersOfAnError(t *testing.T) {
	w := newWorld(t)
	w.Register(awshttp.Service{Name: "dynamodb", Protocol: awshttp.JSON, Target: "DynamoDB_20120810", JSONVersion: "1.0",
		Operations: map[string]awshttp.Operation{
			"GetItem": func(context.Context, *awshttp.Call) (any, error) {
				return map[string]any{"Item": map[string]any{"id": map[string]any{"N": "7"}}}, nil
			},
			"PutItem": func(context.Context, *awshttp.Call) (any, error) {
				return nil, &awshttp.Error{Code: "ConditionalCheckFailedException", Message: "The conditional request failed",
					Members: map[string]any{"Item": map[string]any{"id": map[string]any{"S": "old"}}}}
			},
		}})
	client := dynamodb.NewFromConfig(w.config())
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("things"), Key: map[string]dynamotypes.AttributeValue{}})
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := out.Item["id"].(*dynamotypes.AttributeValueMemberN); !ok || n.Value != "7" {
		t.Errorf("GetItem: %v", out.Item)
	}
	raw, _ := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if raw == nil || raw.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("answer %+v; want the media type of JSON 1.0", raw)
	}
	_, err = client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new("things"), Item: map[string]dynamotypes.AttributeValue{}})
	failed, ok := errors.AsType[*dynamotypes.ConditionalCheckFailedException](err)
	if !ok {
		t.Fatalf("PutItem: %v; want ConditionalCheckFailedException", err)
	}
	if old, ok := failed.Item["id"].(*dynamotypes.AttributeValueMemberS); !ok || old.Value != "old" || failed.ErrorMessage() != "The conditional request failed" {
		t.Errorf("PutItem: %v with item %v", failed, failed.Item)
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name, code string
		call       func() error
		names      []string
	}{
		{"operation of a JSON service", "UnknownOperationException", func() error {
			_, err := secretsmanager.NewFromConfig(w.config()).RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: new("s")})
			return err
		}, []string{"secretsmanager", "RotateSecret"}},
		{"operation of a query service", "InvalidAction", func() error {
			_, err := redshift.NewFromConfig(w.config()).PauseCluster(t.Context(), &redshift.PauseClusterInput{ClusterIdentifier: new("c")})
			return err
		}, []string{"redshift", "PauseCluster"}},
		{"operation of a REST service", "UnknownOperationException", func() error {
			_, err := scheduler.NewFromConfig(w.config()).DeleteSchedule(t.Context(), &scheduler.DeleteScheduleInput{Name: new("n")})
			return err
		}, []string{"scheduler", "DELETE /schedules/n"}},
		{"query service", "InvalidAction", func() error {
			_, err := iam.NewFromConfig(w.config()).ListRoles(t.Context(), nil)
			return err
		}, []string{"iam", "ListRoles"}},
		{"REST service", "UnknownOperationException", func() error {
			_, err := lambda.NewFromConfig(w.config()).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: new("f")})
			return err
		}, []string{"lambda", "POST /2015-03-31/functions/f/invocations"}},
		{"member of an input", "UnknownOperationException", func() error {
			_, err := secretsmanager.NewFromConfig(w.config()).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
				SecretId: new("s"), SecretString: new("v"), RotationToken: new("r")})
			return err
		}, []string{`"RotationToken"`, "PutSecretValue"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			message := wantCode(t, tc.call(), tc.code)
			for _, name := range append(tc.names, "sandbox does not have") {
				if !strings.Contains(message, name) {
					t.Errorf("message %q does not contain %q", message, name)
				}
			}
		})
	}
}

func TestAllMissingMembersAreReportedAtOnce(t *testing.T) {
	w := newWorld(t)
	_, err := w.Do(t.Context(), alice, "secretsmanager", "PutSecretValue", map[string]any{"VersionStages": []string{"A"}})
	message := wantCode(t, err, "InvalidParameterException")
	if !strings.HasPrefix(message, "2 validation errors detected: ") || !strings.Contains(message, "'SecretId'") || !strings.Contains(message, "'SecretString'") {
		t.Errorf("message is %q; want both members", message)
	}
}

func TestRefusalIsSpelledByProtocol(t *testing.T) {
	w := newWorld(t)
	w.deny = []string{"secretsmanager:PutSecretValue"}
	_, err := secretsmanager.NewFromConfig(w.config()).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new("s"), SecretString: new("v")})
	wantCode(t, err, "AccessDeniedException")
	if got := w.store.get("s"); got != "" {
		t.Errorf("the refused call stored %q", got)
	}
}

func TestInternalFailure(t *testing.T) {
	w := newWorld(t)
	w.Register(awshttp.Service{Name: "events", Protocol: awshttp.JSON, Target: "AWSEvents", Internal: "InternalException",
		Operations: map[string]awshttp.Operation{"PutEvents": func(context.Context, *awshttp.Call) (any, error) {
			return nil, errors.New("out of luck")
		}}})
	_, err := w.Do(t.Context(), alice, "events", "PutEvents", nil)
	if message := wantCode(t, err, "InternalException"); !strings.Contains(message, "out of luck") {
		t.Errorf("message is %q; want the cause", message)
	}
}

// function plays the part of Lambda that answers with a payload, a header and a status.
func function(payload []byte) awshttp.Service {
	return awshttp.Service{
		Name: "lambda", Protocol: awshttp.RESTJSON, Invalid: "InvalidParameterValueException", Throttled: "TooManyRequestsException",
		Routes: map[string]string{"POST /2015-03-31/functions/{FunctionName}/invocations": "Invoke"},
		Operations: map[string]awshttp.Operation{"Invoke": func(_ context.Context, c *awshttp.Call) (any, error) {
			var in struct {
				FunctionName   string `aws:"path=FunctionName,required"`
				InvocationType string `aws:"header=X-Amz-Invocation-Type"`
				Payload        []byte `aws:"payload"`
			}
			if err := c.Decode(&in); err != nil {
				return nil, err
			}
			return struct {
				StatusCode    int     `aws:"status"`
				FunctionError *string `aws:"header=X-Amz-Function-Error"`
				Payload       []byte  `aws:"payload"`
			}{202, new(in.FunctionName + in.InvocationType), append(payload, in.Payload...)}, nil
		}},
	}
}

func TestPayloadHeaderAndStatus(t *testing.T) {
	w := newWorld(t)
	w.Register(function([]byte("not JSON:")))
	const name = "arn:aws:lambda:us-east-1:111122223333:function:f"
	out, err := lambda.NewFromConfig(w.config()).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: new(name), InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte("[1]")})
	if err != nil {
		t.Fatal(err)
	}
	if out.StatusCode != 202 || *out.FunctionError != name+"Event" || string(out.Payload) != "not JSON:[1]" {
		t.Errorf("Invoke = %d, %s, %s", out.StatusCode, *out.FunctionError, out.Payload)
	}
}

func TestCapturesMayHoldSlashes(t *testing.T) {
	w := newWorld(t)
	const arn = "arn:aws:scheduler:us-east-1:111122223333:schedule-group/g"
	_, err := scheduler.NewFromConfig(w.config()).TagResource(t.Context(), &scheduler.TagResourceInput{
		ResourceArn: new(arn), Tags: []schedulertypes.Tag{{Key: new("k"), Value: new("v")}}})
	if err != nil {
		t.Fatal(err)
	}
	if w.store.get(arn) != arn+"v" {
		t.Errorf("stored %q", w.store.get(arn))
	}
}

func TestBodyLimit(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, 9<<20)))
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	if answer.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status is %d; want 413", answer.Code)
	}
}

func TestRegisterRefusesMistakes(t *testing.T) {
	w := newWorld(t)
	for name, service := range map[string]awshttp.Service{
		"twice":                 {Name: "redshift"},
		"route to no operation": {Name: "lambda", Protocol: awshttp.RESTJSON, Routes: map[string]string{"GET /x": "X"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Register did not panic")
				}
			}()
			w.Register(service)
		})
	}
}
