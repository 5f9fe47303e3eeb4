package logintest

import "encoding/pem"

// PEM is the authority's certificate as files hold it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}
