package identity_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const trustRedshift = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"redshift.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// delay is far longer than a test takes by itself.
const delay = 10 * time.Minute

var publish = awshttp.Access{Action: "sns:Publish", Resource: topic}

// late is a world in which changes of roles count after delay.
func late(t *testing.T) *world {
	w := newWorld(t)
	w.store.SetDelay(delay)
	return w
}

// assumable reports whether Redshift may assume a role now.
func (w *world) assumable(arn string) bool {
	_, err := w.store.AssumeAs("redshift.amazonaws.com", arn)
	return err == nil
}

// turns wants a condition to change its value when the delay is over, and not before.
func (w *world) turns(t *testing.T, what string, to bool, holds func() bool) {
	t.Helper()
	if holds() == to {
		t.Errorf("%s: %v at once", what, to)
	}
	w.clock.Advance(delay - time.Minute)
	if holds() == to {
		t.Errorf("%s: %v too early", what, to)
	}
	w.clock.Advance(time.Minute)
	if holds() != to {
		t.Errorf("%s: not %v when the delay was over", what, to)
	}
}

func TestRolesAreSeenLate(t *testing.T) {
	w, ctx := late(t), t.Context()
	arn := w.role(t, "fq", trustLambda)
	assumable := func() bool { return w.assumable(arn) }
	if _, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("fq")}); err != nil {
		t.Errorf("IAM itself shows the role at once: %v", err)
	}
	w.turns(t, "a new role", true, func() bool {
		_, _, err := w.store.Assume(lambda, arn, "function-1", time.Hour)
		return err == nil
	})
	if _, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new(trustRedshift)}); err != nil {
		t.Fatal(err)
	}
	w.turns(t, "another trust policy", true, assumable)
	if _, err := w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("fq")}); err != nil {
		t.Fatal(err)
	}
	_, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: new("fq")})
	wantCode(t, err, "NoSuchEntity", "fq")
	w.turns(t, "a role that was deleted", false, assumable)
}

func TestPoliciesAreSeenLate(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "fq", trustRedshift)
	w.store.SetDelay(delay)
	p, err := w.store.AssumeAs("redshift.amazonaws.com", arn)
	if err != nil {
		t.Fatal(err)
	}
	may := func() bool { return w.store.Authorize(p, publish) == nil }
	w.inline(t, "fq", allowAll)
	got, err := w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: new("fq"), PolicyName: new("inline")})
	if err != nil || *got.PolicyName != "inline" {
		t.Errorf("IAM itself shows the policy at once: %v", err)
	}
	w.turns(t, "a policy", true, may)

	limit, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: new("limit"), PolicyDocument: new(statement(`"Effect":"Allow","Action":"sqs:*","Resource":"*"`))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: new("fq"), PermissionsBoundary: limit.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	w.turns(t, "a boundary", false, may)
	if _, err := w.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: new("fq")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: limit.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	w.turns(t, "a boundary that was taken off and deleted", true, may)

	if _, err := w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: new("fq"), PolicyName: new("inline")}); err != nil {
		t.Fatal(err)
	}
	w.turns(t, "a policy that was deleted", false, may)
}

// Several changes in a row count one after the other, each in its own time.
func TestChangesCountInOrder(t *testing.T) {
	w, ctx := late(t), t.Context()
	arn := w.role(t, "fq", trustRedshift)
	w.clock.Advance(delay / 2)
	if _, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new(trustLambda)}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, false} {
		if got := w.assumable(arn); got != want {
			t.Errorf("after %d halves of the delay: assumable %v; want %v", i+1, got, want)
		}
		w.clock.Advance(delay / 2)
	}
	// A change that failed is none.
	_, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new("{}")})
	wantCode(t, err, "MalformedPolicyDocument", "Statement")
	w.clock.Advance(delay)
	if _, _, err := w.store.Assume(lambda, arn, "function-1", time.Hour); err != nil {
		t.Errorf("after a change that failed: %v", err)
	}
	// Without the delay a change counts at once, whatever is on its way.
	w.inline(t, "fq", allowAll)
	w.store.SetDelay(0)
	if _, err := w.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: new("fq"), PolicyDocument: new(trustRedshift)}); err != nil {
		t.Fatal(err)
	}
	p, err := w.store.AssumeAs("redshift.amazonaws.com", arn)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Authorize(p, publish); err != nil {
		t.Errorf("the policy on its way: %v", err)
	}
}

// The sessions of a role that is deleted go on until that is seen, and a role of the same name is another one.
func TestSessionsOutliveTheirRoleForAWhile(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "rotate", trustLambda)
	key, _, err := w.store.Assume(lambda, arn, "function-1", 12*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.store.SetDelay(delay)
	if _, err := w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("rotate")}); err != nil {
		t.Fatal(err)
	}
	w.role(t, "rotate", trustLambda)
	client := sts.NewFromConfig(w.config(key))
	w.turns(t, "a session", false, func() bool {
		_, err := client.GetCallerIdentity(ctx, nil)
		return err == nil
	})
}

func TestAssumeAs(t *testing.T) {
	w := newWorld(t)
	w.role(t, "fq", trustRedshift, statement(`"Effect":"Allow","Action":"sns:*","Resource":"*"`))
	arn := "arn:aws:iam::111122223333:role/fq"
	p, err := w.store.AssumeAs("redshift.amazonaws.com", arn)
	if err != nil {
		t.Fatal(err)
	}
	if p.ARN != "arn:aws:sts::111122223333:assumed-role/fq/RedshiftIamRoleSession" || p.Role != arn || p.Account != awshttp.Account {
		t.Errorf("principal is %+v", p)
	}
	if err := w.store.Authorize(p, publish); err != nil {
		t.Errorf("what the role may do: %v", err)
	}
	wantCode(t, w.store.Authorize(p, awshttp.Access{Action: "sqs:SendMessage", Resource: "*"}), "AccessDeniedException", "RedshiftIamRoleSession is not authorized")

	trust := func(principal, condition string) string {
		return statement(`"Effect":"Allow","Principal":{"Service":"` + principal + `"},"Action":"sts:AssumeRole","Condition":{` + condition + `}`)
	}
	none := `"Null":{"sts:ExternalId":"true"}`
	for _, tc := range []struct {
		name, trust string
		want        bool
	}{
		{"regional", trust("redshift.us-east-1.amazonaws.com", none), true},
		{"other-region", trust("redshift.eu-west-1.amazonaws.com", none), false},
		{"other-service", trust("rds.amazonaws.com", none), false},
		{"external-id", trust("redshift.amazonaws.com", `"StringEquals":{"sts:ExternalId":"arn:aws:redshift:us-east-1:111122223333:dbuser:c/a"}`), false},
		{"source", trust("redshift.amazonaws.com", `"StringEquals":{"aws:SourceAccount":"111122223333"}`), false},
	} {
		if got := w.assumable(w.role(t, tc.name, tc.trust)); got != tc.want {
			t.Errorf("%s: assumable %v; want %v", tc.name, got, tc.want)
		}
	}
	_, err = w.store.AssumeAs("redshift.amazonaws.com", arn+"x")
	wantCode(t, err, "AccessDeniedException", "redshift.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+arn+"x")
}
