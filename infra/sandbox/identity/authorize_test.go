package identity_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const topic = "arn:aws:sns:us-east-1:111122223333:t"

// TestConditionKeys checks what is known of a session of a role with a tag.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t)
	arn := w.role(t, "rotate", trustLambda)
	if _, err := w.iam.TagRole(t.Context(), &iam.TagRoleInput{RoleName: new("rotate"), Tags: []types.Tag{{Key: new("team"), Value: new("data")}}}); err != nil {
		t.Fatal(err)
	}
	_, p, err := w.store.Assume(lambda, arn, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		condition string
		want      bool
	}{
		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/rotate"}`, true},
		{`"StringEquals":{"aws:PrincipalAccount":"111122223333"}`, true},
		{`"StringEquals":{"aws:PrincipalTag/team":"data"}`, true},
		{`"StringEquals":{"aws:PrincipalTag/team":"ops"}`, false},
		{`"StringLike":{"aws:userid":"AROA*:function-1"}`, true},
		{`"StringEquals":{"aws:PrincipalType":"AssumedRole"}`, true},
		{`"Bool":{"aws:PrincipalIsAWSService":"false"}`, true},
		{`"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"StringEquals":{"aws:RequestedRegion":"us-east-1"}`, true},
		{`"Null":{"aws:username":"true","aws:SourceArn":"true"}`, true},
		{`"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`, true},
		{`"DateLessThan":{"aws:EpochTime":"1500000000"}`, false},
		{`"StringEquals":{"sns:Protocol":"sqs"}`, true},
		{`"StringEquals":{"sns:Endpoint":"forged"}`, false},
	} {
		w.inline(t, "rotate", statement(`"Effect":"Allow","Action":"sns:*","Resource":"*","Condition":{`+tc.condition+`}`))
		// What a call says of itself never stands for what is known of its principal.
		access := awshttp.Access{Action: "sns:Subscribe", Resource: topic,
			Context: map[string][]string{"sns:Protocol": {"sqs"}, "aws:PrincipalTag/team": {"ops"}}}
		if err := w.store.Authorize(p, access); (err == nil) != tc.want {
			t.Errorf("%s: %v; want allowed %v", tc.condition, err, tc.want)
		}
	}
}

// TestTimeIsTheSandboxs makes a permission end by moving the clock.
func TestTimeIsTheSandboxs(t *testing.T) {
	w := newWorld(t)
	arn := w.role(t, "rotate", trustLambda, statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"`+
		w.clock.Now().Add(time.Hour).Format(time.RFC3339)+`"}}`))
	_, p, err := w.store.Assume(lambda, arn, "function-1", 12*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	access := awshttp.Access{Action: "sns:Publish", Resource: topic}
	if err := w.store.Authorize(p, access); err != nil {
		t.Errorf("before: %v", err)
	}
	w.clock.Advance(2 * time.Hour)
	wantCode(t, w.store.Authorize(p, access), "AccessDeniedException", "sns:Publish")
}

func TestBoundary(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "rotate", trustLambda, allowAll)
	_, p, err := w.store.Assume(lambda, arn, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	limit, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("limit"),
		PolicyDocument: new(statement(`"Effect":"Allow","Action":"sns:*","Resource":"*"`))})
	if err != nil {
		t.Fatal(err)
	}
	other := awshttp.Access{Action: "sqs:SendMessage", Resource: "*"}
	if err := w.store.Authorize(p, other); err != nil {
		t.Errorf("without a boundary: %v", err)
	}
	if _, err := w.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: new("rotate"), PermissionsBoundary: limit.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.store.Authorize(p, other), "AccessDeniedException", "because no permissions boundary allows the sqs:SendMessage action")
	if err := w.store.Authorize(p, awshttp.Access{Action: "sns:Publish", Resource: topic}); err != nil {
		t.Errorf("what both allow: %v", err)
	}
}

func TestServiceByResourcePolicy(t *testing.T) {
	w := newWorld(t)
	const secretARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:a"
	access := awshttp.Access{Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:us-east-1:111122223333:function:f",
		ResourcePolicy: statement(`"Effect":"Allow","Principal":{"Service":"secretsmanager.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*",
			"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:secretsmanager:*:111122223333:secret:*"}}`)}
	for _, tc := range []struct {
		name   string
		source map[string][]string
		want   bool
	}{
		{"with its source", map[string][]string{"aws:SourceAccount": {"111122223333"}, "aws:SourceArn": {secretARN}}, true},
		{"of another account", map[string][]string{"aws:SourceAccount": {"999999999999"}, "aws:SourceArn": {secretARN}}, false},
		{"without its source", nil, false},
	} {
		p := awshttp.Principal{Service: "secretsmanager.amazonaws.com", Context: tc.source}
		if err := w.store.Authorize(p, access); (err == nil) != tc.want {
			t.Errorf("%s: %v; want allowed %v", tc.name, err, tc.want)
		}
	}
	access.ResourcePolicy = ""
	p := awshttp.Principal{Service: "secretsmanager.amazonaws.com"}
	wantCode(t, w.store.Authorize(p, access), "AccessDeniedException", "because no resource-based policy allows the lambda:InvokeFunction action")
	access.ResourcePolicy = "{}"
	if err := w.store.Authorize(p, access); err == nil {
		t.Error("a resource policy that cannot be read allowed a call")
	}
}
