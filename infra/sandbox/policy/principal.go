package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// principals is the Principal or NotPrincipal element.
type principals struct {
	everyone  bool
	aws       []string // ARNs, account numbers
	services  []string
	federated []string // ARNs of providers of identities
	negated   bool
}

// A reach is how far an element's mention of a principal goes when it allows.
// Source: IAM User Guide, "Permissions boundaries for IAM entities", on resource-based policies.
type reach int

const (
	notNamed   reach = iota
	viaAccount       // the account is named: it hands the decision to its identity policies
	viaRole          // the role, or everyone: boundary and session policy still limit the session
	itself           // the user, the session or the service: nothing limits it but an explicit deny
)

// names tells how the element names p.
func (e principals) names(p awshttp.Principal) reach {
	found := e.positive(p)
	if !e.negated {
		return found
	}
	if found != notNamed {
		return notNamed
	}
	return everyoneReach(p)
}

func (e principals) positive(p awshttp.Principal) reach {
	if e.everyone {
		return everyoneReach(p)
	}
	found := notNamed
	switch {
	case p.Service != "" && slices.Contains(e.services, p.Service), p.Federated != "" && slices.Contains(e.federated, p.Federated):
		return itself
	case p.Service != "" || p.Federated != "":
		return notNamed
	}
	for _, a := range e.aws {
		found = max(found, namesAWS(a, p))
	}
	return found
}

// everyoneReach is the reach of a wildcard principal.
func everyoneReach(p awshttp.Principal) reach {
	if p.Role != "" {
		return viaRole
	}
	return itself
}

func namesAWS(name string, p awshttp.Principal) reach {
	switch {
	case name == p.ARN:
		return itself
	case p.Role != "" && name == p.Role:
		return viaRole
	case p.Account != "" && (name == p.Account || strings.HasPrefix(name, "arn:") && strings.HasSuffix(name, ":iam::"+p.Account+":root")):
		return viaAccount
	}
	return notNamed
}

var (
	accountNumber = regexp.MustCompile(`^\d{12}$`)
	principalARN  = regexp.MustCompile(`^arn:[a-z-]+:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/[^*?]+)$`)
	serviceName   = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
	providerARN   = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:(oidc|saml)-provider/[^*?]+$`)
)

// principals reads a Principal or NotPrincipal element.
func (r *reader) principals(path string, value any, negated bool) principals {
	e := principals{negated: negated}
	if value == "*" {
		e.everyone = true
		return e
	}
	kinds, ok := value.(map[string]any)
	if !ok || len(kinds) == 0 {
		r.problem(path, `must be "*" or an object with AWS, Service or Federated`)
		return e
	}
	for kind, names := range kinds {
		where := path + "." + kind
		for _, name := range r.strings(where, names) {
			switch {
			case kind == "AWS" && name == "*":
				e.everyone = true
			case kind == "AWS" && (accountNumber.MatchString(name) || principalARN.MatchString(name)):
				e.aws = append(e.aws, name)
			case kind == "Service" && serviceName.MatchString(name):
				e.services = append(e.services, name)
			case kind == "Federated" && providerARN.MatchString(name):
				e.federated = append(e.federated, name)
			default:
				r.problem(where, "invalid principal %q", name)
			}
		}
	}
	return e
}
