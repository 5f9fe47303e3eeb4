package federation_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

const readSecret = "arn:aws:secretsmanager:us-west-2:123456789012:secret:my-rds-secret-VNenFy"

// documented is AWS's documented policy.
//
// Source: Amazon Redshift Database Developer Guide, "Creating a secret and an IAM role to use federated queries".
const documented = `{
   "Version": "2012-10-17",
   "Statement": [
       {
           "Sid": "AccessSecret",
           "Effect": "Allow",
           "Action": [
               "secretsmanager:GetResourcePolicy",
               "secretsmanager:GetSecretValue",
               "secretsmanager:DescribeSecret",
               "secretsmanager:ListSecretVersionIds"
           ],
           "Resource": "arn:aws:secretsmanager:us-west-2:123456789012:secret:my-rds-secret-VNenFy"
       },
       {
           "Sid": "VisualEditor1",
           "Effect": "Allow",
           "Action": [
               "secretsmanager:GetRandomPassword",
               "secretsmanager:ListSecrets"
           ],
           "Resource": "*"
       }
   ]
}`

type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource any
		Condition        map[string]map[string]string
	}
}

func decode(t *testing.T, text string) policy {
	t.Helper()
	var p policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for i := range p.Statement { // a list of one is the one
		for _, field := range []*any{&p.Statement[i].Action, &p.Statement[i].Resource} {
			if list, ok := (*field).([]any); ok && len(list) == 1 {
				*field = list[0]
			}
		}
	}
	return p
}

func TestPolicies(t *testing.T) {
	place := warehouse.PlaceIn("123456789012", "us-west-2")
	want := decode(t, documented)
	if got := decode(t, federation.Policy(federation.Documented, place, readSecret, "")); !reflect.DeepEqual(got, want) {
		t.Errorf("documented %+v\nwant %+v", got, want)
	}
	strict := decode(t, federation.Policy(federation.Strict, place, readSecret, ""))
	if len(strict.Statement) != 1 || !reflect.DeepEqual(strict.Statement[0], want.Statement[0]) {
		t.Errorf("strict %+v", strict)
	}
	const key = "arn:aws:kms:us-west-2:123456789012:key/1"
	for profile, statements := range map[string]int{federation.Documented: 3, federation.Strict: 2} {
		got := decode(t, federation.Policy(profile, place, readSecret, key))
		if len(got.Statement) != statements {
			t.Fatalf("%s: %+v", profile, got)
		}
		last := got.Statement[statements-1]
		if last.Action != "kms:Decrypt" || last.Resource != key || last.Effect != "Allow" || !reflect.DeepEqual(last.Condition, map[string]map[string]string{"StringEquals": {
			"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com", "kms:EncryptionContext:SecretARN": readSecret}}) {
			t.Errorf("%s: %+v", profile, last)
		}
	}
	if got := federation.Policy(federation.Strict, warehouse.PlaceIn("123456789012", "cn-north-1"), readSecret, key); !strings.Contains(got, `"secretsmanager.cn-north-1.amazonaws.com.cn"`) {
		t.Errorf("China: %s", got)
	}
	if got, want := federation.Trust(), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"redshift.amazonaws.com"},"Action":["sts:AssumeRole"]}]}`; got != want {
		t.Errorf("trust %s", got)
	}
}

func TestSamePolicy(t *testing.T) {
	const one = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:B","a:C"],"Resource":["x"],"Condition":{"StringEquals":{"k":["v"]}}}]}`
	for what, tc := range map[string]struct {
		other string
		same  bool
	}{
		"itself":             {one, true},
		"order":              {`{"Statement":[{"Resource":["x"],"Action":["a:C","a:B"],"Effect":"Allow","Condition":{"StringEquals":{"k":["v"]}}}],"Version":"2012-10-17"}`, true},
		"one for a list":     {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"x","Condition":{"StringEquals":{"k":"v"}}}}`, true},
		"a name":             {strings.Replace(one, `"Effect"`, `"Sid":"N","Effect"`, 1), true},
		"encoded":            {url.PathEscape(one), true},
		"another action":     {strings.Replace(one, "a:C", "a:D", 1), false},
		"one action more":    {strings.Replace(one, `"a:C"`, `"a:C","a:D"`, 1), false},
		"one action less":    {strings.Replace(one, `,"a:C"`, ``, 1), false},
		"another resource":   {strings.Replace(one, `"x"`, `"*"`, 1), false},
		"denied":             {strings.Replace(one, `Allow`, `Deny`, 1), false},
		"no condition":       {strings.Replace(one, `,"Condition":{"StringEquals":{"k":["v"]}}`, ``, 1), false},
		"another condition":  {strings.Replace(one, `"v"`, `"w"`, 1), false},
		"one statement more": {strings.TrimSuffix(one, "]}") + `,{"Effect":"Allow","Action":"*","Resource":"*"}]}`, false},
		"another language":   {strings.Replace(one, `2012-10-17`, `2008-10-17`, 1), false},
		"nothing":            {"", false},
		"no JSON":            {"{", false},
	} {
		if got := federation.SamePolicy(one, tc.other); got != tc.same {
			t.Errorf("%s: same %t\n%s", what, got, tc.other)
		}
	}
	if federation.SamePolicy("", "") {
		t.Error("two documents that cannot be read are the same")
	}
	full := federation.Policy(federation.Documented, warehouse.PlaceIn("123456789012", "us-west-2"), readSecret, "")
	if !federation.SamePolicy(full, documented) {
		t.Error("the documented policy is not what is documented")
	}
}
