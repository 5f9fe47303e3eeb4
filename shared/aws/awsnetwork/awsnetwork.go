// Package awsnetwork reads and changes the inbound rules of security groups, and looks for endpoints, with the Amazon EC2 API.
package awsnetwork

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Network implements [federation.Network].
type Network struct{ api *ec2.Client }

var _ federation.Network = (*Network)(nil)

// New returns the Network that api sees.
func New(api *ec2.Client) *Network { return &Network{api} }

// GroupMissing is the reason where a security group is not there.
const GroupMissing = "GroupMissing"

const (
	missing = "RuleMissing"
	there   = "RuleThere"
)

// causes are what codes mean for every call.
//
// Source: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API".
var causes = awserror.Table{
	"InvalidGroup.NotFound":               {Kind: fault.Retry, Reason: GroupMissing, Fix: "nothing; the source's security groups are read again"},
	"InvalidSecurityGroupRuleId.NotFound": {Kind: fault.Retry, Reason: missing},
	"InvalidPermission.NotFound":          {Kind: fault.Retry, Reason: missing},
	"InvalidPermission.Duplicate":         {Kind: fault.Retry, Reason: there},
	"RulesPerSecurityGroupLimitExceeded":  {Kind: fault.Blocked, Reason: federation.IngressFull, Fix: "remove a rule that is not needed, or ask AWS for more rules for each security group"},
}

// GroupTags implements [federation.Network].
func (n *Network) GroupTags(ctx context.Context, group string) (map[string]string, bool, error) {
	out, err := n.api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
	err = awserror.Explain(err, "describe security group", group, causes)
	if fault.ReasonOf(err) == GroupMissing {
		return nil, false, nil
	}
	if err != nil || len(out.SecurityGroups) == 0 {
		return nil, false, err
	}
	return tagMap(out.SecurityGroups[0].Tags), true, nil
}

// anywhere is every IPv4 address; clusters connect by IPv4.
const anywhere = "0.0.0.0/0"

// Rules implements [federation.Network]: rules for TCP, and for all protocols.
func (n *Network) Rules(ctx context.Context, groups []string) ([]federation.Rule, error) {
	if len(groups) == 0 {
		return nil, nil // a filter without values would be refused
	}
	var rules []federation.Rule
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(n.api, &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: new("group-id"), Values: groups}}, MaxResults: new(int32(1000)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "list rules", fmt.Sprint("security groups ", groups), causes)
		}
		for _, r := range page.SecurityGroupRules {
			if protocol := aws.ToString(r.IpProtocol); aws.ToBool(r.IsEgress) || protocol != "tcp" && protocol != "-1" {
				continue
			}
			rule := federation.Rule{
				ID: aws.ToString(r.SecurityGroupRuleId), Group: aws.ToString(r.GroupId), Any: aws.ToString(r.CidrIpv4) == anywhere,
				Ports: [2]int{int(aws.ToInt32(r.FromPort)), int(aws.ToInt32(r.ToPort))}, Tags: tagMap(r.Tags),
			}
			if r.ReferencedGroupInfo != nil {
				rule.From = aws.ToString(r.ReferencedGroupInfo.GroupId)
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// Admit implements [federation.Network].
func (n *Network) Admit(ctx context.Context, group, from string, port int, tags map[string]string) error {
	_, err := n.api.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group,
		IpPermissions: []types.IpPermission{{
			IpProtocol: new("tcp"), FromPort: new(int32(port)), ToPort: new(int32(port)),
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &from, Description: new("Sluice: " + tags[federation.TagFederation])}},
		}},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tagList(tags)}},
	})
	err = awserror.Explain(err, "add rule", fmt.Sprintf("security group %s, port %d from %s", group, port, from), causes)
	if fault.ReasonOf(err) == there {
		return nil
	}
	return err
}

// Revoke implements [federation.Network]. One rule that has gone meanwhile must not keep the others: EC2 refuses the whole
// call for it, and then each is taken by itself.
func (n *Network) Revoke(ctx context.Context, group string, rules []string) error {
	err := n.revoke(ctx, group, rules)
	if fault.ReasonOf(err) == GroupMissing {
		return nil // and its rules with it
	}
	if fault.ReasonOf(err) != missing {
		return err
	}
	if len(rules) == 1 {
		return nil
	}
	for _, rule := range rules {
		if err := n.revoke(ctx, group, []string{rule}); err != nil && fault.ReasonOf(err) != missing {
			return err
		}
	}
	return nil
}

func (n *Network) revoke(ctx context.Context, group string, rules []string) error {
	_, err := n.api.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: rules})
	return awserror.Explain(err, "remove rules", fmt.Sprintf("security group %s, rules %v", group, rules), causes)
}

// HasEndpoint implements [federation.Network]. Without private DNS an endpoint answers to names of its own only, which clients
// of the service do not ask for.
//
// Source: Amazon EC2 API Reference, DescribeVpcEndpoints and VpcEndpoint. State is written there in two ways, available and
// Available.
func (n *Network) HasEndpoint(ctx context.Context, vpc, service string) (bool, error) {
	pages := ec2.NewDescribeVpcEndpointsPaginator(n.api, &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{
		{Name: new("vpc-id"), Values: []string{vpc}}, {Name: new("service-name"), Values: []string{service}}, {Name: new("vpc-endpoint-type"), Values: []string{string(types.VpcEndpointTypeInterface)}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, awserror.Explain(err, "look for endpoint", service+" in "+vpc, causes)
		}
		for _, e := range page.VpcEndpoints {
			if strings.EqualFold(string(e.State), string(types.StateAvailable)) && aws.ToBool(e.PrivateDnsEnabled) {
				return true, nil
			}
		}
	}
	return false, nil
}

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: new(k), Value: new(tags[k])})
	}
	return list
}
