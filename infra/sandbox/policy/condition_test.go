package policy_test

import (
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

func TestConditions(t *testing.T) {
	keys := map[string][]string{
		"aws:username":             {"alice"},
		"aws:PrincipalTag/team":    {"data"},
		"aws:SourceArn":            {"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/a-AbCdEf"},
		"redshift:DurationSeconds": {"900"},
		"aws:CurrentTime":          {"2026-01-02T12:00:00Z"},
		"aws:SecureTransport":      {"true"},
		"aws:TagKeys":              {"stage", "owner"},
		"s3:prefix":                {"lit*ral"},

		"kms:EncryptionContext:SecretARN": {"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/a-AbCdEf"},
		"kms:ViaService":                  {"secretsmanager.us-east-1.amazonaws.com"},
		"kms:EncryptionContextKeys":       {"SecretARN", "SecretVersionId"},
	}
	for _, tc := range []struct {
		name, condition string
		want            bool
	}{
		{"StringEquals", `"StringEquals":{"aws:username":"alice"}`, true},
		{"StringEquals, other case", `"StringEquals":{"aws:username":"Alice"}`, false},
		{"StringEquals knows no wildcard", `"StringEquals":{"aws:username":"ali*"}`, false},
		{"StringEquals, one of several", `"StringEquals":{"aws:username":["bob","alice"]}`, true},
		{"key in another case", `"StringEquals":{"AWS:UserName":"alice"}`, true},
		{"key absent", `"StringEquals":{"aws:none":"alice"}`, false},
		{"key absent, IfExists", `"StringEqualsIfExists":{"aws:none":"alice"}`, true},
		{"key present, IfExists", `"StringEqualsIfExists":{"aws:username":"bob"}`, false},
		{"StringNotEquals", `"StringNotEquals":{"aws:username":"bob"}`, true},
		{"StringNotEquals, one of several", `"StringNotEquals":{"aws:username":["bob","alice"]}`, false},
		{"StringNotEquals, absent", `"StringNotEquals":{"aws:none":"bob"}`, true},
		{"StringEqualsIgnoreCase", `"StringEqualsIgnoreCase":{"aws:username":"ALICE"}`, true},
		{"StringNotEqualsIgnoreCase", `"StringNotEqualsIgnoreCase":{"aws:username":"ALICE"}`, false},
		{"StringLike", `"StringLike":{"aws:username":"a?i*"}`, true},
		{"StringLike, no fit", `"StringLike":{"aws:username":"b*"}`, false},
		{"StringNotLike", `"StringNotLike":{"aws:username":"a*"}`, false},
		{"a value of the request is literal", `"StringLike":{"s3:prefix":"lit${*}ral"}`, true},
		{"${*} is no wildcard", `"StringLike":{"aws:username":"${*}"}`, false},

		{"ArnLike", `"ArnLike":{"aws:SourceArn":"arn:aws:secretsmanager:*:111122223333:secret:sluice/*"}`, true},
		{"ArnLike stays in segments", `"ArnLike":{"aws:SourceArn":"arn:aws:secretsmanager:*:sluice/a-AbCdEf:*:*"}`, false},
		{"ArnEquals knows wildcards", `"ArnEquals":{"aws:SourceArn":"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/a-??????"}`, true},
		{"ArnNotLike", `"ArnNotLike":{"aws:SourceArn":"arn:aws:secretsmanager:*:*:*"}`, false},
		{"ArnNotEquals", `"ArnNotEquals":{"aws:SourceArn":"arn:aws:sns:*:*:*"}`, true},
		{"ArnLike of what is no ARN", `"ArnLike":{"aws:username":"arn:aws:sns:*:*:*"}`, false},

		{"NumericEquals", `"NumericEquals":{"redshift:DurationSeconds":900.0}`, true},
		{"NumericNotEquals", `"NumericNotEquals":{"redshift:DurationSeconds":"900"}`, false},
		{"NumericLessThan", `"NumericLessThan":{"redshift:DurationSeconds":"900"}`, false},
		{"NumericLessThanEquals", `"NumericLessThanEquals":{"redshift:DurationSeconds":"900"}`, true},
		{"NumericLessThanEquals compares numbers", `"NumericLessThanEquals":{"redshift:DurationSeconds":"3600"}`, true},
		{"NumericGreaterThan", `"NumericGreaterThan":{"redshift:DurationSeconds":"899"}`, true},
		{"NumericGreaterThanEquals", `"NumericGreaterThanEquals":{"redshift:DurationSeconds":"901"}`, false},
		{"Numeric of text", `"NumericEquals":{"aws:username":"1"}`, false},

		{"DateLessThan", `"DateLessThan":{"aws:CurrentTime":"2026-01-02T12:00:01Z"}`, true},
		{"DateLessThan, now", `"DateLessThan":{"aws:CurrentTime":"2026-01-02T12:00:00Z"}`, false},
		{"DateLessThanEquals", `"DateLessThanEquals":{"aws:CurrentTime":"2026-01-02T13:00:00+01:00"}`, true},
		{"DateGreaterThan a day", `"DateGreaterThan":{"aws:CurrentTime":"2026-01-02"}`, true},
		{"DateGreaterThanEquals seconds", `"DateGreaterThanEquals":{"aws:CurrentTime":"1767355201"}`, false},
		{"DateEquals", `"DateEquals":{"aws:CurrentTime":"2026-01-02T12:00:00Z"}`, true},
		{"DateNotEquals", `"DateNotEquals":{"aws:CurrentTime":"2026-01-02T12:00:00Z"}`, false},

		{"Bool", `"Bool":{"aws:SecureTransport":"true"}`, true},
		{"Bool as JSON", `"Bool":{"aws:SecureTransport":false}`, false},
		{"Null, present", `"Null":{"aws:username":"true"}`, false},
		{"Null, absent", `"Null":{"aws:none":"true"}`, true},
		{"not Null, present", `"Null":{"aws:username":"false"}`, true},
		{"not Null, absent", `"Null":{"aws:none":false}`, false},

		{"ForAllValues", `"ForAllValues:StringEquals":{"aws:TagKeys":["stage","owner","cost"]}`, true},
		{"ForAllValues, one too many", `"ForAllValues:StringEquals":{"aws:TagKeys":["stage"]}`, false},
		{"ForAllValues, absent", `"ForAllValues:StringEquals":{"aws:none":"x"}`, true},
		{"ForAnyValue", `"ForAnyValue:StringLike":{"aws:TagKeys":"own*"}`, true},
		{"ForAnyValue, none", `"ForAnyValue:StringEquals":{"aws:TagKeys":"cost"}`, false},
		{"ForAnyValue, absent", `"ForAnyValue:StringEquals":{"aws:none":"x"}`, false},
		{"ForAllValues, negated", `"ForAllValues:StringNotEquals":{"aws:TagKeys":"owner"}`, false},
		{"ForAnyValue, negated", `"ForAnyValue:StringNotEquals":{"aws:TagKeys":"owner"}`, true},
		{"ForAnyValue, negated, absent", `"ForAnyValue:StringNotEquals":{"aws:none":"x"}`, false},

		{"all operators must hold", `"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"false"}`, false},
		{"all keys must hold", `"StringEquals":{"aws:username":"alice","aws:PrincipalTag/team":"ops"}`, false},
		{"all hold", `"StringEquals":{"aws:username":"alice","aws:PrincipalTag/team":"data"},"Null":{"aws:none":"true"}`, true},

		{"key with two colons", `"StringEquals":{"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/a-AbCdEf","kms:ViaService":"secretsmanager.us-east-1.amazonaws.com"}`, true},
		{"key with two colons, another value", `"StringLike":{"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:secret:sluice/b-*"}`, false},
		{"variable with two colons", `"StringEquals":{"aws:SourceArn":"${kms:EncryptionContext:SecretARN}"}`, true},
		{"keys of an encryption context", `"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["SecretARN","SecretVersionId"]},"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"SecretARN"}`, true},

		{"variable", `"StringEquals":{"aws:username":"${aws:username}"}`, true},
		{"variable with more text", `"StringLike":{"aws:SourceArn":"*:secret:sluice/${s3:none, 'a'}-*"}`, true},
		{"variable without a value", `"StringEquals":{"aws:username":"${aws:none}"}`, false},
		{"variable without a value, negated", `"StringNotEquals":{"aws:username":"${aws:none}"}`, true},
		{"variable with several values", `"ForAnyValue:StringEquals":{"aws:TagKeys":"${aws:TagKeys}"}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := policy.Set{Identity: []*policy.Policy{parse(t, policy.Identity, "p",
				`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+tc.condition+`}}`)}}
			if got := set.Decide(policy.Request{Principal: user, Action: read, Resource: secretA, Context: keys}); got.Allowed != tc.want {
				t.Errorf("Decide() = %+v; want allowed %v", got, tc.want)
			}
		})
	}
}

func TestVariablesInResources(t *testing.T) {
	const dbuser = "arn:aws:redshift:us-east-1:111122223333:dbuser:c/"
	for _, tc := range []struct {
		name, version, pattern, value, resource string
		want                                    bool
	}{
		{"replaced", "2012-10-17", "${redshift:DbUser}", "app", "app", true},
		{"another", "2012-10-17", "${redshift:DbUser}", "app", "admin", false},
		{"a wildcard in the value is literal", "2012-10-17", "${redshift:DbUser}", "*", "admin", false},
		{"beside a wildcard", "2012-10-17", "${redshift:DbUser}_*", "app", "app_1", true},
		{"default", "2012-10-17", "${aws:none, 'app'}", "x", "app", true},
		{"without a value", "2012-10-17", "${aws:none}", "x", "app", false},
		{"old version has none", "2008-10-17", "${redshift:DbUser}", "app", "app", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := policy.Parse(policy.Identity, "p", `{"Version":"`+tc.version+`","Statement":{"Effect":"Allow","Action":"*","Resource":"`+dbuser+tc.pattern+`"}}`)
			if err != nil {
				t.Fatal(err)
			}
			set := policy.Set{Identity: []*policy.Policy{p}}
			r := policy.Request{Principal: user, Action: "redshift:GetClusterCredentials", Resource: dbuser + tc.resource, Context: map[string][]string{"redshift:DbUser": {tc.value}}}
			if got := set.Decide(r); got.Allowed != tc.want {
				t.Errorf("Decide() = %+v; want allowed %v", got, tc.want)
			}
		})
	}
}
