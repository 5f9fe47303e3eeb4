package rds

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Pages of descriptions.
// Source: Amazon RDS API Reference, DescribeDBInstances (MaxRecords).
const (
	minRecords = 20
	maxRecords = 100
)

// hostedZone is that of RDS's names in us-east-1. The sandbox's endpoints are in no zone, but RDS always names one.
const hostedZone = "Z2R2ITUGPM61AM"

// A description is what DescribeDBInstances tells of one instance.
// Source: Amazon RDS API Reference, DBInstance. Members that the sandbox has no meaning for are left out.
type description struct {
	DBInstanceIdentifier             string
	DBInstanceClass                  string
	Engine                           string
	EngineVersion                    string
	DBInstanceStatus                 string
	MasterUsername                   string
	DBName                           string `json:",omitempty"`
	Endpoint                         *endpoint
	InstanceCreateTime               time.Time
	VpcSecurityGroups                []securityGroup `aws:"list=VpcSecurityGroupMembership"`
	DBSubnetGroup                    *subnetGroup
	PubliclyAccessible               bool
	StorageEncrypted                 bool
	DbiResourceId                    string
	CACertificateIdentifier          string
	DBInstanceArn                    string
	IAMDatabaseAuthenticationEnabled bool
	TagList                          []tag `aws:"list=Tag"`
	MasterUserSecret                 *masterSecret
}

type endpoint struct {
	Address      string
	Port         int
	HostedZoneId string
}

type securityGroup struct{ VpcSecurityGroupId, Status string }

type subnetGroup struct{ DBSubnetGroupName, VpcId, SubnetGroupStatus string }

type masterSecret struct {
	SecretArn    string
	SecretStatus string
	KmsKeyId     string
}

type tag struct{ Key, Value string }

// managedKey is the key of Secrets Manager, under which RDS keeps passwords where no other one was chosen.
func (s *Service) managedKey() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", awshttp.Partition, s.config.Region, awshttp.Account, s.key)
}

func (s *Service) describe(i *instance) description {
	d := description{
		DBInstanceIdentifier: i.Identifier, DBInstanceClass: "db.t4g.medium", Engine: i.Engine, EngineVersion: i.Version,
		DBInstanceStatus: i.Status, MasterUsername: i.Master, DBName: i.Database, InstanceCreateTime: i.created,
		VpcSecurityGroups: []securityGroup{}, PubliclyAccessible: i.Public, StorageEncrypted: !i.Unencrypted,
		DbiResourceId: i.resource, CACertificateIdentifier: i.Authority, DBInstanceArn: s.arn("db", i.Identifier), TagList: i.tagList(),
	}
	if i.Address != "" {
		d.Endpoint = &endpoint{i.Address, i.Port, hostedZone}
	}
	for _, group := range i.SecurityGroups {
		d.VpcSecurityGroups = append(d.VpcSecurityGroups, securityGroup{group, "active"})
	}
	if i.VPC != "" {
		d.DBSubnetGroup = &subnetGroup{"default-" + i.VPC, i.VPC, "Complete"}
	}
	if i.SecretARN != "" {
		d.MasterUserSecret = &masterSecret{i.SecretARN, i.SecretStatus, s.managedKey()}
	}
	return d
}

func (i *instance) tagList() []tag {
	list := []tag{}
	for _, key := range slices.Sorted(maps.Keys(i.Tags)) {
		list = append(list, tag{key, i.Tags[key]})
	}
	return list
}

// A filter selects instances; values of one filter are alternatives.
type filter struct {
	Name   string   `aws:"required"`
	Values []string `aws:"required"`
}

// check refuses filters that the sandbox does not have.
func check(filters []filter, known ...string) error {
	for _, f := range filters {
		if !slices.Contains(known, f.Name) {
			return refusal("InvalidParameterValue", "Unrecognized filter name: %s", f.Name)
		}
	}
	return nil
}

func (s *Service) fits(i *instance, filters []filter) bool {
	for _, f := range filters {
		have := map[string][]string{
			"db-instance-id":  {i.Identifier, s.arn("db", i.Identifier)},
			"dbi-resource-id": {i.resource},
			"engine":          {i.Engine},
		}[f.Name]
		if !slices.ContainsFunc(f.Values, func(want string) bool { return slices.Contains(have, want) }) {
			return false
		}
	}
	return true
}

// limit is the size of a page.
func limit(max *int) (int, error) {
	if max == nil {
		return maxRecords, nil
	}
	if *max < minRecords || *max > maxRecords {
		return 0, refusal("InvalidParameterValue", "Invalid value %d for MaxRecords. Must be between %d and %d", *max, minRecords, maxRecords)
	}
	return *max, nil
}

func (s *Service) describeInstances(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		DBInstanceIdentifier string
		Filters              []filter
		Marker               string
		MaxRecords           *int
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	size, err := limit(in.MaxRecords)
	if err != nil {
		return nil, err
	}
	if err := check(in.Filters, "db-instance-id", "dbi-resource-id", "engine"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// An ARN is an identifier here too.
	identifier := strings.ToLower(strings.TrimPrefix(in.DBInstanceIdentifier, s.arn("db", "")))
	if err := s.ask(call, "DescribeDBInstances", "db", identifier, nil); err != nil {
		return nil, err
	}
	if identifier != "" && s.instances[identifier] == nil {
		return nil, noInstance(identifier)
	}
	out := struct {
		DBInstances []description `aws:"list=DBInstance"`
		Marker      string        `json:",omitempty"`
	}{DBInstances: []description{}}
	for _, name := range slices.Sorted(maps.Keys(s.instances)) {
		i := s.instances[name]
		if identifier != "" && name != identifier || name <= in.Marker || !s.fits(i, in.Filters) {
			continue
		}
		if len(out.DBInstances) == size { // one more than fits: the next page begins after the last one here
			out.Marker = out.DBInstances[size-1].DBInstanceIdentifier
			break
		}
		out.DBInstances = append(out.DBInstances, s.describe(i))
	}
	return out, nil
}

func noInstance(identifier string) error {
	return &awshttp.Error{Status: 404, Code: "DBInstanceNotFound", Message: "DBInstance " + identifier + " not found."}
}

func (s *Service) describeClusters(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		DBClusterIdentifier string
		Filters             []filter
		Marker              string
		MaxRecords          *int
		IncludeShared       bool
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := limit(in.MaxRecords); err != nil {
		return nil, err
	}
	if err := check(in.Filters, "db-cluster-id", "db-cluster-resource-id", "engine"); err != nil {
		return nil, err
	}
	if err := s.ask(call, "DescribeDBClusters", "cluster", in.DBClusterIdentifier, nil); err != nil {
		return nil, err
	}
	if in.DBClusterIdentifier != "" {
		return nil, &awshttp.Error{Status: 404, Code: "DBClusterNotFoundFault", Message: "DBCluster " + in.DBClusterIdentifier + " not found."}
	}
	return struct {
		DBClusters []struct{} `aws:"list=DBCluster"`
	}{[]struct{}{}}, nil
}
