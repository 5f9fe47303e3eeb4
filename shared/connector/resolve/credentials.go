package resolve

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Reading says how to read the authentication profile that properties name.
type Reading struct {
	Name     string
	Region   string // empty is the one of the AWS configuration
	Endpoint string // empty is AWS's own
	AWS      Credentials
}

// ReadingOf is how to read the authentication profile that a set names, with the access key that it names, or else with the
// profile or what the AWS SDK finds. The role of RoleArn is for logins and is not assumed for it. ok is false if the set names no
// authentication profile. Errors are those of [Resolve].
func ReadingOf(set property.Set) (reading Reading, ok bool) {
	if name, _ := set.Get(property.AuthProfile); name.IsZero() {
		return Reading{}, false
	}
	r := &resolver{in: Input{Explicit: set, Unread: true}}
	reading.Name = r.text(property.AuthProfile)
	r.where()
	r.region()
	reading.Region, reading.Endpoint = r.out.Region, r.text(property.EndpointURL)
	reading.AWS = r.others()
	if key := r.accessKey(); key.id != "" {
		reading.AWS = key.credentials()
	}
	reading.AWS.StsEndpoint = r.text(property.StsEndpointURL)
	return reading, true
}

// What names of authentication profiles, roles and sessions are made of.
//
// Source: Amazon Redshift API Reference, CreateAuthenticationProfile; AWS STS API Reference, AssumeRole.
var (
	authProfileName = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)
	roleARN         = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)
	sessionName     = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID      = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

const maxExternalID = 1224 // characters

// authProfile looks at the name of the authentication profile. Its content is in the input.
func (r *resolver) authProfile() {
	if name := r.text(property.AuthProfile); name != "" && !authProfileName.MatchString(name) {
		r.problem(property.AuthProfile, "write up to 63 letters, digits and hyphens", "is no name of an authentication profile")
	}
}

// credentials finds out where AWS credentials for logins come from, and where AWS is asked.
func (r *resolver) credentials() {
	c := r.chosen(r.accessKey())
	r.role(&c)
	c.StsEndpoint = r.endpoint(property.StsEndpointURL)
	r.out.AWS = c
	r.out.Endpoint = r.endpoint(property.EndpointURL)
}

// The values of AuthType.
const (
	typeStatic  = "static"
	typeProfile = "profile"
	typePlugin  = "plugin"
)

// chosen are the credentials that AuthType says, or else the only ones that were given. An access key beside AuthProfile is for
// reading that, and for logins if nothing else is.
func (r *resolver) chosen(key accessKey) Credentials {
	reads := r.given(property.AuthProfile)
	others := r.others()
	static := key.id != "" && (others.Kind == DefaultChain || !reads)
	switch kind := lower(r.text(property.AuthType)); kind {
	case "":
		if static {
			r.beside(property.Profile, property.InstanceProfile)
		}
	case typeStatic:
		static = true
		if key.id == "" {
			r.problem(property.AccessKeyID, "give AccessKeyID and SecretAccessKey, or take AuthType away", "is missing, and AuthType is Static")
		}
		r.unused("AuthType is Static", property.Profile, property.InstanceProfile)
	case typeProfile:
		static = false
		if !reads {
			r.unused("AuthType is Profile", property.AccessKeyID)
		}
	case typePlugin:
		r.problem(property.AuthType, "use Profile, InstanceProfile, an access key, or what the AWS SDK finds", "is Plugin, and there are no plugins of identity providers here")
	default:
		r.problem(property.AuthType, "write Static or Profile", "is no kind of AWS credentials")
	}
	if static {
		return key.credentials()
	}
	if others.Kind == InstanceProfile {
		r.unused("InstanceProfile is on", property.Profile)
	}
	return others
}

// others are the credentials that are not an access key.
func (r *resolver) others() Credentials {
	profile := r.text(property.Profile)
	instance, _ := r.boolean(property.InstanceProfile)
	switch {
	case instance:
		return Credentials{Kind: InstanceProfile}
	case profile != "":
		return Credentials{Kind: Profile, Profile: profile}
	}
	return Credentials{Kind: DefaultChain}
}

// asks reports whether a property of AWS credentials asks for anything.
func (r *resolver) asks(name property.Name) bool {
	if name == property.InstanceProfile {
		on, _ := r.boolean(name)
		return on
	}
	return r.given(name)
}

// beside refuses properties that say another kind of credentials than the access key that is given.
func (r *resolver) beside(names ...property.Name) {
	for _, name := range names {
		if r.asks(name) {
			r.problem(name, "keep one of the two, or say with AuthType which counts", "is given beside AccessKeyID")
		}
	}
}

// unused tells of properties that lost to another.
func (r *resolver) unused(because string, names ...property.Name) {
	for _, name := range names {
		if r.asks(name) {
			r.notice(name, "is ignored: %s", because)
		}
	}
}

// An accessKey is a static key; without an id there is none.
type accessKey struct {
	id            string
	secret, token secret.Value
}

func (k accessKey) credentials() Credentials {
	return Credentials{Kind: Static, AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.token}
}

// leastKeyID is the length from which on the last characters of a key's id do not give it away.
//
// Source: AWS IAM API Reference, AccessKey (AccessKeyId).
const leastKeyID = 16

// accessKey reads the static key. The password may stand in for its secret.
func (r *resolver) accessKey() (k accessKey) {
	if v, from := r.value(property.AccessKeyID); !v.IsZero() {
		k.id = strings.TrimSpace(v.Reveal())
		shown := "…"
		if len(k.id) >= leastKeyID {
			shown += k.id[len(k.id)-4:]
		}
		r.remember(property.AccessKeyID, shown, from, "")
	}
	if k.id == "" {
		for _, name := range []property.Name{property.SecretAccessKey, property.SessionToken} {
			if v := r.hidden(name); !v.IsZero() {
				r.problem(name, "give AccessKeyID too, or take it away", "is given without AccessKeyID")
			}
		}
		return k
	}
	k.secret, k.token = r.hidden(property.SecretAccessKey), r.hidden(property.SessionToken)
	if !k.secret.IsZero() {
		return k
	}
	if k.secret = r.hidden(property.PWD); k.secret.IsZero() {
		r.problem(property.SecretAccessKey, "give it, or take AccessKeyID away", "is missing beside AccessKeyID")
		return k
	}
	r.keyIsPWD = true
	r.notice(property.SecretAccessKey, "is not given: PWD counts as the secret of AccessKeyID")
	return k
}

// role reads the role to assume.
func (r *resolver) role(c *Credentials) {
	c.RoleARN, c.ExternalID, c.SessionName = r.text(property.RoleARN), r.text(property.ExternalID), r.text(property.RoleSessionName)
	if c.RoleARN != "" && !roleARN.MatchString(c.RoleARN) {
		r.problem(property.RoleARN, "write it as arn:aws:iam::111122223333:role/name", "is no ARN of a role")
	}
	for _, p := range []struct {
		name property.Name
		text string
		fine bool
		fix  string
	}{
		{property.ExternalID, c.ExternalID, externalID.MatchString(c.ExternalID) && len(c.ExternalID) <= maxExternalID, "write 2 to 1224 letters, digits and any of _+=,.@:/-"},
		{property.RoleSessionName, c.SessionName, sessionName.MatchString(c.SessionName), "write 2 to 64 letters, digits and any of _+=,.@-"},
	} {
		switch {
		case p.text == "":
		case !p.fine:
			r.problem(p.name, p.fix, "is none that STS takes")
		case c.RoleARN == "" && !r.in.Unread:
			r.problem(p.name, "give RoleArn too, or take it away", "is given without RoleArn")
		}
	}
}

// endpoint is a property that is the URL of an AWS API.
func (r *resolver) endpoint(name property.Name) string {
	text := r.text(name)
	if text == "" {
		return ""
	}
	if err := badEndpoint(text); err != nil {
		r.problem(name, "write a URL as https://redshift.us-east-1.amazonaws.com", "%v", err)
	}
	return text
}

// badEndpoint says what is wrong with the URL of an AWS API. Without TLS it may be this machine's own alone.
func badEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("is no URL of an endpoint")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("is no https URL")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("is not https, which only an endpoint on this machine need not be")
}
