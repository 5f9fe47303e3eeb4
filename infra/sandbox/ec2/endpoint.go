package ec2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// An Endpoint is a way from a VPC to a service that does not lead through the internet.
type Endpoint struct {
	ID         string // vpce-…
	VPC        string
	Service    string // com.amazonaws.REGION.NAME
	Type       string // empty is Interface
	State      string // empty is available
	PrivateDNS bool   // the service's own name leads to it
	Tags       map[string]string
}

// What endpoints are, as the wire writes it.
// Source: Amazon EC2 API Reference, DescribeVpcEndpoints (example response, and values of its filters).
const (
	Interface = "Interface"
	Available = "available"
	Pending   = "pending"
)

// SetEndpoint adds an endpoint, or changes the one with its ID.
func (s *Service) SetEndpoint(e Endpoint) error {
	if e.ID == "" || e.VPC == "" || e.Service == "" {
		return errors.New("set endpoint: it needs an ID, a VPC and a service")
	}
	if e.Type == "" {
		e.Type = Interface
	}
	if e.State == "" {
		e.State = Available
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Tags = maps.Clone(e.Tags)
	s.endpoints[e.ID] = e
	return nil
}

// RemoveEndpoint removes an endpoint at once.
func (s *Service) RemoveEndpoint(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.endpoints[id]; !ok {
		return fmt.Errorf("remove endpoint %s: there is none of that name", id)
	}
	delete(s.endpoints, id)
	return nil
}

// Serves reports whether the name of a service leads to an endpoint in a VPC that works.
func (s *Service) Serves(vpc, service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.endpoints {
		if e.VPC == vpc && e.Service == service && e.Type == Interface && e.State == Available && e.PrivateDNS {
			return true
		}
	}
	return false
}

// Source: Amazon EC2 API Reference, VpcEndpoint. Members that the sandbox has no meaning for are left out.
type endpointDescription struct {
	ID         string `json:"vpcEndpointId"`
	Type       string `json:"vpcEndpointType"`
	VPC        string `json:"vpcId"`
	Service    string `json:"serviceName"`
	Region     string `json:"serviceRegion"`
	State      string `json:"state"`
	PrivateDNS bool   `json:"privateDnsEnabled"`
	Owner      string `json:"ownerId"`
	Tags       []tag  `json:"tagSet"`
}

func (s *Service) describeEndpoints(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		dryRun
		IDs        []string `json:"VpcEndpointId"`
		Filters    []filter `json:"Filter"`
		MaxResults *int
		NextToken  string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := check(in.Filters, "vpc-id", "service-name", "vpc-endpoint-id", "vpc-endpoint-state", "vpc-endpoint-type"); err != nil {
		return nil, err
	}
	if err := ask(call, "DescribeVpcEndpoints", "*"); err != nil {
		return nil, err
	}
	if err := in.answer(); err != nil {
		return nil, err
	}
	if in.MaxResults != nil && *in.MaxResults > maxResults { // which is not refused here
		in.MaxResults = new(maxResults)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range in.IDs {
		if _, ok := s.endpoints[id]; !ok {
			return nil, refusal("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", id)
		}
	}
	found := []endpointDescription{}
	for _, id := range slices.Sorted(maps.Keys(s.endpoints)) {
		e := s.endpoints[id]
		value := func(name string) string {
			return map[string]string{"vpc-id": e.VPC, "service-name": e.Service, "vpc-endpoint-id": e.ID, "vpc-endpoint-state": e.State, "vpc-endpoint-type": e.Type}[name]
		}
		if (len(in.IDs) == 0 || slices.Contains(in.IDs, id)) && fits(in.Filters, e.Tags, value) {
			found = append(found, endpointDescription{e.ID, e.Type, e.VPC, e.Service, call.Region, e.State, e.PrivateDNS, awshttp.Account, tagSet(e.Tags)})
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken)
	return struct {
		Endpoints []endpointDescription `json:"vpcEndpointSet"`
		Next      *string               `json:"nextToken"`
	}{found, next}, err
}
