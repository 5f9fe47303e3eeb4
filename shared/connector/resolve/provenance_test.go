package resolve_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/secret"
)

// valueOf is what people read of a property.
func valueOf(t *testing.T, s resolve.Settings, name property.Name) resolve.Value {
	t.Helper()
	i := slices.IndexFunc(s.Values, func(v resolve.Value) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("nothing is said of %s in %v", name, s.Values)
	}
	return s.Values[i]
}

func TestEveryValueSaysWhereItIsFrom(t *testing.T) {
	shared := m{"IAM": "1", "AuthProfile": "shared"}
	secret := m{"SecretID": "arn:aws:secretsmanager:eu-west-3:111122223333:secret:app-AbCdEf", "Server": clusterHost}
	for _, tc := range []struct {
		about string
		question
		want resolve.Value
	}{
		{"explicit", question{given: merged(iam, m{"Server": clusterHost})},
			resolve.Value{Name: property.DbUser, Text: "u", From: resolve.Explicit}},
		{"authentication profile", question{given: merged(shared, m{"Server": clusterHost}), profile: `{"dbuser": "v"}`},
			resolve.Value{Name: property.DbUser, Text: "v", From: resolve.FromAuthProfile}},
		{"host", question{given: merged(iam, m{"Server": clusterHost}), region: "eu-west-1"},
			resolve.Value{Name: property.Region, Text: "us-west-2", From: resolve.FromHost}},
		{"host: the cluster", question{given: merged(iam, m{"Server": strings.ToUpper(clusterHost)})},
			resolve.Value{Name: property.ClusterID, Text: "c1", From: resolve.FromHost}},
		{"host: the account", question{given: m{"IAM": "1", "Server": serverlessHost}},
			resolve.Value{Name: property.AccountID, Text: "012345678901", From: resolve.FromHost}},
		{"host: a custom domain", question{given: merged(iam, m{"Server": "DWH.example.com."}), region: "eu-west-1"},
			resolve.Value{Name: property.CustomDomain, Text: "dwh.example.com", From: resolve.FromHost, Note: "no name that AWS gives, and no warehouse is named"}},
		{"host: the name that the certificate is for", question{given: merged(iam, m{"Server": clusterHost, "vpc_endpoint_url": privateHost})},
			resolve.Value{Name: property.TLSServerName, Text: clusterHost, From: resolve.FromHost, Note: "the endpoint in the private network shows the certificate of Server"}},
		{"environment", question{given: merged(iam, m{"ClusterID": "c1"}), region: "EU-west-1 "},
			resolve.Value{Name: property.Region, Text: "eu-west-1", From: resolve.FromEnvironment}},
		{"default", question{given: merged(iam, m{"Server": clusterHost})},
			resolve.Value{Name: property.Port, Text: "5439", From: resolve.Default}},
		{"default: of the certificate", question{given: merged(iam, m{"Server": clusterHost})},
			resolve.Value{Name: property.SSLMode, Text: "verify-full", From: resolve.Default}},
		{"the host of a custom domain", question{given: merged(iam, m{"CustomDomain": "dwh.example.com"}), region: "eu-west-1"},
			resolve.Value{Name: property.Host, Text: "dwh.example.com", From: resolve.Default, Note: "the custom domain"}},
		{"the region of a secret, before the host's", question{given: secret, region: "eu-west-1"},
			resolve.Value{Name: property.Region, Text: "eu-west-3", From: resolve.Explicit, Note: "from the ARN of the secret"}},
		{"a user that stands in", question{given: m{"IAM": "1", "UID": "w", "Server": clusterHost}},
			resolve.Value{Name: property.DbUser, Text: "w", From: resolve.Explicit, Note: "from UID"}},

		{"groups in their order", question{given: merged(iam, m{"Server": clusterHost, "DbGroups": "B, a", "ForceLowercase": "1"})},
			resolve.Value{Name: property.DbGroups, Text: "a,b", From: resolve.Explicit}},

		{"explicit over authentication profile", question{given: merged(iam, shared, m{"Server": clusterHost}), profile: `{"dbuser": "v"}`},
			resolve.Value{Name: property.DbUser, Text: "u", From: resolve.Explicit, Note: `wins over "v" from the authentication profile`}},
		{"explicit over authentication profile: a truth", question{given: merged(iam, shared, m{"Server": clusterHost, "AutoCreate": "0"}), profile: `{"autocreate": true}`},
			resolve.Value{Name: property.AutoCreate, Text: "false", From: resolve.Explicit, Note: `wins over "true" from the authentication profile`}},
		{"the same truth in two spellings", question{given: merged(iam, shared, m{"Server": clusterHost, "AutoCreate": "1"}), profile: `{"autocreate": true}`},
			resolve.Value{Name: property.AutoCreate, Text: "true", From: resolve.Explicit}},
		{"explicit over host", question{given: merged(iam, m{"Server": clusterHost, "ClusterID": "c2"})},
			resolve.Value{Name: property.ClusterID, Text: "c2", From: resolve.Explicit, Note: `wins over "c1" from the host`}},
		{"authentication profile over host", question{given: merged(iam, shared, m{"Server": clusterHost}), profile: `{"region": "eu-central-1"}`},
			resolve.Value{Name: property.Region, Text: "eu-central-1", From: resolve.FromAuthProfile, Note: `wins over "us-west-2" from the host`}},
		{"verify-full over authentication profile", question{given: merged(iam, shared, m{"Server": clusterHost}), profile: `{"sslmode": "verify-ca"}`},
			resolve.Value{Name: property.SSLMode, Text: "verify-full", From: resolve.Default, Note: `wins over "verify-ca" from the authentication profile`}},
	} {
		t.Run(tc.about, func(t *testing.T) {
			a := ask(t, tc.question)
			if a.err != nil {
				t.Fatal(a.err)
			}
			if got := valueOf(t, a.settings, tc.want.Name); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
	in := resolve.Input{Explicit: ask(t, question{given: merged(iam, m{"ClusterID": "c1"})}).set, Region: "eu-west-1", RegionFrom: resolve.FromAWSProfile}
	s, _, err := resolve.Resolve(in)
	if got := valueOf(t, s, property.Region); err != nil || got.From != resolve.FromAWSProfile {
		t.Errorf("AWS profile: %+v, %v", got, err)
	}
}

// example is a value for each property, with which a login by IAM makes sense.
var example = map[property.Name]string{
	property.IAM: "1", property.UID: "w", property.PWD: "pw", property.Host: clusterHost, property.Port: "5439", property.Database: "dev",
	property.ClusterID: "c1", property.Region: "us-west-2", property.Serverless: "0", property.Workgroup: "wg", property.AccountID: "111122223333",
	property.CustomDomain: "dwh.example.com", property.VPCEndpoint: privateHost, property.DbUser: "u", property.AutoCreate: "1", property.DbGroups: "g",
	property.ForceLowercase: "1", property.GroupFederation: "1", property.Duration: "900", property.DisableCache: "1", property.AuthType: "Profile",
	property.AuthProfile: "shared", property.AccessKeyID: "AKIAIOSFODNN7EXAMPLE", property.SecretAccessKey: "sk", property.SessionToken: "st", property.Profile: "x",
	property.InstanceProfile: "1", property.RoleARN: "arn:aws:iam::111122223333:role/r", property.ExternalID: "xid", property.RoleSessionName: "rsn",
	property.EndpointURL: "https://redshift.example.com", property.StsEndpointURL: "https://sts.example.com", property.SecretID: "app",
	property.SSL: "1", property.SSLMode: "verify-ca", property.CAFile: "/ca.pem", property.TLSServerName: clusterHost, property.ApplicationName: "app", property.ConnectTimeout: "5",
}

// ways are the ways to log in, each with what it needs.
var ways = map[string]m{
	"a user of a cluster":  merged(iam, m{"Server": clusterHost}),
	"the caller's own":     {"IAM": "1", "Server": clusterHost, "group_federation": "1"},
	"a workgroup":          {"IAM": "1", "Server": serverlessHost},
	"a consumer's secret":  {"SecretID": "app", "Region": "us-east-1"},
	"a password":           {"UID": "u", "PWD": "p", "Server": clusterHost},
	"a password and more":  {"UID": "u", "PWD": "p", "Server": clusterHost, "AuthProfile": "shared"},
	"an instance's role":   merged(iam, m{"Server": clusterHost, "InstanceProfile": "1"}),
	"a key, static":        merged(iam, m{"Server": clusterHost, "AuthType": "static", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}),
	"a key that reads":     merged(iam, m{"Server": clusterHost, "AuthProfile": "shared", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}),
	"a cluster's own name": merged(iam, m{"ClusterID": "c1", "Region": "us-east-1"}),
}

// Whichever way the login goes, each property that was given is shown, or told of, or refused.
func TestNoPropertyIsIgnoredInSilence(t *testing.T) {
	for way, base := range ways {
		for name, text := range example {
			a := ask(t, question{given: merged(base, m{string(name): text})})
			shows := slices.ContainsFunc(a.settings.Values, func(v resolve.Value) bool { return v.Name == name })
			tells := slices.ContainsFunc(a.notices, func(n resolve.Notice) bool { return n.Name == name })
			if a.err == nil && !shows && !tells {
				t.Errorf("%s: nothing is said of %s", way, name)
			}
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	const password, key, token, id = "p4ssw0rd", "k3yk3yk3y", "t0k3nt0k3n", "AKIAIOSFODNN7EXAMPLE"
	secrets := []string{password, key, token, strings.TrimSuffix(id, "MPLE")}
	all := m{"PWD": password, "SecretAccessKey": key, string(property.SessionToken): token, "AccessKeyID": id}
	for about, given := range map[string]m{
		"static":          merged(iam, all, m{"Server": clusterHost}),
		"stands in":       merged(iam, m{"Server": clusterHost, "PWD": password, "AccessKeyID": id}),
		"password":        merged(all, m{"Server": clusterHost, "UID": "u"}),
		"secret":          merged(all, m{"SecretID": "app", "Region": "us-east-1"}),
		"problems":        merged(iam, all, m{"Profile": "x", "InstanceProfile": "1", "Region": "?", "SSLMode": "off", "Port": "0"}),
		"token alone":     merged(iam, m{"Server": clusterHost, string(property.SessionToken): token}),
		"secret alone":    merged(iam, m{"Server": clusterHost, "SecretAccessKey": key}),
		"in an endpoint":  merged(iam, m{"Server": clusterHost, "EndpointUrl": "https://u:" + password + "@example.com", "StsEndpointUrl": "https://example.com/?x=" + token}),
		"a key's id only": merged(iam, m{"Server": clusterHost, "AccessKeyID": id}),
	} {
		a := ask(t, question{given: given})
		reading, _ := resolve.ReadingOf(a.set)
		var texts []string
		for _, v := range []any{a.err, a.notices, a.settings.Values, a.settings.Plan(), a.settings.Policy(), a.settings.Key("i"), reading.Call()} {
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, fmt.Sprintf("%v %+v %#v %s %s", v, v, v, v, encoded))
		}
		for _, hidden := range []any{a.settings.AWS.SecretAccessKey, a.settings.AWS.SessionToken, a.settings.Password, a.set} {
			texts = append(texts, fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden))
		}
		for _, text := range texts {
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("%s: %q is in %s", about, s, text)
				}
			}
		}
	}
	s := ask(t, question{given: merged(iam, m{"Server": clusterHost, "AccessKeyID": id, "SecretAccessKey": key})}).settings
	if got := valueOf(t, s, property.AccessKeyID).Text; got != "…MPLE" {
		t.Errorf("the key's id is shown as %q", got)
	}
	s = ask(t, question{given: merged(iam, m{"Server": clusterHost, "AccessKeyID": "short", "SecretAccessKey": key})}).settings
	if got := valueOf(t, s, property.AccessKeyID).Text; got != "…" {
		t.Errorf("what is too short for a key's id is shown as %q", got)
	}
}

func TestCredentialsSayWhereTheyAreFrom(t *testing.T) {
	for _, tc := range []struct {
		c    resolve.Credentials
		want string
	}{
		{resolve.Credentials{Kind: resolve.DefaultChain}, "default chain"},
		{resolve.Credentials{Kind: resolve.Profile, Profile: "etl", RoleARN: "arn:aws:iam::111122223333:role/r"}, "profile etl, and with it the role arn:aws:iam::111122223333:role/r"},
		{resolve.Credentials{Kind: resolve.Static, AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret.New("k3y")}, "access key"},
	} {
		if got := fmt.Sprint(tc.c); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
