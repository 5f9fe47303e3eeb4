// Package ec2 plays the part of Amazon EC2 that opens networks: security groups, their rules of ingress, their tags, and the
// endpoints of VPCs, which are looked at only.
//
// What AWS's documentation leaves open is decided here, and nothing but this sandbox says that it is so:
//   - Revoking is a question about the security group alone. Authorizing is one about the group and, when the new rules get
//     tags, about security-group-rule/* too, where ec2:CreateTags is asked as well, with the condition key ec2:CreateAction.
//   - A rule that was made counts at once. AWS says that a small delay might occur.
//   - Rules of egress are not there: every group lets everything out.
//   - The security groups and subnets of endpoints are not there: an endpoint is reached from everywhere in its VPC.
//   - A revocation that names a rule which is not there fails as a whole, and so does one whose permissions fit no rule.
package ec2

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// MaxRules is how many rules of ingress a group may have.
// Source: Amazon VPC User Guide, Amazon VPC quotas (inbound or outbound rules per security group).
const MaxRules = 60

// A Group describes a security group to add.
type Group struct {
	ID          string // sg-…
	Name        string // empty is the ID
	Description string // empty is the name
	VPC         string // vpc-…
	Tags        map[string]string
	Rules       []Rule // of ingress; each needs what it says without its IDs
}

// A Rule is one rule of ingress. Exactly one of Source and CIDR is set.
type Rule struct {
	ID          string // sgr-…
	Group       string // the group that it belongs to
	Protocol    string // tcp, udp, icmp, or -1 for all
	From, To    int    // ports; -1 for all
	Source      string // a security group
	CIDR        string // a range of IPv4 addresses
	Description string
	Tags        map[string]string
}

// A Service is EC2 in one region of the account. Its methods may be called from several goroutines.
type Service struct {
	mu        sync.Mutex
	groups    map[string]*group
	endpoints map[string]Endpoint
}

type group struct {
	Group
	rules []*Rule // the oldest first
}

// New returns a service without groups and endpoints.
func New() *Service { return &Service{groups: map[string]*group{}, endpoints: map[string]Endpoint{}} }

// AddGroup adds a security group with its rules. Everything in g is copied.
func (s *Service) AddGroup(g Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.ID == "" || g.VPC == "" {
		return errors.New("add security group: it needs an ID and a VPC")
	}
	if s.groups[g.ID] != nil {
		return fmt.Errorf("add security group %s: there is one already", g.ID)
	}
	if g.Name == "" {
		g.Name = g.ID
	}
	if g.Description == "" {
		g.Description = g.Name
	}
	made := &group{Group: g}
	made.Tags, made.Rules = maps.Clone(g.Tags), nil
	if made.Tags == nil {
		made.Tags = map[string]string{}
	}
	s.groups[g.ID] = made
	for _, r := range g.Rules {
		if err := made.add(&r); err != nil {
			delete(s.groups, g.ID)
			return fmt.Errorf("add security group %s: %w", g.ID, err)
		}
	}
	return nil
}

// Rules lists the rules of a group, the oldest first; none if there is no such group.
func (s *Service) Rules(groupID string) (rules []Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[groupID]
	if g == nil {
		return nil
	}
	for _, r := range g.rules {
		c := *r
		c.Tags = maps.Clone(r.Tags)
		rules = append(rules, c)
	}
	return rules
}

// SetTag sets a tag of a group or of a rule, as somebody could by hand; an empty value removes it.
func (s *Service) SetTag(id, key, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags := s.tagsOf(id)
	if tags == nil {
		return fmt.Errorf("tag %s: there is neither a security group nor a rule of that name", id)
	}
	if value == "" {
		delete(tags, key)
	} else {
		tags[key] = value
	}
	return nil
}

// Reachable reports whether a cluster in clusterGroups reaches port by TCP in a source in sourceGroups: whether any of the
// source's groups has a rule for the port from one of the cluster's groups or from everywhere.
func (s *Service) Reachable(clusterGroups, sourceGroups []string, port int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range sourceGroups {
		g := s.groups[id]
		if g == nil {
			continue
		}
		if slices.ContainsFunc(g.rules, func(r *Rule) bool {
			return r.covers(port) && (r.CIDR == "0.0.0.0/0" || r.Source != "" && slices.Contains(clusterGroups, r.Source))
		}) {
			return true
		}
	}
	return false
}

// AWS is the service's front: version 2016-11-15 of EC2's query protocol.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "ec2", Protocol: awshttp.EC2Query,
		Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", Version: "2016-11-15",
		Internal: "InternalError", Invalid: "MissingParameter",
		Operations: map[string]awshttp.Operation{
			"DescribeSecurityGroups":        s.describeGroups,
			"DescribeSecurityGroupRules":    s.describeRules,
			"AuthorizeSecurityGroupIngress": s.authorizeIngress,
			"RevokeSecurityGroupIngress":    s.revokeIngress,
			"DescribeVpcEndpoints":          s.describeEndpoints,
			"CreateTags":                    s.createTags,
			"DeleteTags":                    s.deleteTags,
		},
	}
}

// covers reports whether TCP to the port passes.
func (r *Rule) covers(port int) bool {
	return r.Protocol == "-1" || r.Protocol == "tcp" && (r.From == -1 || r.From <= port && port <= r.To)
}

// same reports whether two rules let the same things pass.
func (r *Rule) same(o *Rule) bool {
	return r.Protocol == o.Protocol && r.From == o.From && r.To == o.To && r.Source == o.Source && r.CIDR == o.CIDR
}

// find returns a group. The caller holds s.mu.
func (s *Service) find(id string) (*group, error) {
	if g := s.groups[id]; g != nil {
		return g, nil
	}
	return nil, refusal("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

// rule finds a rule by its ID, with its group; nil if there is none. The caller holds s.mu.
func (s *Service) rule(id string) (*group, *Rule) {
	for _, g := range s.groups {
		for _, r := range g.rules {
			if r.ID == id {
				return g, r
			}
		}
	}
	return nil, nil
}

// tagsOf returns the tags of a group or a rule; nil if there is none. The caller holds s.mu.
func (s *Service) tagsOf(id string) map[string]string {
	if g := s.groups[id]; g != nil {
		return g.Tags
	}
	if _, r := s.rule(id); r != nil {
		return r.Tags
	}
	return nil
}

// canonical is a range of addresses as AWS keeps it: with zeros where the range is.
func canonical(cidr string) (string, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() {
		return "", refusal("InvalidParameterValue", "CIDR block %s is malformed", cidr)
	}
	return prefix.Masked().String(), nil
}

func refusal(code, format string, args ...any) error {
	return &awshttp.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
