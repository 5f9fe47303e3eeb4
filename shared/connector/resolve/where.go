package resolve

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// Where a warehouse listens, and the database that it has, if nobody says otherwise.
//
// Source: Amazon Redshift Management Guide, "Managing clusters"; Amazon Redshift Serverless, "Connecting".
const (
	DefaultPort     = 5439
	DefaultDatabase = "dev"
)

// where finds the host and the port to connect to, and what the host's name says. Properties of the authentication profile count as
// the program's own do.
func (r *resolver) where() {
	r.named, r.host = r.hostOf(property.Host)
	connect, private := r.hostOf(property.VPCEndpoint)
	r.out.Host = cmp.Or(connect, r.named)
	if r.host.Region == "" {
		r.host.Region = private.Region
	}
	r.out.ServerName = r.text(property.TLSServerName)
	if r.out.ServerName == "" && connect != "" && r.named != "" {
		r.out.ServerName = r.named
		r.remember(property.TLSServerName, r.named, FromHost, "the endpoint in the private network shows the certificate of "+string(property.Host))
	}
	r.port()
	r.out.Database = r.text(property.Database)
	if r.out.Database == "" && r.out.Secret == "" {
		r.out.Database = DefaultDatabase
		r.remember(property.Database, DefaultDatabase, Default, "")
	}
}

// hostOf reads a property that names a host.
func (r *resolver) hostOf(name property.Name) (string, host) {
	text := r.text(name)
	if text == "" {
		return "", host{}
	}
	h, err := readHost(text)
	if err != nil {
		r.problem(name, inPlaceOf(text), "%v", err)
	} else if says := surprising(text); says != "" && h.Form == unknownHost {
		r.notice(name, "%s", says)
	}
	return text, h
}

// hostAndPort matches what other drivers take in place of a host.
var hostAndPort = regexp.MustCompile(`^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])[:,]\s*([0-9]{1,5})$`)

// inPlaceOf says what to write in place of what is no host.
func inPlaceOf(text string) string {
	if m := hostAndPort.FindStringSubmatch(text); m != nil {
		return "write the host alone, and Port=" + m[1]
	}
	if strings.Contains(text, "=") && strings.ContainsAny(text, " \t\r\n") {
		return "write semicolons between properties, in place of spaces"
	}
	return "write the host's name as the console shows it"
}

// port finds the port. With a host that is looked up, so is the port, unless it was given.
func (r *resolver) port() {
	text := r.text(property.Port)
	if text == "" {
		if r.out.Host != "" && r.out.Secret == "" {
			r.out.Port = DefaultPort
			r.remember(property.Port, strconv.Itoa(DefaultPort), Default, "")
		}
		return
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		r.problem(property.Port, "write a number from 1 to 65535", "is no port")
	}
	r.out.Port = int(n)
}

// regionText matches what can stand in the address of a service. What looks like no region of today may be one of tomorrow.
var regionText = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// region finds the region that AWS is asked in, once the login is known.
func (r *resolver) region() {
	needed := r.out.Login != Password && r.out.Login != ""
	given, of := lower(r.text(property.Region)), r.secretRegion()
	configured, from := lower(strings.TrimSpace(r.in.Region)), r.in.RegionFrom
	switch {
	case of != "" && given != "" && given != of:
		r.problem(property.Region, "take it away", "is %q, and the ARN of the secret says %q", given, of)
	case of != "":
		if given == "" {
			_, from := r.value(property.SecretID)
			r.remember(property.Region, of, from, "from the ARN of the secret")
		}
		r.out.Region = of
	default:
		r.out.Region = r.withHost(property.Region, given, r.host.Region)
		if r.out.Region == "" && needed && configured != "" {
			r.out.Region = configured
			r.remember(property.Region, configured, from, "")
		}
	}
	switch {
	case r.out.Region == "" && needed && !r.in.Unread && !r.in.Unconfigured && given == "" && !r.wrong(property.Host, property.VPCEndpoint):
		r.problem(property.Region, "name the region, for example us-east-1; or set AWS_REGION, or region in the AWS profile",
			"is missing, and neither the host nor the AWS configuration says it")
	case r.out.Region == "":
	case !regionText.MatchString(r.out.Region):
		r.problem(property.Region, "write it as us-east-1", "is no region")
	case !regionForm.MatchString(r.out.Region):
		r.notice(property.Region, "looks like no region: they are written as us-east-1")
	}
}

// secretRegion is the region of a secret that is named by its ARN.
func (r *resolver) secretRegion() string {
	if m := secretARN.FindStringSubmatch(r.out.Secret); m != nil {
		return m[1]
	}
	return ""
}
