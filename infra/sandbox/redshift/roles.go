package redshift

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// How long a cluster takes to apply a change of its roles, by the sandbox's clock. AWS promises nothing; a minute for
// adding is what people see.
const (
	RoleAddTime    = time.Minute
	RoleRemoveTime = 30 * time.Second
)

// MaxRoles is how many roles a cluster may have in most regions; AWS does not raise it.
// Source: Amazon Redshift Management Guide, Quotas and limits (IAM roles per cluster).
const MaxRoles = 50

// maxRolesInRequest bounds each list of one request.
// Source: Amazon Redshift API Reference, ModifyClusterIamRoles, as of 2021 (AddIamRoles, RemoveIamRoles).
const maxRolesInRequest = 10

// The states of a role on a cluster.
// Source: Amazon Redshift API Reference, ClusterIamRole (ApplyStatus).
const (
	adding   = "adding"
	inSync   = "in-sync"
	removing = "removing"
)

// assumer is the service whose sessions the roles of clusters have to allow.
const assumer = "redshift.amazonaws.com"

// Roles knows which services may assume which roles.
type Roles interface {
	// AssumeAs returns the session that a service gets by the role's trust policy. A refusal is an *[awshttp.Error].
	AssumeAs(service, roleARN string) (awshttp.Principal, error)
}

// SetRoles says who decides whether Redshift may assume a role. Without it no role can be added.
func (s *Service) SetRoles(roles Roles) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles = roles
}

// SetRoleLimit replaces [MaxRoles] for all clusters.
func (s *Service) SetRoleLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roleLimit = n
}

// AttachedRoles lists the ARNs of the roles that a cluster can use now, those that are in-sync, in the order they were
// added. Whether such a role still exists is another matter: IAM lets a role go that a cluster has. A cluster that
// does not exist has none.
func (s *Service) AttachedRoles(cluster string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[cluster]
	if c == nil {
		return nil
	}
	var all []string
	for _, r := range c.roles {
		if r.ApplyStatus == inSync {
			all = append(all, r.IamRoleArn)
		}
	}
	return all
}

// attachedRole is a role of a cluster, as DescribeClusters tells it.
type attachedRole struct {
	IamRoleArn  string
	ApplyStatus string
}

func attached(arns []string) []attachedRole {
	all := []attachedRole{}
	for _, arn := range arns {
		all = append(all, attachedRole{arn, inSync})
	}
	return all
}

// role returns the place of a role on the cluster; -1 if it does not have it.
func (c *cluster) role(arn string) int {
	return slices.IndexFunc(c.roles, func(r attachedRole) bool { return r.IamRoleArn == arn })
}

// changesRoles reports whether a change of the roles is under way.
func (c *cluster) changesRoles() bool {
	return slices.ContainsFunc(c.roles, func(r attachedRole) bool { return r.ApplyStatus != inSync })
}

// concurrentChange is what operations say that come while the cluster still works on the one before.
func concurrentChange() error {
	return &awshttp.Error{Code: "InvalidClusterState", Message: "The Cluster is being modified by a concurrent operation. Please check the Cluster's status and try again."}
}

type modifyRolesInput struct {
	ClusterIdentifier string `aws:"required"`
	AddIamRoles       []string
	RemoveIamRoles    []string
}

// modifyClusterIamRoles changes what the lists name and nothing else. The default role of a cluster does not exist here,
// and so DefaultIamRoleArn is refused by its name.
func (s *Service) modifyClusterIamRoles(_ context.Context, call *awshttp.Call) (any, error) {
	var in modifyRolesInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	if err := in.authorize(call); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(in.ClusterIdentifier)
	if err != nil {
		return nil, err
	}
	if c.status != available {
		return nil, c.wrongState()
	}
	if c.changesRoles() {
		return nil, concurrentChange()
	}
	if err := s.usable(in.AddIamRoles); err != nil {
		return nil, err
	}
	if err := s.apply(c, in); err != nil {
		return nil, err
	}
	return struct{ Cluster description }{c.describe(call.Region)}, nil
}

var roleARN = regexp.MustCompile(`^arn:` + awshttp.Partition + `:iam::` + awshttp.Account + `:role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)

func (in *modifyRolesInput) validate() error {
	if len(in.AddIamRoles)+len(in.RemoveIamRoles) == 0 {
		return invalid("AddIamRoles or RemoveIamRoles is required")
	}
	for _, list := range []struct {
		name  string
		roles []string
	}{{"AddIamRoles", in.AddIamRoles}, {"RemoveIamRoles", in.RemoveIamRoles}} {
		if len(list.roles) > maxRolesInRequest {
			return invalid("%s has %d roles; one request takes at most %d", list.name, len(list.roles), maxRolesInRequest)
		}
		for i, arn := range list.roles {
			if !roleARN.MatchString(arn) {
				return invalid("%s: %q is no ARN of a role in account %s", list.name, arn, awshttp.Account)
			}
			if slices.Contains(list.roles[:i], arn) {
				return invalid("%s has %s twice", list.name, arn)
			}
		}
	}
	for _, arn := range in.AddIamRoles {
		if slices.Contains(in.RemoveIamRoles, arn) {
			return invalid("%s is in AddIamRoles and in RemoveIamRoles", arn)
		}
	}
	return nil
}

// authorize asks whether the caller may change the cluster, and hand each new role to Redshift.
func (in *modifyRolesInput) authorize(call *awshttp.Call) error {
	access := awshttp.Access{Action: "redshift:ModifyClusterIamRoles", Resource: arn(call.Region, "cluster", in.ClusterIdentifier)}
	if err := call.Authorize(access); err != nil {
		return err
	}
	for _, role := range in.AddIamRoles {
		pass := awshttp.Access{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {assumer}}}
		if err := call.Authorize(pass); err != nil {
			return err
		}
	}
	return nil
}

// usable refuses roles that Redshift may not assume, whether they are missing or trust somebody else. The caller holds s.mu.
func (s *Service) usable(roles []string) error {
	for _, role := range roles {
		if s.roles == nil {
			return fmt.Errorf("add role %s: the sandbox's Redshift was not told who knows roles (SetRoles)", role)
		}
		if _, err := s.roles.AssumeAs(assumer, role); err != nil {
			return invalid("The IAM role %s is not valid. The IAM role must delegate access to an Amazon Redshift account.", roleARN.FindStringSubmatch(role)[1])
		}
	}
	return nil
}

// apply begins the change. Adding a role that is there already and removing one that is not change nothing.
// The caller holds s.mu.
func (s *Service) apply(c *cluster, in modifyRolesInput) error {
	added := slices.DeleteFunc(slices.Clone(in.AddIamRoles), func(arn string) bool { return c.role(arn) >= 0 })
	if n := len(c.roles) + len(added); len(added) > 0 && n > s.roleLimit {
		// Neither the model nor the documentation has a code for this: nothing should be built on it.
		return &awshttp.Error{Code: "RoleQuotaExceeded", Message: fmt.Sprintf("Cluster %s would have %d IAM roles; it can have %d.", c.Identifier, n, s.roleLimit)}
	}
	for _, arn := range added {
		c.roles = append(c.roles, attachedRole{arn, adding})
	}
	s.later(len(added) > 0, RoleAddTime, func() {
		for _, arn := range added {
			c.roles[c.role(arn)].ApplyStatus = inSync
		}
	})
	removed := slices.DeleteFunc(slices.Clone(in.RemoveIamRoles), func(arn string) bool { return c.role(arn) < 0 })
	for _, arn := range removed {
		c.roles[c.role(arn)].ApplyStatus = removing
	}
	s.later(len(removed) > 0, RoleRemoveTime, func() {
		c.roles = slices.DeleteFunc(c.roles, func(r attachedRole) bool { return slices.Contains(removed, r.IamRoleArn) })
	})
	return nil
}

// later runs do, with s.mu held, when that much of the sandbox's time has passed, if there is something to do.
func (s *Service) later(something bool, wait time.Duration, do func()) {
	if !something {
		return
	}
	s.clock.At(s.clock.Now().Add(wait), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		do()
	})
}
