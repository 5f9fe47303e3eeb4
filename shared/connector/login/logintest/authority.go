package logintest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// An Authority issues certificates that nobody else trusts.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	chain       [][]byte // what its servers show beside their own certificate
}

// NewAuthority makes an authority with a name and a key of its own.
func NewAuthority(name string) *Authority {
	return issueAuthority(name, nil)
}

// Under makes an authority whose certificate a issues: an intermediate, which servers show beside their own.
func (a *Authority) Under(name string) *Authority { return issueAuthority(name, a) }

// issueAuthority makes an authority under another one; nil makes a root.
func issueAuthority(name string, above *Authority) *Authority {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	if above == nil {
		der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
		return &Authority{certificate: must(x509.ParseCertificate(der)), key: key}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, above.certificate, &key.PublicKey, above.key))
	return &Authority{must(x509.ParseCertificate(der)), key, append([][]byte{der}, above.chain...)}
}

// Pool trusts the authority and no other.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Issue makes the certificate of a server with that name, valid from now-before until now+after. It is for servers, or
// for what the usages say instead.
func (a *Authority) Issue(name string, before, after time.Duration, usages ...x509.ExtKeyUsage) *tls.Config {
	if len(usages) == 0 {
		usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-before), NotAfter: time.Now().Add(after),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usages,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: append([][]byte{der}, a.chain...), PrivateKey: key}}}
}

// day is far enough from now that no test is at the edge.
const day = 24 * time.Hour

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("logintest: %v", err)) // the machine has no randomness, or this package is wrong
	}
	return v
}
