package login

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
)

// amazonRoots are the public authorities of Amazon Trust Services, for machines whose own set is old, cut down or not there at all.
//
//go:embed amazon-roots.pem
var amazonRoots []byte

// trusted is what [Roots] copies. It is read at the first login and not when the program starts.
var trusted = sync.OnceValues(func() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any: Amazon's alone
	}
	if !pool.AppendCertsFromPEM(amazonRoots) {
		return nil, errors.New("the roots that come with the program cannot be read")
	}
	return pool, nil
})

// Roots are the authorities that a login trusts unless its target names others: this machine's, and Amazon's.
// The certificates of Redshift come from Amazon Trust Services, see
// https://docs.aws.amazon.com/redshift/latest/mgmt/connecting-ssl-support.html
func Roots() (*x509.CertPool, error) {
	pool, err := trusted()
	if err != nil {
		return nil, err
	}
	return pool.Clone(), nil
}

// RootsFrom reads the authorities in the text of a file in the form PEM.
//
// Errors: a text without a certificate, and one with a certificate that cannot be read.
func RootsFrom(text []byte) (*x509.CertPool, error) {
	pool, some := x509.NewCertPool(), false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("one of its certificates is broken: %w", err)
		}
		pool.AddCert(certificate)
		some = true
	}
	if !some {
		return nil, errors.New("it holds no certificate")
	}
	return pool, nil
}
