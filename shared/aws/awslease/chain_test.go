package awslease_test

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// What AWS is asked for before a login is known without asking it.
func TestChain(t *testing.T) {
	const (
		inner, outer = "arn:aws:iam::111122223333:role/inner", "arn:aws:iam::111122223333:role/outer"
		configFile   = `
[default]
role_arn = ` + inner + `
credential_source = Environment
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = ` + secretKey + `
[profile inner]
role_arn = ` + inner + `
source_profile = keys
[profile outer]
role_arn = ` + outer + `
source_profile = inner
[profile own]
role_arn = ` + inner + `
source_profile = own
aws_access_key_id = AKIDOWN
aws_secret_access_key = ` + secretKey + `
[profile instance]
role_arn = ` + inner + `
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = ` + inner + `
credential_source = EcsContainer
[profile web]
role_arn = ` + inner + `
web_identity_token_file = /token
[profile over-web]
role_arn = ` + outer + `
source_profile = web
[profile modern]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = analyst
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.example.com/start
[profile legacy]
sso_account_id = 111122223333
sso_role_name = analyst
sso_region = eu-west-1
sso_start_url = https://corp.example.com/start
[profile over-sso]
role_arn = ` + outer + `
source_profile = modern
[profile process]
credential_process = get
[profile over-process]
role_arn = ` + outer + `
source_profile = process
[profile login]
login_session = arn:aws:iam::111122223333:user/u
[profile region]
region = eu-west-1
`
	)
	chain := resolve.Credentials{Kind: resolve.DefaultChain}
	named := func(name string) resolve.Credentials {
		return resolve.Credentials{Kind: resolve.Profile, Profile: name}
	}
	assume := func(role, by string) resolve.Link {
		return resolve.Link{Service: "sts", Operation: "AssumeRole", Role: role, By: by, Signed: true}
	}
	web := resolve.Link{Service: "sts", Operation: "AssumeRoleWithWebIdentity", Role: inner, By: "the token in /token"}
	sso := func(by, may string) resolve.Link {
		return resolve.Link{Service: "sso", Operation: "GetRoleCredentials", Role: "analyst", By: by, May: may}
	}
	const (
		session     = "the single sign-on session corp"
		renews      = "where the session's token has ended, CreateToken of IAM Identity Center (sso-oidc) may come before, which takes none either"
		analyst     = "the single sign-on role analyst in account 111122223333"
		environment = "the access key in the environment"
		task        = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	)
	withRole := static()
	withRole.RoleARN = outer
	overRole := named("inner")
	overRole.RoleARN = outer
	for name, tc := range map[string]struct {
		given resolve.Credentials
		env   []string
		want  []resolve.Link
		base  string
	}{
		"access key":               {static(), nil, nil, "the access key that is given"},
		"access key with a role":   {withRole, []string{"AWS_PROFILE", "outer"}, nil, "the access key that is given"},
		"instance":                 {resolve.Credentials{Kind: resolve.InstanceProfile}, []string{"AWS_PROFILE", "outer"}, nil, "the role of the EC2 instance"},
		"keys":                     {named("keys"), nil, nil, "the access key of profile keys"},
		"role":                     {named("inner"), nil, []resolve.Link{assume(inner, "the access key of profile keys")}, inner},
		"role, and the property's": {overRole, nil, []resolve.Link{assume(inner, "the access key of profile keys")}, inner},
		"role over a role":         {named("outer"), nil, []resolve.Link{assume(inner, "the access key of profile keys"), assume(outer, inner)}, outer},
		"role over its own keys":   {named("own"), nil, []resolve.Link{assume(inner, "the access key of profile own")}, inner},
		"role over the instance's": {named("instance"), nil, []resolve.Link{assume(inner, "the role of the EC2 instance")}, inner},
		"role over the container's": {named("container"), []string{task, "/1"}, []resolve.Link{assume(inner, "the role of the container")},
			inner},
		"web identity":         {named("web"), nil, []resolve.Link{web}, inner},
		"role over a web's":    {named("over-web"), nil, []resolve.Link{web, assume(outer, inner)}, outer},
		"sso-session":          {named("modern"), nil, []resolve.Link{sso(session, renews)}, analyst},
		"older single sign-on": {named("legacy"), nil, []resolve.Link{sso("the single sign-on session of profile legacy", "")}, analyst},
		"role over sso":        {named("over-sso"), nil, []resolve.Link{sso(session, renews), assume(outer, analyst)}, outer},
		"process":              {named("process"), nil, nil, "the credential_process of profile process"},
		"role over a process":  {named("over-process"), nil, []resolve.Link{assume(outer, "the credential_process of profile process")}, outer},
		"login session":        {named("login"), nil, nil, "the login session of profile login"},
		"region alone":         {named("region"), nil, nil, "the role of the EC2 instance"},
		"region, in a task":    {named("region"), []string{task, "/1"}, nil, "the role of the container"},

		"chain: default profile": {chain, nil, []resolve.Link{assume(inner, environment)}, inner},
		"chain: AWS_PROFILE":     {chain, []string{"AWS_PROFILE", "outer"}, []resolve.Link{assume(inner, "the access key of profile keys"), assume(outer, inner)}, outer},
		"chain: environment":     {chain, []string{"AWS_PROFILE", "outer", "AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", secretKey}, nil, environment},
		"chain: web identity":    {chain, []string{"AWS_PROFILE", "outer", "AWS_ROLE_ARN", inner, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}, []resolve.Link{web}, inner},
		"profile before the environment": {named("keys"), []string{"AWS_ROLE_ARN", inner, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token", "AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", secretKey}, nil,
			"the access key of profile keys"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, configFile, "")
			for i := 0; i < len(tc.env); i += 2 {
				t.Setenv(tc.env[i], tc.env[i+1])
			}
			c := load(t, tc.given, awslease.Options{Region: "us-west-2"})
			if got := c.Chain(); !slices.Equal(got, tc.want) {
				t.Errorf("Chain = %+v\nwant %+v", got, tc.want)
			}
			if got := c.Base(); got != tc.base {
				t.Errorf("Base = %q, want %q", got, tc.base)
			}
		})
	}
}
