package redshiftserverless_test

import (
	"errors"
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/redshiftserverless"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftserverless"
)

func TestCustomDomainAssociation(t *testing.T) {
	w := newWorld(t)
	create := func(domain, arn, workgroup string) (*api.CreateCustomDomainAssociationOutput, error) {
		return w.CreateCustomDomainAssociation(t.Context(), &api.CreateCustomDomainAssociationInput{
			CustomDomainName: &domain, CustomDomainCertificateArn: &arn, WorkgroupName: &workgroup})
	}
	get := func(domain, workgroup string) (*api.GetCustomDomainAssociationOutput, error) {
		return w.GetCustomDomainAssociation(t.Context(), &api.GetCustomDomainAssociationInput{CustomDomainName: &domain, WorkgroupName: &workgroup})
	}
	_, err := get(domain, name)
	coded(t, err, "ResourceNotFoundException", domain)
	made, err := create(domain, certificate, name)
	if err != nil {
		t.Fatal(err)
	}
	told, err := get(domain, name)
	if err != nil {
		t.Fatal(err)
	}
	if *made.CustomDomainName != domain || *told.CustomDomainName != domain || *told.WorkgroupName != name || *told.CustomDomainCertificateArn != certificate ||
		!told.CustomDomainCertificateExpiryTime.After(w.clock.Now()) {
		t.Errorf("made %+v, told %+v", made, told)
	}
	out, err := w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new(name)})
	if err != nil || out.Workgroup.CustomDomainName == nil || *out.Workgroup.CustomDomainName != domain {
		t.Errorf("GetWorkgroup() = %+v, %v; want the domain in it", out, err)
	}

	w.add(t, "another")
	_, err = create(domain, certificate, "another")
	coded(t, err, "ConflictException", domain)
	_, err = get(domain, "another")
	coded(t, err, "ResourceNotFoundException", domain)
	_, err = create("localhost", certificate, name)
	coded(t, err, "ValidationException", "localhost")
	_, err = create("two.example.com", "arn:aws:iam::111122223333:role/x", name)
	coded(t, err, "ValidationException", "certificate")
	_, err = create("two.example.com", certificate, "missing")
	coded(t, err, "ResourceNotFoundException", "missing")
	w.policy.deny = []string{"redshift-serverless:CreateCustomDomainAssociation " + w.arn, "redshift-serverless:GetCustomDomainAssociation " + w.arn}
	_, err = create("two.example.com", certificate, name)
	coded(t, err, "AccessDeniedException", "CreateCustomDomainAssociation")
	_, err = get(domain, name)
	coded(t, err, "AccessDeniedException", "GetCustomDomainAssociation")
}

func TestAddCustomDomain(t *testing.T) {
	w := newWorld(t)
	if err := w.service.AddCustomDomain("missing", domain); !errors.Is(err, redshiftserverless.ErrWorkgroupNotFound) {
		t.Errorf("of a workgroup that is not there: %v", err)
	}
	for _, name := range []string{domain, "localhost"} {
		if err := w.service.AddCustomDomain("exampleworkgroup", name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.service.AddCustomDomain(name, domain); err == nil {
		t.Error("it was added twice")
	}
}
