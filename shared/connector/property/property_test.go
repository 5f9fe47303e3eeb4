package property_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/fault"
)

// texts are the values of a set, by name.
func texts(s property.Set) map[property.Name]string {
	all := make(map[property.Name]string)
	for _, e := range s.Entries() {
		all[e.Name] = e.Value.Reveal()
	}
	return all
}

// said is what a test expects in a set.
type said = map[property.Name]string

func expect(t *testing.T, got property.Set, err error, want said) {
	t.Helper()
	if err != nil {
		t.Fatalf("error %v", err)
	}
	if !maps.Equal(texts(got), want) {
		t.Errorf("%v, want %v", texts(got), want)
	}
}

func TestPropertiesOfOneMeaning(t *testing.T) {
	want := said{property.Host: "h", property.ClusterID: "c1", property.IAM: "true", property.DisableCache: "true", property.GroupFederation: "true"}
	for name, given := range map[string]map[string]string{
		"ODBC":   {"Servername": "h", "ClusterId": "c1", "IAM": "true", "DisableCache": "true", "group_federation": "true"},
		"JDBC":   {"HOST": "h", "ClusterID": "c1", "IAMAuth": "true", "IAMDisableCache": "true", "groupFederation": "true"},
		"Python": {"host": "h", "cluster_identifier": "c1", "iam": "true", "iam_disable_cache": "true", "group_federation": "true"},
		"mixed":  {"SERVER": "h", "cluster-id": "c1", "Iam": "true", "disable-cache": "true", "GROUPFEDERATION": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := property.FromMap(given)
			expect(t, got, err, want)
		})
	}
}

// refused expects an error of one problem for each part, in that order.
func refused(t *testing.T, _ property.Set, err error, want []string) {
	t.Helper()
	problems, ok := errors.AsType[fault.Problems](err)
	if !ok {
		t.Fatalf("error %v of type %T, want problems", err, err)
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(problems), len(want), err)
	}
	for i, p := range problems {
		if i < len(want) && !strings.Contains(p.String(), want[i]) {
			t.Errorf("problem %q, want %q", p, want[i])
		}
		if p.Where == "" || p.What == "" || p.Fix == "" {
			t.Errorf("problem %q is not whole", p)
		}
	}
}

func TestWhatHappensToProperties(t *testing.T) {
	const plugin = "belongs to the drivers' identity-provider plugins, which this connector does not have; leave it out and use AWS credentials of an SSO"
	for _, tc := range []struct {
		given, value string
		ignored      string // why
		problem      string
	}{
		{"KeepAlive", "1", "Connections are kept alive as Go does it.", ""},
		{"tcpKeepAlive", "true", "Connections are kept alive as Go does it.", ""},
		{"tcp_keepalive", "True", "Connections are kept alive as Go does it.", ""},
		{"fetchSize", "100", "Rows arrive one after the other; there is nothing to tune.", ""},
		{"Driver", "Amazon Redshift", "This connector is the driver.", ""},
		{"KeepAlive", "", "", ""}, // as if not given
		{"plugin_name", "", "", ""},
		{"plugin_name", "com.amazon.redshift.plugin.OktaCredentialsProvider", "", "plugin_name: " + plugin},
		{"credentials_provider", "OktaCredentialsProvider", "", "credentials_provider: " + plugin},
		{"App_ID", "x", "", "App_ID: " + plugin},
		{"principal", "x", "", "principal: " + plugin},
		{"webIdentityToken", "x", "", "webIdentityToken: " + plugin},
		{"idc_region", "x", "", "idc_region: " + plugin},
		{"AllowDBUserOverride", "0", "With this value it asks for nothing.", ""},
		{"AllowDBUserOverride", "1", "", "AllowDBUserOverride: " + plugin},
		{"duration", "900", "", "duration: is how long a plugin's AWS session lives"},
		{"readOnly", "FALSE", "With this value it asks for nothing.", ""},
		{"Min_TLS", "1.2", "With this value it asks for nothing.", ""},
		{"Min_TLS", "1.3", "", "Min_TLS: asks for more than TLS 1.2"},
		{"connectionTimezone", "server", "With this value it asks for nothing.", ""},
		{"jaasLogin", "1", "With this value it asks for nothing.", ""},
		{"KerberosServiceName", "x", "", "KerberosServiceName: belongs to a login by Kerberos"},
		{"ReadOnly", "1", "", "ReadOnly: asks for sessions that cannot write"},
		{"ValidateServerCertificate", "0", "", "ValidateServerCertificate: would leave the certificate unchecked"},
		{"sslfactory", "com.amazon.redshift.ssl.NonValidatingFactory", "", "sslfactory: names what there is in Java alone; leave it out; to trust other authorities"},
		{"https_proxy_host", "x", "", "https_proxy_host: asks for a proxy for the calls to AWS, which takes none from the properties; set HTTPS_PROXY"},
		{"IniFile", "x", "", "IniFile: names further properties"},
		{"SingleRowMode", "1", "Rows arrive one after the other; there is nothing to tune.", ""},
		{"UseDeclareFetch", "1", "Rows arrive one after the other; there is nothing to tune.", ""},
		{"Fetch", "100", "Rows arrive one after the other; there is nothing to tune.", ""},
		{"UseMultipleStatements", "1", "A connection runs one statement after the other, as database/sql uses it.", ""},
		{"EnforceSingleStatement", "1", "A connection runs one statement after the other, as database/sql uses it.", ""},
		{"BoolsAsChar", "1", "Values arrive as database/sql gives them to the program.", ""},
		{"MaxVarchar", "255", "Values arrive as database/sql gives them to the program.", ""},
		{"MaxLongVarChar", "8190", "Values arrive as database/sql gives them to the program.", ""},
		{"MaxBytea", "255", "Values arrive as database/sql gives them to the program.", ""},
		{"TextAsLongVarchar", "1", "Values arrive as database/sql gives them to the program.", ""},
		{"UseSystemTrustStore", "0", "Trusted are the system's authorities and Amazon's, or in their place those of CaFile.", ""},
		{"CheckCertRevocation", "0", "With this value it asks for nothing.", ""},
		{"CheckCertRevocation", "1", "", "CheckCertRevocation: asks whether certificates have been revoked, which this connector does not find out"},
		{"colour", "red", "", "colour: is no property"},
		{"colour", "", "", "colour: is no property"},
		{"", "x", "", "a property: is no property"},
		{strings.Repeat("x", 100), "red", "", strings.Repeat("x", 60) + "…: is no property"},
	} {
		t.Run(tc.given+"="+tc.value, func(t *testing.T) {
			got, err := property.FromMap(map[string]string{tc.given: tc.value})
			if tc.problem != "" {
				refused(t, got, err, []string{tc.problem})
				return
			}
			expect(t, got, err, said{})
			var want []property.Ignored
			if tc.ignored != "" {
				want = []property.Ignored{{Spelling: tc.given, Why: tc.ignored}}
			}
			if !slices.Equal(got.Ignored(), want) {
				t.Errorf("ignored %v, want %v", got.Ignored(), want)
			}
		})
	}
}

func TestFromMapFindsAllProblems(t *testing.T) {
	got, err := property.FromMap(map[string]string{"PWD": "a", "pwd": "b", "password": "c", "plugin_name": "x", "Serve": "h", "UID": "u", "user": "u"})
	refused(t, got, err, []string{"Serve: is no property; did you mean Server?", "password: says something else than PWD", "plugin_name: ", "pwd: says something else than PWD"})
}

func TestSpellingsAreKept(t *testing.T) {
	got, err := property.Parse("redshift://u@h?Cluster-Identifier=c1&fetch_Size=1")
	if err != nil {
		t.Fatal(err)
	}
	spellings := make(map[property.Name]string)
	for _, e := range got.Entries() {
		spellings[e.Name] = e.Spelling
	}
	if want := (said{property.UID: "", property.Host: "", property.ClusterID: "Cluster-Identifier"}); !maps.Equal(spellings, want) {
		t.Errorf("%v, want %v", spellings, want)
	}
	if len(got.Ignored()) != 1 || got.Ignored()[0].Spelling != "fetch_Size" {
		t.Errorf("ignored %v", got.Ignored())
	}
	if v, ok := got.Get(property.ClusterID); !ok || v.Reveal() != "c1" {
		t.Errorf("cluster %q, %t", v.Reveal(), ok)
	}
	if _, ok := got.Get(property.PWD); ok {
		t.Error("a password that was not given")
	}
}
