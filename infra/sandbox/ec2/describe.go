package ec2

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Pages of groups and rules.
// Source: Amazon EC2 API Reference, DescribeSecurityGroups, DescribeSecurityGroupRules (MaxResults).
const (
	minResults = 5
	maxResults = 1000
)

// A filter selects resources; values of one filter are alternatives.
type filter struct {
	Name   string
	Values []string `json:"Value"`
}

// check refuses filters that the sandbox does not have.
func check(filters []filter, known ...string) error {
	for _, f := range filters {
		if !slices.Contains(known, f.Name) && !strings.HasPrefix(f.Name, "tag:") {
			return refusal("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		}
	}
	return nil
}

// fits reports whether all filters fit what value says of their names.
func fits(filters []filter, tags map[string]string, value func(name string) string) bool {
	for _, f := range filters {
		have, there := "", true
		if key, ok := strings.CutPrefix(f.Name, "tag:"); ok {
			have, there = tags[key], has(tags, key)
		} else {
			have = value(f.Name)
		}
		if !there || !slices.ContainsFunc(f.Values, func(want string) bool { return matches(want, have) }) {
			return false
		}
	}
	return true
}

func has(tags map[string]string, key string) bool { _, ok := tags[key]; return ok }

// matches compares with EC2's wildcards: * for any text and ? for one character.
func matches(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		return matches(pattern[1:], text) || text != "" && matches(pattern, text[1:])
	case '?':
		return text != "" && matches(pattern[1:], text[1:])
	default:
		return text != "" && pattern[0] == text[0] && matches(pattern[1:], text[1:])
	}
}

// page cuts a list; a token is the number of items before the page.
func page[T any](items []T, max *int, token string) (_ []T, next *string, err error) {
	start := 0
	if token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(items) {
			return nil, nil, refusal("InvalidParameterValue", "Unable to parse pagination token")
		}
	}
	items = items[start:]
	if max == nil {
		return items, nil, nil
	}
	if *max < minResults || *max > maxResults {
		return nil, nil, refusal("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between %d and %d.", *max, minResults, maxResults)
	}
	if len(items) > *max {
		return items[:*max], new(strconv.Itoa(start + *max)), nil
	}
	return items, nil, nil
}

type groupDescription struct {
	OwnerID     string       `json:"ownerId"`
	ID          string       `json:"groupId"`
	Name        string       `json:"groupName"`
	Description string       `json:"groupDescription"`
	VPC         string       `json:"vpcId"`
	ARN         string       `json:"securityGroupArn"`
	Permissions []permission `json:"ipPermissions"`
	Tags        []tag        `json:"tagSet"`
}

// A permission holds the rules of one protocol and port range.
type permission struct {
	Protocol string  `json:"ipProtocol"`
	From     *int    `json:"fromPort"`
	To       *int    `json:"toPort"`
	Groups   []pair  `json:"groups"`
	Ranges   []block `json:"ipRanges"`
}

type pair struct {
	UserID      string `json:"userId"`
	GroupID     string `json:"groupId"`
	Description string `json:"description,omitempty"`
}

type block struct {
	CIDR        string `json:"cidrIp"`
	Description string `json:"description,omitempty"`
}

// permissions groups the rules of g as EC2 describes them.
func (g *group) permissions() []permission {
	all := []permission{}
	for _, r := range g.rules {
		from, to := r.ports()
		at := slices.IndexFunc(all, func(p permission) bool { return p.Protocol == r.Protocol && equal(p.From, from) && equal(p.To, to) })
		if at < 0 {
			at = len(all)
			all = append(all, permission{Protocol: r.Protocol, From: from, To: to, Groups: []pair{}, Ranges: []block{}})
		}
		if r.Source != "" {
			all[at].Groups = append(all[at].Groups, pair{awshttp.Account, r.Source, r.Description})
		} else {
			all[at].Ranges = append(all[at].Ranges, block{r.CIDR, r.Description})
		}
	}
	return all
}

// ports are nil for all protocols, which have none.
func (r *Rule) ports() (from, to *int) {
	if r.Protocol == "-1" {
		return nil, nil
	}
	return new(r.From), new(r.To)
}

func equal(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func (s *Service) describeGroups(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		dryRun
		GroupIDs   []string `json:"GroupId"`
		Filters    []filter `json:"Filter"`
		MaxResults *int
		NextToken  string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := check(in.Filters, "group-id", "group-name", "vpc-id"); err != nil {
		return nil, err
	}
	if err := ask(call, "DescribeSecurityGroups", "*"); err != nil {
		return nil, err
	}
	if err := in.answer(); err != nil {
		return nil, err
	}
	if in.MaxResults != nil && len(in.GroupIDs) > 0 {
		return nil, refusal("InvalidParameterCombination", "The parameter GroupIds cannot be used with the parameter MaxResults")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range in.GroupIDs {
		if _, err := s.find(id); err != nil {
			return nil, err
		}
	}
	found := []groupDescription{}
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		value := func(name string) string {
			return map[string]string{"group-id": g.ID, "group-name": g.Name, "vpc-id": g.VPC}[name]
		}
		if (len(in.GroupIDs) == 0 || slices.Contains(in.GroupIDs, id)) && fits(in.Filters, g.Tags, value) {
			found = append(found, groupDescription{awshttp.Account, g.ID, g.Name, g.Description, g.VPC, groupARN(call.Region, g.ID), g.permissions(), tagSet(g.Tags)})
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken)
	return struct {
		Groups []groupDescription `json:"securityGroupInfo"`
		Next   *string            `json:"nextToken"`
	}{found, next}, err
}

type ruleDescription struct {
	ID          string     `json:"securityGroupRuleId"`
	ARN         string     `json:"securityGroupRuleArn"`
	GroupID     string     `json:"groupId"`
	Owner       string     `json:"groupOwnerId"`
	Egress      bool       `json:"isEgress"`
	Protocol    string     `json:"ipProtocol"`
	From        int        `json:"fromPort"`
	To          int        `json:"toPort"`
	CIDR        string     `json:"cidrIpv4,omitempty"`
	Referenced  *reference `json:"referencedGroupInfo"`
	Description string     `json:"description,omitempty"`
	Tags        []tag      `json:"tagSet"`
}

type reference struct {
	GroupID string `json:"groupId"`
	UserID  string `json:"userId"`
}

func (r *Rule) describe(region string) ruleDescription {
	d := ruleDescription{ID: r.ID, ARN: ruleARN(region, r.ID), GroupID: r.Group, Owner: awshttp.Account, Protocol: r.Protocol,
		From: r.From, To: r.To, CIDR: r.CIDR, Description: r.Description, Tags: tagSet(r.Tags)}
	if r.Source != "" {
		d.Referenced = &reference{r.Source, awshttp.Account}
	}
	return d
}

func (s *Service) describeRules(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		dryRun
		RuleIDs    []string `json:"SecurityGroupRuleId"`
		Filters    []filter `json:"Filter"`
		MaxResults *int
		NextToken  string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := check(in.Filters, "group-id", "security-group-rule-id"); err != nil {
		return nil, err
	}
	if err := ask(call, "DescribeSecurityGroupRules", "*"); err != nil {
		return nil, err
	}
	if err := in.answer(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range in.RuleIDs {
		if _, r := s.rule(id); r == nil {
			return nil, noRule(id)
		}
	}
	found := []ruleDescription{}
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		for _, r := range s.groups[id].rules {
			value := func(name string) string {
				return map[string]string{"group-id": r.Group, "security-group-rule-id": r.ID}[name]
			}
			if (len(in.RuleIDs) == 0 || slices.Contains(in.RuleIDs, r.ID)) && fits(in.Filters, r.Tags, value) {
				found = append(found, r.describe(call.Region))
			}
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken)
	return struct {
		Rules []ruleDescription `json:"securityGroupRuleSet"`
		Next  *string           `json:"nextToken"`
	}{found, next}, err
}

func noRule(id string) error {
	return refusal("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}
