package awslease_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// What has ended without this machine's clock saying so is replaced before anybody sees it.
func TestEndedSessionIsReplaced(t *testing.T) {
	ended := awstest.QueryError(403, "ExpiredToken", "expired")
	c := static()
	c.RoleARN = role
	for name, tc := range map[string]struct {
		ask     func(*awslease.Client, *far) error
		answers []awstest.Answer
	}{
		"for a login": {func(c *awslease.Client, f *far) error {
			l, err := c.Mint(t.Context(), settings(f))
			same(t, l, minted, "correct horse")
			return err
		}, []awstest.Answer{ended, answer("GetClusterCredentials", login)}},
		"for an endpoint": {func(c *awslease.Client, f *far) error {
			host, port, err := c.Endpoint(t.Context(), settings(f))
			if host != "h" || port != 5440 {
				t.Errorf("got %s:%d", host, port)
			}
			return err
		}, []awstest.Answer{ended, answer("DescribeClusters", "<Clusters><Cluster><Endpoint><Address>h</Address><Port>5440</Port></Endpoint></Cluster></Clusters>")}},
		"for a domain": {func(c *awslease.Client, f *far) error {
			s := settings(f)
			s.CustomDomain = "dw.example.com"
			cluster, err := c.DomainCluster(t.Context(), s)
			if cluster != "c1" {
				t.Errorf("got %s", cluster)
			}
			return err
		}, []awstest.Answer{ended, answer("DescribeCustomDomainAssociations", "<Associations><Association><CertificateAssociations><CertificateAssociation><CustomDomainName>dw.example.com</CustomDomainName>"+
			"<ClusterIdentifier>c1</ClusterIdentifier></CertificateAssociation></CertificateAssociations></Association></Associations>")}},
		"for a profile": {func(c *awslease.Client, f *far) error {
			content, err := c.AuthenticationProfile(t.Context(), "us-west-2", f.url, "p")
			if string(content) != "{}" {
				t.Errorf("got %s", content)
			}
			return err
		}, []awstest.Answer{ended, answer("DescribeAuthenticationProfiles", "<AuthenticationProfiles><member><AuthenticationProfileName>p</AuthenticationProfileName><AuthenticationProfileContent>{}</AuthenticationProfileContent></member></AuthenticationProfiles>")}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f, sts := serve(t, tc.answers...), serve(t, session("AssumeRole", "ASIA1"), session("AssumeRole", "ASIA2"))
			given := c
			given.StsEndpoint = sts.url
			if err := tc.ask(load(t, given, awslease.Options{Region: "us-west-2"}), f); err != nil {
				t.Error(err)
			}
			f.asked(t, "ASIA1/us-west-2/redshift+T", "ASIA2/us-west-2/redshift+T")
		})
	}
	t.Run("but once", func(t *testing.T) {
		alone(t, "", "")
		f, sts := serve(t, ended), serve(t, session("AssumeRole", "ASIA1"), session("AssumeRole", "ASIA2"), session("AssumeRole", "ASIA3"))
		given := c
		given.StsEndpoint = sts.url
		_, err := load(t, given, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
		fails(t, err, fault.Retry, awslease.CredentialsExpired, "try again", "clock")
		f.asked(t, "ASIA1/us-west-2/redshift+T", "ASIA2/us-west-2/redshift+T")
	})
	t.Run("not where nobody renews it", func(t *testing.T) {
		alone(t, "", "")
		f := serve(t, ended, answer("GetClusterCredentials", login))
		_, err := load(t, static(), awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
		fails(t, err, fault.Blocked, awslease.CredentialsExpired, "SessionToken")
		f.asked(t, "AKIDGIVEN/us-west-2/redshift+"+token)
	})
}

// A session beneath another is replaced with it: it cannot assume a role any more.
func TestEndedSessionIsReplacedBeneath(t *testing.T) {
	const inner = "arn:aws:iam::111122223333:role/inner"
	ended := awstest.QueryError(403, "ExpiredToken", "expired")
	for name, tc := range map[string]struct {
		sts, redshift []awstest.Answer
		roles, logins []string
	}{
		"before the first login": {
			[]awstest.Answer{session("AssumeRole", "ASIA1"), ended, session("AssumeRole", "ASIA2"), session("AssumeRole", "ASIA3")}, []awstest.Answer{answer("GetClusterCredentials", login)},
			[]string{"AKIDKEYS/us-west-2/sts", "ASIA1/us-west-2/sts+T", "AKIDKEYS/us-west-2/sts", "ASIA2/us-west-2/sts+T"}, []string{"ASIA3/us-west-2/redshift+T"},
		},
		"at a login": {
			[]awstest.Answer{session("AssumeRole", "ASIA1"), session("AssumeRole", "ASIA2"), session("AssumeRole", "ASIA3"), session("AssumeRole", "ASIA4")},
			[]awstest.Answer{ended, answer("GetClusterCredentials", login)},
			[]string{"AKIDKEYS/us-west-2/sts", "ASIA1/us-west-2/sts+T", "AKIDKEYS/us-west-2/sts", "ASIA3/us-west-2/sts+T"}, []string{"ASIA2/us-west-2/redshift+T", "ASIA4/us-west-2/redshift+T"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "[profile a]\nrole_arn = "+inner+"\nsource_profile = keys\n[profile keys]\naws_access_key_id = AKIDKEYS\naws_secret_access_key = "+secretKey+"\n", "")
			f, sts := serve(t, tc.redshift...), serve(t, tc.sts...)
			mints(t, load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", RoleARN: role, StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2"}), f)
			sts.asked(t, tc.roles...)
			f.asked(t, tc.logins...)
		})
	}
}

// Keys beneath roles that nobody renews are not tried again, and it is said where they are.
func TestEndedKeysBeneathRoles(t *testing.T) {
	const (
		inner      = "arn:aws:iam::111122223333:role/inner"
		configFile = "[profile a]\nrole_arn = " + inner + "\nsource_profile = keys\n[profile keys]\naws_access_key_id = AKIDKEYS\naws_secret_access_key = " + secretKey + "\n" +
			"[profile env]\nrole_arn = " + inner + "\ncredential_source = Environment\n[profile above]\nrole_arn = " + role + "\nsource_profile = a\n"
	)
	for name, tc := range map[string]struct {
		given resolve.Credentials
		says  string
	}{
		"a role over a profile's":     {resolve.Credentials{Kind: resolve.Profile, Profile: "a", RoleARN: role}, "in the profile keys"},
		"a profile over another":      {resolve.Credentials{Kind: resolve.Profile, Profile: "above"}, "in the profile keys"},
		"a profile":                   {resolve.Credentials{Kind: resolve.Profile, Profile: "a"}, "in the profile keys"},
		"a profile over environment":  {resolve.Credentials{Kind: resolve.Profile, Profile: "env"}, "in the environment"},
		"a role over the environment": {resolve.Credentials{RoleARN: role}, "in the environment"},
		"a role over a key":           {func() resolve.Credentials { c := static(); c.RoleARN = role; return c }(), "given as AccessKeyID"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, configFile, "")
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
			t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
			f, sts := serve(t, awstest.Answer{}), serve(t, awstest.QueryError(403, "ExpiredToken", "expired"))
			tc.given.StsEndpoint = sts.url
			_, err := load(t, tc.given, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
			fails(t, err, fault.Blocked, awslease.CredentialsExpired, "assume a role", tc.says)
			if n := len(sts.Requests()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
