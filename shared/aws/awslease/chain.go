package awslease

import (
	"cmp"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// Chain is what the environment or the profile has AWS asked for on the way to the credentials, the first step first. It is empty where no
// AWS API is asked: for access keys, processes, containers and instances. The role of the property RoleArn is not in it. It makes no call.
//
// Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider" and "IAM Identity Center credential provider".
func (c *Client) Chain() []resolve.Link {
	links, _ := c.source.chain()
	return links
}

// Base names, for people, the credentials that the role of the property RoleArn is assumed with, or that ask for logins if there is none: the
// ARN of the last role of [Client.Chain], or where keys come from.
func (c *Client) Base() string {
	_, last := c.source.chain()
	return last
}

// chain is how the SDK gets credentials, and what it has at the end.
func (s *source) chain() (links []resolve.Link, last string) {
	switch {
	case s.given.Kind == resolve.Static:
		return nil, "the access key that is given"
	case s.given.Kind == resolve.InstanceProfile:
		return nil, theInstance
	case s.inProfile():
		return s.shared.chain(s.env)
	case s.env.keys:
		return nil, environmentKey
	}
	return []resolve.Link{webIdentity(s.env.role, s.env.tokenFile)}, s.env.role
}

const environmentKey = "the access key in the environment"

// chain is how the SDK gets the credentials of a profile. What a profile says more than one of has the SDK's order.
func (p *profile) chain(env environment) (links []resolve.Link, last string) {
	switch {
	case p.source != nil:
		links, last = p.source.chain(env)
	case p.key != "":
		last = "the access key of profile " + p.name
	case p.credentialSource != "":
		last = map[string]string{fromEnvironment: environmentKey, fromContainer: theContainer}[p.credentialSource]
		last = cmp.Or(last, theInstance)
	case p.tokenFile != "":
		return []resolve.Link{webIdentity(p.role, p.tokenFile)}, p.role
	case p.sso != nil:
		link := resolve.Link{Service: "sso", Operation: "GetRoleCredentials", Role: p.sso.role, By: "the single sign-on session of profile " + p.name}
		if p.sso.session != "" {
			link.By, link.May = "the single sign-on session "+p.sso.session, renewsToken
		}
		links = []resolve.Link{link}
		last = "the single sign-on role " + p.sso.role + " in account " + p.sso.account
	case p.loginSession != "":
		last = "the login session of profile " + p.name
	case p.process != "":
		last = "the credential_process of profile " + p.name
	case env.container:
		last = theContainer
	default:
		last = theInstance
	}
	if p.role != "" {
		links = append(links, resolve.Link{Service: "sts", Operation: "AssumeRole", Role: p.role, By: last, Signed: true})
		last = p.role
	}
	return links, last
}

// renewsToken is what the SDK does with the token of a session that has a name.
const renewsToken = "where the session's token has ended, CreateToken of IAM Identity Center (sso-oidc) may come before, which takes none either"

const (
	theContainer = "the role of the container"
	theInstance  = "the role of the EC2 instance"
)

func webIdentity(role, tokenFile string) resolve.Link {
	return resolve.Link{Service: "sts", Operation: "AssumeRoleWithWebIdentity", Role: role, By: "the token in " + tokenFile}
}
