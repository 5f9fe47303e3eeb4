package awslease

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// An environment is what counts of the environment's variables, without what is secret in them.
type environment struct {
	region          string
	keys            bool // it has an access key
	container       bool // it names an endpoint for credentials
	role, tokenFile string
}

// A profile is what counts of a profile of the shared configuration files, without what is secret in it.
type profile struct {
	name, region     string
	key              string // a fingerprint of its access key; empty if it has none
	process          string // a fingerprint of its command, in which there may be secrets; empty if it has none
	role, device     string
	external         string
	session          string
	credentialSource string
	tokenFile        string
	loginSession     string
	sso              *singleSignOn
	source           *profile
}

// A singleSignOn is what a profile says of IAM Identity Center.
type singleSignOn struct{ session, url, region, account, role string }

func environmentOf(c config.EnvConfig) environment {
	return environment{region: c.Region, keys: c.Credentials.HasKeys(), role: c.RoleARN, tokenFile: c.WebIdentityTokenFilePath,
		container: c.ContainerCredentialsRelativePath != "" || c.ContainerCredentialsEndpoint != ""}
}

func profileOf(c config.SharedConfig) profile {
	p := profile{name: c.Profile, region: c.Region, role: c.RoleARN, device: c.MFASerial, external: c.ExternalID, session: c.RoleSessionName,
		credentialSource: c.CredentialSource, tokenFile: c.WebIdentityTokenFile, loginSession: c.LoginSession}
	if k := c.Credentials; k.HasKeys() {
		p.key = fingerprint(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	}
	if c.CredentialProcess != "" {
		p.process = fingerprint(c.CredentialProcess)
	}
	if c.SSOSessionName != "" || c.SSORegion != "" || c.SSOAccountID != "" || c.SSOStartURL != "" || c.SSORoleName != "" {
		p.sso = &singleSignOn{c.SSOSessionName, c.SSOStartURL, c.SSORegion, c.SSOAccountID, c.SSORoleName}
		if c.SSOSession != nil {
			p.sso.url, p.sso.region = c.SSOSession.SSOStartURL, c.SSOSession.SSORegion
		}
	}
	if c.Source != nil {
		p.source = new(profileOf(*c.Source))
	}
	return p
}

// loaded takes what the SDK has read, and leaves in cfg of it no more than calls need: nothing secret beside the provider of credentials.
func (s *source) loaded(cfg *aws.Config) {
	for i, from := range cfg.ConfigSources {
		switch v := from.(type) {
		case config.EnvConfig:
			s.env = environmentOf(v)
			v.Credentials, v.ContainerAuthorizationToken = aws.Credentials{}, ""
			cfg.ConfigSources[i] = v
		case config.SharedConfig:
			s.shared = profileOf(v)
			s.endpoints = fingerprint(v.BaseEndpoint, fmt.Sprintf("%q", v.Services.ServiceValues), fmt.Sprint(v.IgnoreConfiguredEndpoints != nil && *v.IgnoreConfiguredEndpoints))
			v.Credentials, v.CredentialProcess, v.Source = aws.Credentials{}, "", nil
			cfg.ConfigSources[i] = v
		case config.LoadOptions:
			v.Credentials = nil
			cfg.ConfigSources[i] = v
		}
	}
}

// reload reads the profile by itself, where loading failed after the files were read.
func (s *source) reload(ctx context.Context) {
	if shared, err := config.LoadSharedConfigProfile(ctx, s.profile, s.inFiles); err == nil {
		s.shared = profileOf(shared)
	}
}
