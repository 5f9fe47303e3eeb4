package redshift_test

import (
	"errors"
	"strings"
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"github.com/sluicehq/sluice/infra/sandbox/redshift"
)

const (
	domain      = "dw.example.com"
	certificate = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
	clusterARN  = "arn:aws:redshift:us-east-1:111122223333:cluster:examplecluster"
)

func (w *world) associate(t *testing.T, domain, certificate, cluster string) error {
	t.Helper()
	out, err := w.CreateCustomDomainAssociation(t.Context(), &api.CreateCustomDomainAssociationInput{
		CustomDomainName: &domain, CustomDomainCertificateArn: &certificate, ClusterIdentifier: &cluster})
	if err == nil && (*out.CustomDomainName != domain || *out.ClusterIdentifier != cluster || *out.CustomDomainCertificateArn != certificate || *out.CustomDomainCertExpiryTime == "") {
		t.Errorf("CreateCustomDomainAssociation() = %+v", out)
	}
	return err
}

func TestCustomDomainAssociations(t *testing.T) {
	w := newWorld(t)
	describe := func(in api.DescribeCustomDomainAssociationsInput) (*api.DescribeCustomDomainAssociationsOutput, error) {
		return w.DescribeCustomDomainAssociations(t.Context(), &in)
	}
	remove := func(domain, cluster string) error {
		_, err := w.DeleteCustomDomainAssociation(t.Context(), &api.DeleteCustomDomainAssociationInput{CustomDomainName: &domain, ClusterIdentifier: &cluster})
		return err
	}
	if out, err := describe(api.DescribeCustomDomainAssociationsInput{}); err != nil || len(out.Associations) > 0 {
		t.Errorf("without any: %+v, %v", out, err)
	}
	for _, name := range []string{domain, "dw2.example.com"} {
		if err := w.associate(t, name, certificate, identifier); err != nil {
			t.Fatal(err)
		}
	}
	out, err := describe(api.DescribeCustomDomainAssociationsInput{})
	if err != nil || len(out.Associations) != 1 || len(out.Associations[0].CertificateAssociations) != 2 || !out.Associations[0].CustomDomainCertificateExpiryDate.After(w.clock.Now()) {
		t.Errorf("all: %+v, %v; want two with one certificate", out, err)
	}
	out, err = describe(api.DescribeCustomDomainAssociationsInput{CustomDomainName: new(strings.ToUpper(domain))})
	if err != nil || len(out.Associations) != 1 || len(out.Associations[0].CertificateAssociations) != 1 {
		t.Fatalf("one: %+v, %v", out, err)
	}
	if one := out.Associations[0]; *one.CertificateAssociations[0].CustomDomainName != domain || *one.CertificateAssociations[0].ClusterIdentifier != identifier || *one.CustomDomainCertificateArn != certificate {
		t.Errorf("one: %+v", one)
	}
	_, err = describe(api.DescribeCustomDomainAssociationsInput{CustomDomainName: new("other.example.com")})
	if _, ok := errors.AsType[*types.CustomDomainAssociationNotFoundFault](err); !ok {
		t.Errorf("a domain that is not there: %v", err)
	}
	_, err = describe(api.DescribeCustomDomainAssociationsInput{CustomDomainCertificateArn: new(clusterARN)})
	coded(t, err, "CustomDomainAssociationNotFoundFault", clusterARN)
	_, err = describe(api.DescribeCustomDomainAssociationsInput{MaxRecords: new(int32(19))})
	coded(t, err, "InvalidParameterValue", "MaxRecords")

	coded(t, remove("other.example.com", identifier), "CustomDomainAssociationNotFoundFault", "other.example.com")
	coded(t, remove(domain, "missing"), "ClusterNotFound", "missing")
	if err := remove(domain, identifier); err != nil {
		t.Fatal(err)
	}
	coded(t, remove(domain, identifier), "CustomDomainAssociationNotFoundFault", domain)

	w.policy.deny = []string{"redshift:DescribeCustomDomainAssociations *", "redshift:CreateCustomDomainAssociation " + clusterARN, "redshift:DeleteCustomDomainAssociation " + clusterARN}
	_, err = describe(api.DescribeCustomDomainAssociationsInput{})
	coded(t, err, "AccessDenied", "DescribeCustomDomainAssociations")
	coded(t, w.associate(t, domain, certificate, identifier), "AccessDenied", "CreateCustomDomainAssociation")
	coded(t, remove(domain, identifier), "AccessDenied", "DeleteCustomDomainAssociation")
}

func TestCustomDomainAssociationsAreRefused(t *testing.T) {
	w := newWorld(t)
	w.add(t, redshift.Cluster{Identifier: "another"})
	if err := w.associate(t, domain, certificate, identifier); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, domain, certificate, cluster, code, text string }{
		{"domain is taken", domain, certificate, "another", "CustomCnameAssociationFault", domain},
		{"no such cluster", "two.example.com", certificate, "missing", "ClusterNotFound", "missing"},
		{"one label", "localhost", certificate, identifier, "InvalidParameterValue", "localhost"},
		{"254 characters", strings.Repeat("a.", 125) + "abcd", certificate, identifier, "InvalidParameterValue", "253"},
		{"a wildcard", "*.example.com", certificate, identifier, "InvalidParameterValue", "example.com"},
		{"no certificate", "two.example.com", clusterARN, identifier, "InvalidParameterValue", "certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) { coded(t, w.associate(t, tc.domain, tc.certificate, tc.cluster), tc.code, tc.text) })
	}
}

func TestAssociationsComeInPages(t *testing.T) {
	w := newWorld(t)
	for i := range 21 {
		name := strings.Repeat("x", i+1)
		if err := w.associate(t, name+".example.com", certificate+"/"+name, identifier); err != nil {
			t.Fatal(err)
		}
	}
	pages := api.NewDescribeCustomDomainAssociationsPaginator(w, &api.DescribeCustomDomainAssociationsInput{MaxRecords: new(int32(20))})
	var sizes []int
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Associations))
	}
	if len(sizes) != 2 || sizes[0] != 20 || sizes[1] != 1 {
		t.Errorf("pages of %v; want 20 and 1", sizes)
	}
}

// Both APIs take a domain for the cluster that it leads to, and ask the policies about that cluster.
func TestCredentialsByCustomDomain(t *testing.T) {
	w := newWorld(t)
	w.add(t, redshift.Cluster{Identifier: "another"})
	for _, d := range []struct{ cluster, domain string }{{identifier, domain}, {identifier, "localhost"}, {"another", "other.example.com"}} {
		if err := w.service.AddCustomDomain(d.cluster, d.domain); err != nil {
			t.Fatal(err)
		}
	}
	const arn = "arn:aws:redshift:us-east-1:111122223333:"
	for _, tc := range []struct {
		name            string
		domain, cluster *string
		asked           string // the cluster of the questions
		code, text      string // of the refusal; empty is none
	}{
		{"by domain", new(strings.ToUpper(domain)), nil, identifier, "", ""},
		{"by localhost", new("localhost"), nil, identifier, "", ""},
		{"by domain and cluster", new(domain), new(identifier), identifier, "", ""},
		{"domain of another cluster", new("other.example.com"), new(identifier), identifier, "InvalidParameterValue", "does not lead"},
		{"unknown domain", new("no.example.com"), nil, "*", "CustomDomainAssociationNotFoundFault", "no.example.com"},
		{"unknown domain and cluster", new("no.example.com"), new(identifier), identifier, "CustomDomainAssociationNotFoundFault", "no.example.com"},
	} {
		for _, call := range []struct {
			name, action, resource string
			do                     func() (password *string, err error)
		}{
			{"for a user", "redshift:GetClusterCredentials", arn + "dbuser:" + tc.asked + "/postgres_probe", func() (*string, error) {
				out, err := w.GetClusterCredentials(t.Context(), &api.GetClusterCredentialsInput{CustomDomainName: tc.domain, ClusterIdentifier: tc.cluster, DbUser: new("postgres_probe")})
				if err != nil {
					return nil, err
				}
				return out.DbPassword, nil
			}},
			{"for the caller", "redshift:GetClusterCredentialsWithIAM", arn + "dbname:" + tc.asked + "/*", func() (*string, error) {
				out, err := w.GetClusterCredentialsWithIAM(t.Context(), &api.GetClusterCredentialsWithIAMInput{CustomDomainName: tc.domain, ClusterIdentifier: tc.cluster})
				if err != nil {
					return nil, err
				}
				return out.DbPassword, nil
			}},
		} {
			t.Run(tc.name+" "+call.name, func(t *testing.T) {
				w.policy.deny, w.policy.asked = nil, nil
				password, err := call.do()
				if tc.code != "" {
					coded(t, err, tc.code, tc.text)
				} else if err != nil || *password == "" {
					t.Fatalf("no password: %v", err)
				}
				if len(w.policy.asked) != 1 || w.policy.asked[0].Resource != call.resource {
					t.Errorf("asked %+v; want one question, on %s", w.policy.asked, call.resource)
				}
				w.policy.deny = []string{call.action + " " + call.resource}
				_, err = call.do()
				coded(t, err, "AccessDenied", call.action)
			})
		}
	}
}

func TestDomainsOfClustersThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	if err := w.service.AddCustomDomain("missing", domain); err == nil || !strings.Contains(err.Error(), "Cluster missing not found") {
		t.Errorf("AddCustomDomain() = %v", err)
	}
	if err := w.service.AddCustomDomain(identifier, domain); err != nil {
		t.Fatal(err)
	}
	removed, _ := w.service.RemoveCluster(identifier)
	if err := w.service.AddCluster(removed); err != nil {
		t.Fatal(err)
	}
	_, err := w.DescribeCustomDomainAssociations(t.Context(), &api.DescribeCustomDomainAssociationsInput{CustomDomainName: new(domain)})
	coded(t, err, "CustomDomainAssociationNotFoundFault", domain) // it went with the cluster
}
