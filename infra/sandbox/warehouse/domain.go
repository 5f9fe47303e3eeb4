package warehouse

import (
	"fmt"
	"regexp"
	"time"
)

// A Domain is a name of the customer's own that leads to a cluster or a workgroup.
type Domain struct {
	Name        string
	Target      string // name of the cluster or the workgroup
	Certificate string // ARN
	Expires     time.Time
}

// CertificateLife is how long a certificate of AWS's certificate manager is valid.
// Source: AWS Certificate Manager User Guide, Managed certificate renewal (13 months).
const CertificateLife = 395 * 24 * time.Hour

const maxDomain = 253 // characters

// Source: Redshift Serverless API Reference, CreateCustomDomainAssociation (customDomainName, customDomainCertificateArn).
var (
	domainForm      = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$`)
	certificateForm = regexp.MustCompile(`^arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*$`)
)

// Bad says what is wrong with the domain's name or the ARN of its certificate; "" if nothing is.
func (d Domain) Bad() string {
	switch {
	case len(d.Name) > maxDomain || !domainForm.MatchString(d.Name):
		return fmt.Sprintf("%q is no domain name of at most %d characters", d.Name, maxDomain)
	case !certificateForm.MatchString(d.Certificate):
		return fmt.Sprintf("%q is no ARN of a certificate", d.Certificate)
	}
	return ""
}
