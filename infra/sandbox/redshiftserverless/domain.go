package redshiftserverless

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// AddCustomDomain lets a domain name lead to a workgroup, at once. It takes any name, also one that AWS would not, such as
// localhost. Nothing in the sandbox resolves it: clients connect to localhost and expect it in the endpoint's certificate.
func (s *Service) AddCustomDomain(workgroup, name string) error {
	certificate := fmt.Sprintf("arn:%s:acm:%s:%s:certificate/%s", awshttp.Partition, awshttp.DefaultRegion, awshttp.Account, workgroup)
	if _, err := s.associate(warehouse.Domain{Name: name, Target: workgroup, Certificate: certificate}); err != nil {
		return fmt.Errorf("add domain %s of workgroup %s: %w", name, workgroup, err)
	}
	return nil
}

// associate adds a domain of a workgroup.
func (s *Service) associate(d warehouse.Domain) (warehouse.Domain, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workgroups[d.Target] == nil {
		return d, ErrWorkgroupNotFound
	}
	key := strings.ToLower(d.Name)
	if _, taken := s.domains[key]; taken {
		return d, &awshttp.Error{Code: "ConflictException", Message: "Custom domain " + d.Name + " is associated already."}
	}
	d.Name, d.Expires = key, s.clock.Now().Add(warehouse.CertificateLife)
	s.domains[key] = d
	return d, nil
}

func (s *Service) domain(name string) (d warehouse.Domain, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok = s.domains[strings.ToLower(name)]
	return d, ok
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*awshttp.Error](err)
	return ok && e.Code == "ResourceNotFoundException"
}

type association struct {
	CustomDomainName                  string    `json:"customDomainName"`
	WorkgroupName                     string    `json:"workgroupName"`
	CustomDomainCertificateArn        string    `json:"customDomainCertificateArn"`
	CustomDomainCertificateExpiryTime time.Time `json:"customDomainCertificateExpiryTime" aws:"date-time"`
}

func (s *Service) createCustomDomainAssociation(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		CustomDomainName           string `json:"customDomainName" aws:"required"`
		CustomDomainCertificateArn string `json:"customDomainCertificateArn" aws:"required"`
		WorkgroupName              string `json:"workgroupName" aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	w, err := s.reach(call, in.WorkgroupName)
	if err != nil {
		return nil, err
	}
	d := warehouse.Domain{Name: in.CustomDomainName, Target: w.Name, Certificate: in.CustomDomainCertificateArn}
	if problem := d.Bad(); problem != "" {
		return nil, invalid("%s", problem)
	}
	d, err = s.associate(d)
	if err != nil {
		return nil, err
	}
	return association{d.Name, d.Target, d.Certificate, d.Expires}, nil
}

func (s *Service) getCustomDomainAssociation(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		CustomDomainName string `json:"customDomainName" aws:"required"`
		WorkgroupName    string `json:"workgroupName" aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	w, err := s.reach(call, in.WorkgroupName)
	if err != nil {
		return nil, err
	}
	d, ok := s.domain(in.CustomDomainName)
	if !ok || d.Target != w.Name {
		return nil, missing(in.CustomDomainName, "Custom domain %s is not associated with workgroup %s.", in.CustomDomainName, w.Name)
	}
	return association{d.Name, d.Target, d.Certificate, d.Expires}, nil
}
