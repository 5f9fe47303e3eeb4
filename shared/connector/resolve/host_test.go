package resolve_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// Names of hosts with what they say.
var hosts = []struct {
	about, name string
	want        resolve.Host
}{
	{"a cluster", "c1.abc.us-west-2.redshift.amazonaws.com", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-west-2"}},
	{"GovCloud", "c1.abc.us-gov-west-1.redshift.amazonaws.com", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-gov-west-1"}},
	{"China", "c1.abc.cn-northwest-1.redshift.amazonaws.com.cn", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "cn-northwest-1"}},
	{"the European cloud", "c1.abc.eusc-de-east-1.redshift.amazonaws.eu", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "eusc-de-east-1"}},
	{"ISO", "c1.abc.us-iso-east-1.redshift.c2s.ic.gov", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-iso-east-1"}},
	{"ISO B", "c1.abc.us-isob-east-1.redshift.sc2s.sgov.gov", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-isob-east-1"}},
	{"ISO E", "c1.abc.eu-isoe-west-1.redshift.cloud.adc-e.uk", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "eu-isoe-west-1"}},
	{"ISO F", "c1.abc.us-isof-south-1.redshift.csp.hci.ic.gov", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-isof-south-1"}},
	{"upper case", "C1.ABC.US-WEST-2.Redshift.AmazonAWS.COM", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-west-2"}},
	{"a dot at the end", "c1.abc.us-west-2.redshift.amazonaws.com.", resolve.Host{Form: resolve.Provisioned, ID: "c1", Region: "us-west-2"}},
	{"the longest label", strings.Repeat("a", 63) + ".abc.us-west-2.redshift.amazonaws.com", resolve.Host{Form: resolve.Provisioned, ID: strings.Repeat("a", 63), Region: "us-west-2"}},

	{"a workgroup", "wg-1.012345678901.us-east-1.redshift-serverless.amazonaws.com",
		resolve.Host{Form: resolve.ServerlessHost, Serverless: true, ID: "wg-1", Account: "012345678901", Region: "us-east-1"}},
	{"a workgroup in China", "wg.012345678901.cn-north-1.redshift-serverless.amazonaws.com.cn",
		resolve.Host{Form: resolve.ServerlessHost, Serverless: true, ID: "wg", Account: "012345678901", Region: "cn-north-1"}},
	{"a workgroup that begins with a digit", "1-wg.012345678901.us-east-1.redshift-serverless.amazonaws.com",
		resolve.Host{Form: resolve.ServerlessHost, Serverless: true, ID: "1-wg", Account: "012345678901", Region: "us-east-1"}},
	{"serverless without a workgroup", "012345678901.us-east-1.redshift-serverless.amazonaws.com",
		resolve.Host{Form: resolve.ServerlessHost, Serverless: true, Account: "012345678901", Region: "us-east-1"}},

	{"managed VPC endpoint of a cluster", "sales-endpoint-x1y2z3.abc.us-east-1.redshift.amazonaws.com", resolve.Host{Form: resolve.ManagedEndpoint, Region: "us-east-1"}},
	{"managed VPC endpoint of a workgroup", "sales-endpoint-x1y2z3.012345678901.us-east-1.redshift-serverless.amazonaws.com",
		resolve.Host{Form: resolve.ManagedEndpoint, Serverless: true, Account: "012345678901", Region: "us-east-1"}},
	{"a cluster with the word in its name", "endpoint-sales.abc.us-east-1.redshift.amazonaws.com", resolve.Host{Form: resolve.Provisioned, ID: "endpoint-sales", Region: "us-east-1"}},
	{"PrivateLink", "vpce-0abc.vpce-svc-0def.us-west-2.vpce.amazonaws.com", resolve.Host{Form: resolve.PrivateLink, Region: "us-west-2"}},
	{"PrivateLink in a zone", "vpce-0abc-us-west-2a.vpce-svc-0def.us-west-2.vpce.amazonaws.com", resolve.Host{Form: resolve.PrivateLink, Region: "us-west-2"}},
	{"PrivateLink in China", "vpce-0abc.vpce-svc-0def.cn-north-1.vpce.amazonaws.com.cn", resolve.Host{Form: resolve.PrivateLink, Region: "cn-north-1"}},
	{"network load balancer", "front-0123456789abcdef.elb.us-east-1.amazonaws.com", resolve.Host{Form: resolve.LoadBalancer, Region: "us-east-1"}},
	{"network load balancer in China", "front-0123456789abcdef.elb.cn-north-1.amazonaws.com.cn", resolve.Host{Form: resolve.LoadBalancer, Region: "cn-north-1"}},
	{"classic load balancer", "internal-front-123.us-east-1.elb.amazonaws.com", resolve.Host{Form: resolve.LoadBalancer, Region: "us-east-1"}},
	{"classic load balancer by both protocols", "dualstack.front-123.us-east-1.elb.amazonaws.com", resolve.Host{Form: resolve.LoadBalancer, Region: "us-east-1"}},

	{"a custom domain", "DWH.Example.com.", resolve.Host{Form: resolve.UnknownHost, Domain: "dwh.example.com"}},
	{"another name below AWS's suffix", "ec2-198-51-100-1.compute-1.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"a service of another name", "c1.abc.us-west-2.redshift-dev.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"a service that ends like it", "c1.abc.us-west-2.not-redshift.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"a custom domain with AWS's labels in it", "redshift.myproject.prod.redshift.amazonaws.example.com",
		resolve.Host{Form: resolve.UnknownHost, Domain: "redshift.myproject.prod.redshift.amazonaws.example.com"}},
	{"a custom domain with a region and the service in it", "etl.prod.us-west-2.redshift.example.com",
		resolve.Host{Form: resolve.UnknownHost, Domain: "etl.prod.us-west-2.redshift.example.com"}},
	{"a custom domain with a region, behind what is AWS's", "redshift.amazonaws.us-west-2.example.com",
		resolve.Host{Form: resolve.UnknownHost, Domain: "redshift.amazonaws.us-west-2.example.com"}},
	{"a custom domain with a region before another label", "dwh.us-west-2.prod.redshift.amazonaws.example.com",
		resolve.Host{Form: resolve.UnknownHost, Domain: "dwh.us-west-2.prod.redshift.amazonaws.example.com"}},
	{"PrivateLink with a label too many", "x.vpce-0abc.vpce-svc-0def.us-west-2.vpce.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"PrivateLink with a label too many after the region", "vpce-0abc.vpce-svc-0def.us-west-2.x.vpce.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"PrivateLink to an API", "vpce-0abc.redshift.us-west-2.vpce.amazonaws.com", resolve.Host{Form: resolve.UnknownHost}},
	{"one word", "localhost", resolve.Host{Form: resolve.UnknownHost}},
	{"a container's name", "my_warehouse.internal", resolve.Host{Form: resolve.UnknownHost}},
	{"IPv4", "127.0.0.1", resolve.Host{Form: resolve.UnknownHost}},
	{"IPv6", "2001:DB8::1", resolve.Host{Form: resolve.UnknownHost}},
	{"IPv6 with a zone", "fe80::1%eth0", resolve.Host{Form: resolve.UnknownHost}},
}

func TestHostsAreReadWhole(t *testing.T) {
	for _, tc := range hosts {
		if got, err := resolve.ReadHost(tc.name); err != nil || got != tc.want {
			t.Errorf("%s, %s: %+v, %v; want %+v", tc.about, tc.name, got, err, tc.want)
		}
	}
}

func TestNamesThatAreNoHosts(t *testing.T) {
	const (
		noName    = "is no host name"
		malformed = "ends as Redshift's hosts do and is none of them"
		alike     = "looks like a host of AWS and is one below another domain"
	)
	for _, tc := range []struct{ about, name, want string }{
		{"empty", "", noName},
		{"a dot", ".", noName},
		{"a dot before", "." + clusterHost, noName},
		{"two dots within", "c1..us-west-2.redshift.amazonaws.com", noName},
		{"two dots at the end", clusterHost + "..", noName},
		{"a port", clusterHost + ":5439", noName},
		{"a scheme", "https://" + clusterHost, noName},
		{"a path", clusterHost + "/dev", noName},
		{"spaces", "my host", noName},
		{"a hyphen before a label", "-c1.example.com", noName},
		{"a hyphen after a label", "c1-.example.com", noName},
		{"a label that is too long", strings.Repeat("a", 64) + ".example.com", noName},
		{"a name that is too long", strings.Repeat("abcdefg.", 32) + "com", "has 259 characters, of at most 253"},
		{"an address with a part too many", "1.2.3.4.5", "is neither a host name nor an IP address"},
		{"an address with a part too large", "1.2.3.256", "is neither a host name nor an IP address"},
		{"an IPv6 address in brackets", "[::1]", noName},
		{"an IPv6 address with a port", "[::1]:5439", noName},
		{"letters that fold to ASCII", "c1.abc.us-west-2.redsh\u0130ft.amazonaws.com", noName}, // its lower case is an i
		{"the sign of kelvin", "\u212a1.abc.us-west-2.redshift.amazonaws.com", noName},         // its lower case is a k
		{"Cyrillic letters", "c1.abc.us-west-2.redshift.\u0430mazonaws.com", noName},
		{"a dot of another script", "c1.abc.us-west-2.redshift\u3002amazonaws.com", noName},
		{"NUL", clusterHost + "\x00.evil.example", noName},

		{"a label too many", "a.b.c.us-west-2.redshift.amazonaws.com", malformed},
		{"a label too few", "c1.us-west-2.redshift.amazonaws.com", malformed},
		{"no region", "c1.abc.nowhere.redshift.amazonaws.com", malformed},
		{"no cluster", "redshift.amazonaws.com", malformed},
		{"the service's own endpoint", "redshift.us-west-2.amazonaws.com.redshift.amazonaws.com", malformed},
		{"an underscore in a cluster", "c_1.abc.us-west-2.redshift.amazonaws.com", malformed},
		{"an underscore beside a cluster", "c1.a_c.us-west-2.redshift.amazonaws.com", malformed},
		{"a cluster that begins with a digit", "1c.abc.us-west-2.redshift.amazonaws.com", malformed},
		{"two hyphens in a cluster", "c--1.abc.us-west-2.redshift.amazonaws.com", malformed},
		{"a workgroup without an account", "wg.abc.us-west-2.redshift-serverless.amazonaws.com", malformed},
		{"an account that is too short", "wg.01234567890.us-west-2.redshift-serverless.amazonaws.com", malformed},
		{"an underscore in a workgroup", "w_g.012345678901.us-west-2.redshift-serverless.amazonaws.com", malformed},
		{"a label before a workgroup", "x.wg.012345678901.us-west-2.redshift-serverless.amazonaws.com", malformed},

		{"below another domain", clusterHost + ".evil.example", alike},
		{"below another domain, in upper case", strings.ToUpper(clusterHost) + ".Evil.Example", alike},
		{"a workgroup below another domain", serverlessHost + ".evil.example", alike},
		{"China below another domain", "c1.abc.cn-north-1.redshift.amazonaws.com.cn.evil.example", alike},
		{"the suffix alone below another domain", "redshift.amazonaws.com.evil.example", alike},
		{"a suffix cut short", "c1.abc.us-west-2.redshift.amazonaws.co", alike},
		{"a suffix that is longer", "c1.abc.us-west-2.redshift.amazonaws.community", alike},
		{"a suffix with more before it", "c1.abc.us-west-2.redshift.notamazonaws.com", alike},
		{"a suffix with more behind it", "c1.abc.us-west-2.redshift.amazonaws.com-evil.example", alike},
		{"a suffix with the service in it", "c1.abc.us-west-2.redshift-amazonaws.com", alike},
		{"a suffix behind another label", "c1.abc.us-west-2.redshift.com.amazonaws.example", alike},
		{"a suffix of another country", "C1.ABC.CN-North-1.Redshift.AmazonAWS.Com.CO.", alike},
		{"a workgroup's suffix cut short", "wg.012345678901.us-west-2.redshift-serverless.amazonaws.co", alike},
		{"a workgroup's suffix with the service in it", "012345678901.us-west-2.redshift-serverless-amazonaws.com", alike},
		{"an endpoint's suffix cut short", "vpce-0abc.vpce-svc-0def.us-west-2.vpce.amazonaws.co", alike},
		{"a load balancer's suffix cut short", "front-123.us-east-1.elb.amazonaws.co", alike},
		{"amidst another domain", "www." + clusterHost + ".evil.example.", alike},
	} {
		if got, err := resolve.ReadHost(tc.name); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s, %q: %+v, %v; want the error that it %s", tc.about, tc.name, got, err, tc.want)
		}
	}
}

// redshift matches every host that is a cluster's or a workgroup's.
var redshift = regexp.MustCompile(`^([a-z0-9-]+\.[a-z0-9-]+\.[a-z0-9-]+\.redshift|([a-z0-9-]+\.)?[0-9]{12}\.[a-z0-9-]+\.redshift-serverless)` +
	`\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

func FuzzReadHost(f *testing.F) {
	for _, tc := range hosts {
		f.Add(tc.name)
	}
	for _, more := range []string{"", ".", "redsh\u0130ft.amazonaws.com", clusterHost + ".evil.example", "a..b", "[::1]:1"} {
		f.Add(more)
	}
	upper := func(text string) string { // of ASCII alone
		return strings.Map(func(c rune) rune {
			if 'a' <= c && c <= 'z' {
				return c + 'A' - 'a'
			}
			return c
		}, text)
	}
	f.Fuzz(func(t *testing.T, name string) {
		h, err := resolve.ReadHost(name)
		if err != nil {
			if h != (resolve.Host{}) {
				t.Errorf("%q: %+v beside %v", name, h, err)
			}
			return
		}
		plain := strings.ToLower(strings.TrimSuffix(name, "."))
		switch h.Form {
		case resolve.Provisioned, resolve.ServerlessHost, resolve.ManagedEndpoint:
			if !redshift.MatchString(plain) {
				t.Errorf("%q is taken for a %s", name, h.Form)
			}
			labels := strings.Split(plain, ".")
			if h.Region == "" || !slices.Contains(labels, h.Region) || h.ID != "" && h.ID != labels[0] || h.Serverless != (h.Account != "") {
				t.Errorf("%q says %+v", name, h)
			}
			if (h.ID == "") != (h.Form == resolve.ManagedEndpoint || h.Form == resolve.ServerlessHost && labels[0] == h.Account) {
				t.Errorf("%q says %+v", name, h)
			}
		case resolve.PrivateLink, resolve.LoadBalancer, resolve.UnknownHost:
			if redshift.MatchString(name) || h.ID != "" || h.Account != "" || h.Serverless || h.Domain != "" && h.Domain != plain {
				t.Errorf("%q says %+v", name, h)
			}
		default:
			t.Errorf("%q has the form %q", name, h.Form)
		}
		if strings.Contains(name, ":") {
			return // the zone of an address may be anything
		}
		for _, other := range []string{upper(name), plain} {
			if again, err := resolve.ReadHost(other); err != nil || again != h {
				t.Errorf("%q says %+v; %q %+v, %v", name, h, other, again, err)
			}
		}
	})
}
