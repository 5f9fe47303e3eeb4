package awsnetwork_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsnetwork"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

func network(t *testing.T, answers ...awstest.Answer) (*awsnetwork.Network, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsnetwork.New(ec2.NewFromConfig(s.Config())), s
}

var ours = map[string]string{"sluice:stage": "prod", "sluice:federation": "orders"}

const tagSet = `<tagSet><item><key>sluice:stage</key><value>prod</value></item><item><key>sluice:federation</key><value>orders</value></item></tagSet>`

func TestGroupTags(t *testing.T) {
	n, s := network(t, awstest.Answer{Body: `<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-1</groupId>` + tagSet + `</item></securityGroupInfo></DescribeSecurityGroupsResponse>`})
	if tags, found, err := n.GroupTags(t.Context(), "sg-1"); err != nil || !found || !reflect.DeepEqual(tags, ours) {
		t.Errorf("GroupTags = %v, %t, %v", tags, found, err)
	}
	if r := s.Requests(); len(r) != 1 || !r[0].IsForm("DescribeSecurityGroups", map[string]string{"GroupId.1": "sg-1"}) {
		t.Errorf("sent %+v", r)
	}
	n, _ = network(t, awstest.EC2Error(400, "InvalidGroup.NotFound", "The security group 'sg-1' does not exist"))
	if _, found, err := n.GroupTags(t.Context(), "sg-1"); found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
}

func page(token string, rules ...string) awstest.Answer {
	body := `<DescribeSecurityGroupRulesResponse><securityGroupRuleSet>`
	for i, rule := range rules {
		body += `<item><securityGroupRuleId>sgr-` + string(rune('1'+i)) + `</securityGroupRuleId><groupId>sg-1</groupId>` + rule + `</item>`
	}
	return awstest.Answer{Body: body + `</securityGroupRuleSet>` + token + `</DescribeSecurityGroupRulesResponse>`}
}

func TestRules(t *testing.T) {
	const in = `<isEgress>false</isEgress>`
	const pg = `<ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort>`
	const all = `<ipProtocol>-1</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort>`
	n, s := network(t,
		page(`<nextToken>more</nextToken>`, in+pg+`<referencedGroupInfo><groupId>sg-9</groupId><userId>111122223333</userId></referencedGroupInfo>`+tagSet),
		page("",
			in+all+`<cidrIpv4>0.0.0.0/0</cidrIpv4>`,
			`<isEgress>true</isEgress>`+all+`<cidrIpv4>0.0.0.0/0</cidrIpv4>`,
			in+`<ipProtocol>udp</ipProtocol><fromPort>0</fromPort><toPort>65535</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4>`,
			in+pg+`<cidrIpv4>10.0.0.0/8</cidrIpv4>`,
			in+pg+`<cidrIpv6>::/0</cidrIpv6>`))
	none := map[string]string{}
	want := []federation.Rule{
		{ID: "sgr-1", Group: "sg-1", From: "sg-9", Ports: [2]int{5432, 5432}, Tags: ours},
		{ID: "sgr-1", Group: "sg-1", Any: true, Ports: [2]int{-1, -1}, Tags: none},
		{ID: "sgr-4", Group: "sg-1", Ports: [2]int{5432, 5432}, Tags: none},
		{ID: "sgr-5", Group: "sg-1", Ports: [2]int{5432, 5432}, Tags: none},
	}
	if got, err := n.Rules(t.Context(), []string{"sg-1", "sg-2"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Rules = %+v, %v\nwant %+v", got, err, want)
	}
	filter := map[string]string{"Filter.1.Name": "group-id", "Filter.1.Value.1": "sg-1", "Filter.1.Value.2": "sg-2", "MaxResults": "1000"}
	r := s.Requests()
	if len(r) != 2 || !r[0].IsForm("DescribeSecurityGroupRules", filter) {
		t.Fatalf("sent %+v", r)
	}
	if filter["NextToken"] = "more"; !r[1].IsForm("DescribeSecurityGroupRules", filter) {
		t.Errorf("sent %+v", r[1])
	}
}

func TestRulesOfNoGroupsAskNobody(t *testing.T) {
	n, s := network(t, awstest.Answer{})
	if rules, err := n.Rules(t.Context(), nil); err != nil || rules != nil || len(s.Requests()) != 0 {
		t.Errorf("%v, %v, %d calls", rules, err, len(s.Requests()))
	}
}

const done = `<return>true</return>`

func TestAdmit(t *testing.T) {
	for name, answer := range map[string]awstest.Answer{
		"new":           {Body: `<AuthorizeSecurityGroupIngressResponse>` + done + `</AuthorizeSecurityGroupIngressResponse>`},
		"there already": awstest.EC2Error(400, "InvalidPermission.Duplicate", "the specified rule already exists"),
	} {
		t.Run(name, func(t *testing.T) {
			n, s := network(t, answer)
			if err := n.Admit(t.Context(), "sg-1", "sg-9", 5432, ours); err != nil {
				t.Error(err)
			}
			if r := s.Requests(); len(r) != 1 || !r[0].IsForm("AuthorizeSecurityGroupIngress", map[string]string{
				"GroupId": "sg-1", "IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": "5432", "IpPermissions.1.ToPort": "5432",
				"IpPermissions.1.Groups.1.GroupId": "sg-9", "IpPermissions.1.Groups.1.Description": "Sluice: orders", "TagSpecification.1.ResourceType": "security-group-rule",
				"TagSpecification.1.Tag.1.Key": "sluice:federation", "TagSpecification.1.Tag.1.Value": "orders", "TagSpecification.1.Tag.2.Key": "sluice:stage", "TagSpecification.1.Tag.2.Value": "prod",
			}) {
				t.Errorf("sent %+v", r)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	revoked := awstest.Answer{Body: `<RevokeSecurityGroupIngressResponse>` + done + `</RevokeSecurityGroupIngressResponse>`}
	gone := awstest.EC2Error(400, "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID 'sgr-1' does not exist")
	for name, tc := range map[string]struct {
		rules   []string
		answers []awstest.Answer
		calls   []string // ids of each
	}{
		"all at once":             {[]string{"sgr-1", "sgr-2"}, []awstest.Answer{revoked}, []string{"sgr-1 sgr-2"}},
		"the one is gone":         {[]string{"sgr-1"}, []awstest.Answer{gone}, []string{"sgr-1"}},
		"one of two is gone":      {[]string{"sgr-1", "sgr-2"}, []awstest.Answer{gone, gone, revoked}, []string{"sgr-1 sgr-2", "sgr-1", "sgr-2"}},
		"the permission is gone":  {[]string{"sgr-1"}, []awstest.Answer{awstest.EC2Error(400, "InvalidPermission.NotFound", "no")}, []string{"sgr-1"}},
		"the group went with all": {[]string{"sgr-1"}, []awstest.Answer{awstest.EC2Error(400, "InvalidGroup.NotFound", "no")}, []string{"sgr-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, s := network(t, tc.answers...)
			if err := n.Revoke(t.Context(), "sg-1", tc.rules); err != nil {
				t.Error(err)
			}
			var calls []string
			for _, r := range s.Requests() {
				ids := strings.TrimSpace(r.Form.Get("SecurityGroupRuleId.1") + " " + r.Form.Get("SecurityGroupRuleId.2"))
				calls = append(calls, ids)
				if r.Operation != "RevokeSecurityGroupIngress" || r.Form.Get("GroupId") != "sg-1" {
					t.Errorf("sent %+v", r)
				}
			}
			if !reflect.DeepEqual(calls, tc.calls) {
				t.Errorf("sent %q, want %q", calls, tc.calls)
			}
		})
	}
}

const endpointService = "com.amazonaws.us-east-1.secretsmanager"

// endpoints is a page of endpoints, each with what is said of it.
func endpoints(token string, each ...string) awstest.Answer {
	body := `<DescribeVpcEndpointsResponse><vpcEndpointSet>`
	for _, e := range each {
		body += `<item><vpcEndpointId>vpce-1</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType><vpcId>vpc-1</vpcId><serviceName>` + endpointService + `</serviceName>` + e + `</item>`
	}
	return awstest.Answer{Body: body + `</vpcEndpointSet>` + token + `</DescribeVpcEndpointsResponse>`}
}

func TestHasEndpoint(t *testing.T) {
	const up, down = `<state>available</state>`, `<state>pending</state>`
	const named, unnamed = `<privateDnsEnabled>true</privateDnsEnabled>`, `<privateDnsEnabled>false</privateDnsEnabled>`
	for name, tc := range map[string]struct {
		answers []awstest.Answer
		want    bool
	}{
		"available":               {[]awstest.Answer{endpoints("", up+named)}, true},
		"available, as SDKs say":  {[]awstest.Answer{endpoints("", `<state>Available</state>`+named)}, true},
		"none":                    {[]awstest.Answer{endpoints("")}, false},
		"being made":              {[]awstest.Answer{endpoints("", down+named)}, false},
		"without private DNS":     {[]awstest.Answer{endpoints("", up+unnamed)}, false},
		"the last of three":       {[]awstest.Answer{endpoints("", down+named, up+unnamed, up+named)}, true},
		"on the second page":      {[]awstest.Answer{endpoints(`<nextToken>more</nextToken>`, down+named), endpoints("", up+named)}, true},
		"on none of the pages":    {[]awstest.Answer{endpoints(`<nextToken>more</nextToken>`), endpoints("", down+named)}, false},
		"both halves, but of two": {[]awstest.Answer{endpoints("", up+unnamed, down+named)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n, s := network(t, tc.answers...)
			if got, err := n.HasEndpoint(t.Context(), "vpc-1", endpointService); err != nil || got != tc.want {
				t.Errorf("HasEndpoint = %t, %v; want %t", got, err, tc.want)
			}
			want := map[string]string{
				"Filter.1.Name": "vpc-id", "Filter.1.Value.1": "vpc-1", "Filter.2.Name": "service-name", "Filter.2.Value.1": endpointService,
				"Filter.3.Name": "vpc-endpoint-type", "Filter.3.Value.1": "Interface",
			}
			r := s.Requests()
			if len(r) != len(tc.answers) || !r[0].IsForm("DescribeVpcEndpoints", want) {
				t.Fatalf("sent %+v", r)
			}
			if want["NextToken"] = "more"; len(r) > 1 && !r[1].IsForm("DescribeVpcEndpoints", want) {
				t.Errorf("sent %+v", r[1])
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	calls := map[string]func(*testing.T, *awsnetwork.Network) error{
		"tags": func(t *testing.T, n *awsnetwork.Network) error {
			_, _, err := n.GroupTags(t.Context(), "sg-1")
			return err
		},
		"rules": func(t *testing.T, n *awsnetwork.Network) error {
			_, err := n.Rules(t.Context(), []string{"sg-1"})
			return err
		},
		"admit": func(t *testing.T, n *awsnetwork.Network) error {
			return n.Admit(t.Context(), "sg-1", "sg-9", 5432, ours)
		},
		"endpoint": func(t *testing.T, n *awsnetwork.Network) error {
			_, err := n.HasEndpoint(t.Context(), "vpc-of-sg-1", endpointService)
			return err
		},
		"revoke": func(t *testing.T, n *awsnetwork.Network) error {
			return n.Revoke(t.Context(), "sg-1", []string{"a", "b"})
		},
	}
	for _, tc := range []struct {
		call, code string
		kind       fault.Kind
		reason     string
	}{
		{"tags", "UnauthorizedOperation", fault.Blocked, awserror.Unauthorized},
		{"tags", "InvalidGroupId.Malformed", fault.Blocked, awserror.Rejected},
		{"rules", "RequestLimitExceeded", fault.Retry, awserror.Throttled},
		{"rules", "AuthFailure", fault.Retry, awserror.Unauthorized},
		{"admit", "RulesPerSecurityGroupLimitExceeded", fault.Blocked, federation.IngressFull},
		{"admit", "InvalidGroup.NotFound", fault.Retry, awsnetwork.GroupMissing},
		{"admit", "UnauthorizedOperation", fault.Blocked, awserror.Unauthorized},
		{"endpoint", "UnauthorizedOperation", fault.Blocked, awserror.Unauthorized},
		{"endpoint", "RequestLimitExceeded", fault.Retry, awserror.Throttled},
		{"revoke", "UnauthorizedOperation", fault.Blocked, awserror.Unauthorized},
	} {
		t.Run(tc.call+"/"+tc.code, func(t *testing.T) {
			n, _ := network(t, awstest.EC2Error(400, tc.code, "why"))
			err := calls[tc.call](t, n)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), tc.code+": why") || !strings.Contains(err.Error(), "sg-1") || fault.FixOf(err) == "" {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
		})
	}
}
