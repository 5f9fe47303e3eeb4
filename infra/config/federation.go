package config

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Federation is what a stage makes queryable in its warehouses, and what may be brought into them. It is the
// deployment's own word: neither an event nor a tag can widen it.
type Federation struct {
	Warehouses   map[string]warehouse.Federating `json:"warehouses"`
	Hosts        []string                        `json:"hosts,omitempty"`        // host:port of sources that are not in RDS
	Policy       string                          `json:"policy,omitempty"`       // settings.PolicyDocumented or settings.PolicyStrict
	Key          string                          `json:"kmsKey,omitempty"`       // ARN of a customer's key for Sluice's own secrets; "" is AWS's own
	RecoveryDays int                             `json:"recoveryDays,omitempty"` // of Sluice's own secrets, once they are deleted
	Sweep        time.Duration                   `json:"sweep,omitempty"`        // between two looks at everything
	Network      *Network                        `json:"network,omitempty"`      // of the login function; nil: outside any VPC
	Requesters   []string                        `json:"requesters,omitempty"`   // ARNs of roles or users that the bus itself lets ask
}

// setDefaults makes f what a document that says nothing of it means.
func (f *Federation) setDefaults() {
	f.Policy, f.RecoveryDays, f.Sweep = settings.PolicyDocumented, settings.MaxRecoveryDays, 15*time.Minute
}

const (
	// minSweep keeps two sweeps apart: one that looks at many federations is not over in a moment.
	minSweep = 5 * time.Minute
	// ownSecrets is the part of the names of Sluice's own secrets where those of consumers have their warehouse.
	ownSecrets = "source"

	maxPort = 65535
)

// hostPort is a source as federation.hosts lists it.
var hostPort = grammar{
	regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*:[1-9][0-9]{0,4}$`),
	`write a host name in lower case and its port: "orders.example.com:5432"`,
}

// Table is the name of the DynamoDB table with the state of the federations.
func (s Stage) Table() string { return "sluice-" + s.Name }

// Queue is the name of the queue of the federation job.
func (s Stage) Queue() string { return "sluice-" + s.Name + "-work" }

// DeadLetters is the name of the queue of messages that cannot succeed.
func (s Stage) DeadLetters() string { return "sluice-" + s.Name + "-dead" }

// Boundary is the name of the policy that bounds the roles of federations.
func (s Stage) Boundary() string { return "sluice-" + s.Name + "-boundary" }

// RolePath is where the roles of federations are.
func (s Stage) RolePath() string { return "/sluice/" + s.Name + "/" }

// ProvisionFunction is the name of the function that reconciles federations.
func (s Stage) ProvisionFunction() string { return "sluice-" + s.Name + "-provision" }

// LoginFunction is the name of the function that keeps logins in sources.
func (s Stage) LoginFunction() string { return "sluice-" + s.Name + "-login" }

// OwnSecrets are the names of Sluice's own secrets, as a pattern.
func (s Stage) OwnSecrets() string { return "sluice/" + s.Name + "/" + ownSecrets + "/*" }

// Provision is what the function that reconciles federations is told. The stage must have a federation.
func (s Stage) Provision() settings.Provision {
	f, place := s.Federation, s.Place()
	return settings.Provision{
		Stage: s.Name, Bus: s.Bus(), Account: s.Account, Region: s.Region,
		Table: s.Table(), Queue: s.queueURL(s.Queue()), DeadLetters: s.queueURL(s.DeadLetters()), Login: s.LoginFunction(),
		Boundary: "arn:" + place.Partition + ":iam::" + s.Account + ":policy/" + s.Boundary(),
		Federation: settings.Federation{
			Warehouses: f.Warehouses, Hosts: f.Hosts, Policy: f.Policy, Key: f.Key, RecoveryDays: f.RecoveryDays,
		},
	}
}

// queueURL is what SQS calls a queue of this account and region.
//
// Source: Amazon SQS Developer Guide, "Queue and message identifiers" (queue URLs).
func (s Stage) queueURL(name string) string {
	domain := "amazonaws.com"
	if s.Place().Partition == "aws-cn" {
		domain += ".cn"
	}
	return "https://sqs." + s.Region + "." + domain + "/" + s.Account + "/" + name
}

// Login is what the function is told that keeps logins in sources.
func (s Stage) Login() settings.Login { return settings.Login{Stage: s.Name} }

func (s Stage) checkFederation(c *checker) {
	f := s.Federation
	if f == nil {
		return
	}
	if len(f.Warehouses) == 0 {
		c.add("federation.warehouses", "is empty", "declare at least one warehouse, or leave federation out")
	}
	c.problems = append(c.problems, s.Provision().Federation.Problems().Under("federation.")...)
	for _, name := range slices.Sorted(maps.Keys(f.Warehouses)) {
		s.checkFederating(c, "federation.warehouses."+name, name, f.Warehouses[name])
	}
	if _, there := s.Warehouses[ownSecrets]; there {
		c.add("warehouses."+ownSecrets, "would share the names of its secrets with those of federations", "choose another name")
	}
	c.matchAll(hostPort, "federation.hosts", f.Hosts)
	for i, host := range f.Hosts {
		if _, port, err := net.SplitHostPort(host); err == nil {
			if n, err := strconv.Atoi(port); err == nil && n > maxPort {
				c.add(index("federation.hosts", i), "has the port "+port, fmt.Sprintf("write a port of at most %d", maxPort))
			}
		}
	}
	if f.Key != "" {
		c.match(keyARN, "federation.kmsKey", f.Key)
	}
	if f.Sweep < minSweep || f.Sweep%time.Minute != 0 {
		c.add("federation.sweep", fmt.Sprintf("is %s", f.Sweep), fmt.Sprintf(`write whole minutes, at least "%.0fm"`, minSweep.Minutes()))
	}
	if f.Network != nil {
		c.network("federation.network", *f.Network)
	}
	c.matchAll(principalARN, "federation.requesters", f.Requesters)
	for i, requester := range f.Requesters {
		if fields := strings.Split(requester, ":"); len(fields) == 6 && fields[4] != s.Account {
			c.add(index("federation.requesters", i), "is in account "+fields[4]+", whose events are refused", "use a principal of account "+s.Account)
		}
	}
}

// checkFederating checks one warehouse of the federation beside what settings check.
func (s Stage) checkFederating(c *checker, path, name string, w warehouse.Federating) {
	c.name(path, name)
	if w.Cluster != "" {
		c.match(clusterName, path+".cluster", w.Cluster)
	}
	// Whoever could be minted as Sluice's own user could do in the warehouse what Sluice does.
	for _, other := range slices.Sorted(maps.Keys(s.Warehouses)) {
		for i, pattern := range s.Warehouses[other].Allow.Users {
			if s.Warehouses[other].Cluster == w.Cluster && warehouse.Match(pattern, w.User) {
				c.add(path+".user", fmt.Sprintf("%q could be minted for a consumer: %s has %q", w.User, index("warehouses."+other+".allow.users", i), pattern), "give Sluice a user of its own, or narrow the pattern")
			}
		}
	}
}
