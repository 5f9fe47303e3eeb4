package resolve_test

import (
	"strings"
	"testing"
)

// Hosts of the cases below.
const (
	clusterHost    = "c1.abc.us-west-2.redshift.amazonaws.com"
	serverlessHost = "wg1.012345678901.us-west-2.redshift-serverless.amazonaws.com"
	oldServerless  = "012345678901.us-east-2.redshift-serverless.amazonaws.com"
	managedHost    = "ddi-endpoint-endpoint-k7rf.012345678901.eu-west-1.redshift-serverless.amazonaws.com"
	customHost     = "redshift.company.prod.redshift.company.com"
	privateHost    = "vpce-0abc.vpce-svc-0def.us-west-2.vpce.amazonaws.com"
)

// iam turns IAM on for a user of a cluster.
var iam = m{"IAM": "1", "DbUser": "u"}

// A vector is a case of the list of what Amazon's three drivers make of properties, under its number there. What is expected is what
// is right, which is not always what a driver does.
//
// The others of the list, and the rest of some, need AWS, time or connections, and are tested where those are:
//
//	C13 the chain yields nothing           shared/aws/awslease, TestNoCredentials
//	D9, D10, D12, D16 profiles             shared/aws/awslease, TestLoadFails; with a code for D16, TestMFA
//	D13 a profile that is its own source   shared/aws/awslease, TestOwnSource
//	D15, D18, D19 profile and environment  shared/aws/awslease, TestKindsOfCredentials
//	E11 the look-up is made once           shared/connector, TestWhereTheWarehouseIsIsLookedUpOnce
//	E13 the look-up fails                  shared/aws/awslease, TestDomainCluster
//	E22 the user as the service returns it shared/aws/awslease, TestMintUser; shared/connector, TestConnectionsShareALoginWhileItIsGood
//	E23 every client                       shared/aws/awslease, TestEndpointURL
//	F11 the token is sent                  infra/sandbox/connected, TestAuthenticationProfileIsReadWithEachKind
//	G2, G3, G5 good, ended, almost ended   shared/connector/lease, TestLeaseIsRefreshedByAge
//	G11 many at once                       shared/connector/lease, TestManyAtOnceMintOnce
type vector struct {
	name string
	question
	want
}

func run(t *testing.T, vectors []vector) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) { v.check(t, ask(t, v.question)) })
	}
}

func TestVectorsOfHosts(t *testing.T) {
	host := func(name string) question {
		return question{given: merged(iam, m{"Server": name}), region: "eu-south-1"}
	}
	with := func(q question, more m) question {
		q.given = merged(q.given, more)
		return q
	}
	const (
		inherits = "TLSServerName is not given: behind the host ("
		alike    = "Server has amazonaws in its name and is no host of Redshift's"
	)
	run(t, []vector{
		{"A1 cluster of a host", host("my-cluster.abc123.us-west-2.redshift.amazonaws.com"),
			want{fields: []string{"Cluster=my-cluster", "Region=us-west-2", "Login=GetClusterCredentials", "GuessedDomain=false"}}},
		{"A2 region of a host", host("redshift-cluster-1.aaaaaaaaaaaa.us-east-2.redshift.amazonaws.com"), want{fields: []string{"Region=us-east-2"}}},
		{"A4 no workgroup in the host", host(oldServerless), want{
			problems: []string{"Workgroup is missing, and the host (workgroup) does not say it"}, notices: []string{"DbUser has no effect"}}},
		{"A4 workgroup from elsewhere", with(host(oldServerless), m{"Workgroup": "w"}), want{
			fields: []string{"Workgroup=w", "Region=us-east-2", "AccountID=012345678901", "Login=GetCredentials"}, notices: []string{"DbUser has no effect"}}},
		{"A5 region of China", host("my-cluster.c2mf5zd3u3sv.cn-north-1.redshift.amazonaws.com.cn"),
			want{fields: []string{"Cluster=my-cluster", "Region=cn-north-1", "GuessedDomain=false"}}},
		{"A7 no public form: names nothing", host("c1.abc.us-east-1.redshift-dev.amazonaws.com"), want{problems: []string{"ClusterID is missing"}, notices: []string{alike}}},
		{"A7 no public form: the region is not from there", with(host("c1.abc.us-east-1.redshift-dev.amazonaws.com"), m{"ClusterID": "c9"}),
			want{fields: []string{"Cluster=c9", "Region=eu-south-1", "GuessedDomain=false"}, notices: []string{alike}}},
		{"A8 region with a suffix", host("redshift-cluster-1.aaaaaaaaaaaa.us-east-1-dev.redshift.amazonaws.com"),
			want{fields: []string{"Cluster=redshift-cluster-1", "Region=us-east-1-dev", "CustomDomain="}}},
		{"A10 custom domain with the service in it", host("redshift.myproject.prod.redshift.amazonaws.mycompany.com"), want{
			fields: []string{"Cluster=", "CustomDomain=redshift.myproject.prod.redshift.amazonaws.mycompany.com", "GuessedDomain=true", "Region=eu-south-1"}, notices: []string{alike}}},
		{"A11 custom domain of a workgroup", with(host(customHost), m{"is_serverless": "true"}), want{
			fields: []string{"CustomDomain=" + customHost, "Workgroup=", "Login=GetCredentials", "GuessedDomain=false"}, notices: []string{"DbUser has no effect"}}},
		{"A13 named workgroup, no custom domain", with(host(customHost), m{"is_serverless": "true", "serverless_work_group": "xyz"}), want{
			fields: []string{"CustomDomain=", "Workgroup=xyz", "Login=GetCredentials"}, notices: []string{"DbUser has no effect"}}},
		{"A14 managed VPC endpoint alone", host(managedHost), want{
			problems: []string{"Workgroup is missing, and the host (managed VPC endpoint) does not say it"}, notices: []string{"DbUser has no effect", inherits + "managed VPC endpoint"}}},
		{"A14 managed VPC endpoint of a named workgroup", with(host(managedHost), m{"Workgroup": "w", "TLSServerName": serverlessHost}), want{
			fields: []string{"Workgroup=w", "Region=eu-west-1", "Host=" + managedHost, "ServerName=" + serverlessHost}, notices: []string{"DbUser has no effect"}}},
		{"A16 interface VPC endpoint alone", host(privateHost), want{
			problems: []string{"ClusterID is missing, and the host (interface VPC endpoint) does not say it"}, notices: []string{inherits + "interface VPC endpoint"}}},
		{"A16 interface VPC endpoint of a named cluster", with(host(privateHost), m{"ClusterID": "c9"}), want{
			fields: []string{"Cluster=c9", "Region=us-west-2", "CustomDomain="}, notices: []string{inherits + "interface VPC endpoint"}}},
		{"A17 Redshift's name below another domain", host("redshift-cluster-1.aaaaaaaaaaaa.us-east-2.redshift.amazonaws.com.evil.example"), want{
			problems: []string{"Server looks like a host of AWS and is one below another domain"}}},
		{"A19 too many labels", host("a.b.c.d.us-west-2.redshift.amazonaws.com"), want{problems: []string{"Server ends as Redshift's hosts do and is none of them"}}},
		{"A20 a cluster with serverless in its name", host("serverless-cluster.account.us-west-2.redshift.amazonaws.com"),
			want{fields: []string{"Login=GetClusterCredentials", "Cluster=serverless-cluster", "Workgroup="}}},
	})
}

func TestVectorsOfExplicitAgainstDerived(t *testing.T) {
	run(t, []vector{
		{"B1 cluster", question{given: merged(iam, m{"Server": clusterHost, "ClusterID": "user-provided-cluster"})}, want{
			fields: []string{"Cluster=user-provided-cluster"}, notices: []string{"ClusterID is another than the host's, which is c1"}}},
		{"B2 region", question{given: merged(iam, m{"Server": clusterHost, "Region": "eu-central-1"})}, want{
			fields: []string{"Region=eu-central-1"}, notices: []string{"Region is another than the host's, which is us-west-2"}}},
		{"B4 arguments of a URL", question{text: "jdbc:redshift:iam://" + clusterHost + ":5439/dev?ClusterID=c7;Region=eu-central-1;DbUser=u"}, want{
			fields:  []string{"Cluster=c7", "Region=eu-central-1"},
			notices: []string{"Region is another than the host's", "ClusterID is another than the host's"}}},
		{"B5 properties beside a URL", question{text: "jdbc:redshift:iam://" + serverlessHost + ":5439/dev", given: m{"serverlessWorkGroup": "w", "Region": "eu-central-1"}}, want{
			fields:  []string{"Workgroup=w", "Region=eu-central-1"},
			notices: []string{"Region is another than the host's", "Workgroup is another than the host's, which is wg1"}}},
		{"B7 a word is a host, and the way to write a cluster is told", question{text: "jdbc:redshift:iam://c1:5439/dev?DbUser=u", region: "us-east-1"}, want{
			problems: []string{"ClusterID is missing, and the host (no name that AWS gives a host) does not say it"}}},
		{"B7 a word is a host, of a named cluster", question{text: "jdbc:redshift:iam://c1:5439/dev?DbUser=u&ClusterID=c9", region: "us-east-1"}, want{
			fields: []string{"Host=c1", "Port=5439", "Cluster=c9"}}},
		{"B8 neither host nor cluster", question{text: "jdbc:redshift:iam:///dev"}, want{problems: []string{"connection string names no host or cluster"}}},
		{"B10 two spellings with two values", question{text: "Server=h1;HOST=h2;server=h3"}, want{problems: []string{"HOST says something else than Server"}}},
		{"B10 the last of one spelling", question{text: "Server=h1;server=h3;UID=u;PWD=p"}, want{fields: []string{"Host=h3"}}},
		{"B11 a value in braces", question{text: "Server=h1;UID=u;PWD={a;b}}c}"}, want{fields: []string{"Password=a;b}c", "User=u"}}},
		{"B13 endpoint beside the host, and a named workgroup", question{given: m{"IAM": "1", "vpc_endpoint_url": privateHost, "Server": serverlessHost, "Workgroup": "w"}}, want{
			fields:  []string{"Host=" + privateHost, "Workgroup=w", "ServerName=" + serverlessHost, "Region=us-west-2"},
			notices: []string{"Workgroup is another than the host's, which is wg1"}}},
	})
}

func TestVectorsOfRequiredAndConflicting(t *testing.T) {
	on := func(more ...m) question {
		return question{given: merged(append([]m{iam, {"Server": clusterHost}}, more...)...)}
	}
	const bad = "SSLMode is neither verify-full nor verify-ca"
	vectors := []vector{
		{"C1 cluster from the host", on(), want{fields: []string{"Cluster=c1"}}},
		{"C4 verify-full", on(m{"sslmode": "verify-full"}), want{fields: []string{"SSLMode=verify-full"}}},
		{"C4 verify-full without a word", on(), want{fields: []string{"SSLMode=verify-full"}}},
		{"C6 profile and key", on(m{"Profile": "x", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}), want{problems: []string{"Profile is given beside AccessKeyID"}}},
		{"C7 profile and token", on(m{"Profile": "x", "SessionToken": "t"}), want{problems: []string{"SessionToken is given without AccessKeyID"}}},
		{"C9 password as the secret of the key", on(m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "PWD": "SK"}), want{
			fields: []string{"Kind=access key", "SecretAccessKey=SK", "Password="}, notices: []string{"SecretAccessKey is not given: PWD counts"}}},
		{"C10 an empty secret is none", on(m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "", "PWD": "SK"}), want{
			fields: []string{"SecretAccessKey=SK"}, notices: []string{"SecretAccessKey is not given: PWD counts"}}},
		{"C12 token alone", on(m{"SessionToken": "t"}), want{problems: []string{"SessionToken is given without AccessKeyID"}}},
		{"C15 user as database user", question{given: m{"IAM": "1", "Server": clusterHost, "UID": "u"}}, want{
			fields: []string{"DbUser=u", "User="}, notices: []string{"DbUser is not given: UID counts"}}},
		{"C16 a star for the user", question{given: m{"IAM": "1", "Server": clusterHost, "user": "*"}}, want{problems: []string{"DbUser is missing"}}},
		{"C16 a star, and a database user", on(m{"user": "*"}), want{fields: []string{"DbUser=u"}}},
		{"C18 900 seconds", on(m{"IAMDuration": "900"}), want{fields: []string{"Duration=15m0s"}}},
		{"C18 3600 seconds", on(m{"IAMDuration": "3600"}), want{fields: []string{"Duration=1h0m0s"}}},
		{"C18 no duration", on(), want{fields: []string{"Duration=0s"}}},
		{"C18 899 seconds", on(m{"IAMDuration": "899"}), want{problems: []string{"IAMDuration is no number of seconds in range"}}},
		{"C18 3601 seconds", on(m{"IAMDuration": "3601"}), want{problems: []string{"IAMDuration is no number of seconds in range"}}},
		{"C19 STS without TLS", on(m{"StsEndpointUrl": "http://sts.example.com"}), want{problems: []string{"StsEndpointUrl is not https"}}},
		{"C19 STS without TLS on this machine", on(m{"StsEndpointUrl": "http://127.0.0.1:4566"}), want{fields: []string{"StsEndpoint=http://127.0.0.1:4566"}}},
		{"C21 IAM off, with its properties", question{given: m{"IAM": "0", "Server": clusterHost, "UID": "u", "PWD": "p", "Profile": "x", "DbUser": "v"}}, want{
			fields:  []string{"Login=password", "User=u", "Password=p", "DbUser=", "Kind="},
			calls:   []string{},
			notices: []string{"DbUser is ignored: IAM is off", "Profile is ignored: IAM is off"}}},
	}
	for _, mode := range []string{"disable", "allow", "prefer", "require", "bogus"} {
		vectors = append(vectors,
			vector{"C3 " + mode, on(m{"sslmode": mode}), want{problems: []string{bad}}},
			vector{"C3 " + mode + " of an authentication profile", question{given: on(m{"AuthProfile": "shared"}).given, profile: `{"sslmode": "` + mode + `"}`}, want{problems: []string{bad}}})
	}
	run(t, vectors)
	t.Run("B7 the hint", func(t *testing.T) {
		a := ask(t, question{text: "jdbc:redshift:iam://c1:5439/dev?DbUser=u", region: "us-east-1"})
		if a.err == nil || !strings.Contains(a.err.Error(), "redshift:iam://cluster:region/database") {
			t.Errorf("%v does not say how to name a cluster in a URL", a.err)
		}
	})
	t.Run("C3 an authentication profile does not turn TLS off", func(t *testing.T) {
		q := on(m{"AuthProfile": "shared"})
		q.profile = `{"ssl": false}`
		want{problems: []string{"SSL is off"}}.check(t, ask(t, q))
	})
	t.Run("C3 an authentication profile does not lower verify-full", func(t *testing.T) {
		q := on(m{"AuthProfile": "shared"})
		q.profile = `{"sslmode": "verify-ca"}`
		want{fields: []string{"SSLMode=verify-full"}, notices: []string{"SSLMode stays verify-full"}}.check(t, ask(t, q))
	})
	t.Run("C13 an authentication profile without a key is read by the default chain", func(t *testing.T) {
		a := ask(t, on(m{"AuthProfile": "shared"}))
		want{fields: []string{"Kind=default chain"}}.check(t, a)
		reads(t, a.set, []string{"Name=shared", "Region=us-west-2", "Endpoint=", "Kind=default chain"})
	})
}
