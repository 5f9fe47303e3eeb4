package policy_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

func TestParseRefuses(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }
	const allow = `"Effect":"Allow","Action":"*","Resource":"*"`
	for _, tc := range []struct {
		name     string
		kind     policy.Kind
		document string
		want     []string // in the error
	}{
		{"no JSON", policy.Identity, `{`, []string{"not JSON"}},
		{"no object", policy.Identity, `[]`, []string{"not a JSON object"}},
		{"more than one document", policy.Identity, statement(allow) + `{}`, []string{"goes on"}},
		{"a name twice", policy.Identity, statement(allow + `,"Effect":"Deny"`), []string{`"Effect" comes twice`}},
		{"too deep", policy.Identity, strings.Repeat(`{"Statement":`, 50) + "1" + strings.Repeat("}", 50), []string{"too deeply"}},
		{"no statement", policy.Identity, `{"Version":"2012-10-17"}`, []string{"Statement: must be"}},
		{"version", policy.Identity, `{"Version":"2020-01-01","Statement":{` + allow + `}}`, []string{"Version: 2020-01-01 is unknown"}},
		{"unknown elements", policy.Identity, `{"Statements":1,"Statement":{` + allow + `,"Actions":1}}`, []string{`unknown element "Statements"`, `Statement[0]: unknown element "Actions"`}},
		{"effect", policy.Identity, statement(`"Effect":"allow","Action":"*","Resource":"*"`), []string{"Statement[0].Effect: must be Allow or Deny"}},
		{"nothing in the statement", policy.Identity, statement(""), []string{"Effect", "either Action or NotAction", "either Resource or NotResource"}},
		{"action and its negation", policy.Identity, statement(allow + `,"NotAction":"*"`), []string{"either Action or NotAction"}},
		{"action without a service", policy.Identity, statement(`"Effect":"Allow","Action":"GetSecretValue","Resource":"*"`), []string{`Action: invalid value "GetSecretValue"`}},
		{"action with a wildcard in its service", policy.Identity, statement(`"Effect":"Allow","Action":"secrets*:Get","Resource":"*"`), []string{"invalid value"}},
		{"no action in the list", policy.Identity, statement(`"Effect":"Allow","Action":[],"Resource":"*"`), []string{"Action: must not be empty"}},
		{"resource is no ARN", policy.Identity, statement(`"Effect":"Allow","Action":"*","Resource":"my-secret"`), []string{`Resource: invalid value "my-secret"`}},
		{"resource with too few segments", policy.Identity, statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:*"`), []string{"invalid value"}},
		{"resource is a number", policy.Identity, statement(`"Effect":"Allow","Action":"*","Resource":{}`), []string{"Resource: must be a string"}},
		{"principal in an identity policy", policy.Identity, statement(allow + `,"Principal":"*"`), []string{"Principal: has no place"}},
		{"resource in a trust policy", policy.Trust, statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"`), []string{"Resource: has no place"}},
		{"no principal in a resource policy", policy.Resource, statement(allow), []string{"either Principal or NotPrincipal"}},
		{"principal of a kind that the sandbox does not have", policy.Trust, statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":"cognito-identity.amazonaws.com"}`), []string{"Principal.Federated: invalid principal"}},
		{"principal with a wildcard", policy.Resource, statement(allow + `,"Principal":{"AWS":"arn:aws:iam::111122223333:role/*"}`), []string{"invalid principal"}},
		{"principal is a list", policy.Resource, statement(allow + `,"Principal":["*"]`), []string{"Principal: must be"}},
		{"unknown operator", policy.Identity, statement(allow + `,"Condition":{"StringMatches":{"aws:username":"a"}}`), []string{"Condition.StringMatches: the sandbox does not know"}},
		{"operator of addresses", policy.Identity, statement(allow + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), []string{"IpAddress"}},
		{"unknown set operator", policy.Identity, statement(allow + `,"Condition":{"ForSomeValues:StringEquals":{"a":"b"}}`), []string{"ForSomeValues"}},
		{"NullIfExists", policy.Identity, statement(allow + `,"Condition":{"NullIfExists":{"a":"true"}}`), []string{"NullIfExists"}},
		{"condition without keys", policy.Identity, statement(allow + `,"Condition":{"StringEquals":"a"}`), []string{"must be an object of condition keys"}},
		{"condition without values", policy.Identity, statement(allow + `,"Condition":{"StringEquals":{"a":[]}}`), []string{"must not be empty"}},
		{"values of a wrong form", policy.Identity, statement(allow + `,"Condition":{"NumericEquals":{"a":"x"},"DateEquals":{"b":"soon"},"Bool":{"c":"maybe"},"ArnLike":{"d":"e"},"Null":{"f":"1"}}`),
			[]string{"NumericEquals.a", "DateEquals.b", "Bool.c", "ArnLike.d", "Null.f"}},
		{"variable that does not end", policy.Identity, statement(allow + `,"Condition":{"StringEquals":{"a":"${aws:username"}}`), []string{"policy variable"}},
		{"empty variable", policy.Identity, statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${}"`), []string{"policy variable"}},
		{"Sid is no string", policy.Identity, statement(allow + `,"Sid":1`), []string{"Sid: must be a string"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policy.Parse(tc.kind, "the-policy", tc.document)
			for _, want := range append(tc.want, "the-policy") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v; want it to contain %q", err, want)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{allowRead, denyRead, grantRoot, banNotRole,
		`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username, 'a'}/${*}${$}","Condition":{"ForAnyValue:DateLessThanIfExists":{"aws:x":["2026",1767355201]}}}`,
		`{"Effect":"Deny","NotAction":["a:b*?"],"NotResource":["arn:a:b:c:d:e:f"],"Condition":{"Null":{"a":true},"NumericLessThan":{"b":1e400}}}`} {
		f.Add(`{"Version":"2012-10-17","Statement":[` + seed + `]}`)
	}
	f.Fuzz(func(t *testing.T, document string) {
		for _, kind := range []policy.Kind{policy.Identity, policy.Resource, policy.Trust} {
			p, err := policy.Parse(kind, "p", document)
			if err != nil {
				continue
			}
			// What was understood decides, and decides the same again.
			set := policy.Set{Identity: []*policy.Policy{p}, Resource: p, Boundary: p}
			r := policy.Request{Principal: role, Action: read, Resource: secretA, Context: map[string][]string{"aws:username": {"*"}}}
			first, second := set.Decide(r), set.Decide(r)
			if first.Allowed != second.Allowed {
				t.Errorf("%s: %+v, then %+v", document, first, second)
			}
		}
	})
}
