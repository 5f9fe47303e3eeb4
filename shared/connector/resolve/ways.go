package resolve

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// Properties that say something to one way of login alone.
var (
	ofWarehouse = []property.Name{
		property.ClusterID, property.Workgroup, property.Serverless, property.AccountID, property.CustomDomain,
		property.DbUser, property.AutoCreate, property.DbGroups, property.ForceLowercase, property.GroupFederation, property.Duration,
	}
	ofAWS = []property.Name{
		property.AuthType, property.AuthProfile, property.AccessKeyID, property.SecretAccessKey, property.SessionToken, property.Profile,
		property.InstanceProfile, property.RoleARN, property.ExternalID, property.RoleSessionName, property.EndpointURL, property.StsEndpointURL,
		property.Region, property.DisableCache,
	}
)

// consumerSecret takes login and warehouse from a secret that Sluice keeps fresh.
func (r *resolver) consumerSecret() {
	r.out.Login = ConsumerSecret
	if on, given := r.boolean(property.IAM); given && !on {
		r.problem(property.IAM, "take it away", "is off, and a secret is read with AWS credentials")
	}
	for _, name := range append([]property.Name{property.UID}, ofWarehouse...) {
		if r.given(name) {
			r.problem(name, "take it away: the secret says who logs in, and where", "is given beside SecretID")
		}
	}
	if r.given(property.PWD) && r.out.AWS.Kind != Static {
		r.problem(property.PWD, "take it away: the secret has the password", "is given beside SecretID")
	}
	if r.given(property.AuthProfile) {
		r.problem(property.AuthProfile, "take it away: the secret says what such a profile says", "is given beside SecretID")
	}
}

// password logs in without AWS.
func (r *resolver) password() {
	r.out.Login = Password
	r.out.User, r.out.Password = r.text(property.UID), r.hidden(property.PWD)
	for _, name := range slices.Concat(ofWarehouse, ofAWS) {
		if r.given(name) {
			r.notice(name, "is ignored: IAM is off")
		}
	}
	const fix = "set IAM to 1, or name a consumer's secret with SecretID, or give UID, PWD and Server"
	if r.out.User == "" {
		r.problem(property.UID, fix, "is missing, and IAM is off")
	}
	if r.out.Password.IsZero() {
		r.problem(property.PWD, fix, "is missing, and IAM is off")
	}
	if r.out.Host == "" {
		r.problem(property.Host, "name the host of the warehouse", "is missing")
	}
}

// transport reads how the connection is made. It looks at all layers together: none lowers what another asks for by being
// merged late.
func (r *resolver) transport() {
	if on, given := r.boolean(property.SSL); given && !on {
		r.problem(property.SSL, "take it away", "is off, and no login is sent without TLS")
	}
	r.out.SSLMode = VerifyFull
	switch mode := SSLMode(strings.ToLower(r.text(property.SSLMode))); mode {
	case "":
		r.remember(property.SSLMode, string(VerifyFull), Default, "")
	case VerifyFull, VerifyCA:
		_, from, _ := r.value(property.SSLMode)
		if mode == VerifyCA && from == FromAuthProfile {
			r.notice(property.SSLMode, "stays %s: only the program itself may ask for %s, and the authentication profile does", VerifyFull, VerifyCA)
			mode, from = VerifyFull, Default
		}
		r.out.SSLMode = mode
		r.remember(property.SSLMode, string(mode), from, "")
	default:
		r.problem(property.SSLMode, "write verify-full, or verify-ca where the name cannot be right", "is neither verify-full nor verify-ca, and nothing weaker keeps a login safe")
	}
	if r.out.ServerName != "" {
		if r.out.SSLMode == VerifyCA {
			r.notice(property.TLSServerName, "is not checked: SSLMode is verify-ca")
		}
		if _, err := ReadHost(r.out.ServerName); err != nil {
			r.problem(property.TLSServerName, "write the name that the certificate is for", "%v", err)
		}
	}
	r.out.CAFile = r.text(property.CAFile)
	if r.out.ApplicationName = r.text(property.ApplicationName); r.out.ApplicationName == "" {
		r.out.ApplicationName = defaultName
		r.remember(property.ApplicationName, defaultName, Default, "")
	}
	if r.out.ConnectTimeout = r.seconds(property.ConnectTimeout, 1e9, maxTimeout); r.out.ConnectTimeout == 0 {
		r.out.ConnectTimeout = defaultTimeout
		r.remember(property.ConnectTimeout, strconv.Itoa(int(defaultTimeout.Seconds())), Default, "")
	}
	off, _ := r.boolean(property.DisableCache)
	r.out.Cache = !off
}

// shown is the order in which people read values.
var shown = []property.Name{
	property.IAM, property.SecretID, property.Host, property.VPCEndpoint, property.Port, property.Database, property.Region,
	property.ClusterID, property.Workgroup, property.Serverless, property.CustomDomain, property.AccountID,
	property.UID, property.PWD, property.DbUser, property.AutoCreate, property.DbGroups, property.ForceLowercase, property.GroupFederation, property.Duration,
	property.AuthProfile, property.AuthType, property.AccessKeyID, property.SecretAccessKey, property.SessionToken, property.Profile, property.InstanceProfile,
	property.RoleARN, property.ExternalID, property.RoleSessionName, property.EndpointURL, property.StsEndpointURL, property.DisableCache,
	property.SSL, property.SSLMode, property.TLSServerName, property.CAFile, property.ApplicationName, property.ConnectTimeout,
}

// order puts the values and the problems in the order of shown, so that the same input gives the same text.
func (r *resolver) order() {
	at := func(name property.Name) int { return slices.Index(shown, name) }
	slices.SortStableFunc(r.out.Values, func(a, b Value) int { return at(a.Name) - at(b.Name) })
	slices.SortStableFunc(r.notices, func(a, b Notice) int { return at(a.Name) - at(b.Name) })
	sortProblems(r.problems, at)
}
