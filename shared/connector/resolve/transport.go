package resolve

import (
	"strconv"
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// How a connection is made if nobody says otherwise.
const (
	defaultName    = "sluice" // of the application
	defaultTimeout = 10 * time.Second
	maxTimeout     = 10 * time.Minute
)

// libpqSystem stands for the system's authorities in libpq's sslrootcert.
const libpqSystem = "system"

// transport reads how the connection is made. It looks at all layers together: none lowers what another asks for by being
// merged late.
func (r *resolver) transport() {
	if on, given := r.boolean(property.SSL); given && !on {
		r.problem(property.SSL, "take it away", "is off, and no login is sent without TLS")
	}
	r.sslMode()
	r.serverName()
	if r.out.CAFile = r.text(property.CAFile); r.out.CAFile == libpqSystem {
		r.problem(property.CAFile, "leave it out: the system's authorities are trusted anyway, and Amazon's", "is libpq's word for the system's authorities, and no file")
	}
	if r.out.ApplicationName = r.text(property.ApplicationName); r.out.ApplicationName == "" {
		r.out.ApplicationName = defaultName
		r.remember(property.ApplicationName, defaultName, Default, "")
	}
	r.connectTimeout()
	off, _ := r.boolean(property.DisableCache)
	r.out.Cache = !off
}

// connectTimeout reads the limit of time for a login. The drivers write 0 for none; here there always is one.
func (r *resolver) connectTimeout() {
	seconds := strconv.Itoa(int(defaultTimeout.Seconds()))
	if r.text(property.ConnectTimeout) == "0" {
		r.notice(property.ConnectTimeout, "is 0, which means no limit to the drivers; here it is the default, %s seconds", seconds)
	} else if r.out.ConnectTimeout = r.seconds(property.ConnectTimeout, time.Second, maxTimeout); r.out.ConnectTimeout > 0 {
		return
	}
	r.out.ConnectTimeout = defaultTimeout
	r.remember(property.ConnectTimeout, seconds, Default, "")
}

// sslMode is how much of the certificate is checked. Only the program itself may have less checked than all.
func (r *resolver) sslMode() {
	_, from := r.value(property.SSLMode)
	r.out.SSLMode = VerifyFull
	switch mode := SSLMode(lower(r.text(property.SSLMode))); {
	case mode == "":
		r.remember(property.SSLMode, string(VerifyFull), Default, "")
	case mode == VerifyCA && from == FromAuthProfile:
		r.notice(property.SSLMode, "stays %s: only the program itself may ask for %s, and the authentication profile does", VerifyFull, VerifyCA)
		r.remember(property.SSLMode, string(VerifyFull), Default, over(FromAuthProfile, string(VerifyCA)))
	case mode == VerifyFull || mode == VerifyCA:
		r.out.SSLMode = mode
	default:
		r.problem(property.SSLMode, "write verify-full, or verify-ca where the name cannot be right", "is neither verify-full nor verify-ca, and nothing weaker keeps a login safe")
	}
}

// serverName looks at the name that the certificate must be for.
func (r *resolver) serverName() {
	if r.out.ServerName == "" {
		switch r.host.Form {
		case managedEndpoint, privateLink, loadBalancer:
			if r.out.SSLMode == VerifyFull {
				r.notice(property.TLSServerName, "is not given: behind the host (%s) the warehouse shows its own certificate, which is for its own host", r.host.Form)
			}
		}
		return
	}
	if _, err := readHost(r.out.ServerName); err != nil {
		r.problem(property.TLSServerName, "write the name that the certificate is for", "%v", err)
	}
	if r.out.SSLMode == VerifyCA {
		r.notice(property.TLSServerName, "is not checked: SSLMode is verify-ca")
	}
}
