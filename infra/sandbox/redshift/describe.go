package redshift

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A description is what DescribeClusters tells of one cluster.
// Source: Amazon Redshift API Reference, Cluster. Members that the sandbox has no meaning for are left out.
type description struct {
	ClusterIdentifier         string
	ClusterStatus             string
	ClusterAvailabilityStatus string
	ClusterNamespaceArn       string
	ClusterCreateTime         time.Time
	ClusterVersion            string
	NodeType                  string
	NumberOfNodes             int
	DBName                    string
	MasterUsername            string
	Endpoint                  *address
	Encrypted                 bool
	EnhancedVpcRouting        bool
	PubliclyAccessible        bool
	VpcId                     string
	IamRoles                  []attachedRole  `aws:"list=ClusterIamRole"`
	VpcSecurityGroups         []securityGroup `aws:"list=VpcSecurityGroup"`
	Tags                      []tag           `aws:"list=Tag"`
}

type address struct {
	Address string
	Port    int
}

type securityGroup struct {
	VpcSecurityGroupId string
	Status             string
}

type tag struct{ Key, Value string }

func (c *cluster) describe(region string) description {
	d := description{
		ClusterIdentifier:         c.Identifier,
		ClusterStatus:             c.status,
		ClusterAvailabilityStatus: c.availability(),
		ClusterNamespaceArn:       arn(region, "namespace", c.namespace),
		ClusterCreateTime:         c.created,
		ClusterVersion:            "1.0",
		NodeType:                  "ra3.large",
		NumberOfNodes:             1,
		DBName:                    c.Database,
		MasterUsername:            c.MasterUsername,
		Encrypted:                 true,
		EnhancedVpcRouting:        c.EnhancedRouting,
		VpcId:                     c.VPC,
		IamRoles:                  slices.Clone(c.roles),
		VpcSecurityGroups:         []securityGroup{},
		Tags:                      []tag{},
	}
	if c.status != "creating" {
		d.Endpoint = &address{c.Endpoint.Host(), c.Endpoint.Port()}
	}
	for _, group := range c.SecurityGroups {
		d.VpcSecurityGroups = append(d.VpcSecurityGroups, securityGroup{group, "active"})
	}
	for _, key := range slices.Sorted(maps.Keys(c.Tags)) {
		d.Tags = append(d.Tags, tag{key, c.Tags[key]})
	}
	return d
}

// Pages of lists.
// Source: Amazon Redshift API Reference, DescribeClusters (MaxRecords).
const (
	minRecords = 20
	maxRecords = 100
)

// A page is the part of a list that a request asks for.
type page struct {
	Marker     string
	MaxRecords *int
}

// limit is how many records fit.
func (p *page) limit() (int, error) {
	if p.MaxRecords == nil {
		return maxRecords, nil
	}
	if n := *p.MaxRecords; n < minRecords || n > maxRecords {
		return 0, invalid("MaxRecords is %d; it must be between %d and %d", n, minRecords, maxRecords)
	}
	return *p.MaxRecords, nil
}

type describeInput struct {
	ClusterIdentifier string
	page
	TagKeys   []string
	TagValues []string
}

func (s *Service) describeClusters(_ context.Context, call *awshttp.Call) (any, error) {
	var in describeInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	limit, err := in.limit()
	if err != nil {
		return nil, err
	}
	if in.ClusterIdentifier != "" && in.Marker != "" {
		return nil, &awshttp.Error{Code: "InvalidParameterCombination", Message: "ClusterIdentifier and Marker exclude each other"}
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift:DescribeClusters", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ClusterIdentifier != "" {
		if _, err := s.find(in.ClusterIdentifier); err != nil {
			return nil, err
		}
	}
	out := struct {
		Clusters []description `aws:"list=Cluster"`
		Marker   string        `json:",omitempty"`
	}{Clusters: []description{}}
	for _, identifier := range slices.Sorted(maps.Keys(s.clusters)) {
		c := s.clusters[identifier]
		if !in.fits(c) || identifier <= in.Marker {
			continue
		}
		if len(out.Clusters) == limit { // one more than fits: the next page begins after the last one here
			out.Marker = out.Clusters[limit-1].ClusterIdentifier
			break
		}
		out.Clusters = append(out.Clusters, c.describe(call.Region))
	}
	return out, nil
}

// fits reports whether a cluster is asked for: by its name, and by any of the tag keys or values.
func (in *describeInput) fits(c *cluster) bool {
	if in.ClusterIdentifier != "" && in.ClusterIdentifier != c.Identifier {
		return false
	}
	if len(in.TagKeys) == 0 && len(in.TagValues) == 0 {
		return true
	}
	for key, value := range c.Tags {
		if slices.Contains(in.TagKeys, key) || slices.Contains(in.TagValues, value) {
			return true
		}
	}
	return false
}
