package ec2_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/ec2"
)

const secrets, storage = "com.amazonaws.us-east-1.secretsmanager", "com.amazonaws.us-east-1.s3"

// endpoints adds some of each kind.
func (w *world) endpoints(t *testing.T, more ...ec2.Endpoint) {
	t.Helper()
	for _, e := range append([]ec2.Endpoint{
		{ID: "vpce-1", VPC: "vpc-1", Service: secrets, PrivateDNS: true, Tags: map[string]string{"team": "net"}},
		{ID: "vpce-2", VPC: "vpc-1", Service: storage, Type: "Gateway"},
		{ID: "vpce-3", VPC: "vpc-2", Service: secrets, State: ec2.Pending},
	}, more...) {
		if err := w.service.SetEndpoint(e); err != nil {
			t.Fatal(err)
		}
	}
}

func by(name string, values ...string) types.Filter { return types.Filter{Name: &name, Values: values} }

func ids(found []types.VpcEndpoint) (all []string) {
	for _, e := range found {
		all = append(all, *e.VpcEndpointId)
	}
	return all
}

func TestDescribeVpcEndpoints(t *testing.T) {
	w := newWorld(t)
	w.endpoints(t)
	for _, tc := range []struct {
		name string
		in   api.DescribeVpcEndpointsInput
		want []string
	}{
		{"all", api.DescribeVpcEndpointsInput{}, []string{"vpce-1", "vpce-2", "vpce-3"}},
		{"by ID", api.DescribeVpcEndpointsInput{VpcEndpointIds: []string{"vpce-3", "vpce-1"}}, []string{"vpce-1", "vpce-3"}},
		{"by VPC and service", api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("vpc-id", "vpc-1"), by("service-name", secrets)}}, []string{"vpce-1"}},
		{"by type", api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("vpc-endpoint-type", "Interface")}}, []string{"vpce-1", "vpce-3"}},
		{"by state", api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("vpc-endpoint-state", "pending")}}, []string{"vpce-3"}},
		{"by tag", api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("tag:team", "net")}}, []string{"vpce-1"}},
		{"of a VPC without any", api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("vpc-id", "vpc-3")}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.DescribeVpcEndpoints(t.Context(), &tc.in)
			if err != nil || !slices.Equal(ids(out.VpcEndpoints), tc.want) {
				t.Errorf("endpoints %v, %v; want %v", ids(out.VpcEndpoints), err, tc.want)
			}
		})
	}
	out, err := w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{VpcEndpointIds: []string{"vpce-1"}})
	if err != nil {
		t.Fatal(err)
	}
	e := out.VpcEndpoints[0]
	if *e.VpcId != "vpc-1" || *e.ServiceName != secrets || e.State != "available" || !*e.PrivateDnsEnabled || e.VpcEndpointType != types.VpcEndpointTypeInterface ||
		*e.OwnerId != awshttp.Account || *e.ServiceRegion != "us-east-1" || len(e.Tags) != 1 {
		t.Errorf("endpoint %+v", e)
	}
}

func TestPagesOfEndpoints(t *testing.T) {
	w := newWorld(t)
	w.endpoints(t, ec2.Endpoint{ID: "vpce-4", VPC: "vpc-1", Service: storage}, ec2.Endpoint{ID: "vpce-5", VPC: "vpc-1", Service: storage}, ec2.Endpoint{ID: "vpce-6", VPC: "vpc-1", Service: storage})
	pages := api.NewDescribeVpcEndpointsPaginator(w, &api.DescribeVpcEndpointsInput{MaxResults: aws.Int32(5)})
	got := ""
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprint(ids(page.VpcEndpoints))
	}
	if want := "[vpce-1 vpce-2 vpce-3 vpce-4 vpce-5][vpce-6]"; got != want {
		t.Errorf("pages %s; want %s", got, want)
	}
	if out, err := w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{MaxResults: aws.Int32(5000)}); err != nil || len(out.VpcEndpoints) != 6 {
		t.Errorf("a page too long: %v, %v", out, err)
	}
}

func TestDescribeVpcEndpointsRefuses(t *testing.T) {
	w := newWorld(t)
	w.endpoints(t)
	_, err := w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{VpcEndpointIds: []string{"vpce-1", "vpce-gone"}})
	coded(t, err, "InvalidVpcEndpointId.NotFound", "'vpce-gone'")
	_, err = w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{Filters: []types.Filter{by("ip-address-type", "ipv4")}})
	coded(t, err, "InvalidParameterValue", "ip-address-type")
	_, err = w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{NextToken: new("x")})
	coded(t, err, "InvalidParameterValue", "token")
	_, err = w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{DryRun: new(true)})
	coded(t, err, "DryRunOperation", "would have succeeded")
	w.policy.deny = []string{"ec2:DescribeVpcEndpoints *"}
	_, err = w.DescribeVpcEndpoints(t.Context(), &api.DescribeVpcEndpointsInput{VpcEndpointIds: []string{"vpce-gone"}})
	coded(t, err, "UnauthorizedOperation", "ec2:DescribeVpcEndpoints")
}

func TestServes(t *testing.T) {
	w := newWorld(t)
	serves := func(want bool, why string) {
		t.Helper()
		if got := w.service.Serves("vpc-1", secrets); got != want {
			t.Errorf("%s: the VPC's endpoint serves: %t", why, got)
		}
	}
	works := ec2.Endpoint{ID: "vpce-1", VPC: "vpc-1", Service: secrets, PrivateDNS: true}
	serves(false, "none")
	for why, change := range map[string]func(*ec2.Endpoint){
		"another VPC": func(e *ec2.Endpoint) { e.VPC = "vpc-2" }, "another service": func(e *ec2.Endpoint) { e.Service = storage },
		"a gateway": func(e *ec2.Endpoint) { e.Type = "Gateway" }, "being made": func(e *ec2.Endpoint) { e.State = ec2.Pending },
		"no private DNS": func(e *ec2.Endpoint) { e.PrivateDNS = false },
	} {
		other := works
		change(&other)
		w.endpointIs(t, other)
		serves(false, why)
	}
	w.endpointIs(t, works)
	serves(true, "one that works")
	if err := w.service.RemoveEndpoint("vpce-1"); err != nil {
		t.Error(err)
	}
	serves(false, "removed")
	if err := w.service.RemoveEndpoint("vpce-1"); err == nil {
		t.Error("removed twice")
	}
	if err := w.service.SetEndpoint(ec2.Endpoint{ID: "vpce-1", VPC: "vpc-1"}); err == nil {
		t.Error("an endpoint of no service")
	}
}

func (w *world) endpointIs(t *testing.T, e ec2.Endpoint) {
	t.Helper()
	if err := w.service.SetEndpoint(e); err != nil {
		t.Fatal(err)
	}
}
