package identity_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/secret"
)

var lambda = awshttp.Principal{Service: "lambda.amazonaws.com"}

// session holds the credentials of an answer to AssumeRole.
func session(out *sts.AssumeRoleOutput) identity.Credentials {
	c := out.Credentials
	return identity.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: secret.New(*c.SecretAccessKey), SessionToken: secret.New(*c.SessionToken)}
}

func TestAssumeByService(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "rotate", trustLambda, statement(`"Effect":"Allow","Action":"iam:GetRole","Resource":"*"`))
	key, p, err := w.store.Assume(lambda, arn, "function-1", 12*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if p.Role != arn || p.ARN != "arn:aws:sts::111122223333:assumed-role/rotate/function-1" {
		t.Errorf("principal is %+v", p)
	}
	who, err := sts.NewFromConfig(w.config(key)).GetCallerIdentity(ctx, nil)
	if err != nil || *who.Arn != p.ARN || *who.UserId != p.UserID {
		t.Errorf("caller is %+v, %v", who, err)
	}
	client := iam.NewFromConfig(w.config(key))
	if _, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: new("rotate")}); err != nil {
		t.Errorf("what the role may do: %v", err)
	}
	_, err = client.ListRoles(ctx, nil)
	wantCode(t, err, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/rotate/function-1 is not authorized to perform: iam:ListRoles")

	_, _, err = w.store.Assume(awshttp.Principal{Service: "scheduler.amazonaws.com"}, arn, "ss", time.Hour)
	wantCode(t, err, "AccessDeniedException", "User: scheduler.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+arn)
	_, _, err = w.store.Assume(lambda, arn+"x", "ss", time.Hour)
	wantCode(t, err, "AccessDeniedException", arn+"x")
}

func TestSessionExpires(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "rotate", trustLambda)
	key, _, err := w.store.Assume(lambda, arn, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client := sts.NewFromConfig(w.config(key))
	w.clock.Advance(59 * time.Minute)
	if _, err := client.GetCallerIdentity(ctx, nil); err != nil {
		t.Errorf("a minute before its end: %v", err)
	}
	w.clock.Advance(2 * time.Minute)
	_, err = client.GetCallerIdentity(ctx, nil)
	wantCode(t, err, "ExpiredToken", "expired")
}

func TestSessionEndsWithItsRole(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "rotate", trustLambda)
	key, p, err := w.store.Assume(lambda, arn, "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: new("rotate")}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.store.Authorize(p, awshttp.Access{Action: "a:B", Resource: "*"}), "UnrecognizedClientException", "invalid")
	w.role(t, "rotate", trustLambda) // another role of the same name
	_, err = sts.NewFromConfig(w.config(key)).GetCallerIdentity(ctx, nil)
	wantCode(t, err, "InvalidClientTokenId", "invalid")
}

func TestSessionNeedsItsToken(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	key, _, err := w.store.Assume(lambda, w.role(t, "rotate", trustLambda), "function-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []secret.Value{{}, secret.New("another")} {
		changed := key
		changed.SessionToken = token
		_, err := sts.NewFromConfig(w.config(changed)).GetCallerIdentity(ctx, nil)
		wantCode(t, err, "InvalidClientTokenId", "invalid")
	}
	user := w.store.AddUser("alice", nil)
	user.SessionToken = key.SessionToken
	_, err = sts.NewFromConfig(w.config(user)).GetCallerIdentity(ctx, nil)
	wantCode(t, err, "InvalidClientTokenId", "invalid")
}

func TestAssumeRole(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	may := statement(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`)
	alice := sts.NewFromConfig(w.config(w.store.AddUser("alice", map[string]string{"may": may})))
	bob := sts.NewFromConfig(w.config(w.store.AddUser("bob", nil)))
	w.role(t, "open", trustRoot, allowAll)
	w.role(t, "direct", statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole"`))
	w.role(t, "external", statement(`"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`))
	w.role(t, "service", trustLambda)
	for _, tc := range []struct {
		name, role string
		client     *sts.Client
		external   *string
		duration   int32
		code, text string // empty: allowed
	}{
		{"trust of the account, and the caller may", "open", alice, nil, 3600, "", ""},
		{"trust of the account, and the caller may not", "open", bob, nil, 3600, "AccessDenied", "no identity-based policy"},
		{"trust of the caller", "direct", bob, nil, 900, "", ""},
		{"trust of another", "direct", alice, nil, 900, "AccessDenied", "no resource-based policy"},
		{"external id", "external", alice, new("x-1"), 900, "", ""},
		{"another external id", "external", alice, new("x-2"), 900, "AccessDenied", ""},
		{"no external id", "external", alice, nil, 900, "AccessDenied", ""},
		{"trust of a service", "service", alice, nil, 900, "AccessDenied", "no resource-based policy"},
		{"role that is not there", "gone", alice, nil, 900, "AccessDenied", "role/gone"},
		{"short", "open", alice, nil, 899, "ValidationError", "900"},
		{"long", "open", alice, nil, 3601, "ValidationError", "MaxSessionDuration"},
		{"longer than any role allows", "open", bob, nil, 43201, "ValidationError", "less than or equal to 43200"},
		{"external id of one letter", "external", bob, new("x"), 900, "ValidationError", "'externalId'"},
		{"external id with a space", "external", bob, new("x 1"), 900, "ValidationError", "'externalId'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := tc.client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: new("arn:aws:iam::111122223333:role/" + tc.role),
				RoleSessionName: new("session"), ExternalId: tc.external, DurationSeconds: &tc.duration})
			if tc.code != "" {
				wantCode(t, err, tc.code, tc.text)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			left := out.Credentials.Expiration.Sub(w.clock.Now()).Seconds()
			if left > float64(tc.duration) || left < float64(tc.duration)-5 || *out.AssumedRoleUser.Arn != "arn:aws:sts::111122223333:assumed-role/"+tc.role+"/session" {
				t.Errorf("session of %s with %vs left", *out.AssumedRoleUser.Arn, left)
			}
		})
	}
}

func TestSessionPolicy(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "open", trustRoot, allowAll)
	assume := func(policy *string) *iam.Client {
		out, err := w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("same-name"), Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		return iam.NewFromConfig(w.config(session(out)))
	}
	narrow, wide := assume(new(statement(`"Effect":"Allow","Action":"iam:Get*","Resource":"*"`))), assume(nil)
	if _, err := narrow.GetRole(ctx, &iam.GetRoleInput{RoleName: new("open")}); err != nil {
		t.Errorf("what role and session allow: %v", err)
	}
	_, err := narrow.ListRoles(ctx, nil)
	wantCode(t, err, "AccessDenied", "because no session policy allows the iam:ListRoles action")
	if _, err := wide.ListRoles(ctx, nil); err != nil {
		t.Errorf("another session of the same name: %v", err)
	}
	_, err = w.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("ss"), Policy: new("{}")})
	wantCode(t, err, "MalformedPolicyDocument", "session")
}

func TestChaining(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	arn := w.role(t, "open", trustRoot, allowAll)
	if _, err := w.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: new("open"), MaxSessionDuration: new(int32(7200))}); err != nil {
		t.Fatal(err)
	}
	in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("session"), DurationSeconds: new(int32(7200))}
	out, err := w.sts.AssumeRole(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	chained := sts.NewFromConfig(w.config(session(out)))
	_, err = chained.AssumeRole(ctx, in)
	wantCode(t, err, "ValidationError", "role chaining")
	in.DurationSeconds = new(int32(3600))
	if _, err := chained.AssumeRole(ctx, in); err != nil {
		t.Error(err)
	}
}

// TestAssumeRoleIsRecorded makes sure that the question goes through the call and so into the record, without the key.
func TestAssumeRoleIsRecorded(t *testing.T) {
	w := newWorld(t)
	arn := w.role(t, "open", trustRoot)
	if _, err := w.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("session")}); err != nil {
		t.Fatal(err)
	}
	calls := w.server.Calls().List(awshttp.Filter{Service: "sts"})
	if len(calls) != 1 || len(calls[0].Accesses) != 1 || calls[0].Accesses[0].Action != "sts:AssumeRole" || calls[0].Accesses[0].Resource != arn {
		t.Errorf("recorded %+v", calls)
	}
}
