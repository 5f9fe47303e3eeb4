package login

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
)

// security is how the server's certificate is verified: always against authorities, and against a name unless the target says
// that the authority is enough.
func security(t Target, roots *x509.CertPool) *tls.Config {
	c := &tls.Config{ServerName: cmp.Or(t.ServerName, t.Host), RootCAs: roots, MinVersion: tls.VersionTLS12}
	if t.AuthorityOnly {
		// crypto/tls has no switch for the name alone. VerifyConnection takes the place of what this turns off; other than
		// VerifyPeerCertificate, it is asked for every connection, resumed ones too.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyAuthority(s.PeerCertificates, roots) }
	}
	return c
}

// verifyAuthority is what crypto/tls does on its own, without the name.
func verifyAuthority(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, intermediate := range chain[1:] {
		options.Intermediates.AddCert(intermediate)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
