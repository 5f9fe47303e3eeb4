package resolve_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// statements are the statements of a policy, a line each.
func statements(list []resolve.Statement) (all []string) {
	for _, s := range list {
		all = append(all, strings.Join(s.Actions, ",")+" on "+strings.Join(s.Resources, ", "))
	}
	return all
}

// The actions and their resources are those of the Service Authorization Reference.
func TestPolicyAllowsThePlanAndNothingElse(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/r"
	for _, tc := range []struct {
		about string
		given m
		want  []string
	}{
		{"a user of a cluster", merged(iam, m{"Server": clusterHost, "AccountID": "111122223333"}), []string{
			"redshift:GetClusterCredentials on arn:aws:redshift:us-west-2:111122223333:dbuser:c1/u, arn:aws:redshift:us-west-2:111122223333:dbname:c1/dev"}},
		{"an account that nobody named", merged(iam, m{"Server": clusterHost}), []string{
			"redshift:GetClusterCredentials on arn:aws:redshift:us-west-2:*:dbuser:c1/u, arn:aws:redshift:us-west-2:*:dbname:c1/dev"}},
		{"groups, and a user to create, by a role", merged(iam, m{"ClusterID": "c1", "Region": "us-west-2", "AccountID": "111122223333", "Database": "sales", "AutoCreate": "1", "DbGroups": "b,a", "RoleArn": role}), []string{
			"sts:AssumeRole on " + role,
			"redshift:GetClusterCredentials on arn:aws:redshift:us-west-2:111122223333:dbuser:c1/u, arn:aws:redshift:us-west-2:111122223333:dbname:c1/sales",
			"redshift:CreateClusterUser on arn:aws:redshift:us-west-2:111122223333:dbuser:c1/u",
			"redshift:JoinGroup on arn:aws:redshift:us-west-2:111122223333:dbgroup:c1/a, arn:aws:redshift:us-west-2:111122223333:dbgroup:c1/b",
			"redshift:DescribeClusters on *"}},
		{"the caller's own user", m{"IAM": "1", "Server": clusterHost, "AccountID": "111122223333", "group_federation": "1"}, []string{
			"redshift:GetClusterCredentialsWithIAM on arn:aws:redshift:us-west-2:111122223333:dbname:c1/dev"}},
		{"a cluster in China", merged(iam, m{"Server": "c1.abc.cn-north-1.redshift.amazonaws.com.cn", "AccountID": "111122223333"}), []string{
			"redshift:GetClusterCredentials on arn:aws-cn:redshift:cn-north-1:111122223333:dbuser:c1/u, arn:aws-cn:redshift:cn-north-1:111122223333:dbname:c1/dev"}},
		{"a cluster in GovCloud", m{"IAM": "1", "Server": "c1.abc.us-gov-west-1.redshift.amazonaws.com", "AccountID": "111122223333", "group_federation": "1"}, []string{
			"redshift:GetClusterCredentialsWithIAM on arn:aws-us-gov:redshift:us-gov-west-1:111122223333:dbname:c1/dev"}},
		{"a workgroup by its host", m{"IAM": "1", "Server": serverlessHost}, []string{
			"redshift-serverless:GetCredentials on arn:aws:redshift-serverless:us-west-2:012345678901:workgroup/*"}},
		{"a workgroup by its name", m{"IAM": "1", "Workgroup": "w", "Region": "cn-north-1", "AccountID": "111122223333"}, []string{
			"redshift-serverless:GetCredentials on arn:aws-cn:redshift-serverless:cn-north-1:111122223333:workgroup/*",
			"redshift-serverless:GetWorkgroup on arn:aws-cn:redshift-serverless:cn-north-1:111122223333:workgroup/*"}},
		{"a host that may be a custom domain", merged(iam, m{"Server": customHost, "Region": "us-east-1", "AccountID": "111122223333"}), []string{
			"redshift:DescribeCustomDomainAssociations on *",
			"redshift:GetClusterCredentials on arn:aws:redshift:us-east-1:111122223333:dbuser:*/u, arn:aws:redshift:us-east-1:111122223333:dbname:*/dev"}},
		{"a secret by its ARN", m{"SecretID": "arn:aws-us-gov:secretsmanager:us-gov-east-1:111122223333:secret:app-AbCdEf"}, []string{
			"secretsmanager:GetSecretValue on arn:aws-us-gov:secretsmanager:us-gov-east-1:111122223333:secret:app-AbCdEf"}},
		{"a secret that AWS made", m{"SecretID": "redshift!analytics-awsuser", "Region": "us-east-1"}, []string{
			"secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:*:secret:redshift!analytics-awsuser-??????"}},
		{"the same by its ARN", m{"SecretID": "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-12-AbCdEf"}, []string{
			"secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-12-AbCdEf"}},
		{"a secret by its name", m{"SecretID": "team/app", "Region": "us-east-1"}, []string{
			"secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:*:secret:team/app-??????"}},
		{"a password", m{"UID": "u", "PWD": "p", "Server": clusterHost}, nil},
	} {
		t.Run(tc.about, func(t *testing.T) {
			a := ask(t, question{given: tc.given})
			if a.err != nil {
				t.Fatal(a.err)
			}
			if got := granted(a.settings); !slices.Equal(got, tc.want) {
				t.Errorf("\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(tc.want, "\n\t"))
			}
		})
	}
}

func TestReadingAnAuthenticationProfile(t *testing.T) {
	set := ask(t, question{given: m{"IAM": "1", "AuthProfile": "shared", "Server": clusterHost, "Profile": "x", "InstanceProfile": "0"}}).set
	reading, _ := resolve.ReadingOf(set)
	if got, want := calls([]resolve.Call{reading.Call()}), []string{"redshift:DescribeAuthenticationProfiles AuthenticationProfileName=shared"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := statements([]resolve.Statement{reading.Policy()}), []string{"redshift:DescribeAuthenticationProfiles on *"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	reads(t, set, []string{"Name=shared", "Region=us-west-2", "Kind=profile", "Profile=x"})
	reads(t, ask(t, question{given: m{"AuthProfile": "shared", "Region": "EU-west-1", "Profile": "x", "InstanceProfile": "1"}}).set,
		[]string{"Region=eu-west-1", "Kind=instance profile", "Profile="})
	if _, ok := resolve.ReadingOf(ask(t, question{given: iam}).set); ok {
		t.Error("an authentication profile is read that nobody named")
	}
}

// A plan of an unread authentication profile has what is known.
func TestPlanOfHalfASet(t *testing.T) {
	a := ask(t, question{given: m{"IAM": "1", "AuthProfile": "shared", "Region": "us-east-1"}, unread: true})
	want := []string{"redshift:GetClusterCredentials DbName=dev AutoCreate=false"}
	if got := calls(a.settings.Plan()); a.err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, a.err, want)
	}
	want = []string{"redshift:GetClusterCredentials on arn:aws:redshift:us-east-1:*:dbuser:*/*, arn:aws:redshift:us-east-1:*:dbname:*/dev"}
	if got := statements(a.settings.Policy()); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (resolve.Settings{}).Plan(); got != nil {
		t.Errorf("no settings lead to %v", got)
	}
}

// What is asked with a token takes no policy of who asks, and the reason of the call says so.
func TestLinksSayWhatTheyTake(t *testing.T) {
	for _, tc := range []struct {
		link      resolve.Link
		call, why string
		policy    []string
	}{
		{resolve.Link{Service: "sts", Operation: "AssumeRole", Role: "arn:r", By: "somebody", Signed: true},
			"sts:AssumeRole RoleArn=arn:r", "to get AWS credentials, and again when they end", []string{"sts:AssumeRole on arn:r"}},
		{resolve.Link{Service: "sts", Operation: "AssumeRoleWithWebIdentity", Role: "arn:r", By: "the token in /token"},
			"sts:AssumeRoleWithWebIdentity RoleArn=arn:r", "to get AWS credentials by the token in /token, which takes the role's trust policy alone, and again when they end", nil},
		{resolve.Link{Service: "sso", Operation: "GetRoleCredentials", Role: "analyst", By: "the single sign-on session corp", May: "something may come before"},
			"sso:GetRoleCredentials roleName=analyst", "to get AWS credentials by the single sign-on session corp, which takes no policy, and again when they end; something may come before", nil},
	} {
		var policy []string
		if g, ok := tc.link.Grant(); ok {
			policy = statements(g.Statements)
		}
		if c := tc.link.Call(); !slices.Equal(calls([]resolve.Call{c}), []string{tc.call}) || c.Why != tc.why || !slices.Equal(policy, tc.policy) {
			t.Errorf("%q, %q with %q\nwant %q, %q with %q", calls([]resolve.Call{c}), c.Why, policy, tc.call, tc.why, tc.policy)
		}
	}
}

// granted is what all who ask need.
func granted(s resolve.Settings) []string {
	g, _ := s.RoleGrant("the base")
	return statements(slices.Concat(g.Statements, s.Policy()))
}
