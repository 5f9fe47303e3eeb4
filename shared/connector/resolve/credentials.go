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
// profile or what the AWS SDK finds. ok is false if it names none. Errors are those of [Resolve].
func ReadingOf(set property.Set) (reading Reading, ok bool) {
	if name, _ := set.Get(property.AuthProfile); name.IsZero() {
		return Reading{}, false
	}
	r := &resolver{in: Input{Explicit: set, Unread: true}}
	reading = Reading{Name: r.text(property.AuthProfile)}
	r.where()
	r.region(false)
	key, secretKey, token := r.accessKey()
	reading.Region, reading.Endpoint = r.out.Region, r.text(property.EndpointURL)
	reading.AWS = Credentials{Kind: DefaultChain, StsEndpoint: r.text(property.StsEndpointURL)}
	instance, _ := r.boolean(property.InstanceProfile)
	switch profile := r.text(property.Profile); {
	case key != "":
		reading.AWS.Kind, reading.AWS.AccessKeyID, reading.AWS.SecretAccessKey, reading.AWS.SessionToken = Static, key, secretKey, token
	case instance:
		reading.AWS.Kind = InstanceProfile
	case profile != "":
		reading.AWS.Kind, reading.AWS.Profile = Profile, profile
	}
	return reading, true
}

// CredentialsOf is where the AWS credentials for logins come from, for whoever has to look there before [Resolve] can be asked.
func CredentialsOf(in Input) Credentials {
	r := &resolver{in: in}
	iam, _ := r.boolean(property.IAM)
	r.out.Secret = r.text(property.SecretID)
	r.credentials(iam)
	return r.out.AWS
}

// authTypes are the values of AuthType.
const (
	authStatic  = "static"
	authProfile = "profile"
	authPlugin  = "plugin"
)

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)

// credentials finds out where AWS credentials come from. They are those for logins; reading an authentication profile
// takes [ReadingOf].
func (r *resolver) credentials(iam bool) {
	if !iam && r.out.Secret == "" {
		return // password says what it ignores
	}
	c := Credentials{Kind: DefaultChain}
	key, secretKey, token := r.accessKey()
	profile := r.text(property.Profile)
	instance, _ := r.boolean(property.InstanceProfile)
	kind := strings.ToLower(r.text(property.AuthType))
	reads := r.text(property.AuthProfile) != "" // then the key is for that, too
	switch kind {
	case "", authStatic, authProfile:
	case authPlugin:
		r.problem(property.AuthType, "use Profile, InstanceProfile, an access key, or what the AWS SDK finds", "is Plugin, and there are no plugins of identity providers here")
	default:
		r.problem(property.AuthType, "write Static or Profile", "is no kind of AWS credentials")
	}
	if kind == authStatic && key == "" {
		r.problem(property.AccessKeyID, "give AccessKeyID and SecretAccessKey, or take AuthType away", "is missing, and AuthType is Static")
	}
	static := key != "" && kind != authProfile
	switch {
	case kind == authStatic || static && !instance && (profile == "" || !reads):
		if profile != "" && kind == authStatic {
			r.notice(property.Profile, "is ignored: AuthType is Static")
		} else if profile != "" {
			r.problem(property.Profile, "keep one of the two", "is given beside AccessKeyID")
		}
		if instance {
			r.notice(property.InstanceProfile, "is ignored: AuthType is Static")
		}
		c.Kind, c.AccessKeyID, c.SecretAccessKey, c.SessionToken = Static, key, secretKey, token
	case instance:
		if profile != "" {
			r.notice(property.Profile, "is ignored: InstanceProfile is on")
		}
		if static && !reads {
			r.problem(property.InstanceProfile, "keep one of the two, or set AuthType to Static", "is on beside AccessKeyID")
		}
		c.Kind = InstanceProfile
	case profile != "":
		c.Kind, c.Profile = Profile, profile
	}
	if key != "" && kind == authProfile && !reads {
		r.notice(property.AccessKeyID, "is ignored: AuthType is Profile")
	}
	r.role(&c)
	c.StsEndpoint = r.endpoint(property.StsEndpointURL)
	r.out.AWS = c
	r.out.Endpoint = r.endpoint(property.EndpointURL)
}

// accessKey is the static key: its id, its secret, which the password may stand in for, and its token.
func (r *resolver) accessKey() (id string, key, token secret.Value) {
	if v, from, _ := r.value(property.AccessKeyID); !v.IsZero() {
		id = strings.TrimSpace(v.Reveal())
		r.remember(property.AccessKeyID, "…"+id[max(0, len(id)-4):], from, "")
	}
	key, token = r.hidden(property.SecretAccessKey), r.hidden(property.SessionToken)
	if id == "" {
		for name, v := range map[property.Name]secret.Value{property.SecretAccessKey: key, property.SessionToken: token} {
			if !v.IsZero() {
				r.problem(name, "give AccessKeyID too, or take it away", "is given without AccessKeyID")
			}
		}
		return "", secret.Value{}, secret.Value{}
	}
	if key.IsZero() {
		if key = r.hidden(property.PWD); key.IsZero() {
			r.problem(property.SecretAccessKey, "give it, or take AccessKeyID away", "is missing beside AccessKeyID")
		} else {
			r.notice(property.SecretAccessKey, "is not given: PWD counts as the secret of AccessKeyID")
		}
	}
	return id, key, token
}

// role reads the role to assume.
func (r *resolver) role(c *Credentials) {
	c.RoleARN, c.ExternalID, c.SessionName = r.text(property.RoleARN), r.text(property.ExternalID), r.text(property.RoleSessionName)
	if c.RoleARN != "" && !roleARN.MatchString(c.RoleARN) {
		r.problem(property.RoleARN, "write it as arn:aws:iam::111122223333:role/name", "is no ARN of a role")
	}
	if c.RoleARN == "" {
		for name, text := range map[property.Name]string{property.ExternalID: c.ExternalID, property.RoleSessionName: c.SessionName} {
			if text != "" {
				r.problem(name, "give RoleArn too, or take it away", "is given without RoleArn")
			}
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
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
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
