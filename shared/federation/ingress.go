package federation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// Why the network is not opened.
const (
	IngressNotAllowed = "IngressNotAllowed" // no security group of the source is tagged for it
	IngressFull       = "IngressFull"       // the security group takes no more rules
)

// ingress lets the cluster's security group in at the source, if that is wanted and not so already.
func (r *run) ingress(ctx context.Context) (*wait, error) {
	if !r.rec.Wanted.ManageIngress {
		if r.rec.Made.Ingress {
			return r.ingressDown(ctx)
		}
		return nil, nil
	}
	db, found, err := r.lookUp(ctx, r.rec.Wanted.Source)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errAgain // it went since preflight looked
	}
	cluster, err := r.lookAt(ctx, r.gate().Cluster)
	if err != nil || cluster == nil {
		return nil, err
	}
	var rules []Rule
	if len(db.SecurityGroups) > 0 {
		if rules, err = r.Network.Rules(ctx, db.SecurityGroups); err != nil {
			return nil, err
		}
	}
	admits := func(rule Rule) bool { return rule.admits(cluster.SecurityGroups, db.Port) }
	if err := r.revokeStale(ctx, rules, admits); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(rules, admits); i >= 0 {
		others := ""
		if rules[i].Tags[TagStage] == r.Stage { // ours, or that of another federation of this stage with the same source
			r.noteGroup(rules[i].Group) // a run that died may not have
		} else {
			others = fmt.Sprintf("rule %s of security group %s, which is not Sluice's, lets the cluster in, and stays when the source is withdrawn", rules[i].ID, rules[i].Group)
		}
		r.rec.set(CondOpened, others, r.now())
		return nil, nil
	}
	r.rec.set(CondOpened, "", r.now())
	if len(cluster.SecurityGroups) == 0 {
		return nil, r.blocked("open network", IngressNotAllowed, "open the network yourself and leave manageIngress out", fmt.Errorf("cluster %s has no security group in a VPC", r.gate().Cluster))
	}
	for _, group := range db.SecurityGroups {
		tags, found, err := r.Network.GroupTags(ctx, group)
		if err != nil {
			return nil, err
		}
		if found && tags[TagIngress] == Allow {
			r.noteGroup(group)
			if err := r.act(ctx); err != nil {
				return nil, err
			}
			return nil, r.Network.Admit(ctx, group, cluster.SecurityGroups[0], db.Port, r.Tags(r.rec.Name))
		}
	}
	return nil, r.blocked("open network", IngressNotAllowed,
		fmt.Sprintf("tag one of the source's security groups with %s = %s, or open port %d for %s yourself", TagIngress, Allow, db.Port, cluster.SecurityGroups[0]),
		fmt.Errorf("no rule lets the cluster in, and none of the source's security groups (%s) is tagged for it", strings.Join(db.SecurityGroups, ", ")))
}

// revokeStale takes away rules of this federation that do not let the cluster in any more: port or groups have changed.
func (r *run) revokeStale(ctx context.Context, rules []Rule, admits func(Rule) bool) error {
	for _, rule := range rules {
		if !r.ours(rule.Tags, r.rec.Name) || admits(rule) {
			continue
		}
		if err := r.revoke(ctx, rule.Group, []string{rule.ID}); err != nil {
			return err
		}
	}
	return nil
}

// revoke takes rules away. Who took the tag off the security group must put it back for that, or do it by hand.
func (r *run) revoke(ctx context.Context, group string, rules []string) error {
	if err := r.act(ctx); err != nil {
		return err
	}
	err := r.Network.Revoke(ctx, group, rules)
	if fault.ReasonOf(err) != Unauthorized {
		return err
	}
	tags, found, failed := r.Network.GroupTags(ctx, group)
	if failed != nil || !found || tags[TagIngress] == Allow {
		return err
	}
	return r.blocked("close network", IngressNotAllowed, fmt.Sprintf("tag security group %s with %s = %s again, or remove its rules %s yourself", group, TagIngress, Allow, strings.Join(rules, ", ")), err)
}

// noteGroup notes that a security group has a rule of ours.
func (r *run) noteGroup(group string) {
	r.rec.Made.Ingress = true
	if !slices.Contains(r.rec.Made.Groups, group) {
		r.rec.Made.Groups = append(slices.Clone(r.rec.Made.Groups), group)
	}
}

// admits reports whether a rule lets any of the groups in at a port.
func (rule Rule) admits(groups []string, port int) bool {
	return (rule.Any || slices.Contains(groups, rule.From)) && (rule.Ports[0] == -1 || rule.Ports[0] <= port && port <= rule.Ports[1])
}

// ingressDown takes away the rules that Sluice added for the federation, and no others. A rule that another federation of the same
// source and cluster needs as well stays until that one goes.
func (r *run) ingressDown(ctx context.Context) (*wait, error) {
	if !r.rec.Made.Ingress {
		return nil, nil
	}
	groups := slices.Clone(r.rec.Made.Groups)
	db, found, err := r.lookUp(ctx, r.rec.Made.Source)
	if err != nil {
		return nil, err
	}
	if found { // a run that died after the rule and before the record has left it here
		groups = append(groups, db.SecurityGroups...)
		slices.Sort(groups)
		groups = slices.Compact(groups)
	}
	if len(groups) == 0 {
		r.rec.Made.Ingress = false
		return nil, nil
	}
	rules, err := r.Network.Rules(ctx, groups)
	if err != nil {
		return nil, err
	}
	rules = slices.DeleteFunc(rules, func(rule Rule) bool { return rule.Tags[TagStage] != r.Stage || rule.Tags[TagFederation] == "" })
	if len(rules) > 0 {
		if rules, err = r.unneeded(ctx, rules); err != nil {
			return nil, err
		}
	}
	for _, group := range groups {
		var ours []string
		for _, rule := range rules {
			if rule.Group == group {
				ours = append(ours, rule.ID)
			}
		}
		if len(ours) == 0 {
			continue
		}
		if err := r.revoke(ctx, group, ours); err != nil {
			return nil, err
		}
	}
	r.rec.Made.Ingress, r.rec.Made.Groups = false, nil
	return nil, nil
}

// unneeded are those of our rules that no federation needs once this one is down: its own and those of federations that are gone,
// unless another one lets the same cluster in at the same source.
func (r *run) unneeded(ctx context.Context, rules []Rule) ([]Rule, error) {
	records, err := r.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	live := make(map[string]bool)
	shared := false
	for _, rec := range records {
		if rec.Name == r.rec.Name || rec.Withdrawn || !rec.Made.Ingress {
			continue
		}
		live[rec.Name] = true
		shared = shared || rec.Made.Source.ID() == r.rec.Made.Source.ID() && rec.Made.Cluster == r.rec.Made.Cluster
	}
	return slices.DeleteFunc(rules, func(rule Rule) bool { return shared || live[rule.Tags[TagFederation]] }), nil
}
