package ec2

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// inputPermission is an IpPermission of a request.
type inputPermission struct {
	Protocol string `json:"IpProtocol"`
	FromPort *int
	ToPort   *int
	Groups   []struct {
		GroupID     string `json:"GroupId"`
		UserID      string `json:"UserId"`
		VPC         string `json:"VpcId"`
		Description string
	}
	IPRanges []struct {
		CIDR        string `json:"CidrIp"`
		Description string
	} `json:"IpRanges"`
}

// rules spells out a permission, one rule for each group and range.
func (p inputPermission) rules(group string) (rules []*Rule, err error) {
	r := Rule{Group: group, Protocol: strings.ToLower(p.Protocol), From: -1, To: -1}
	switch r.Protocol {
	case "6":
		r.Protocol = "tcp"
	case "17":
		r.Protocol = "udp"
	case "":
		return nil, refusal("MissingParameter", "The request must contain the parameter ipProtocol")
	}
	if r.Protocol == "tcp" || r.Protocol == "udp" {
		if p.FromPort == nil || p.ToPort == nil {
			return nil, refusal("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		r.From, r.To = *p.FromPort, *p.ToPort
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return nil, refusal("InvalidParameterValue", "Invalid value '%d:%d' for portRange. The from port must not be greater than the to port, and both must be between 0 and 65535.", r.From, r.To)
		}
	}
	for _, g := range p.Groups {
		one := r
		one.Source, one.Description = g.GroupID, g.Description
		rules = append(rules, &one)
	}
	for _, b := range p.IPRanges {
		one := r
		if one.CIDR, err = canonical(b.CIDR); err != nil {
			return nil, err
		}
		one.Description = b.Description
		rules = append(rules, &one)
	}
	if len(rules) == 0 {
		return nil, refusal("MissingParameter", "Source group ID missing.")
	}
	return rules, nil
}

// spelledOut is all permissions of a request.
func spelledOut(permissions []inputPermission, group string) (rules []*Rule, err error) {
	for _, p := range permissions {
		more, err := p.rules(group)
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			if slices.ContainsFunc(rules, r.same) {
				return nil, refusal("InvalidParameterValue", "The same permission must not appear multiple times")
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// add adds a rule under a new ID.
func (g *group) add(r *Rule) error {
	if (r.Source == "") == (r.CIDR == "") || r.Protocol == "" {
		return errors.New("a rule needs a protocol, and either a source group or a range of addresses")
	}
	if slices.ContainsFunc(g.rules, r.same) {
		return refusal("InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", r)
	}
	if len(g.rules) >= MaxRules {
		return refusal("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	r.ID, r.Group, r.Tags = newID("sgr-"), g.ID, maps.Clone(r.Tags)
	if r.Tags == nil {
		r.Tags = map[string]string{}
	}
	g.rules = append(g.rules, r)
	return nil
}

// String is a rule as the message of InvalidPermission.Duplicate writes it.
func (r *Rule) String() string {
	peer := r.Source + r.CIDR
	if r.Protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(r.Protocol), r.From, r.To)
}

func newID(prefix string) string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])[:17]
}

func (s *Service) authorizeIngress(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		dryRun
		GroupID           string            `json:"GroupId" aws:"required"`
		Permissions       []inputPermission `json:"IpPermissions" aws:"required"`
		TagSpecifications []struct {
			ResourceType string
			Tags         []inputTag `json:"Tag"`
		} `json:"TagSpecification"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	var tags []inputTag
	for _, spec := range in.TagSpecifications {
		if spec.ResourceType != "security-group-rule" {
			return nil, refusal("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		tags = append(tags, spec.Tags...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.askAuthorize(call, in.GroupID, tags); err != nil {
		return nil, err
	}
	rules, err := spelledOut(in.Permissions, in.GroupID)
	if err != nil {
		return nil, err
	}
	g, err := s.find(in.GroupID)
	if err != nil {
		return nil, err
	}
	if err := in.answer(); err != nil {
		return nil, err
	}
	made, err := s.addAll(g, rules, tags)
	if err != nil {
		return nil, err
	}
	out := struct {
		Return bool              `json:"return"`
		Rules  []ruleDescription `json:"securityGroupRuleSet"`
	}{Return: true}
	for _, r := range made {
		out.Rules = append(out.Rules, r.describe(call.Region))
	}
	return out, nil
}

// askAuthorize asks about the group, and about the rules-to-be if they get tags. The caller holds s.mu.
func (s *Service) askAuthorize(call *awshttp.Call, id string, tags []inputTag) error {
	const action = "AuthorizeSecurityGroupIngress"
	if err := ask(call, action, groupARN(call.Region, id), s.keysOf(call, id), requestKeys(tags)); err != nil || len(tags) == 0 {
		return err
	}
	rules := ruleARN(call.Region, "*")
	if err := ask(call, action, rules, requestKeys(tags)); err != nil {
		return err
	}
	return ask(call, "CreateTags", rules, requestKeys(tags), map[string][]string{"ec2:CreateAction": {action}})
}

// keysOf are the condition keys of a group, or of nothing if it is not there. The caller holds s.mu.
func (s *Service) keysOf(call *awshttp.Call, id string) map[string][]string {
	if g := s.groups[id]; g != nil {
		return g.keys(call.Region)
	}
	return nil
}

// addAll adds all rules or none. The caller holds s.mu.
func (s *Service) addAll(g *group, rules []*Rule, tags []inputTag) ([]*Rule, error) {
	before := slices.Clone(g.rules)
	for _, r := range rules {
		if r.Source != "" && s.groups[r.Source] == nil {
			g.rules = before
			return nil, refusal("InvalidGroup.NotFound", "The security group '%s' does not exist", r.Source)
		}
		r.Tags = map[string]string{}
		for _, t := range tags {
			r.Tags[t.Key] = t.Value
		}
		if err := g.add(r); err != nil {
			g.rules = before
			return nil, err
		}
	}
	return rules, nil
}

func (s *Service) revokeIngress(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		dryRun
		GroupID     string            `json:"GroupId" aws:"required"`
		Permissions []inputPermission `json:"IpPermissions"`
		RuleIDs     []string          `json:"SecurityGroupRuleId"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ask(call, "RevokeSecurityGroupIngress", groupARN(call.Region, in.GroupID), s.keysOf(call, in.GroupID)); err != nil {
		return nil, err
	}
	if (len(in.Permissions) > 0) == (len(in.RuleIDs) > 0) {
		return nil, refusal("InvalidParameterCombination", "Either security group rule IDs or IP permissions have to be given, and not both")
	}
	g, err := s.find(in.GroupID)
	if err != nil {
		return nil, err
	}
	doomed, err := g.chosen(in.RuleIDs, in.Permissions)
	if err != nil {
		return nil, err
	}
	if err := in.answer(); err != nil {
		return nil, err
	}
	g.rules = slices.DeleteFunc(g.rules, func(r *Rule) bool { return slices.Contains(doomed, r) })
	return revocation(doomed), nil
}

// chosen finds the rules that a revocation names, by ID or by what they let pass.
func (g *group) chosen(ids []string, permissions []inputPermission) (found []*Rule, err error) {
	for _, id := range ids {
		at := slices.IndexFunc(g.rules, func(r *Rule) bool { return r.ID == id })
		if at < 0 {
			return nil, noRule(id)
		}
		found = append(found, g.rules[at])
	}
	wanted, err := spelledOut(permissions, g.ID)
	if err != nil {
		return nil, err
	}
	for _, w := range wanted {
		at := slices.IndexFunc(g.rules, w.same)
		if at < 0 {
			return nil, refusal("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		found = append(found, g.rules[at])
	}
	return found, nil
}

type revokedRule struct {
	ID         string `json:"securityGroupRuleId"`
	GroupID    string `json:"groupId"`
	Egress     bool   `json:"isEgress"`
	Protocol   string `json:"ipProtocol"`
	From       int    `json:"fromPort"`
	To         int    `json:"toPort"`
	CIDR       string `json:"cidrIpv4,omitempty"`
	Referenced string `json:"referencedGroupId,omitempty"`
}

// revocation is the answer to a revocation.
func revocation(rules []*Rule) any {
	out := struct {
		Return  bool          `json:"return"`
		Revoked []revokedRule `json:"revokedSecurityGroupRuleSet"`
	}{Return: true}
	for _, r := range rules {
		out.Revoked = append(out.Revoked, revokedRule{r.ID, r.Group, false, r.Protocol, r.From, r.To, r.CIDR, r.Source})
	}
	return out
}
