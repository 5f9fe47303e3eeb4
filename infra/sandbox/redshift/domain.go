package redshift

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// AddCustomDomain lets a domain name lead to a cluster, at once. It takes any name, also one that AWS would not, such as
// localhost. Nothing in the sandbox resolves it: clients connect to localhost and expect it in the endpoint's certificate.
func (s *Service) AddCustomDomain(cluster, name string) error {
	certificate := fmt.Sprintf("arn:%s:acm:%s:%s:certificate/%s", awshttp.Partition, awshttp.DefaultRegion, awshttp.Account, cluster)
	if _, err := s.associate(warehouse.Domain{Name: name, Target: cluster, Certificate: certificate}); err != nil {
		return fmt.Errorf("add domain %s of cluster %s: %w", name, cluster, err)
	}
	return nil
}

// associate adds a domain of a cluster.
func (s *Service) associate(d warehouse.Domain) (warehouse.Domain, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(d.Target); err != nil {
		return d, err
	}
	key := strings.ToLower(d.Name)
	if _, taken := s.domains[key]; taken {
		return d, &awshttp.Error{Code: "CustomCnameAssociationFault", Message: "Custom domain " + d.Name + " is associated already."}
	}
	d.Name, d.Expires = key, s.clock.Now().Add(warehouse.CertificateLife)
	s.domains[key] = d
	return d, nil
}

// locate puts the cluster that a domain leads to into the request. The error is for after the question to the policies,
// which is about all clusters where the domain is unknown.
func (s *Service) locate(in *scope) error {
	if in.CustomDomainName == "" {
		return nil
	}
	s.mu.Lock()
	d, known := s.domains[strings.ToLower(in.CustomDomainName)]
	s.mu.Unlock()
	switch {
	case in.ClusterIdentifier == "":
		in.ClusterIdentifier = cmp.Or(d.Target, "*")
	case known && d.Target != in.ClusterIdentifier:
		return invalid("CustomDomainName %s does not lead to cluster %s", in.CustomDomainName, in.ClusterIdentifier)
	}
	if !known {
		return noSuchDomain(in.CustomDomainName)
	}
	return nil
}

func noSuchDomain(name string) error {
	return &awshttp.Error{Status: 404, Code: "CustomDomainAssociationNotFoundFault", Message: "Custom domain association " + name + " not found."}
}

func (s *Service) createCustomDomainAssociation(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		CustomDomainName           string `aws:"required"`
		CustomDomainCertificateArn string `aws:"required"`
		ClusterIdentifier          string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	d := warehouse.Domain{Name: in.CustomDomainName, Target: in.ClusterIdentifier, Certificate: in.CustomDomainCertificateArn}
	if problem := d.Bad(); problem != "" {
		return nil, invalid("%s", problem)
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift:" + call.Operation, Resource: arn(call.Region, "cluster", d.Target)}); err != nil {
		return nil, err
	}
	d, err := s.associate(d)
	if err != nil {
		return nil, err
	}
	return struct {
		CustomDomainName, CustomDomainCertificateArn, ClusterIdentifier string
		CustomDomainCertExpiryTime                                      time.Time
	}{d.Name, d.Certificate, d.Target, d.Expires}, nil
}

func (s *Service) deleteCustomDomainAssociation(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		CustomDomainName  string `aws:"required"`
		ClusterIdentifier string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift:" + call.Operation, Resource: arn(call.Region, "cluster", in.ClusterIdentifier)}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(in.ClusterIdentifier); err != nil {
		return nil, err
	}
	key := strings.ToLower(in.CustomDomainName)
	if d, known := s.domains[key]; !known || d.Target != in.ClusterIdentifier {
		return nil, noSuchDomain(in.CustomDomainName)
	}
	delete(s.domains, key)
	return nil, nil
}

// A domainAssociation is a certificate with the domains that have it.
// Source: Amazon Redshift API Reference, Association.
type domainAssociation struct {
	CustomDomainCertificateArn        string
	CustomDomainCertificateExpiryDate time.Time
	CertificateAssociations           []certificateAssociation `aws:"list=CertificateAssociation"`
}

type certificateAssociation struct{ CustomDomainName, ClusterIdentifier string }

type describeDomainsInput struct {
	CustomDomainName           string
	CustomDomainCertificateArn string
	page
}

func (s *Service) describeCustomDomainAssociations(_ context.Context, call *awshttp.Call) (any, error) {
	var in describeDomainsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	limit, err := in.limit()
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift:" + call.Operation, Resource: "*"}); err != nil {
		return nil, err
	}
	found := s.associations(in)
	if asked := cmp.Or(in.CustomDomainName, in.CustomDomainCertificateArn); len(found) == 0 && asked != "" {
		return nil, noSuchDomain(asked)
	}
	out := struct {
		Associations []domainAssociation `aws:"list=Association"`
		Marker       string              `json:",omitempty"`
	}{Associations: []domainAssociation{}}
	for _, certificate := range slices.Sorted(maps.Keys(found)) {
		if certificate <= in.Marker {
			continue
		}
		if len(out.Associations) == limit {
			out.Marker = out.Associations[limit-1].CustomDomainCertificateArn
			break
		}
		out.Associations = append(out.Associations, found[certificate])
	}
	return out, nil
}

// associations are the domains that are asked for, by their certificates.
func (s *Service) associations(in describeDomainsInput) map[string]domainAssociation {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]domainAssociation{}
	for _, name := range slices.Sorted(maps.Keys(s.domains)) {
		d := s.domains[name]
		if in.CustomDomainName != "" && !strings.EqualFold(in.CustomDomainName, name) ||
			in.CustomDomainCertificateArn != "" && in.CustomDomainCertificateArn != d.Certificate {
			continue
		}
		a, ok := found[d.Certificate]
		if !ok {
			a = domainAssociation{CustomDomainCertificateArn: d.Certificate, CustomDomainCertificateExpiryDate: d.Expires}
		}
		a.CertificateAssociations = append(a.CertificateAssociations, certificateAssociation{d.Name, d.Target})
		found[d.Certificate] = a
	}
	return found
}
