package resolve_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// reads checks how the authentication profile that a set names is read.
func reads(t *testing.T, set property.Set, want []string) {
	t.Helper()
	r, ok := resolve.ReadingOf(set)
	if !ok {
		t.Fatal("no authentication profile is read")
	}
	got := append([]string{"Name=" + r.Name, "Region=" + r.Region, "Endpoint=" + r.Endpoint}, awsFields(r.AWS)...)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("read by %q; want %s among it", got, w)
		}
	}
}

func TestVectorsOfCredentialKinds(t *testing.T) {
	on := func(more m) question { return question{given: merged(iam, m{"Server": clusterHost}, more)} }
	key := m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}
	run(t, []vector{
		{"D1 instance profile", on(m{"InstanceProfile": "1"}), want{fields: []string{"Kind=instance profile", "Profile="}}},
		{"D3 instance profile before a profile", on(m{"InstanceProfile": "1", "Profile": "x"}), want{
			fields: []string{"Kind=instance profile", "Profile="}, notices: []string{"Profile is ignored: InstanceProfile is on"}}},
		{"D6 static before an instance profile", on(merged(key, m{"AuthType": "Static", "InstanceProfile": "1"})), want{
			fields: []string{"Kind=access key", "SecretAccessKey=s"}, notices: []string{"InstanceProfile is ignored: AuthType is Static"}}},
		{"D7 profile without a name", on(m{"AuthType": "Profile", "InstanceProfile": "0"}), want{fields: []string{"Kind=default chain"}}},
	})
	// What a set says about the warehouse changes nothing about the credentials.
	random := rand.New(rand.NewPCG(4, 4))
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	for i := range 100 {
		t.Run(fmt.Sprintf("D4 mix %d", i), func(t *testing.T) {
			a := ask(t, question{given: m{"IAM": "1", "InstanceProfile": "1", "Server": one(clusterHost, customHost, privateHost), "Database": one("", "dev", "sales"),
				"DbUser": one("u", "v"), "Region": one("us-east-1", "cn-north-1"), "ClusterID": one("c1", "c2"), "Port": one("", "5439", "5555")}})
			if a.err != nil || a.settings.AWS.Kind != resolve.InstanceProfile {
				t.Errorf("%q, %v; want the instance profile", a.settings.AWS.Kind, a.err)
			}
		})
	}
}

func TestVectorsOfCalls(t *testing.T) {
	e1 := merged(iam, m{"Server": clusterHost, "ClusterID": "c1", "Database": "dev"})
	of := func(given ...m) question { return question{given: merged(given...), region: "eu-west-1"} }
	const v1 = "redshift:GetClusterCredentials DbUser=u DbName=dev AutoCreate=false "
	const e20 = "Server is a cluster's, and the other properties are a workgroup's"
	run(t, []vector{
		{"E1 a user of a cluster", of(e1), want{calls: []string{v1 + "ClusterIdentifier=c1"}}},
		{"E2 groups in lower case and in order", of(e1, m{"AutoCreate": "1", "DbGroups": "B,a", "ForceLowercase": "1"}), want{
			calls: []string{"redshift:GetClusterCredentials DbUser=u DbName=dev DbGroups=a,b AutoCreate=true ClusterIdentifier=c1"}}},
		{"E4 spaces around groups", of(e1, m{"DbGroups": "a, b"}), want{fields: []string{"DbGroups=a,b"}}},
		{"E5 no host", of(iam, m{"ClusterID": "c1", "Region": "us-east-1"}), want{calls: []string{v1 + "ClusterIdentifier=c1", "redshift:DescribeClusters ClusterIdentifier=c1"}}},
		{"E7 a workgroup by its host", of(m{"IAM": "1", "Server": serverlessHost}), want{calls: []string{"redshift-serverless:GetCredentials dbName=dev workgroupName=wg1"}}},
		{"E7 with a duration", of(m{"IAM": "1", "Server": serverlessHost, "IAMDuration": "1800"}), want{
			calls: []string{"redshift-serverless:GetCredentials dbName=dev durationSeconds=1800 workgroupName=wg1"}}},
		{"E8 a host without a workgroup", of(m{"IAM": "1", "Server": oldServerless}), want{problems: []string{"Workgroup is missing"}, calls: []string{}}},
		{"E10 a named workgroup behind another host", of(m{"IAM": "1", "Server": customHost, "Serverless": "1", "Workgroup": "xyz"}), want{
			calls: []string{"redshift-serverless:GetCredentials dbName=dev workgroupName=xyz"}}},
		{"E11 a workgroup without a host", of(m{"IAM": "1", "Serverless": "1", "Workgroup": "w"}), want{
			calls: []string{"redshift-serverless:GetCredentials dbName=dev workgroupName=w", "redshift-serverless:GetWorkgroup workgroupName=w"}}},
		{"E13 a host that may be a custom domain is looked up first", of(iam, m{"Server": customHost}), want{
			fields: []string{"GuessedDomain=true"},
			calls:  []string{"redshift:DescribeCustomDomainAssociations CustomDomainName=" + customHost, v1 + "CustomDomainName=" + customHost}}},
		{"E14 a named cluster behind another host", of(iam, m{"Server": customHost, "ClusterID": "c9"}), want{
			fields: []string{"GuessedDomain=false", "CustomDomain="}, calls: []string{v1 + "ClusterIdentifier=c9"}}},
		{"E16 federation", of(m{"IAM": "1", "Server": clusterHost, "group_federation": "1", "IAMDuration": "1800"}), want{
			calls: []string{"redshift:GetClusterCredentialsWithIAM DbName=dev DurationSeconds=1800 ClusterIdentifier=c1"}}},
		{"E17 a duration without federation", of(e1, m{"IAMDuration": "1800"}), want{
			calls: []string{v1 + "DurationSeconds=1800 ClusterIdentifier=c1"}}},
		{"E19 federation and a workgroup's custom domain", of(m{"IAM": "1", "Server": customHost, "Serverless": "1", "group_federation": "1"}), want{
			calls:   []string{"redshift-serverless:GetCredentials dbName=dev customDomainName=" + customHost},
			notices: []string{"group_federation makes no difference"}}},
		{"E20 a cluster's host and a workgroup", of(m{"IAM": "1", "Server": clusterHost, "Serverless": "1", "Workgroup": "w"}), want{problems: []string{e20}}},
		{"E20 a cluster's host and a workgroup's name alone", of(m{"IAM": "1", "Server": clusterHost, "Workgroup": "w"}), want{problems: []string{e20}}},
		{"E20 a cluster's host that is serverless", of(m{"IAM": "1", "Server": clusterHost, "Serverless": "1"}), want{problems: []string{e20}}},
		{"E23 endpoint", of(e1, m{"EndpointUrl": "https://redshift.example.com"}), want{fields: []string{"Endpoint=https://redshift.example.com"}}},
	})
	t.Run("E23 endpoint for the authentication profile", func(t *testing.T) {
		a := ask(t, of(e1, m{"EndpointUrl": "https://redshift.example.com", "StsEndpointUrl": "https://sts.example.com", "AuthProfile": "shared"}))
		reads(t, a.set, []string{"Endpoint=https://redshift.example.com", "StsEndpoint=https://sts.example.com"})
	})
}

func TestVectorsOfAuthenticationProfiles(t *testing.T) {
	with := func(profile string, given ...m) question {
		return question{given: merged(append([]m{{"IAM": "1", "AuthProfile": "shared"}}, given...)...), profile: profile, region: "eu-west-1"}
	}
	cluster := m{"Server": clusterHost}
	key := m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s", string(property.SessionToken): "tok/en+=="}
	run(t, []vector{
		{"F2 what the program says wins", with(`{"dbuser": "from_profile"}`, cluster, m{"DbUser": "from_user"}), want{
			fields: []string{"DbUser=from_user"}, notices: []string{"DbUser is another in the authentication profile"}}},
		{"F3 groups", with(`{"dbgroups": "g1,g2"}`, cluster, iam), want{fields: []string{"DbGroups=g1,g2"}}},
		{"F5 a JSON boolean", with(`{"AutoCreate": true}`, cluster, iam), want{fields: []string{"AutoCreate=true"}}},
		{"F6 the host says what it is after the merge", with(`{"host": "`+clusterHost+`"}`, iam), want{
			fields: []string{"Cluster=c1", "Region=us-west-2", "GuessedDomain=false", "CustomDomain="},
			calls:  []string{"redshift:GetClusterCredentials DbUser=u DbName=dev AutoCreate=false ClusterIdentifier=c1"}}},
		{"F8 a profile beside the key that read it", with(`{"profile": "x"}`, cluster, iam, key), want{fields: []string{"Kind=profile", "Profile=x", "AccessKeyID="}}},
		{"F9 no JSON", with(`{{{{`, cluster, iam), want{problems: []string{"authentication profile shared: content is no JSON object"}}},
		{"F12 region and cluster", with(`{"region": "r", "cluster_identifier": "c"}`, iam), want{
			fields: []string{"Region=r", "Cluster=c"}, notices: []string{"Region looks like no region"}}},
	})
	t.Run("F8 reads with the key", func(t *testing.T) {
		reads(t, ask(t, with(`{"profile": "x"}`, cluster, iam, key)).set, []string{"Kind=access key", "SecretAccessKey=s", "Profile="})
	})
	t.Run("F11 the session token is sent as it is", func(t *testing.T) {
		reads(t, ask(t, with(`{}`, cluster, iam, key)).set, []string{"Kind=access key", "SessionToken=tok/en+=="})
	})
}

func TestVectorsOfKeys(t *testing.T) {
	key := func(identity string, more m) any {
		a := ask(t, question{given: merged(iam, m{"ClusterID": "c1", "Region": "us-east-1"}, more)})
		if a.err != nil {
			t.Fatal(a.err)
		}
		return a.settings.Key(identity)
	}
	for _, tc := range []struct {
		name            string
		one, another    m
		asker, another2 string
	}{
		{"G6 two regions", m{"Region": "us-east-1"}, m{"Region": "us-west-2"}, "i", "i"},
		{"G8 federation", m{}, m{"group_federation": "1"}, "i", "i"},
		{"G9 another key", m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "s"}, m{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wrong"}, "right", "wrong"},
	} {
		if key(tc.asker, tc.one) == key(tc.another2, tc.another) {
			t.Errorf("%s: one key", tc.name)
		}
	}
}
