package resolve

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/fault"
)

// A resolver resolves one input.
type resolver struct {
	in       Input
	out      Settings
	named    string // the host that names the warehouse
	host     host   // what its name says
	keyIsPWD bool   // PWD stands in for SecretAccessKey
	problems fault.Problems
	notices  []Notice
}

// Resolve finds out what properties mean.
//
// Errors: a [fault.Problems] with everything that is missing, contradicts or makes no sense; there are no settings then. What may
// surprise is in the notices.
func Resolve(in Input) (Settings, []Notice, error) {
	r := &resolver{in: in}
	for _, i := range slices.Concat(in.Explicit.Ignored(), in.AuthProfile.Ignored()) {
		r.notice(property.Name(i.Spelling), "is ignored. %s", i.Why)
	}
	iam, _ := r.boolean(property.IAM)
	r.out.Secret = r.text(property.SecretID)
	r.authProfile()
	r.where()
	switch {
	case r.out.Secret != "":
		r.credentials()
		r.consumerSecret()
	case r.wrong(property.IAM): // what else is missing depends on it
	case iam:
		r.credentials()
		r.warehouse()
		r.who()
	default:
		r.password()
	}
	r.region()
	r.transport()
	r.order()
	if err := r.problems.Err(); err != nil {
		return Settings{}, r.notices, err
	}
	return r.out, r.notices, nil
}

// problem notes what is wrong with a property, once.
func (r *resolver) problem(name property.Name, fix, format string, args ...any) {
	if p := (fault.Problem{Where: string(name), What: fmt.Sprintf(format, args...), Fix: fix}); !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// wrong reports whether something is wrong with one of the properties. What it was meant to say is not known then, and not missed.
func (r *resolver) wrong(names ...property.Name) bool {
	return slices.ContainsFunc(r.problems, func(p fault.Problem) bool { return slices.Contains(names, property.Name(p.Where)) })
}

// notice notes what may surprise, once.
func (r *resolver) notice(name property.Name, format string, args ...any) {
	if n := (Notice{name, fmt.Sprintf(format, args...)}); !slices.Contains(r.notices, n) {
		r.notices = append(r.notices, n)
	}
}

// shown is the order in which people read values, and in which problems are told.
var shown = []property.Name{
	property.IAM, property.SecretID, property.Host, property.VPCEndpoint, property.Port, property.Database, property.Region,
	property.ClusterID, property.Workgroup, property.Serverless, property.CustomDomain, property.AccountID,
	property.UID, property.PWD, property.DbUser, property.AutoCreate, property.DbGroups, property.ForceLowercase, property.GroupFederation, property.Duration,
	property.AuthProfile, property.AuthType, property.AccessKeyID, property.SecretAccessKey, property.SessionToken, property.Profile, property.InstanceProfile,
	property.RoleARN, property.ExternalID, property.RoleSessionName, property.EndpointURL, property.StsEndpointURL, property.DisableCache,
	property.SSL, property.SSLMode, property.TLSServerName, property.CAFile, property.ApplicationName, property.ConnectTimeout,
}

// order puts values, notices and problems in the order of shown, so that the same input gives the same text. Properties of drivers
// that mean nothing here come first, in the order in which they were given.
func (r *resolver) order() {
	at := func(name property.Name) int { return slices.Index(shown, name) }
	slices.SortStableFunc(r.out.Values, func(a, b Value) int { return at(a.Name) - at(b.Name) })
	slices.SortStableFunc(r.notices, func(a, b Notice) int { return at(a.Name) - at(b.Name) })
	slices.SortStableFunc(r.problems, func(a, b fault.Problem) int { return at(property.Name(a.Where)) - at(property.Name(b.Where)) })
}
