package connected_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/credentials"
)

// A way is one to a login. Its properties lack AWS credentials.
type way struct {
	name       string
	properties func(*scene) map[string]string
	user       string   // who is logged in; IAMR is the caller's role
	calls      []string // that are made, in this order, with what is asked
}

// domain leads to cluster and workgroup. Nothing resolves it: clients go to localhost, and expect it there.
const domain = "dw.example.com"

// throughDomain are the properties of a program that knows a warehouse by its domain alone.
var throughDomain = map[string]string{"Server": domain, "vpc_endpoint_url": "localhost"}

const (
	asUser      = "redshift:GetClusterCredentials AutoCreate=false ClusterIdentifier=examplecluster DbName=exampledb DbUser=temp_creds_user"
	asItself    = "redshift:GetClusterCredentialsWithIAM ClusterIdentifier=examplecluster DbName=exampledb"
	asWorkgroup = "redshift-serverless:GetCredentials dbName=exampledb workgroupName=exampleworkgroup"
)

var ways = []way{
	{"cluster with its host", func(s *scene) map[string]string { return s.cluster() }, world.User, []string{asUser}},
	{"cluster without its host", func(s *scene) map[string]string { return unplaced(s.cluster()) }, world.User,
		[]string{asUser, "redshift:DescribeClusters ClusterIdentifier=examplecluster"}},
	{"cluster with everything", func(s *scene) map[string]string {
		return s.cluster(map[string]string{"DbUser": "Newcomer", "AutoCreate": "true", "DbGroups": "Example_Group, readers", "ForceLowercase": "1", "IAMDuration": "1800", "AccountID": "111122223333"})
	}, "newcomer", []string{"redshift:GetClusterCredentials AutoCreate=true ClusterIdentifier=examplecluster DbGroups=example_group,readers DbName=exampledb DbUser=Newcomer DurationSeconds=1800"}},
	{"cluster as oneself", func(s *scene) map[string]string { return s.own(map[string]string{"IAMDuration": "3600"}) }, "IAMR",
		[]string{asItself + " DurationSeconds=3600"}},
	{"cluster as oneself without its host", func(s *scene) map[string]string { return unplaced(s.own()) }, "IAMR",
		[]string{asItself, "redshift:DescribeClusters ClusterIdentifier=examplecluster"}},
	{"workgroup with its host", func(s *scene) map[string]string { return s.workgroup(map[string]string{"IAMDuration": "900"}) }, "IAMR",
		[]string{"redshift-serverless:GetCredentials dbName=exampledb durationSeconds=900 workgroupName=exampleworkgroup"}},
	{"workgroup without its host", func(s *scene) map[string]string { return unplaced(s.workgroup()) }, "IAMR",
		[]string{asWorkgroup, "redshift-serverless:GetWorkgroup workgroupName=exampleworkgroup"}},

	{"custom domain that is named", func(s *scene) map[string]string {
		return s.cluster(map[string]string{"ClusterID": "", "CustomDomain": domain, "TLSServerName": domain})
	}, world.User, []string{"redshift:GetClusterCredentials AutoCreate=false CustomDomainName=" + domain + " DbName=exampledb DbUser=temp_creds_user"}},
	{"custom domain that is the host", func(s *scene) map[string]string { return s.cluster(throughDomain, map[string]string{"ClusterID": ""}) }, world.User,
		[]string{"redshift:DescribeCustomDomainAssociations CustomDomainName=" + domain,
			"redshift:GetClusterCredentials AutoCreate=false CustomDomainName=" + domain + " DbName=exampledb DbUser=temp_creds_user"}},
	{"custom domain that is the host, as oneself", func(s *scene) map[string]string { return s.own(throughDomain, map[string]string{"ClusterID": ""}) }, "IAMR",
		[]string{"redshift:DescribeCustomDomainAssociations CustomDomainName=" + domain,
			"redshift:GetClusterCredentialsWithIAM CustomDomainName=" + domain + " DbName=exampledb"}},
	{"custom domain of a workgroup", func(s *scene) map[string]string {
		return s.workgroup(throughDomain, map[string]string{"Workgroup": "", "Serverless": "1"})
	}, "IAMR", []string{"redshift-serverless:GetCredentials customDomainName=" + domain + " dbName=exampledb"}},
	{"host that is nobody's domain, and a cluster", func(s *scene) map[string]string {
		return s.cluster(map[string]string{"Server": "unknown.example.com", "vpc_endpoint_url": "localhost", "TLSServerName": world.Host})
	}, world.User,
		[]string{asUser}},

	{"consumer's secret by name", func(s *scene) map[string]string {
		return map[string]string{"SecretID": s.consumer(s.lease()), "Region": "us-east-1", "CaFile": s.authority()}
	}, world.User, []string{"secretsmanager:GetSecretValue SecretId=SECRET VersionStage=AWSCURRENT"}},
	{"consumer's secret by ARN", func(s *scene) map[string]string {
		return map[string]string{"SecretID": s.arnOf(s.consumer(s.lease())), "CaFile": s.authority()}
	}, world.User, []string{"secretsmanager:GetSecretValue SecretId=SECRET VersionStage=AWSCURRENT"}},

	{"authentication profile", func(s *scene) map[string]string {
		s.authProfile("Whole", `{"IAM": true, "ClusterID": "examplecluster", "Region": "us-east-1", "DbUser": "temp_creds_user", "DB": "exampledb"}`)
		return map[string]string{"AuthProfile": "Whole", "Region": "us-east-1", "CaFile": s.authority()}
	}, world.User, []string{"redshift:DescribeAuthenticationProfiles AuthenticationProfileName=Whole", asUser, "redshift:DescribeClusters ClusterIdentifier=examplecluster"}},
}

// prepared is a scene in which all ways lead somewhere.
func prepared(t *testing.T) *scene {
	s := begin(t)
	s.furnish()
	return s
}

// furnish adds what the ways need, once.
func (s *scene) furnish() {
	if s.Redshift.AddCustomDomain(world.Cluster, domain) != nil {
		return // it is all there
	}
	must(0, s.CertifyHosts(domain))
	must(0, s.Serverless.AddCustomDomain(world.Workgroup, domain))
	s.sql("CREATE GROUP readers")
}

// sql runs a statement as the superuser.
func (s *scene) sql(statement string) {
	s.Helper()
	conn, err := s.Redshift.Session(s.Context(), world.Cluster, world.Database, world.Master)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close(s.Context())
	if _, err := conn.Exec(s.Context(), statement); err != nil {
		s.Fatal(err)
	}
}

// lease is a login as a consumer's secret holds it.
func (s *scene) lease() credentials.Content {
	s.Helper()
	out := s.do("redshift", "GetClusterCredentials", map[string]any{"ClusterIdentifier": world.Cluster, "DbUser": world.User, "DurationSeconds": 3600})
	minted := s.Minted()
	return credentials.Content{
		Lease: credentials.Lease{User: out["DbUser"].(string), Password: minted[len(minted)-1], IssuedAt: s.Clock.Now(), ExpiresAt: s.Clock.Now().Add(time.Hour)},
		Host:  s.Warehouse.Host(), Port: s.Warehouse.Port(), Database: world.Database, Cluster: world.Cluster,
	}
}

// consumer makes a secret with this content, as Sluice writes it, and returns its name.
func (s *scene) consumer(c credentials.Content) string {
	s.Helper()
	return s.secret(c.Encode().Reveal())
}

func (s *scene) secret(value string) string {
	s.Helper()
	name := newName("sluice/consumer")
	s.do("secretsmanager", "CreateSecret", map[string]any{"Name": name, "SecretString": value, "ClientRequestToken": rand.Text() + "-consumer"})
	return name
}

func (s *scene) arnOf(secret string) string {
	s.Helper()
	return s.do("secretsmanager", "DescribeSecret", map[string]any{"SecretId": secret})["ARN"].(string)
}

// authProfile replaces an authentication profile.
func (s *scene) authProfile(name, content string) {
	s.Helper()
	if profiles := s.do("redshift", "DescribeAuthenticationProfiles", nil)["AuthenticationProfiles"]; strings.Contains(string(encode(profiles)), `"`+name+`"`) {
		s.do("redshift", "DeleteAuthenticationProfile", map[string]any{"AuthenticationProfileName": name})
	}
	s.do("redshift", "CreateAuthenticationProfile", map[string]any{"AuthenticationProfileName": name, "AuthenticationProfileContent": content})
}

// put replaces what a consumer's secret holds, as a rotation does.
func (s *scene) put(name string, c credentials.Content) {
	s.Helper()
	s.do("secretsmanager", "PutSecretValue", map[string]any{"SecretId": name, "SecretString": c.Encode().Reveal(), "ClientRequestToken": rand.Text() + "-consumer"})
}
