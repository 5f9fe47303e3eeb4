package federationtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
)

// An RDS is one RDS instance with what is in it.
type RDS struct {
	source.Database
	Tables []string
	Logins map[string]Login
}

// A Login is a user in a source.
type Login struct{ Password, Mark string }

// AddInstance adds an RDS instance whose master secret RDS manages; no ARN means that it does not.
func (w *World) AddInstance(id, master string) *RDS {
	db := &RDS{Tables: []string{"items"}, Logins: map[string]Login{masterUser: {Password: masterSecret}}}
	db.Database = source.Database{
		Endpoint: source.Endpoint{Host: id + ".abc123xyz789.us-east-1.rds.amazonaws.com", Port: 5432, Database: "orders"}, Engine: source.Postgres,
		ResourceID: "db-" + id + "-1", ARN: "arn:aws:rds:us-east-1:" + Account + ":db:" + id, Status: "available", SecurityGroups: []string{"sg-" + id}, Tags: map[string]string{},
	}
	w.Instances[id] = db
	w.Groups["sg-"+id] = map[string]string{federation.TagIngress: federation.Allow}
	if master != "" {
		db.MasterSecret, db.SecretStatus = master, "active"
		w.Secrets[master] = &Secret{ARN: master, Tags: map[string]string{}, User: masterUser, Password: masterSecret}
	}
	return db
}

type databases struct{ w *World }

func (d databases) Instance(ctx context.Context, id string) (source.Database, bool, error) {
	found := false
	db, err := do(ctx, d.w, "rds", "DescribeDBInstances", id, false, func() (source.Database, error) {
		i, ok := d.w.Instances[id]
		if !ok {
			return source.Database{}, nil
		}
		found = true
		return i.Database, nil
	})
	return db, found && err == nil, err
}

func (d databases) Instances(ctx context.Context, tag string) (map[string]source.Database, error) {
	return do(ctx, d.w, "rds", "DescribeDBInstances", "all", false, func() (map[string]source.Database, error) {
		out := make(map[string]source.Database)
		for id, i := range d.w.Instances {
			if i.Tags[tag] != "" {
				out[id] = i.Database
			}
		}
		return out, nil
	})
}

type logins struct{ w *World }

// Do does what login does: with the admin's secret it makes or drops one user, and touches none without our mark.
func (l logins) Do(ctx context.Context, r source.Request) (source.Answer, error) {
	return do(ctx, l.w, "login", r.Action, r.User, true, func() (source.Answer, error) {
		if err := r.Problems().Err(); err != nil {
			return source.Answer{}, &fault.Error{Kind: fault.Bug, Reason: "Malformed", Op: r.Action, Err: err}
		}
		if l.w.LoginFails != nil {
			if err := l.w.LoginFails(r); err != nil {
				return source.Answer{}, err
			}
		}
		db := l.w.at(r.Endpoint.Host)
		if db == nil || !db.Answers() {
			return source.Answer{}, refuse(fault.Retry, source.SourceUnreachable, r.Action, r.Endpoint.Host)
		}
		admin := l.w.secret(r.Admin)
		if admin == nil || !admin.Deleted.IsZero() || db.Logins[admin.User].Password != admin.Password {
			return source.Answer{}, refuse(fault.Blocked, source.AdminRefused, r.Action, r.Admin)
		}
		was, there := db.Logins[r.User]
		if r.Action == source.Drop {
			if there && was.Mark == r.Mark {
				delete(db.Logins, r.User)
			}
			return source.Answer{Changed: there}, nil
		}
		if there && was.Mark != r.Mark {
			return source.Answer{}, refuse(fault.Blocked, source.LoginTaken, r.Action, r.User)
		}
		own := l.w.secret(r.Secret)
		if own == nil || !own.Deleted.IsZero() || own.User != r.User {
			return source.Answer{}, refuse(fault.Bug, source.SecretUnreadable, r.Action, r.Secret)
		}
		db.Logins[r.User] = Login{own.Password, r.Mark}
		return source.Answer{Changed: was.Password != own.Password, Uncovered: l.w.Uncovered}, nil
	})
}

func (w *World) at(host string) *RDS {
	for _, i := range w.Instances {
		if i.Host == host {
			return i
		}
	}
	return nil
}

type network struct{ w *World }

func (n network) GroupTags(ctx context.Context, group string) (map[string]string, bool, error) {
	found := false
	tags, err := do(ctx, n.w, "ec2", "DescribeSecurityGroups", group, false, func() (map[string]string, error) {
		tags, ok := n.w.Groups[group]
		found = ok
		return tags, nil
	})
	return tags, found, err
}

func (n network) Rules(ctx context.Context, groups []string) ([]federation.Rule, error) {
	return do(ctx, n.w, "ec2", "DescribeSecurityGroupRules", fmt.Sprint(groups), false, func() ([]federation.Rule, error) {
		if len(groups) == 0 {
			return nil, refuse(fault.Bug, "AllGroups", "describe rules", "no group") // AWS would return those of all groups
		}
		var out []federation.Rule
		for _, r := range n.w.Rules {
			if slices.Contains(groups, r.Group) {
				out = append(out, r)
			}
		}
		return out, nil
	})
}

func (n network) Admit(ctx context.Context, group, from string, port int, tags map[string]string) error {
	return act(ctx, n.w, "ec2", "AuthorizeSecurityGroupIngress", group, func() error {
		for _, r := range n.w.Rules {
			if r.Group == group && r.From == from && r.Ports == [2]int{port, port} {
				return nil
			}
		}
		n.w.Rules = append(n.w.Rules, federation.Rule{ID: fmt.Sprintf("sgr-%d", len(n.w.Calls)), Group: group, From: from, Ports: [2]int{port, port}, Tags: tags})
		return nil
	})
}

func (n network) Revoke(ctx context.Context, group string, rules []string) error {
	return act(ctx, n.w, "ec2", "RevokeSecurityGroupIngress", group, func() error {
		n.w.Rules = slices.DeleteFunc(n.w.Rules, func(r federation.Rule) bool { return r.Group == group && slices.Contains(rules, r.ID) })
		return nil
	})
}

func (n network) HasEndpoint(ctx context.Context, vpc, service string) (bool, error) {
	return do(ctx, n.w, "ec2", "DescribeVpcEndpoints", vpc+" "+service, false, func() (bool, error) {
		if vpc == "" {
			return false, refuse(fault.Bug, "AllEndpoints", "look for endpoint", "no VPC") // AWS would return those of all VPCs
		}
		return slices.Contains(n.w.Endpoints[vpc], service), nil
	})
}

// reachable reports whether a rule lets the cluster in at an instance.
func (w *World) reachable(c *Redshift, db *RDS) bool {
	return slices.ContainsFunc(w.Rules, func(r federation.Rule) bool {
		return slices.Contains(db.SecurityGroups, r.Group) && (r.Any || slices.Contains(c.Groups, r.From)) && (r.Ports[0] == -1 || r.Ports[0] <= db.Port && db.Port <= r.Ports[1])
	})
}
