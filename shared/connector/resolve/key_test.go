package resolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

func keyOf(t *testing.T, q question, identity string) lease.Key {
	t.Helper()
	a := ask(t, q)
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.settings.Key(identity)
}

// cluster is what the cases below change.
var cluster = m{"IAM": "1", "DbUser": "u", "ClusterID": "c1", "Region": "us-east-1", "Database": "dev", "DbGroups": "a,b"}

func TestKeysDifferWhereLoginsDo(t *testing.T) {
	seen := map[lease.Key]string{}
	for about, change := range map[string]m{
		"nothing": {}, "cluster": {"ClusterID": "c2"}, "region": {"Region": "us-west-2"}, "database": {"Database": "sales"}, "user": {"DbUser": "v"},
		"a group more": {"DbGroups": "a,b,c"}, "no group": {"DbGroups": ""}, "groups of other lengths": {"DbGroups": "ab"}, "created": {"AutoCreate": "1"},
		"duration": {"IAMDuration": "901"}, "endpoint": {"EndpointUrl": "https://example.com"}, "STS": {"StsEndpointUrl": "https://example.com"},
		"federation": {"group_federation": "1"}, "workgroup": {"ClusterID": "", "Workgroup": "c1"}, "custom domain": {"ClusterID": "", "CustomDomain": "c1.example.com"},
		"a workgroup's custom domain": {"ClusterID": "", "CustomDomain": "c1.example.com", "Serverless": "1"},
		"a workgroup as a cluster":    {"ClusterID": "redshift-serverless-c1", "Server": serverlessHost},
	} {
		k := keyOf(t, question{given: merged(cluster, change)}, "somebody")
		if other, again := seen[k]; again {
			t.Errorf("%s and %s have one key: %+v", about, other, k)
		}
		seen[k] = about
	}
	for _, secret := range []m{{"SecretID": "c1", "Region": "us-east-1"}, {"SecretID": "c2", "Region": "us-east-1"}, {"SecretID": "c1", "Region": "us-west-2"}} {
		k := keyOf(t, question{given: secret}, "somebody")
		if other, again := seen[k]; again {
			t.Errorf("%v and %s have one key: %+v", secret, other, k)
		}
		seen[k] = fmt.Sprint(secret)
	}
	if keyOf(t, question{given: cluster}, "one") == keyOf(t, question{given: cluster}, "another") {
		t.Error("two askers have one key")
	}
}

func TestKeysAreTheSameWhereLoginsAre(t *testing.T) {
	want := keyOf(t, question{given: cluster}, "somebody")
	for about, q := range map[string]question{
		"order and spaces of groups":  {given: merged(cluster, m{"DbGroups": " b, a,b"})},
		"case that is folded":         {given: merged(cluster, m{"DbGroups": "B,A", "ForceLowercase": "1"})},
		"case of the region":          {given: merged(cluster, m{"Region": "US-East-1"})},
		"where the region is from":    {given: merged(cluster, m{"Region": ""}), region: "us-east-1"},
		"where all is from":           {given: m{"IAM": "1", "AuthProfile": "shared"}, profile: `{"dbuser": "u", "clusterid": "c1", "region": "us-east-1", "dbgroups": ["a", "b"]}`},
		"spelling of names":           {given: m{"iam": "true", "db_user": "u", "cluster_identifier": "c1", "REGION": "us-east-1", "dbgroups": "a,b", "auto_create": "0"}},
		"an ODBC string":              {text: "iam=1;DbUser=u;ClusterId=c1;Region=us-east-1;DbGroups={a,b}"},
		"a URL":                       {text: "jdbc:redshift:iam://c1:us-east-1/dev?DbUser=u&DbGroups=a,b"},
		"the host":                    {given: merged(cluster, m{"ClusterID": "", "Region": "", "Server": "C1.abc.us-east-1.redshift.amazonaws.com"})},
		"a tunnel":                    {given: merged(cluster, m{"Server": "127.0.0.1", "Port": "5555"})},
		"how the connection is made":  {given: merged(cluster, m{"SSLMode": "verify-ca", "ApplicationName": "x", "ConnectTimeout": "3"})},
		"a user that stands in":       {given: merged(cluster, m{"DbUser": "", "UID": "u"})},
		"the account, which says all": {given: merged(cluster, m{"AccountID": "111122223333"})},
	} {
		if got := keyOf(t, q, "somebody"); got != want {
			t.Errorf("%s: %+v, want %+v", about, got, want)
		}
	}
	secret := m{"SecretID": "app", "Region": "us-east-1"}
	if one, another := keyOf(t, question{given: secret}, "i"), keyOf(t, question{given: merged(secret, m{"Database": "sales"})}, "i"); one != another {
		t.Errorf("two databases by one secret: %+v, %+v", one, another)
	}
	domain := merged(cluster, m{"ClusterID": ""})
	if one, another := keyOf(t, question{given: merged(domain, m{"Server": "dwh.example.com"})}, "i"), keyOf(t, question{given: merged(domain, m{"CustomDomain": "DWH.example.com."})}, "i"); one != another {
		t.Errorf("one custom domain in two spellings: %+v, %+v", one, another)
	}
}

func TestKeysHoldNoSecret(t *testing.T) {
	given := merged(cluster, m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "k3yk3y", "SessionToken": "t0k3n"})
	k := keyOf(t, question{given: given}, "somebody")
	for _, secret := range []string{"AKIA", "k3yk3y", "t0k3n"} {
		if text := fmt.Sprintf("%+v %v", k, k.LogValue()); strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
}
