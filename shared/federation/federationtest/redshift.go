package federationtest

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Redshift is a cluster with its roles.
type Redshift struct {
	Status, Availability string
	Groups               []string
	Limit                int  // of roles; 0 is 50
	Routed               bool // enhanced VPC routing
	NAT                  bool // by which its subnets reach all services
	roles                map[string]*attached
}

type attached struct {
	status string
	until  time.Time
}

// Attach attaches a role at once, as somebody else would.
func (c *Redshift) Attach(arn string) { c.roles[arn] = &attached{status: federation.InSync} }

// Adding begins to attach a role, as somebody else would: until it is attached, the cluster takes no other change.
func (c *Redshift) Adding(arn string, until time.Time) {
	c.roles[arn] = &attached{federation.Adding, until}
}

// Detach takes a role off at once.
func (c *Redshift) Detach(arn string) { delete(c.roles, arn) }

// Attached are the roles with their states.
func (c *Redshift) Attached() map[string]string {
	out := make(map[string]string, len(c.roles))
	for arn, a := range c.roles {
		out[arn] = a.status
	}
	return out
}

// settle lets what is over be over.
func (c *Redshift) settle(now time.Time) {
	for arn, a := range c.roles {
		if a.status == federation.InSync || now.Before(a.until) {
			continue
		}
		if a.status == federation.Leaving {
			delete(c.roles, arn)
		} else {
			a.status = federation.InSync
		}
	}
}

type clusters struct{ w *World }

func (c clusters) Cluster(ctx context.Context, id string) (federation.Cluster, bool, error) {
	found := false
	out, err := do(ctx, c.w, "redshift", "DescribeClusters", id, false, func() (federation.Cluster, error) {
		if id == "" {
			return federation.Cluster{}, refuse(fault.Bug, "AllClusters", "describe cluster", "no cluster") // AWS would return all
		}
		is, ok := c.w.Clusters[id]
		if !ok {
			return federation.Cluster{}, nil
		}
		found = true
		is.settle(c.w.now)
		return federation.Cluster{Status: is.Status, Availability: is.Availability, Host: id + ".example.com", Roles: is.Attached(), SecurityGroups: is.Groups, VPC: VPC, EnhancedRouting: is.Routed}, nil
	})
	return out, found && err == nil, err
}

func (c clusters) ModifyRoles(ctx context.Context, id string, add, remove []string) error {
	return act(ctx, c.w, "redshift", "ModifyClusterIamRoles", fmt.Sprintf("%s +%d -%d", id, len(add), len(remove)), func() error {
		is := c.w.Clusters[id]
		is.settle(c.w.now)
		limit := is.Limit
		if limit == 0 {
			limit = 50
		}
		if len(add)+len(remove) > 10 || len(add)+len(remove) == 0 {
			return refuse(fault.Bug, "InvalidParameterValue", "modify roles", fmt.Sprint(len(add)+len(remove)))
		}
		for _, a := range is.roles {
			if a.status != federation.InSync {
				return refuse(fault.Retry, federation.ClusterBusy, "modify roles", id)
			}
		}
		if is.Status != "available" {
			return refuse(fault.Retry, federation.ClusterBusy, "modify roles", id)
		}
		for _, arn := range add {
			if !c.w.assumable(arn) {
				return refuse(fault.Blocked, federation.NotAssumable, "modify roles", id)
			}
		}
		if len(is.roles)+len(add) > limit {
			return refuse(fault.Blocked, federation.TooManyRoles, "modify roles", id)
		}
		for _, arn := range add {
			is.roles[arn] = &attached{federation.Adding, c.w.now.Add(c.w.AttachTakes)}
		}
		for _, arn := range remove {
			is.roles[arn] = &attached{federation.Leaving, c.w.now.Add(c.w.DetachTakes)}
		}
		return nil
	})
}

// NewCluster is a cluster in the network of every world's own, with no roles.
func NewCluster() *Redshift {
	return &Redshift{Status: "available", Availability: "Available", Groups: []string{clusterGroup}, roles: make(map[string]*attached)}
}
