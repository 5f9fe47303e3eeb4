package awslease_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

const role = "arn:aws:iam::111122223333:role/reader"

// session is STS's answer to a call: keys of a session, good for an hour by the clock of this machine, which is what the SDK goes by.
func session(operation, id string) awstest.Answer {
	return answer(operation, fmt.Sprintf("<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>T</SessionToken><Expiration>%s</Expiration></Credentials>",
		id, secretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
}

// mints gets a login and fails the test if there is none.
func mints(t *testing.T, c *awslease.Client, f *far) {
	t.Helper()
	if _, err := c.Mint(t.Context(), settings(f)); err != nil {
		t.Error(err)
	}
}

func TestKindsOfCredentials(t *testing.T) {
	const configFile = `
[default]
region = eu-west-1
[profile static]
aws_access_key_id = AKIDSTATIC
aws_secret_access_key = ` + secretKey + `
aws_session_token = tok/en+==
region = eu-central-1
[profile process]
credential_process = echo '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":` + `"` + secretKey + `"}'
`
	const credentialsFile = `
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = ` + secretKey + `
[kept]
aws_access_key_id = AKIDKEPT
aws_secret_access_key = ` + secretKey + `
`
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": secretKey}
	profile := func(name string) resolve.Credentials {
		return resolve.Credentials{Kind: resolve.Profile, Profile: name}
	}
	chain := resolve.Credentials{Kind: resolve.DefaultChain}
	for name, tc := range map[string]struct {
		environment map[string]string
		given       resolve.Credentials
		asker       string // "" where nobody may ask
		region      string
		from        resolve.Origin
		notices     []string
	}{
		"access key":                          {nil, static(), "AKIDGIVEN/us-west-2/redshift+" + token, "eu-west-1", resolve.FromAWSProfile, nil},
		"access key before the environment's": {keys, static(), "AKIDGIVEN/us-west-2/redshift+" + token, "eu-west-1", resolve.FromAWSProfile, nil},
		"chain: environment":                  {keys, chain, "AKIDENV/us-west-2/redshift", "eu-west-1", resolve.FromAWSProfile, nil},
		"chain: default profile":              {nil, chain, "AKIDDEFAULT/us-west-2/redshift", "eu-west-1", resolve.FromAWSProfile, nil},
		"chain: AWS_PROFILE":                  {map[string]string{"AWS_PROFILE": "static"}, chain, "AKIDSTATIC/us-west-2/redshift+tok/en+==", "eu-central-1", resolve.FromAWSProfile, nil},
		"chain: AWS_DEFAULT_PROFILE":          {map[string]string{"AWS_DEFAULT_PROFILE": "static"}, chain, "AKIDSTATIC/us-west-2/redshift+tok/en+==", "eu-central-1", resolve.FromAWSProfile, nil},
		"chain: environment and AWS_PROFILE": {map[string]string{"AWS_PROFILE": "static", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": secretKey}, chain,
			"AKIDENV/us-west-2/redshift", "eu-central-1", resolve.FromAWSProfile, []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE=static", "region eu-central-1", "property Profile"}},
		"no kind is the chain": {map[string]string{"AWS_PROFILE": "static", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": secretKey}, resolve.Credentials{},
			"AKIDENV/us-west-2/redshift", "eu-central-1", resolve.FromAWSProfile, []string{"AWS_ACCESS_KEY_ID"}},
		"chain: half a key": {map[string]string{"AWS_ACCESS_KEY_ID": "AKIDENV"}, chain, "AKIDDEFAULT/us-west-2/redshift", "eu-west-1", resolve.FromAWSProfile,
			[]string{"AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"}},
		"chain: the other half": {map[string]string{"AWS_SECRET_ACCESS_KEY": secretKey}, chain, "AKIDDEFAULT/us-west-2/redshift", "eu-west-1", resolve.FromAWSProfile,
			[]string{"AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"}},
		"profile":                               {nil, profile("static"), "AKIDSTATIC/us-west-2/redshift+tok/en+==", "eu-central-1", resolve.FromAWSProfile, nil},
		"profile before the environment's keys": {keys, profile("static"), "AKIDSTATIC/us-west-2/redshift+tok/en+==", "eu-central-1", resolve.FromAWSProfile, nil},
		"profile before AWS_PROFILE":            {map[string]string{"AWS_PROFILE": "nobody"}, profile("static"), "AKIDSTATIC/us-west-2/redshift+tok/en+==", "eu-central-1", resolve.FromAWSProfile, nil},
		"profile of the credentials file":       {nil, profile("kept"), "AKIDKEPT/us-west-2/redshift", "", resolve.Default, nil},
		"profile with a process":                {nil, profile("process"), "AKIDPROCESS/us-west-2/redshift", "", resolve.Default, nil},
		"region of the environment":             {map[string]string{"AWS_REGION": "ap-south-1"}, profile("static"), "AKIDSTATIC/us-west-2/redshift+tok/en+==", "ap-south-1", resolve.FromEnvironment, nil},
		"region by the older name":              {map[string]string{"AWS_DEFAULT_REGION": "ap-south-1"}, chain, "AKIDDEFAULT/us-west-2/redshift", "ap-south-1", resolve.FromEnvironment, nil},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, configFile, credentialsFile)
			for name, value := range tc.environment {
				t.Setenv(name, value)
			}
			f := serve(t, answer("GetClusterCredentials", login))
			c := load(t, tc.given, awslease.Options{Region: "sa-east-1"}) // which is not what the configuration says
			mints(t, c, f)
			f.asked(t, tc.asker)
			if region, from := c.Region(); region != tc.region || from != tc.from {
				t.Errorf("Region = %q, %q; want %q, %q", region, from, tc.region, tc.from)
			}
			if len(c.Notices()) != min(1, len(tc.notices)) {
				t.Fatalf("notices %v, want %q", c.Notices(), tc.notices)
			}
			for _, part := range tc.notices {
				if text := c.Notices()[0].Text; !strings.Contains(text, part) || strings.Contains(text, secretKey) {
					t.Errorf("notice %q, want %q in it", text, part)
				}
			}
		})
	}
}

// Where no region is given, that of the configuration is called.
func TestRegionOfConfiguration(t *testing.T) {
	alone(t, "[default]\nregion = eu-west-1\n", "")
	f := serve(t, answer("GetClusterCredentials", login))
	s := settings(f)
	s.Region = ""
	if _, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.asked(t, "AKIDGIVEN/eu-west-1/redshift+"+token)
}

// The provider is one for the whole life of a client: a role is assumed once.
func TestRole(t *testing.T) {
	assumed := map[string]string{"RoleArn": role, "RoleSessionName": "sluice-connector", "DurationSeconds": "3600"}
	for name, tc := range map[string]struct {
		change func(*resolve.Credentials)
		more   map[string]string
	}{
		"plain": {func(*resolve.Credentials) {}, nil},
		"named": {func(c *resolve.Credentials) { c.ExternalID, c.SessionName = "x-1", "report" }, map[string]string{"ExternalId": "x-1", "RoleSessionName": "report"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			far, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, session("AssumeRole", "ASIAROLE"))
			c := static()
			c.RoleARN, c.StsEndpoint = role, sts.url
			tc.change(&c)
			client := load(t, c, awslease.Options{Region: "us-west-2"})
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { mints(t, client, far) })
			}
			all.Wait()
			want := make(map[string]string)
			for _, m := range []map[string]string{assumed, tc.more} {
				for name, value := range m {
					want[name] = value
				}
			}
			if r := sts.Requests(); len(r) != 1 || !r[0].IsForm("AssumeRole", want) {
				t.Errorf("sent %v, want %v once", r, want)
			}
			sts.asked(t, "AKIDGIVEN/us-west-2/sts+"+token)
			far.asked(t, strings.Split(strings.Repeat("ASIAROLE/us-west-2/redshift+T,", 5), ",")[:5]...)
		})
	}
}

// What is beneath a role is got once for those who call with the role and without it, also when it has ended.
func TestRoleOverAnotherClient(t *testing.T) {
	const profile = "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/inner\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile b]\n" + keys
	alone(t, profile, "")
	ended := awstest.QueryError(403, "ExpiredToken", "expired")
	far := serve(t, answer("DescribeClusters", "<Clusters><Cluster><Endpoint><Address>h</Address><Port>5440</Port></Endpoint></Cluster></Clusters>"),
		answer("GetClusterCredentials", login), ended, answer("GetClusterCredentials", login))
	sts := serve(t, session("AssumeRole", "ASIAINNER"), session("AssumeRole", "ASIAOUTER"), session("AssumeRole", "ASIAINNER2"), session("AssumeRole", "ASIAOUTER2"))
	asked := 0
	options := awslease.Options{Region: "us-west-2", MFAToken: func() (string, error) { asked++; return "123456", nil }}
	given := resolve.Credentials{Kind: resolve.Profile, Profile: "a", RoleARN: role, ExternalID: "x-1", SessionName: "report", StsEndpoint: sts.url}
	base := load(t, given.Base(), options)
	over := base.As(given, "eu-west-3")
	if _, _, err := base.Endpoint(t.Context(), settings(far)); err != nil {
		t.Fatal(err)
	}
	mints(t, over, far)
	if asked != 1 {
		t.Errorf("a person is asked %d times", asked)
	}
	mints(t, over, far)
	if asked != 2 {
		t.Errorf("a person is asked %d times, once the session has ended", asked)
	}
	sts.asked(t, "AKIDKEYS/us-west-2/sts", "ASIAINNER/eu-west-3/sts+T", "AKIDKEYS/us-west-2/sts", "ASIAINNER2/eu-west-3/sts+T")
	far.asked(t, "ASIAINNER/us-west-2/redshift+T", "ASIAOUTER/us-west-2/redshift+T", "ASIAOUTER/us-west-2/redshift+T", "ASIAOUTER2/us-west-2/redshift+T")
	if r := sts.Requests()[1]; !r.IsForm("AssumeRole", map[string]string{"RoleArn": role, "RoleSessionName": "report", "DurationSeconds": "3600", "ExternalId": "x-1"}) {
		t.Errorf("sent %v", r)
	}
	alike := load(t, given, options)
	if over.Identity() != alike.Identity() || over.Identity() == base.Identity() || over.Base() != alike.Base() || fmt.Sprint(over) != fmt.Sprint(alike) {
		t.Errorf("%s, %s by %s; want the same as when it is loaded at once: %s by %s", over, over.Identity(), over.Base(), alike.Identity(), alike.Base())
	}
	if base.As(given.Base(), "eu-west-3") != base {
		t.Error("without a role it is another")
	}
}

// Roles in profiles are assumed at the same endpoint, one after the other.
func TestRolesInProfiles(t *testing.T) {
	alone(t, `
[profile outer]
role_arn = arn:aws:iam::111122223333:role/outer
source_profile = inner
external_id = x-2
[profile inner]
role_arn = arn:aws:iam::111122223333:role/inner
source_profile = keys
role_session_name = mine
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = `+secretKey+"\n", "")
	far, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, session("AssumeRole", "ASIA1"), session("AssumeRole", "ASIA2"), session("AssumeRole", "ASIA3"))
	client := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "outer", RoleARN: role, StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2"})
	mints(t, client, far)
	want := []map[string]string{
		{"RoleArn": "arn:aws:iam::111122223333:role/inner", "RoleSessionName": "mine", "DurationSeconds": "900"},
		{"RoleArn": "arn:aws:iam::111122223333:role/outer", "RoleSessionName": "sluice-connector", "DurationSeconds": "900", "ExternalId": "x-2"},
		{"RoleArn": role, "RoleSessionName": "sluice-connector", "DurationSeconds": "3600"},
	}
	requests := sts.Requests()
	if len(requests) != len(want) {
		t.Fatalf("sent %v", requests)
	}
	for i, r := range requests {
		if !r.IsForm("AssumeRole", want[i]) {
			t.Errorf("sent %v, want %v", r, want[i])
		}
	}
	sts.asked(t, "AKIDKEYS/us-west-2/sts", "ASIA1/us-west-2/sts+T", "ASIA2/us-west-2/sts+T")
	far.asked(t, "ASIA3/us-west-2/redshift+T")
}

func TestRoleFails(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		region string
		kind   fault.Kind
		reason string
		says   []string
	}{
		"denied": {awstest.QueryError(403, "AccessDenied", "User: arn:aws:iam::111122223333:user/u is not authorized to perform: sts:AssumeRole on resource: "+role), "us-west-2",
			fault.Blocked, awserror.Unauthorized, []string{"assume a role for role " + role, "allow sts:AssumeRole on " + role + ","}},
		"keys expired": {awstest.QueryError(403, "ExpiredToken", "expired"), "us-west-2", fault.Blocked, awslease.CredentialsExpired, []string{"SessionToken"}},
		"not here":     {awstest.QueryError(403, "RegionDisabledException", "STS is not activated"), "us-west-2", fault.Blocked, awserror.Rejected, []string{"StsEndpointUrl"}},
		"throttled":    {awstest.QueryError(400, "Throttling", "Rate exceeded"), "us-west-2", fault.Retry, awserror.Throttled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			c := static()
			c.RoleARN, c.StsEndpoint = role, f.url
			_, err := load(t, c, awslease.Options{Region: tc.region}).Mint(t.Context(), settings(f))
			fails(t, err, tc.kind, tc.reason, tc.says...)
		})
	}
	t.Run("keys of a profile expired", func(t *testing.T) {
		alone(t, "[profile a]\nrole_arn = "+role+"\nsource_profile = keys\n[profile keys]\n"+keys, "")
		sts := serve(t, awstest.QueryError(403, "ExpiredToken", "expired"))
		_, err := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(sts))
		fails(t, err, fault.Blocked, awslease.CredentialsExpired, "assume a role for profile a", "in the profile keys")
	})
	t.Run("no region", func(t *testing.T) {
		alone(t, "", "")
		c := static()
		c.RoleARN = role
		_, err := load(t, c, awslease.Options{}).Mint(t.Context(), settings(serve(t, awstest.Answer{})))
		fails(t, err, fault.Blocked, awslease.RegionMissing, role)
	})
}

// A request to an endpoint of one region is signed for that one, whatever else is configured.
func TestSigningRegion(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://sts.eu-west-1.amazonaws.com":                                      "eu-west-1",
		"https://sts.cn-north-1.amazonaws.com.cn":                                  "cn-north-1",
		"https://sts-fips.us-east-1.amazonaws.com":                                 "us-east-1",
		"https://sts.us-gov-west-1.amazonaws.com/":                                 "us-gov-west-1",
		"https://vpce-0a1b-c2d3.sts.eu-central-1.vpce.amazonaws.com":               "eu-central-1",
		"https://vpce-0a1b-c2d3-eu-central-1a.sts.eu-central-1.vpce.amazonaws.com": "eu-central-1",
		"https://sts.amazonaws.com":                                                "us-east-1",
		"https://sts.example.com":                                                  "ap-south-1",
		"http://127.0.0.1:4566":                                                    "ap-south-1",
	} {
		if got := awslease.SigningRegion(endpoint, "ap-south-1"); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
	if got := awslease.SigningRegion("http://127.0.0.1:4566", ""); got != "us-east-1" {
		t.Errorf("nowhere: %s", got)
	}
}
