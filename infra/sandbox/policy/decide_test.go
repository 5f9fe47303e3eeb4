package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

const account = "arn:aws:iam::111122223333:"

var (
	user    = awshttp.Principal{ARN: account + "user/alice", Account: awshttp.Account}
	role    = awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/rotate/s1", Account: awshttp.Account, Role: account + "role/rotate"}
	service = awshttp.Principal{Service: "lambda.amazonaws.com"}
)

const (
	secretA = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/a-AbCdEf"
	read    = "secretsmanager:GetSecretValue"
)

// parse makes a policy of statements in JSON, separated by commas.
func parse(t testing.TB, kind policy.Kind, name, statements string) *policy.Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	p, err := policy.Parse(kind, name, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	allowRead     = `{"Sid":"Read","Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"` + secretA + `"}`
	allowAll      = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	denyRead      = `{"Sid":"NoRead","Effect":"Deny","Action":"secretsmanager:Get*","Resource":"*"}`
	allowOther    = `{"Effect":"Allow","Action":"redshift:*","Resource":"*"}`
	noIdentity    = "because no identity-based policy allows the " + read + " action"
	noBoundary    = "because no permissions boundary allows the " + read + " action"
	noSession     = "because no session policy allows the " + read + " action"
	noResource    = "because no resource-based policy allows the " + read + " action"
	denyIdentity  = "with an explicit deny in an identity-based policy"
	denyResource  = "with an explicit deny in a resource-based policy"
	grantUser     = `{"Sid":"Grant","Effect":"Allow","Principal":{"AWS":"` + account + `user/alice"},"Action":"secretsmanager:*","Resource":"*"}`
	grantRole     = `{"Sid":"Grant","Effect":"Allow","Principal":{"AWS":["` + account + `role/rotate"]},"Action":"secretsmanager:*","Resource":"*"}`
	grantSession  = `{"Sid":"Grant","Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/rotate/s1"},"Action":"secretsmanager:*","Resource":"*"}`
	grantRoot     = `{"Sid":"Grant","Effect":"Allow","Principal":{"AWS":"` + account + `root"},"Action":"secretsmanager:*","Resource":"*"}`
	grantNumber   = `{"Sid":"Grant","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"secretsmanager:*","Resource":"*"}`
	grantEveryone = `{"Sid":"Grant","Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}`
	grantService  = `{"Sid":"Grant","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"secretsmanager:*","Resource":"*"}`
	grantNotRole  = `{"Sid":"Grant","Effect":"Allow","NotPrincipal":{"AWS":"` + account + `role/rotate"},"Action":"secretsmanager:*","Resource":"*"}`
	banUser       = `{"Sid":"Ban","Effect":"Deny","Principal":{"AWS":"` + account + `user/alice"},"Action":"*","Resource":"*"}`
	banRoot       = `{"Sid":"Ban","Effect":"Deny","Principal":{"AWS":"` + account + `root"},"Action":"*","Resource":"*"}`
	banNotRole    = `{"Sid":"Ban","Effect":"Deny","NotPrincipal":{"AWS":"` + account + `role/rotate"},"Action":"*","Resource":"*"}`
)

// TestDecide is about how the kinds of policies weigh against each other. The request is always to read secret a.
func TestDecide(t *testing.T) {
	for _, tc := range []struct {
		name                                  string
		who                                   awshttp.Principal
		identity, boundary, session, resource string // statements
		by                                    string // statement that decided
		refused                               string // empty: allowed
	}{
		{"nothing", user, "", "", "", "", "", noIdentity},
		{"identity", user, allowRead, "", "", "", "Read", ""},
		{"another action", user, allowOther, "", "", "", "", noIdentity},
		{"deny wins over allow", user, allowRead + "," + denyRead, "", "", "", "NoRead", denyIdentity},
		{"deny wins in either order", user, denyRead + "," + allowRead, "", "", "", "NoRead", denyIdentity},

		{"boundary allows too", role, allowRead, allowAll, "", "", "Read", ""},
		{"boundary does not", role, allowRead, allowOther, "", "", "", noBoundary},
		{"boundary alone", role, "", allowAll, "", "", "", noIdentity},
		{"boundary denies", role, allowRead, allowAll + "," + denyRead, "", "", "NoRead", "with an explicit deny in a permissions boundary"},
		{"session policy allows too", role, allowRead, "", allowAll, "", "Read", ""},
		{"session policy does not", role, allowRead, "", allowOther, "", "", noSession},
		{"session policy denies", role, allowRead, "", denyRead, "", "NoRead", "with an explicit deny in a session policy"},

		{"resource policy names the user", user, "", "", "", grantUser, "Grant", ""},
		{"resource policy names the user, boundary or not", user, "", allowOther, "", grantUser, "Grant", ""},
		{"resource policy names the role", role, "", "", "", grantRole, "Grant", ""},
		{"resource policy names the role, boundary does not allow", role, "", allowOther, "", grantRole, "", noBoundary},
		{"resource policy names the role, session policy does not allow", role, "", "", allowOther, grantRole, "", noSession},
		{"resource policy names the session, boundary or not", role, "", allowOther, "", grantSession, "Grant", ""},
		{"resource policy names everyone", user, "", "", "", grantEveryone, "Grant", ""},
		{"resource policy names everyone, boundary does not allow", role, "", allowOther, "", grantEveryone, "", noBoundary},
		{"resource policy names the account", user, "", "", "", grantRoot, "", noIdentity},
		{"resource policy names the account, identity allows", user, allowRead, "", "", grantRoot, "Read", ""},
		{"resource policy names the account by number", user, "", "", "", grantNumber, "", noIdentity},
		{"resource policy names somebody else", role, "", "", "", grantUser, "", noIdentity},
		{"resource policy names all but the role", role, "", "", "", grantNotRole, "", noIdentity},
		{"resource policy names all but another", user, "", "", "", grantNotRole, "Grant", ""},
		{"resource policy denies the user", user, allowAll, "", "", banUser, "Ban", denyResource},
		{"resource policy denies another", role, allowAll, "", "", banUser, "Statement[0]", ""},
		{"resource policy denies the account", user, allowAll, "", "", banRoot, "Ban", denyResource},
		{"resource policy denies all but the role", role, allowAll, "", "", banNotRole, "Statement[0]", ""},
		{"resource policy denies all but another", user, allowAll, "", "", banNotRole, "Ban", denyResource},
		{"service that is named", service, "", "", "", grantService, "Grant", ""},
		{"service that is not", service, "", "", "", grantUser, "", noResource},
		{"a user is no service", user, "", "", "", grantService, "", noIdentity},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := policy.Set{
				Boundary: parse(t, policy.Identity, "boundary", tc.boundary),
				Session:  parse(t, policy.Identity, "session", tc.session),
				Resource: parse(t, policy.Resource, "resource", tc.resource),
			}
			if tc.identity != "" {
				set.Identity = []*policy.Policy{parse(t, policy.Identity, "identity", tc.identity)}
			}
			r := policy.Request{Principal: tc.who, Action: read, Resource: secretA}
			got := set.Decide(r)
			if got.Allowed != (tc.refused == "") || got.By != tc.by || got.Reason != tc.refused {
				t.Errorf("Decide() = %+v; want by %q, refused %q", got, tc.by, tc.refused)
			}
		})
	}
}

func TestTrust(t *testing.T) {
	trust := func(statement string) *policy.Policy { return parse(t, policy.Trust, "trust", statement) }
	allowed := policy.Set{Resource: trust(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)}
	r := policy.Request{Principal: service, Action: "sts:AssumeRole", Resource: role.Role}
	if d := allowed.Decide(r); !d.Allowed {
		t.Errorf("trusted service: %+v", d)
	}
	r.Principal = user
	allowed.Identity = []*policy.Policy{parse(t, policy.Identity, "identity", allowAll)}
	if d := allowed.Decide(r); d.Allowed || d.Reason != "because no resource-based policy allows the sts:AssumeRole action" {
		t.Errorf("user who may assume but is not trusted: %+v", d)
	}
	allowed.Resource = trust(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`)
	if d := allowed.Decide(r); !d.Allowed {
		t.Errorf("user who may assume, of an account that is trusted: %+v", d)
	}
	allowed.Identity = nil
	if d := allowed.Decide(r); d.Allowed || d.Reason != "because no identity-based policy allows the sts:AssumeRole action" {
		t.Errorf("user of an account that is trusted: %+v", d)
	}
}

func TestSovereign(t *testing.T) {
	for _, tc := range []struct {
		name, identity, key, reason string
		principal                   awshttp.Principal
	}{
		{"nobody is named", allowAll, grantService, noResource, role},
		{"the account is named, and an identity policy allows", allowRead, grantRoot, "", role},
		{"the account is named, and nothing else allows", "", grantRoot, noIdentity, role},
		{"the role is named", "", grantRole, "", role},
		{"no policy at all", allowAll, "", noResource, user},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := policy.Set{Sovereign: true, Resource: parse(t, policy.Resource, "key", tc.key)}
			if tc.identity != "" {
				set.Identity = []*policy.Policy{parse(t, policy.Identity, "identity", tc.identity)}
			}
			d := set.Decide(policy.Request{Principal: tc.principal, Action: read, Resource: secretA})
			if d.Allowed != (tc.reason == "") || d.Reason != tc.reason {
				t.Errorf("Decide = %+v; want the reason %q", d, tc.reason)
			}
		})
	}
}

func TestRefusalMessage(t *testing.T) {
	for resource, want := range map[string]string{
		secretA: "User: " + user.ARN + " is not authorized to perform: " + read + " on resource: " + secretA + " " + noIdentity,
		"*":     "User: " + user.ARN + " is not authorized to perform: " + read + " " + noIdentity,
	} {
		r := policy.Request{Principal: user, Action: read, Resource: resource}
		refusal, ok := errors.AsType[*awshttp.Error](policy.Set{}.Decide(r).Err(r))
		if !ok || refusal.Message != want || refusal.Code != "AccessDeniedException" {
			t.Errorf("refusal is %v; want %q", refusal, want)
		}
	}
	all := policy.Set{Identity: []*policy.Policy{parse(t, policy.Identity, "all", allowAll)}}
	if r := (policy.Request{Principal: user, Action: read, Resource: "*"}); all.Decide(r).Err(r) != nil {
		t.Error("an allowed request has an error")
	}
}

// TestElements is about which requests a statement applies to.
func TestElements(t *testing.T) {
	const key = "arn:aws:secretsmanager:us-east-1:111122223333:secret:"
	for _, tc := range []struct {
		name, statement, action, resource string
		want                              bool
	}{
		{"action in another case", `"Action":"SecretsManager:getsecretVALUE","Resource":"*"`, read, secretA, true},
		{"action with one wildcard", `"Action":"secretsmanager:GetSecretValu?","Resource":"*"`, read, secretA, true},
		{"? is exactly one", `"Action":"secretsmanager:GetSecretValue?","Resource":"*"`, read, secretA, false},
		{"* in the middle", `"Action":"secretsmanager:Get*Value","Resource":"*"`, read, secretA, true},
		{"* may be empty", `"Action":"secretsmanager:GetSecretValue*","Resource":"*"`, read, secretA, true},
		{"* at a start", `"Action":"secretsmanager:*Value","Resource":"*"`, read, secretA, true},
		{"* is of one service", `"Action":"secrets:*","Resource":"*"`, read, secretA, false},
		{"second action of a list", `"Action":["a:B","secretsmanager:GetSecretValue"],"Resource":"*"`, read, secretA, true},
		{"NotAction leaves it out", `"NotAction":["secretsmanager:*"],"Resource":"*"`, read, secretA, false},
		{"NotAction of another", `"NotAction":["iam:*","sts:*"],"Resource":"*"`, read, secretA, true},

		{"resource in another case", `"Action":"*","Resource":"` + key + `SLUICE/a-AbCdEf"`, read, secretA, false},
		{"resource with a wildcard", `"Action":"*","Resource":"` + key + `sluice/*"`, read, secretA, true},
		{"six unknown characters", `"Action":"*","Resource":"` + key + `sluice/a-??????"`, read, secretA, true},
		{"seven unknown characters", `"Action":"*","Resource":"` + key + `sluice/a-???????"`, read, secretA, false},
		{"a prefix is not enough", `"Action":"*","Resource":"` + key + `sluice/a"`, read, secretA, false},
		{"wildcard for the region", `"Action":"*","Resource":"arn:aws:secretsmanager:*:111122223333:secret:sluice/a-AbCdEf"`, read, secretA, true},
		{"a wildcard does not run into a name with colons", `"Action":"*","Resource":"arn:aws:s3:*:111122223333:b"`, "s3:X", "arn:aws:s3:us-east-1:999999999999:a:111122223333:b", false},
		{"a wildcard stays in its segment", `"Action":"*","Resource":"arn:aws:secretsmanager:*:sluice/a-AbCdEf:x"`, read, secretA, false},
		{"a wildcard swallows no account", `"Action":"*","Resource":"arn:aws:secretsmanager:us-east-1*:a-AbCdEf:*:*"`, read, secretA, false},
		{"another account", `"Action":"*","Resource":"arn:aws:secretsmanager:us-east-1:999999999999:secret:*"`, read, secretA, false},
		{"colons in the last segment", `"Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:f*"`, "lambda:X", "arn:aws:lambda:us-east-1:111122223333:function:f:live", true},
		{"action without a resource", `"Action":"*","Resource":"*"`, "redshift:DescribeClusters", "*", true},
		{"action without a resource and an ARN", `"Action":"*","Resource":"arn:aws:redshift:*:*:*"`, "redshift:DescribeClusters", "*", false},
		{"NotResource leaves it out", `"Action":"*","NotResource":"` + key + `sluice/*"`, read, secretA, false},
		{"NotResource of another", `"Action":"*","NotResource":"` + key + `other/*"`, read, secretA, true},
		{"NotResource of two", `"Action":"*","NotResource":["` + key + `other/*","` + secretA + `"]`, read, secretA, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := policy.Set{Identity: []*policy.Policy{parse(t, policy.Identity, "p", `{"Effect":"Allow",`+tc.statement+`}`)}}
			if got := set.Decide(policy.Request{Principal: user, Action: tc.action, Resource: tc.resource}); got.Allowed != tc.want {
				t.Errorf("Decide() = %+v; want allowed %v", got, tc.want)
			}
		})
	}
}

func TestOneStatementNeedsNoList(t *testing.T) {
	p, err := policy.Parse(policy.Identity, "p", `{"Statement":`+allowAll+`}`)
	if err != nil {
		t.Fatal(err)
	}
	set := policy.Set{Identity: []*policy.Policy{p}}
	if d := set.Decide(policy.Request{Principal: user, Action: read, Resource: secretA}); !d.Allowed || d.Policy != "p" {
		t.Errorf("Decide() = %+v", d)
	}
}

func TestLongRunsOfWildcardsAreCheap(t *testing.T) {
	pattern := "arn:aws:s3:::" + strings.Repeat("a*", 200) + "b"
	set := policy.Set{Identity: []*policy.Policy{parse(t, policy.Identity, "p", `{"Effect":"Allow","Action":"*","Resource":"`+pattern+`"}`)}}
	if d := set.Decide(policy.Request{Principal: user, Action: "s3:X", Resource: "arn:aws:s3:::" + strings.Repeat("a", 2000)}); d.Allowed {
		t.Error("matched without the b at the end")
	}
}

func TestTrustOfAProvider(t *testing.T) {
	const cluster, other = "arn:aws:iam::111122223333:oidc-provider/example.com/id/1", "arn:aws:iam::111122223333:saml-provider/other"
	stranger := awshttp.Principal{Federated: cluster}
	for _, tc := range []struct {
		name, principal string
		who             awshttp.Principal
		want            bool
	}{
		{"the provider", `{"Federated":"` + cluster + `"}`, stranger, true},
		{"one of two providers", `{"Federated":["` + other + `","` + cluster + `"]}`, stranger, true},
		{"another provider", `{"Federated":"` + other + `"}`, stranger, false},
		{"the account", `{"AWS":"111122223333"}`, stranger, false},
		{"a service", `{"Service":"lambda.amazonaws.com"}`, stranger, false},
		{"a user is no provider", `{"Federated":"` + cluster + `"}`, user, false},
		{"nor is a service", `{"Federated":"` + cluster + `"}`, service, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trust := parse(t, policy.Trust, "trust", `{"Effect":"Allow","Principal":`+tc.principal+`,"Action":"sts:AssumeRoleWithWebIdentity"}`)
			d := policy.Set{Resource: trust}.Decide(policy.Request{Principal: tc.who, Action: "sts:AssumeRoleWithWebIdentity", Resource: role.Role})
			if d.Allowed != tc.want {
				t.Errorf("Decide() = %+v; want allowed %v", d, tc.want)
			}
		})
	}
}
