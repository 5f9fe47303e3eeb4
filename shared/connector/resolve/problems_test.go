package resolve_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Everything that is wrong is told at once, in the order in which people read properties, however a program gave them.
func TestAllProblemsAtOnce(t *testing.T) {
	q := question{given: m{
		"IAM": "perhaps", "Server": clusterHost + ".evil.example", "vpc_endpoint_url": "https://example.com", "Port": "0", "Region": "us east",
		"ClusterID": "Main", "Workgroup": "my wg", "CustomDomain": "word", "AccountID": "12",
		"UID": "", "DbUser": "IAM:u", "AutoCreate": "yes", "DbGroups": "Sales,table", "IAMDuration": "1h",
		"AuthProfile": "a b", "AuthType": "magic", "SecretAccessKey": "s", "SessionToken": "t", "RoleArn": "role", "ExternalId": "?", "RoleSessionName": "x",
		"EndpointUrl": "http://example.com", "StsEndpointUrl": "sts", "SSL": "0", "SSLMode": "require", "TLSServerName": "a:b", "ConnectTimeout": "-1",
	}}
	first := ask(t, q)
	q.given["IAM"] = "1"
	second := ask(t, q)
	begin(t, "with IAM that is neither on nor off", problems(t, first.err)[:1], []string{"IAM is neither on nor off"})
	begin(t, "with IAM", problems(t, second.err), []string{
		"Server looks like a host of AWS", "vpc_endpoint_url is no host name", "Port is no port", "Region is no region",
		"ClusterID is no identifier of a cluster", "ClusterID names a cluster, and the other properties or the host name a workgroup",
		"Workgroup is no name of a workgroup",
		"CustomDomain is no name that a custom domain has", "CustomDomain is given beside the warehouse's own name", "AccountID is no number of an account",
		"IAMDuration is no number of seconds in range",
		"AuthProfile is no name of an authentication profile", "AuthType is no kind of AWS credentials",
		"SecretAccessKey is given without AccessKeyID", "SessionToken is given without AccessKeyID",
		"RoleArn is no ARN of a role", "ExternalId is none that STS takes", "RoleSessionName is none that STS takes",
		"EndpointUrl is not https", "StsEndpointUrl is no URL of an endpoint",
		"SSL is off", "SSLMode is neither verify-full nor verify-ca", "TLSServerName is no host name", "ConnectTimeout is no number of seconds in range",
	})
	for range 50 { // maps have no order
		if again := ask(t, q); again.err.Error() != second.err.Error() || !slices.Equal(again.notices, second.notices) {
			t.Fatalf("%v\n%v\nafter\n%v\n%v", again.err, again.notices, second.err, second.notices)
		}
	}
	if got := fields(second.settings); !slices.Equal(got, fields(resolve.Settings{})) {
		t.Errorf("settings beside problems: %q", got)
	}
}

func TestProblems(t *testing.T) {
	on := func(more ...m) m { return merged(append([]m{iam, {"Server": clusterHost}}, more...)...) }
	key := m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}
	secret := func(more ...m) m { return merged(append([]m{{"SecretID": "app", "Region": "us-east-1"}}, more...)...) }
	const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-AbCdEf"
	for _, tc := range []struct {
		about string
		given m
		want  []string
	}{
		{"nothing", m{}, []string{"Server is missing", "UID is missing, and IAM is off", "PWD is missing, and IAM is off"}},
		{"IAM that is neither on nor off", m{"IAM": "yes"}, []string{"IAM is neither on nor off"}},
		{"IAM that is neither on nor off, and more", m{"IAM": "yes", "Server": clusterHost, "Port": "x", "SSLMode": "off"}, []string{"IAM is neither", "Port is no port", "SSLMode is neither"}},
		{"IAM that is neither, beside a secret", secret(m{"IAM": "yes"}), []string{"IAM is neither on nor off"}},
		{"a host with its port", merged(iam, m{"Server": clusterHost + ":5439"}), []string{"Server is no host name"}},
		{"a host with its port, and no user", m{"IAM": "1", "Server": serverlessHost + ":5439"}, []string{"Server is no host name"}},
		{"a host below another domain", merged(iam, m{"Server": clusterHost + ".evil.example"}), []string{"Server looks like a host of AWS"}},
		{"a workgroup and a host with its port", m{"IAM": "1", "Serverless": "1", "Server": serverlessHost + ":5439"}, []string{"Server is no host name"}},
		{"a cluster asked as a workgroup, without a host that is one", m{"IAM": "1", "Region": "us-east-1", "DbUser": "u", "ClusterID": "redshift-serverless-wg", "Server": "h:5439"}, []string{"Server is no host name"}},
		{"serverless that is neither on nor off", m{"IAM": "1", "Server": "dwh.example.com", "Region": "us-east-1", "Serverless": "yes"}, []string{"Serverless is neither on nor off"}},
		{"who logs in, neither on nor off", m{"IAM": "1", "Server": clusterHost, "group_federation": "yes"}, []string{"group_federation is neither on nor off"}},
		{"TLS that is neither on nor off", on(m{"SSL": "yes"}), []string{"SSL is neither on nor off"}},
		{"nothing but IAM", m{"IAM": "1"}, []string{"Region is missing", "ClusterID is missing, and there is no host that says it", "DbUser is missing"}},
		{"no region", m{"IAM": "1", "ClusterID": "c1", "DbUser": "u"}, []string{"Region is missing, and neither the host nor the AWS configuration says it"}},
		{"key without a secret", on(m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE"}), []string{"SecretAccessKey is missing beside AccessKeyID"}},
		{"key and instance profile", on(key, m{"InstanceProfile": "1"}), []string{"InstanceProfile is given beside AccessKeyID"}},
		{"key and everything", on(key, m{"InstanceProfile": "1", "Profile": "x"}), []string{"Profile is given beside AccessKeyID", "InstanceProfile is given beside AccessKeyID"}},
		{"static without a key", on(m{"AuthType": "Static"}), []string{"AccessKeyID is missing, and AuthType is Static"}},
		{"plugin", on(m{"AuthType": "Plugin"}), []string{"AuthType is Plugin, and there are no plugins"}},
		{"external id without a role", on(m{"ExternalId": "xid", "RoleSessionName": "rsn"}), []string{"ExternalId is given without RoleArn", "RoleSessionName is given without RoleArn"}},
		{"external id that is too long", on(m{"RoleArn": "arn:aws:iam::111122223333:role/r", "ExternalId": strings.Repeat("x", 1225)}), []string{"ExternalId is none that STS takes"}},
		{"an endpoint with a query", on(m{"EndpointUrl": "https://example.com/?a=b"}), []string{"EndpointUrl is no URL of an endpoint"}},
		{"an endpoint with a user", on(m{"EndpointUrl": "https://u:p@example.com"}), []string{"EndpointUrl is no URL of an endpoint"}},
		{"an endpoint of another scheme", on(m{"EndpointUrl": "ftp://example.com"}), []string{"EndpointUrl is no https URL"}},

		{"cluster and workgroup", m{"IAM": "1", "Region": "us-east-1", "ClusterID": "c1", "Workgroup": "w"}, []string{"ClusterID names a cluster, and the other properties or the host name a workgroup"}},
		{"cluster and a workgroup's host", m{"IAM": "1", "Server": serverlessHost, "ClusterID": "c1"}, []string{"ClusterID names a cluster"}},
		{"a managed endpoint of a cluster and a workgroup", m{"IAM": "1", "Server": "sales-endpoint-x1.abc.us-east-1.redshift.amazonaws.com", "Workgroup": "w"}, []string{"Server is a cluster's"}},
		{"a workgroup's host that is not serverless", m{"IAM": "1", "Server": serverlessHost, "Serverless": "0"}, []string{"Serverless is off, and the host is a workgroup's"}},
		{"a workgroup that is not serverless", m{"IAM": "1", "Region": "us-east-1", "Workgroup": "w", "Serverless": "0"}, []string{"Serverless is off, and Workgroup names a workgroup"}},
		{"custom domain and cluster", on(m{"CustomDomain": "dwh.example.com", "ClusterID": "c1"}), []string{"CustomDomain is given beside the warehouse's own name"}},
		{"Redshift's own host as custom domain", on(m{"CustomDomain": clusterHost}), []string{"CustomDomain is no name that a custom domain has"}},
		{"an address and no cluster", merged(iam, m{"Server": "127.0.0.1", "Region": "us-east-1"}), []string{"ClusterID is missing"}},
		{"a load balancer and no cluster", merged(iam, m{"Server": "front-0123456789abcdef.elb.us-east-1.amazonaws.com"}), []string{"ClusterID is missing, and the host (load balancer)"}},
		{"a workgroup as a cluster, without a host", merged(iam, m{"ClusterID": "redshift-serverless-wg", "Region": "us-east-1"}), []string{"Server is missing, and cannot be looked up"}},
		{"a workgroup as a cluster, by a name that is too long", merged(iam, m{"Server": serverlessHost, "ClusterID": "redshift-serverless-" + strings.Repeat("w", 65)}),
			[]string{"ClusterID is no identifier of a cluster"}},
		{"a cluster's identifier that is too long", on(m{"ClusterID": strings.Repeat("c", 64)}), []string{"ClusterID is no identifier of a cluster"}},
		{"a database that no policy may name", on(m{"Database": "*"}), []string{"Database "}},
		{"a user that no policy may name", on(m{"DbUser": "*"}), []string{"DbUser does not start with a lower-case letter"}},
		{"a user of letters that fold to ASCII", on(m{"DbUser": "bac\u212a"}), []string{"DbUser has \"\u212a\" in it"}},
		{"a user with Redshift's prefix", on(m{"DbUser": "IAM:u"}), []string{"DbUser has a colon in it"}},
		{"groups in upper case", on(m{"DbGroups": "Sales"}), []string{`DbGroups holds "Sales", and groups are in lower case`}},
		{"groups of reserved words", on(m{"DbGroups": "table,a"}), []string{`DbGroups holds "table", which is a reserved word`}},
		{"a truth that is none", on(m{"AutoCreate": "yes"}), []string{"AutoCreate is neither on nor off"}},
		{"libpq's word for the system's authorities", on(m{"sslrootcert": "system"}), []string{"CaFile is libpq's word for the system's authorities, and no file"}},
		{"a port that is too large", on(m{"Port": "65536"}), []string{"Port is no port"}},

		{"a secret, and who logs in", secret(m{"UID": "u", "DbUser": "u", "Workgroup": "w"}), []string{"Workgroup is given beside SecretID", "UID is given beside SecretID", "DbUser is given beside SecretID"}},
		{"a secret and a password", secret(m{"PWD": "p"}), []string{"PWD is given beside SecretID"}},
		{"a secret, a key and a password", secret(key, m{"PWD": "p"}), []string{"PWD is given beside SecretID"}},
		{"a secret, and IAM off", secret(m{"IAM": "0"}), []string{"IAM is off, and a secret is read with AWS credentials"}},
		{"a secret and an authentication profile", secret(m{"AuthProfile": "shared"}), []string{"AuthProfile is given beside SecretID"}},
		{"a secret in another region", m{"SecretID": arn, "Region": "us-west-2"}, []string{`Region is "us-west-2", and the ARN of the secret says "us-east-1"`}},
		{"an ARN of something else", m{"SecretID": "arn:aws:s3:::bucket", "Region": "us-east-1"}, []string{"SecretID is neither the ARN nor the name of a secret"}},
		{"a secret's name that no policy may name", m{"SecretID": "app*", "Region": "us-east-1"}, []string{"SecretID is neither the ARN nor the name of a secret"}},
	} {
		t.Run(tc.about, func(t *testing.T) { begin(t, "problems", problems(t, ask(t, question{given: tc.given}).err), tc.want) })
	}
}

// What people write in place of a host is known, and what to write is said.
func TestWhatToWriteForAHost(t *testing.T) {
	const plain = "write the host's name as the console shows it"
	for given, want := range map[string]string{
		"h.example.com:5439":            "write the host alone, and Port=5439",
		"h.example.com,5439":            "write the host alone, and Port=5439",
		"[::1]:5439":                    "write the host alone, and Port=5439",
		"tcp:h.example.com,5439":        plain,
		"h:700000":                      plain,
		"h:x":                           plain,
		":5439":                         plain,
		"h port=5439 dbname=dev user=u": "write semicolons between properties, in place of spaces",
		"https://h":                     plain,
		clusterHost + ".evil.example":   plain,
	} {
		_, _, err := resolve.Resolve(resolve.Input{Explicit: ask(t, question{given: merged(iam, m{"Server": given, "ClusterID": "c1", "Region": "us-east-1"})}).set})
		list, _ := errors.AsType[fault.Problems](err)
		if len(list) != 1 || list[0].Where != "Server" || list[0].Fix != want {
			t.Errorf("%s: %+v, want the fix %q", given, list, want)
		}
	}
}

// What is no contradiction, though it may look like one.
func TestWhatIsTaken(t *testing.T) {
	on := func(more ...m) question {
		return question{given: merged(append([]m{iam, {"Server": clusterHost}}, more...)...)}
	}
	key := m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}
	off := func(q question) question {
		q.given["IAM"] = "0"
		return q
	}
	run(t, []vector{
		{"a key, and an instance profile that is off", on(key, m{"InstanceProfile": "0"}), want{fields: []string{"Kind=access key"}}},
		{"a key beside what AuthType says", on(key, m{"AuthType": "profile", "Profile": "x"}), want{
			fields: []string{"Kind=profile", "Profile=x", "AccessKeyID="}, notices: []string{"AccessKeyID is ignored: AuthType is Profile"}}},
		{"a key beside a profile, to read an authentication profile with", on(key, m{"AuthProfile": "shared", "Profile": "x"}), want{fields: []string{"Kind=profile", "Profile=x"}}},
		{"a key for reading and logins", on(key, m{"AuthProfile": "shared"}), want{fields: []string{"Kind=access key"}}},
		{"a role", on(m{"RoleArn": "arn:aws-us-gov:iam::111122223333:role/path/r", "ExternalId": "a/b:c", "RoleSessionName": "me@x"}), want{
			fields: []string{"RoleARN=arn:aws-us-gov:iam::111122223333:role/path/r", "ExternalID=a/b:c", "SessionName=me@x", "Kind=default chain"}}},
		{"a password that nothing takes", on(m{"PWD": "p"}), want{notices: []string{"PWD is ignored: IAM is on"}}},
		{"a user beside the database user", on(m{"UID": "w"}), want{fields: []string{"DbUser=u"}, notices: []string{"UID is ignored: DbUser says who logs in"}}},
		{"groups twice, and empty ones", on(m{"DbGroups": " b,,a,b, "}), want{fields: []string{"DbGroups=a,b"}}},
		{"no group but commas", on(m{"DbGroups": " , "}), want{fields: []string{"DbGroups="}, notices: []string{"DbGroups names no group"}}},
		{"who logs in, where the caller does", on(m{"group_federation": "1", "DbGroups": "a", "AutoCreate": "1", "ForceLowercase": "1"}), want{
			fields:  []string{"DbUser=", "DbGroups=", "AutoCreate=false"},
			notices: []string{"DbUser has no effect", "AutoCreate has no effect", "DbGroups has no effect", "ForceLowercase has no effect"}}},
		{"a workgroup with a long name, asked as a cluster", question{given: merged(iam, m{"Server": serverlessHost, "ClusterID": "redshift-serverless-" + strings.Repeat("w", 64)})}, want{
			fields: []string{"Login=GetClusterCredentials", "Workgroup="}}},
		{"a workgroup asked as a cluster", question{given: merged(iam, m{"Server": serverlessHost, "ClusterID": "redshift-serverless-wg1"})}, want{
			fields: []string{"Login=GetClusterCredentials", "Cluster=redshift-serverless-wg1", "Workgroup="}}},
		{"a custom domain is the host, too", question{given: merged(iam, m{"CustomDomain": "DWH.example.com", "Region": "us-east-1"})}, want{
			fields: []string{"Host=dwh.example.com", "Port=5439", "CustomDomain=dwh.example.com", "GuessedDomain=false"},
			calls:  []string{"redshift:GetClusterCredentials DbUser=u DbName=dev AutoCreate=false CustomDomainName=dwh.example.com"}}},
		{"a custom domain with a port", question{given: merged(iam, m{"CustomDomain": "dwh.example.com", "Region": "us-east-1", "Port": "5555"})}, want{fields: []string{"Port=5555"}}},
		{"a workgroup's custom domain", question{given: m{"IAM": "1", "CustomDomain": "dwh.example.com", "Serverless": "1", "Region": "us-east-1"}}, want{
			calls: []string{"redshift-serverless:GetCredentials dbName=dev customDomainName=dwh.example.com"}}},
		{"a port of a host that is looked up", question{given: merged(iam, m{"ClusterID": "c1", "Region": "us-east-1", "Port": "5555"})}, want{fields: []string{"Host=", "Port=5555"}}},
		{"a secret, and a host that the secret need not have", question{given: m{"SecretID": "app", "Server": clusterHost}}, want{
			fields: []string{"Login=GetSecretValue", "Secret=app", "Region=us-west-2", "Host=" + clusterHost, "Port=0", "Database=", "Kind=default chain"},
			calls:  []string{"secretsmanager:GetSecretValue SecretId=app"}}},
		{"a secret, and a password for the key that reads it", question{given: m{"SecretID": "app", "Region": "us-east-1", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "PWD": "s"}}, want{
			fields: []string{"SecretAccessKey=s", "Password="}, notices: []string{"SecretAccessKey is not given: PWD counts"}}},
		{"IAM off, and no region that nobody asks for", question{given: m{"UID": "u", "PWD": "p", "Server": "127.0.0.1"}, region: "us-east-1"}, want{fields: []string{"Region="}}},
		{"IAM off, and no region at all", question{given: m{"UID": "u", "PWD": "p", "Server": "127.0.0.1"}}, want{fields: []string{"Region="}}},
		{"IAM off, with an authentication profile", off(on(key, m{"AuthProfile": "shared", "UID": "w", "PWD": "p"})), want{
			fields: []string{"Login=password", "Kind=", "AccessKeyID="}, notices: []string{"DbUser is ignored: IAM is off"}}},
		{"verify-ca, and a name that it does not look at", on(m{"SSLMode": "VERIFY-CA", "TLSServerName": "dwh.example.com"}), want{
			fields: []string{"SSLMode=verify-ca"}, notices: []string{"TLSServerName is not checked"}}},
		{"an interface endpoint without the host behind it", question{given: merged(iam, m{"vpc_endpoint_url": privateHost, "ClusterID": "c1"})}, want{
			fields: []string{"Host=" + privateHost, "Region=us-west-2", "Cluster=c1"}}},
		{"an interface endpoint, and no host that says the certificate's name", question{given: merged(iam, m{"vpc_endpoint_url": "10.0.0.7", "ClusterID": "c1", "Region": "us-east-1"})}, want{
			fields: []string{"Host=10.0.0.7", "ServerName="}}},
		{"a load balancer", question{given: merged(iam, m{"Server": "front-0123456789abcdef.elb.us-east-1.amazonaws.com", "ClusterID": "c1"})}, want{
			fields: []string{"Region=us-east-1", "Cluster=c1"}, notices: []string{"TLSServerName is not given: behind the host (load balancer)"}}},
		{"a load balancer, and no look at the name", question{given: merged(iam, m{"Server": "front-0123456789abcdef.elb.us-east-1.amazonaws.com", "ClusterID": "c1", "SSLMode": "verify-ca"})}, want{}},
		{"a key that reads an authentication profile, beside AuthType", on(key, m{"AuthType": "profile", "AuthProfile": "shared"}), want{fields: []string{"Kind=default chain"}}},
		{"no cache", on(m{"DisableCache": "1"}), want{fields: []string{"Cache=false"}}},
		{"a cache", on(), want{fields: []string{"Cache=true"}}},
		{"spaces around values", question{given: merged(iam, m{"Server": " " + clusterHost + " ", "DbUser": " u ", "Region": " US-WEST-2 "})}, want{
			fields: []string{"Host=" + clusterHost, "DbUser=u", "Region=us-west-2", "Cluster=c1"}}},
		{"a tunnel on a machine of AWS's", question{given: merged(iam, m{"Server": "ec2-198-51-100-1.compute-1.amazonaws.com", "ClusterID": "c1", "Region": "us-east-1"})}, want{
			notices: []string{"Server has amazonaws in its name and is no host of Redshift's"}}},
		{"a suffix of AWS's with a slip, beside a cluster", question{given: merged(iam, m{"Server": "c1.abc.us-west-2.redshift.amazonws.com", "ClusterID": "c1", "Region": "us-west-2"})}, want{
			notices: []string{"Server is written as a host of Redshift's is, below another domain"}}},
		{"an endpoint's address that is like a host", question{given: merged(iam, m{"Server": clusterHost, "vpc_endpoint_url": "c1.vpce.amazonaws.example.com"})}, want{
			notices: []string{"vpc_endpoint_url has amazonaws in its name"}}},
		{"no limit of time", on(m{"loginTimeout": "0"}), want{
			fields: []string{"ConnectTimeout=10s"}, notices: []string{"ConnectTimeout is 0, which means no limit to the drivers; here it is the default, 10 seconds"}}},
		{"two limits of the JDBC driver", question{text: "jdbc:redshift:iam://" + clusterHost + "/dev?DbUser=u&connectTimeout=5&loginTimeout=30"}, want{
			fields: []string{"ConnectTimeout=30s"}, notices: []string{"connectTimeout is ignored. One limit here is for both, and the larger counts."}}},
		{"what tunes a driver", on(m{"LogLevel": "6"}), want{notices: []string{"LogLevel is ignored"}}},
	})
}

// Before the authentication profile and the AWS configuration are known, what they could add is not missed, and all else is told.
func TestWhatIsNotKnownYetIsNotMissed(t *testing.T) {
	shared := m{"AuthProfile": "shared"}
	unread := func(given ...m) question {
		return question{given: merged(append([]m{shared}, given...)...), unread: true, unconfigured: true}
	}
	for _, tc := range []struct {
		about string
		question
		want []string
	}{
		{"a profile may say everything", unread(), nil},
		{"a profile may say all but IAM", unread(m{"IAM": "1"}), nil},
		{"a profile may name the workgroup", unread(m{"IAM": "1", "Serverless": "1"}), nil},
		{"a profile may name the role", unread(m{"IAM": "1", "ExternalId": "xid"}), nil},
		{"a profile may name the host of a workgroup that is asked as a cluster", unread(m{"IAM": "1", "ClusterID": "redshift-serverless-wg"}), nil},
		{"a profile may name the database user", unread(iam, m{"UID": "No:User", "DbUser": ""}), nil},
		{"a profile has no password", unread(m{"IAM": "0"}), []string{"PWD is missing, and IAM is off"}},
		{"a profile has no key", unread(m{"IAM": "1", "AuthType": "Static"}), []string{"AccessKeyID is missing"}},
		{"contradictions stay some", unread(m{"IAM": "1", "Server": clusterHost, "Workgroup": "w", "SessionToken": "t", "SSL": "0"}),
			[]string{"Server is a cluster's", "SessionToken is given without AccessKeyID", "SSL is off"}},
		{"nonsense stays some", unread(iam, m{"Region": "us east", "IAMDuration": "1", "DbUser": "IAM:u", "ExternalId": "?"}),
			[]string{"Region is no region", "DbUser has a colon in it", "IAMDuration is no number", "ExternalId is none that STS takes"}},
		{"the configuration may say the region", question{given: merged(iam, m{"ClusterID": "c1"}), unconfigured: true}, nil},
		{"the configuration says nothing else", question{given: m{"IAM": "1"}, unconfigured: true}, []string{"ClusterID is missing", "DbUser is missing"}},
		{"once it is known, it is missed", question{given: merged(shared, m{"IAM": "1", "ExternalId": "xid"}), profile: `{}`},
			[]string{"Region is missing", "ClusterID is missing", "DbUser is missing", "ExternalId is given without RoleArn"}},
	} {
		t.Run(tc.about, func(t *testing.T) { begin(t, "problems", problems(t, ask(t, tc.question).err), tc.want) })
	}
}

// A name and a region in place of host and port are a cluster's. What the message says to write for a workgroup is right.
func TestNameInAURLIsAClusters(t *testing.T) {
	for _, properties := range []string{"Workgroup=w", "Serverless=1", "serverless_work_group=w&is_serverless=true"} {
		a := ask(t, question{text: "redshift:iam://name:us-west-2/dev?" + properties})
		begin(t, properties, problems(t, a.err), []string{"ClusterID is what the URL says as name:region, which names a cluster, and the other properties are a workgroup's"})
		if fix := "redshift:iam:///database?Workgroup=name&Region=region"; !strings.Contains(a.err.Error(), fix) {
			t.Errorf("%v\ndoes not say %s", a.err, fix)
		}
	}
	a := ask(t, question{text: "redshift:iam:///database?Workgroup=name&Region=us-west-2"})
	if a.err != nil || a.settings.Workgroup != "name" || a.settings.Region != "us-west-2" || a.settings.Database != "database" {
		t.Errorf("%+v, %v; want what the message says to be right", a.settings, a.err)
	}
	a = ask(t, question{text: "redshift:iam://name:us-west-2/dev?DbUser=u"})
	if a.err != nil || a.settings.Cluster != "name" {
		t.Errorf("%+v, %v", a.settings, a.err)
	}
}
