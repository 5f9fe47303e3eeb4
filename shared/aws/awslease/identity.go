package awslease

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// Variables that decide which identity the SDK finds, some of them secret.
var (
	chainVariables = []string{
		"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	}
	profileVariables = []string{
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_LOGIN_CACHE_DIRECTORY",
	}
	// endpointVariables lead to another world, in which everybody may be somebody else.
	endpointVariables = []string{
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REDSHIFT", "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS",
		"AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_SIGNIN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	}
	metadataVariables = []string{
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	}
)

// fingerprintKey keeps fingerprints from being compared with those of guesses.
var fingerprintKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return key
})

// fingerprint is of texts of which some are secret. It is the same for the same texts within one process.
func fingerprint(texts ...string) string {
	mac := hmac.New(sha256.New, fingerprintKey())
	for _, text := range texts {
		fmt.Fprintf(mac, "%q\n", text)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// identity is the fingerprint of everything that decides who asks, and where. What files say is in it, so that another load after a change
// of them has another.
func identity(c resolve.Credentials, s *source) string {
	mac := hmac.New(sha256.New, fingerprintKey())
	put := func(name, value string) { fmt.Fprintf(mac, "%q=%q\n", name, value) }
	variables := func(lists ...[]string) {
		for _, list := range lists {
			for _, name := range list {
				if v, ok := os.LookupEnv(name); ok {
					put(name, v)
				}
			}
		}
	}
	put("kind", string(c.Kind))
	put("role", c.RoleARN)
	put("external id", c.ExternalID)
	put("session", c.SessionName)
	put("endpoints", s.endpoints)
	variables(endpointVariables)
	switch c.Kind {
	case resolve.Static:
		put("id", c.AccessKeyID)
		put("secret", c.SecretAccessKey.Reveal())
		put("token", c.SessionToken.Reveal())
	case resolve.InstanceProfile:
		variables(metadataVariables)
	default: // a profile may say that keys come from the environment
		put("profile", s.profile)
		put("files", strings.Join(s.files, "\x00"))
		variables(chainVariables, profileVariables, metadataVariables)
		for p := &s.shared; p != nil && s.inProfile(); p = p.source {
			put("says", p.asker())
		}
	}
	return string(c.Kind) + " " + hex.EncodeToString(mac.Sum(nil)[:16])
}

// asker is a fingerprint of what a profile says of who asks.
func (p *profile) asker() string {
	texts := []string{p.name, p.key, p.process, p.role, p.device, p.external, p.session, p.credentialSource, p.tokenFile, p.loginSession}
	if p.sso != nil {
		texts = append(texts, p.sso.session, p.sso.url, p.sso.region, p.sso.account, p.sso.role)
	}
	return fingerprint(texts...)
}
