package resolve

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Form is a kind of name that a host can have.
type Form string

// The forms of hosts.
const (
	Provisioned     Form = "cluster"                       // id.hash.region.redshift.amazonaws.com
	ServerlessHost  Form = "workgroup"                     // workgroup.account.region.redshift-serverless.amazonaws.com
	ManagedEndpoint Form = "managed VPC endpoint"          // name-endpoint-hash.… in front of either
	PrivateLink     Form = "interface VPC endpoint"        // vpce-….vpce-svc-….region.vpce.amazonaws.com
	LoadBalancer    Form = "load balancer"                 // name.elb.region.amazonaws.com
	UnknownHost     Form = "no name that AWS gives a host" // a custom domain, a tunnel, an address
)

// The label before a suffix that says whose host it is.
const (
	serviceCluster    = "redshift"
	serviceServerless = "redshift-serverless"
)

// A Host is what the name of a host says.
type Host struct {
	Form       Form
	Serverless bool   // of a managed VPC endpoint too
	ID         string // of the cluster, or name of the workgroup; empty if the name does not say
	Account    string
	Region     string
}

// suffixes are the DNS suffixes of AWS's partitions.
//
// Source: the partitions that the AWS SDKs know.
var suffixes = []string{
	"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
}

var (
	label    = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	region   = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+(-[a-z]+)?$`)
	account  = regexp.MustCompile(`^[0-9]{12}$`)
	endpoint = regexp.MustCompile(`-endpoint-[a-z0-9]+$`) // as Redshift names the endpoints that it manages
)

// ReadHost says what the name of a host says. It reads whole names, in any case: a name with anything before or after is
// another's. The error is what is wrong with a name that cannot be a host's, or that only looks like one of Redshift's.
func ReadHost(name string) (Host, error) {
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	labels := strings.Split(lower, ".")
	if len(lower) > 253 {
		return Host{}, fmt.Errorf("has %d characters, of at most 253", len(lower))
	}
	if strings.Count(lower, ":") > 1 {
		return Host{Form: UnknownHost}, nil // an IPv6 address
	}
	for _, l := range labels {
		if !label.MatchString(l) {
			return Host{}, errors.New("is no host name: those have letters, digits, hyphens and dots alone, without a port")
		}
	}
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(lower, "."+suffix); ok {
			return ours(strings.Split(rest, "."))
		}
	}
	return Host{Form: UnknownHost}, lookAlike(lower)
}

// ours reads the labels before the suffix of a partition.
func ours(l []string) (Host, error) {
	n := len(l)
	last := l[n-1]
	switch {
	case last == serviceCluster, last == serviceServerless:
		return redshiftHost(l[:n-1], last == serviceServerless)
	case last == "vpce" && n == 4 && strings.HasPrefix(l[0], "vpce-") && strings.HasPrefix(l[1], "vpce-svc-") && region.MatchString(l[2]):
		return Host{Form: PrivateLink, Region: l[2]}, nil
	case n == 3 && l[1] == "elb" && region.MatchString(last):
		return Host{Form: LoadBalancer, Region: last}, nil
	}
	return Host{Form: UnknownHost}, nil
}

// redshiftHost reads the labels before the name of the service.
func redshiftHost(l []string, serverless bool) (Host, error) {
	n := len(l)
	if n < 2 || !region.MatchString(l[n-1]) {
		return Host{}, malformed(serverless)
	}
	h := Host{Serverless: serverless, Region: l[n-1]}
	switch {
	case serverless && n == 2 && account.MatchString(l[0]):
		h.Form, h.Account = ServerlessHost, l[0]
	case serverless && n == 3 && account.MatchString(l[1]):
		h.Form, h.ID, h.Account = ServerlessHost, l[0], l[1]
	case !serverless && n == 3:
		h.Form, h.ID = Provisioned, l[0]
	default:
		return Host{}, malformed(serverless)
	}
	if endpoint.MatchString(h.ID) {
		h.Form, h.ID = ManagedEndpoint, ""
	}
	return h, nil
}

func malformed(serverless bool) error {
	form := "cluster.identifier.region.redshift"
	if serverless {
		form = "workgroup.account.region.redshift-serverless"
	}
	return fmt.Errorf("ends as Redshift's hosts do and is none of them, which are %s and the suffix", form)
}

// lookAlike refuses names that have one of Redshift's within them.
func lookAlike(name string) error {
	for _, service := range []string{serviceCluster, serviceServerless} {
		for _, suffix := range suffixes {
			if strings.Contains(name, "."+service+"."+suffix+".") {
				return errors.New("looks like a host of Redshift and is one below another domain")
			}
		}
	}
	return nil
}
