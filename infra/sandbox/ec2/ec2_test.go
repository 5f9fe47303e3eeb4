package ec2_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/ec2"
)

// A policy lets everybody do everything except what it lists, and remembers the questions.
type policy struct {
	deny  []string // "action resource"
	asked []awshttp.Access
}

func (p *policy) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret", awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: awshttp.Account}, nil
}

func (p *policy) Authorize(by awshttp.Principal, a awshttp.Access) error {
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action+" "+a.Resource) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: "User: " + by.String() + " is not authorized to perform: " + a.Action + " on resource: " + a.Resource}
	}
	return nil
}

type world struct {
	*api.Client
	service *ec2.Service
	policy  *policy
}

// newWorld has the group of a cluster and that of a source, which allows ours.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{service: ec2.New(), policy: &policy{}}
	for _, g := range []ec2.Group{
		{ID: "sg-cluster", Name: "cluster", VPC: "vpc-1"},
		{ID: "sg-source", Name: "source", VPC: "vpc-1", Tags: map[string]string{"sluice:ingress": "allow", "team": "orders"}},
		{ID: "sg-other", VPC: "vpc-2", Rules: []ec2.Rule{{Protocol: "tcp", From: 443, To: 443, CIDR: "0.0.0.0/0", Tags: map[string]string{"team": "web"}}}},
	} {
		if err := w.service.AddGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	front := awshttp.New(awshttp.Config{Clock: clock.New(t.Context()), Caller: w.policy, Authorizer: w.policy})
	front.Register(w.service.AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	w.Client = api.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &web.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	return w
}

// coded wants an error with that code whose message contains text.
func coded(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("error %v; want %s with %q", err, code, text)
	}
}

// fromCluster is a permission for port 5432 from the cluster's group.
func fromCluster() []types.IpPermission {
	return []types.IpPermission{{IpProtocol: new("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432),
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: new("sg-cluster"), Description: new("for orders")}}}}
}

func (w *world) authorize(t *testing.T, tags ...types.Tag) (*api.AuthorizeSecurityGroupIngressOutput, error) {
	t.Helper()
	in := &api.AuthorizeSecurityGroupIngressInput{GroupId: new("sg-source"), IpPermissions: fromCluster()}
	if len(tags) > 0 {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tags}}
	}
	return w.AuthorizeSecurityGroupIngress(t.Context(), in)
}

func TestDescribeSecurityGroups(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name string
		in   api.DescribeSecurityGroupsInput
		want []string
	}{
		{"all", api.DescribeSecurityGroupsInput{}, []string{"sg-cluster", "sg-other", "sg-source"}},
		{"by ID", api.DescribeSecurityGroupsInput{GroupIds: []string{"sg-source", "sg-other"}}, []string{"sg-other", "sg-source"}},
		{"by VPC and ID", api.DescribeSecurityGroupsInput{Filters: []types.Filter{
			{Name: new("vpc-id"), Values: []string{"vpc-1"}}, {Name: new("group-id"), Values: []string{"sg-*"}}}}, []string{"sg-cluster", "sg-source"}},
		{"by tag", api.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: new("tag:sluice:ingress"), Values: []string{"deny", "allow"}}}}, []string{"sg-source"}},
		{"by a tag that nobody has", api.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: new("tag:no"), Values: []string{"*"}}}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.DescribeSecurityGroups(t.Context(), &tc.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range out.SecurityGroups {
				got = append(got, *g.GroupId)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("groups %v; want %v", got, tc.want)
			}
		})
	}
	out, err := w.DescribeSecurityGroups(t.Context(), &api.DescribeSecurityGroupsInput{GroupIds: []string{"sg-other"}})
	if err != nil {
		t.Fatal(err)
	}
	p := out.SecurityGroups[0].IpPermissions
	if len(p) != 1 || *p[0].FromPort != 443 || *p[0].IpRanges[0].CidrIp != "0.0.0.0/0" || *out.SecurityGroups[0].OwnerId != awshttp.Account {
		t.Errorf("group %+v", out.SecurityGroups[0])
	}
	_, err = w.DescribeSecurityGroups(t.Context(), &api.DescribeSecurityGroupsInput{GroupIds: []string{"sg-gone"}})
	coded(t, err, "InvalidGroup.NotFound", "'sg-gone'")
	_, err = w.DescribeSecurityGroups(t.Context(), &api.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: new("egress.cidr"), Values: []string{"x"}}}})
	coded(t, err, "InvalidParameterValue", "egress.cidr")
}

func TestLifeOfARule(t *testing.T) {
	w := newWorld(t)
	reachable := func(want bool) {
		t.Helper()
		if got := w.service.Reachable([]string{"sg-x", "sg-cluster"}, []string{"sg-y", "sg-source"}, 5432); got != want {
			t.Errorf("reachable: %t; want %t", got, want)
		}
	}
	reachable(false)
	out, err := w.authorize(t, types.Tag{Key: new("sluice:federation"), Value: new("orders")})
	if err != nil {
		t.Fatal(err)
	}
	made := out.SecurityGroupRules[0]
	if !*out.Return || !strings.HasPrefix(*made.SecurityGroupRuleId, "sgr-") || *made.ReferencedGroupInfo.GroupId != "sg-cluster" || *made.Description != "for orders" {
		t.Errorf("authorized %+v", made)
	}
	reachable(true)
	_, err = w.authorize(t)
	coded(t, err, "InvalidPermission.Duplicate", `the specified rule "peer: sg-cluster, TCP, from port: 5432, to port: 5432, ALLOW" already exists`)

	for _, f := range []types.Filter{
		{Name: new("group-id"), Values: []string{"sg-source"}},
		{Name: new("tag:sluice:federation"), Values: []string{"orders"}},
		{Name: new("security-group-rule-id"), Values: []string{*made.SecurityGroupRuleId}},
	} {
		found, err := w.DescribeSecurityGroupRules(t.Context(), &api.DescribeSecurityGroupRulesInput{Filters: []types.Filter{f}})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.SecurityGroupRules) != 1 || *found.SecurityGroupRules[0].SecurityGroupRuleId != *made.SecurityGroupRuleId || *found.SecurityGroupRules[0].Tags[0].Value != "orders" {
			t.Errorf("filter %s finds %+v", *f.Name, found.SecurityGroupRules)
		}
	}

	revoked, err := w.RevokeSecurityGroupIngress(t.Context(), &api.RevokeSecurityGroupIngressInput{GroupId: new("sg-source"), SecurityGroupRuleIds: []string{*made.SecurityGroupRuleId}})
	if err != nil {
		t.Fatal(err)
	}
	if !*revoked.Return || *revoked.RevokedSecurityGroupRules[0].SecurityGroupRuleId != *made.SecurityGroupRuleId {
		t.Errorf("revoked %+v", revoked)
	}
	reachable(false)
	_, err = w.RevokeSecurityGroupIngress(t.Context(), &api.RevokeSecurityGroupIngressInput{GroupId: new("sg-source"), SecurityGroupRuleIds: []string{*made.SecurityGroupRuleId}})
	coded(t, err, "InvalidSecurityGroupRuleId.NotFound", *made.SecurityGroupRuleId)
	_, err = w.RevokeSecurityGroupIngress(t.Context(), &api.RevokeSecurityGroupIngressInput{GroupId: new("sg-source"), IpPermissions: fromCluster()})
	coded(t, err, "InvalidPermission.NotFound", "does not exist")
	if _, err := w.authorize(t); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RevokeSecurityGroupIngress(t.Context(), &api.RevokeSecurityGroupIngressInput{GroupId: new("sg-source"), IpPermissions: fromCluster()}); err != nil {
		t.Fatal(err)
	}
	if left := w.service.Rules("sg-source"); len(left) != 0 {
		t.Errorf("rules %v are left", left)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	authorize := func(group string, p ...types.IpPermission) error {
		_, err := w.AuthorizeSecurityGroupIngress(t.Context(), &api.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: p})
		return err
	}
	tcp := types.IpPermission{IpProtocol: new("tcp"), FromPort: aws.Int32(1), ToPort: aws.Int32(1)}
	coded(t, authorize("sg-gone", fromCluster()...), "InvalidGroup.NotFound", "sg-gone")
	unknown := tcp
	unknown.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: new("sg-nobody")}}
	coded(t, authorize("sg-source", unknown), "InvalidGroup.NotFound", "sg-nobody")
	coded(t, authorize("sg-source", tcp), "MissingParameter", "Source group")
	coded(t, authorize("sg-source", append(fromCluster(), fromCluster()...)...), "InvalidParameterValue", "multiple times")
	coded(t, authorize("sg-source", types.IpPermission{IpProtocol: new("tcp"), UserIdGroupPairs: unknown.UserIdGroupPairs}), "InvalidParameterValue", "ports")
	_, err := w.AuthorizeSecurityGroupIngress(t.Context(), &api.AuthorizeSecurityGroupIngressInput{GroupId: new("sg-source"), IpPermissions: fromCluster(), DryRun: new(true)})
	coded(t, err, "DryRunOperation", "would have succeeded")

	for i := range ec2.MaxRules - 1 {
		p := tcp
		p.IpRanges = []types.IpRange{{CidrIp: new(fmt.Sprintf("10.0.%d.9/24", i))}}
		if err := authorize("sg-source", p); err != nil {
			t.Fatal(err)
		}
	}
	if cidr := w.service.Rules("sg-source")[0].CIDR; cidr != "10.0.0.0/24" {
		t.Errorf("range %s is kept; want 10.0.0.0/24", cidr)
	}
	two := tcp
	two.IpRanges = []types.IpRange{{CidrIp: new("192.0.2.1/32")}, {CidrIp: new("192.0.2.2/32")}}
	coded(t, authorize("sg-source", two), "RulesPerSecurityGroupLimitExceeded", "maximum number of rules")
	if n := len(w.service.Rules("sg-source")); n != ec2.MaxRules-1 {
		t.Errorf("a refused call left %d rules; want %d", n, ec2.MaxRules-1)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	out, err := w.authorize(t)
	if err != nil {
		t.Fatal(err)
	}
	rule := *out.SecurityGroupRules[0].SecurityGroupRuleId
	if _, err := w.CreateTags(t.Context(), &api.CreateTagsInput{Resources: []string{rule, "sg-source"}, Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeleteTags(t.Context(), &api.DeleteTagsInput{Resources: []string{rule}, Tags: []types.Tag{{Key: new("a"), Value: new("2")}, {Key: new("b")}}}); err != nil {
		t.Fatal(err)
	}
	if tags := w.service.Rules("sg-source")[0].Tags; len(tags) != 1 || tags["a"] != "1" {
		t.Errorf("tags %v; want a=1 only, because its value was another one", tags)
	}
	_, err = w.CreateTags(t.Context(), &api.CreateTagsInput{Resources: []string{"sgr-gone"}, Tags: []types.Tag{{Key: new("a"), Value: new("1")}}})
	coded(t, err, "InvalidSecurityGroupRuleId.NotFound", "sgr-gone")
	_, err = w.DeleteTags(t.Context(), &api.DeleteTagsInput{Resources: []string{"sg-gone"}})
	coded(t, err, "InvalidGroup.NotFound", "sg-gone")
	_, err = w.CreateTags(t.Context(), &api.CreateTagsInput{Resources: []string{"i-123"}, Tags: []types.Tag{{Key: new("a"), Value: new("1")}}})
	coded(t, err, "InvalidID", "i-123")
}

// TestQuestions shows which questions are put to the policies, with which keys.
func TestQuestions(t *testing.T) {
	const (
		group = "arn:aws:ec2:us-east-1:111122223333:security-group/sg-source"
		rules = "arn:aws:ec2:us-east-1:111122223333:security-group-rule/*"
	)
	w := newWorld(t)
	out, err := w.authorize(t, types.Tag{Key: new("sluice:stage"), Value: new("test")})
	if err != nil {
		t.Fatal(err)
	}
	id := *out.SecurityGroupRules[0].SecurityGroupRuleId
	if _, err := w.DeleteTags(t.Context(), &api.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: new("none")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RevokeSecurityGroupIngress(t.Context(), &api.RevokeSecurityGroupIngressInput{GroupId: new("sg-source"), SecurityGroupRuleIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		action, resource string
		keys             map[string]string
	}{
		{"ec2:AuthorizeSecurityGroupIngress", group, map[string]string{"ec2:ResourceTag/sluice:ingress": "allow", "aws:ResourceTag/team": "orders", "aws:RequestTag/sluice:stage": "test", "ec2:Vpc": "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"}},
		{"ec2:AuthorizeSecurityGroupIngress", rules, map[string]string{"aws:RequestTag/sluice:stage": "test", "aws:TagKeys": "sluice:stage"}},
		{"ec2:CreateTags", rules, map[string]string{"aws:RequestTag/sluice:stage": "test", "ec2:CreateAction": "AuthorizeSecurityGroupIngress"}},
		{"ec2:DeleteTags", strings.Replace(rules, "*", id, 1), map[string]string{"aws:ResourceTag/sluice:stage": "test", "aws:TagKeys": "none"}},
		{"ec2:RevokeSecurityGroupIngress", group, map[string]string{"ec2:ResourceTag/sluice:ingress": "allow"}},
	} {
		if i >= len(w.policy.asked) {
			t.Fatalf("only %d questions", i)
		}
		got := w.policy.asked[i]
		if got.Action != want.action || got.Resource != want.resource {
			t.Errorf("question %d is about %s on %s; want %s on %s", i+1, got.Action, got.Resource, want.action, want.resource)
		}
		for key, value := range want.keys {
			if have := got.Context[key]; len(have) != 1 || have[0] != value {
				t.Errorf("question %d has %s = %q; want %q", i+1, key, have, value)
			}
		}
	}

	w.policy.deny = []string{"ec2:AuthorizeSecurityGroupIngress " + group}
	_, err = w.authorize(t)
	coded(t, err, "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ec2:AuthorizeSecurityGroupIngress on resource: "+group)
	w.policy.deny = []string{"ec2:CreateTags " + rules}
	_, err = w.authorize(t, types.Tag{Key: new("a"), Value: new("b")})
	coded(t, err, "UnauthorizedOperation", "ec2:CreateTags")
	if left := w.service.Rules("sg-source"); len(left) != 0 {
		t.Errorf("refused calls left %v", left)
	}
}

func TestReachable(t *testing.T) {
	s := ec2.New()
	for _, g := range []ec2.Group{
		{ID: "sg-closed", VPC: "vpc-1"},
		{ID: "sg-open", VPC: "vpc-1", Rules: []ec2.Rule{{Protocol: "tcp", From: 5000, To: 6000, CIDR: "0.0.0.0/0"}}},
		{ID: "sg-private", VPC: "vpc-1", Rules: []ec2.Rule{{Protocol: "tcp", From: 0, To: 65535, CIDR: "10.0.0.0/8"}}},
		{ID: "sg-all", VPC: "vpc-1", Rules: []ec2.Rule{{Protocol: "-1", From: -1, To: -1, Source: "sg-c"}}},
		{ID: "sg-udp", VPC: "vpc-1", Rules: []ec2.Rule{{Protocol: "udp", From: 0, To: 65535, Source: "sg-c"}}},
	} {
		if err := s.AddGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		group string
		port  int
		want  bool
	}{
		{"sg-closed", 5432, false}, {"sg-open", 5432, true}, {"sg-open", 3306, false}, {"sg-private", 5432, false},
		{"sg-all", 5432, true}, {"sg-udp", 5432, false}, {"sg-gone", 5432, false},
	} {
		if got := s.Reachable([]string{"sg-c"}, []string{tc.group}, tc.port); got != tc.want {
			t.Errorf("%s at %d is reachable: %t; want %t", tc.group, tc.port, got, tc.want)
		}
	}
	if err := s.SetTag("sg-closed", "sluice:ingress", "allow"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTag("sg-gone", "a", "b"); err == nil {
		t.Error("a group that is not there takes a tag")
	}
}
