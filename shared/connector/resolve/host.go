package resolve

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// A form is a kind of name that a host can have.
type form string

// The forms of hosts.
const (
	provisioned     form = "cluster"                       // id.hash.region.redshift.amazonaws.com
	serverlessHost  form = "workgroup"                     // workgroup.account.region.redshift-serverless.amazonaws.com, or without a workgroup
	managedEndpoint form = "managed VPC endpoint"          // name-endpoint-hash in place of the cluster or the workgroup
	privateLink     form = "interface VPC endpoint"        // vpce-….vpce-svc-….region.vpce.amazonaws.com
	loadBalancer    form = "load balancer"                 // name.elb.region.amazonaws.com, name.region.elb.amazonaws.com
	unknownHost     form = "no name that AWS gives a host" // a custom domain, a tunnel, an address
)

// Labels that say whose host it is.
const (
	serviceCluster    = "redshift"
	serviceServerless = "redshift-serverless"
)

// A host is what the name of a host says.
type host struct {
	Form       form
	Serverless bool   // of a managed VPC endpoint too
	ID         string // of the cluster, or name of the workgroup; empty if the name does not say
	Account    string
	Region     string
	// Domain is the name, in lower case and without a dot at its end, if it can be a custom domain: AWS does not give it, and it is
	// neither an address nor one word. Otherwise it is empty.
	Domain string
}

// suffixes are the DNS suffixes of AWS's partitions.
//
// Source: AWS SDK for Go v2, internal/endpoints/awsrulesfn, partitions.json.
var suffixes = []string{
	"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
}

// Limits of names in the DNS.
//
// Source: RFC 1035, section 2.3.4.
const (
	maxHost  = 253 // characters
	maxLabel = 63
)

var (
	regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+(-[a-z]+)?$`)
	account    = regexp.MustCompile(`^[0-9]{12}$`)
	endpoint   = regexp.MustCompile(`-endpoint-[a-z0-9]+$`) // as Redshift names the endpoints that it manages
)

// readHost says what the name of a host says. It reads whole names, in any case: a name with anything before or after is
// another's. The error is what is wrong with a name that cannot be a host's, or that only looks like one of AWS's.
func readHost(name string) (host, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return host{Form: unknownHost}, nil
	}
	plain := lower(strings.TrimSuffix(name, "."))
	labels := strings.Split(plain, ".")
	switch last := labels[len(labels)-1]; {
	case len(plain) > maxHost:
		return host{}, fmt.Errorf("has %d characters, of at most %d", len(plain), maxHost)
	case slices.ContainsFunc(labels, badLabel):
		return host{}, errors.New("is no host name: it has letters, digits, hyphens and single dots alone, and neither a scheme nor a port")
	case strings.Trim(last, "0123456789") == "":
		return host{}, errors.New("is neither a host name nor an IP address")
	}
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(plain, "."+suffix); ok {
			return ours(strings.Split(rest, "."))
		}
	}
	if err := lookAlike(plain, labels); err != nil {
		return host{}, err
	}
	h := host{Form: unknownHost}
	if len(labels) > 1 && !strings.Contains(plain, "_") {
		h.Domain = plain
	}
	return h, nil
}

// badLabel reports whether a label cannot be one of a host that somebody connects to. Names in private networks have underscores.
func badLabel(l string) bool {
	return l == "" || len(l) > maxLabel || l[0] == '-' || l[len(l)-1] == '-' ||
		strings.ContainsFunc(l, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' })
}

// lower is text in lower case, by the letters of ASCII alone: among the others are some whose lower case is a letter of ASCII, and a
// name with them is not the one that it looks like.
func lower(text string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, text)
}

// ours reads the labels before the suffix of a partition.
func ours(l []string) (host, error) {
	n := len(l)
	last := l[n-1]
	switch {
	case last == serviceCluster, last == serviceServerless:
		return redshiftHost(l[:n-1], last == serviceServerless)
	case last == "vpce" && n == 4 && strings.HasPrefix(l[0], "vpce-") && strings.HasPrefix(l[1], "vpce-svc-") && regionForm.MatchString(l[2]):
		return host{Form: privateLink, Region: l[2]}, nil
	case n == 3 && l[1] == "elb" && regionForm.MatchString(last): // a network load balancer
		return host{Form: loadBalancer, Region: last}, nil
	case last == "elb" && (n == 3 || n == 4 && l[0] == "dualstack") && regionForm.MatchString(l[n-2]): // a classic one
		return host{Form: loadBalancer, Region: l[n-2]}, nil
	}
	return host{Form: unknownHost}, nil
}

// redshiftHost reads the labels before the name of the service.
func redshiftHost(l []string, serverless bool) (host, error) {
	n := len(l)
	if n < 2 || !regionForm.MatchString(l[n-1]) {
		return host{}, malformed(serverless)
	}
	h := host{Serverless: serverless, Region: l[n-1]}
	switch {
	case serverless && n == 2 && account.MatchString(l[0]):
		h.Form, h.Account = serverlessHost, l[0]
	case serverless && n == 3 && account.MatchString(l[1]) && workgroupName.MatchString(l[0]):
		h.Form, h.ID, h.Account = serverlessHost, l[0], l[1]
	case !serverless && n == 3 && clusterID.MatchString(l[0]) && !strings.Contains(l[1], "_"):
		h.Form, h.ID = provisioned, l[0]
	default:
		return host{}, malformed(serverless)
	}
	if endpoint.MatchString(h.ID) {
		h.Form, h.ID = managedEndpoint, ""
	}
	return h, nil
}

func malformed(serverless bool) error {
	like := "cluster.identifier.region." + serviceCluster
	if serverless {
		like = "workgroup.account.region." + serviceServerless
	}
	return fmt.Errorf("ends as Redshift's hosts do and is none of them, which are %s and the suffix", like)
}

// awsWord is in the DNS suffix of AWS's largest partitions.
const awsWord = "amazonaws"

// lookAlike refuses names that have one of Redshift's within them, and names that imitate a host's suffix: where AWS's suffix
// begins, behind the region and the service, they say amazonaws, and end as no partition does. A company may have these words
// elsewhere in a domain of its own.
func lookAlike(name string, labels []string) error {
	alike := errors.New("looks like a host of AWS and is one below another domain")
	for _, service := range []string{serviceCluster, serviceServerless} {
		for _, suffix := range suffixes {
			if strings.Contains("."+name, "."+service+"."+suffix+".") {
				return alike
			}
		}
	}
	for i, next := range behindRegion(labels) {
		if imitable := strings.HasPrefix(next, serviceCluster) || next == "vpce" || next == "elb"; imitable && strings.Contains(strings.Join(labels[i:], "."), awsWord) {
			return alike
		}
	}
	return nil
}

// behindRegion are the labels directly behind one that is written as a region, with their places.
func behindRegion(labels []string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i := 1; i < len(labels); i++ {
			if regionForm.MatchString(labels[i-1]) && !yield(i, labels[i]) {
				return
			}
		}
	}
}

// surprising is what may surprise in the name of a host that is not one of AWS's forms; empty is nothing.
func surprising(name string) string {
	name = lower(name)
	if strings.Contains(name, awsWord) {
		return "has " + awsWord + " in its name and is no host of Redshift's: whoever has that name gets the login"
	}
	for _, next := range behindRegion(strings.Split(name, ".")) {
		if next == serviceCluster || next == serviceServerless {
			return "is written as a host of Redshift's is, below another domain: whoever has that gets the login"
		}
	}
	return ""
}
