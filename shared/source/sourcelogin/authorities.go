package sourcelogin

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// Authorities are the system's, and those in the files *.pem of folder, which need not exist: no system knows the
// authorities of RDS. SSL_CERT_FILE names the system's, as for every Go program.
func Authorities(folder string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("look for certificate authorities in %s: %w", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read certificate authorities: %s holds no certificate; replace it by the bundle of RDS for the region, or remove it", file)
		}
	}
	return pool, nil
}
