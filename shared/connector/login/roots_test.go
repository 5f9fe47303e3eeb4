package login

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

// The roots that come with the program are those of Amazon Trust Services and no others. The SHA-256 of each public key is the one
// that https://www.amazontrust.com/repository/ shows; the fingerprint of the certificate is computed.
func TestAmazonRoots(t *testing.T) {
	want := map[string]struct{ key, certificate string }{
		"Amazon Root CA 1": {"fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2", "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"},
		"Amazon Root CA 2": {"7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461", "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4"},
		"Amazon Root CA 3": {"36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9", "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4"},
		"Amazon Root CA 4": {"f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5", "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092"},
		"Starfield Services Root Certificate Authority - G2": {"2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92", "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5"},
	}
	rest, found := amazonRoots, 0
	for block, left := pem.Decode(rest); block != nil; block, left = pem.Decode(left) {
		rest = left
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		name := c.Subject.CommonName
		key, whole := sha256.Sum256(c.RawSubjectPublicKeyInfo), sha256.Sum256(c.Raw)
		if w, ok := want[name]; !ok || hex.EncodeToString(key[:]) != w.key || hex.EncodeToString(whole[:]) != w.certificate {
			t.Errorf("%s is another certificate than Amazon's: key %x, certificate %x", name, key, whole)
		}
		if !c.IsCA || c.CheckSignatureFrom(c) != nil {
			t.Errorf("%s is no root", name)
		}
		if now := time.Now(); now.Before(c.NotBefore) || now.After(c.NotAfter) {
			t.Errorf("%s is valid from %s to %s", name, c.NotBefore, c.NotAfter)
		}
		found++
	}
	if found != len(want) || strings.TrimSpace(string(rest)) != "" {
		t.Errorf("%d roots, want %d; %d bytes more", found, len(want), len(rest))
	}
}

// The roots are the system's and Amazon's, and whoever gets them can change no one else's.
func TestRoots(t *testing.T) {
	first, err := Roots()
	if err != nil {
		t.Fatal(err)
	}
	amazon := x509.NewCertPool()
	amazon.AppendCertsFromPEM(amazonRoots)
	first.AddCert(&x509.Certificate{Raw: []byte("a stranger"), RawSubject: []byte("a stranger")})
	if second, err := Roots(); err != nil || second.Equal(first) {
		t.Errorf("what one caller adds the next one trusts; %v", err)
	}
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Skip("this machine has no authorities of its own:", err)
	}
	system.AppendCertsFromPEM(amazonRoots)
	if all, err := Roots(); err != nil || !all.Equal(system) {
		t.Errorf("the roots are others than the system's and Amazon's; %v", err)
	}
}

func TestRootsFrom(t *testing.T) {
	amazon := string(amazonRoots)
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for _, tc := range []struct{ name, text, says string }{
		{"several with words between", amazon, ""},
		{"something else beside them", key + amazon, ""},
		{"empty", "", "holds no certificate"},
		{"a key alone", key, "holds no certificate"},
		{"cut short", amazon[:strings.Index(amazon, "END CERTIFICATE")], "holds no certificate"},
		{"a broken one among good ones", amazon + broken, "is broken"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pool, err := RootsFrom([]byte(tc.text))
			if tc.says == "" {
				want := x509.NewCertPool()
				want.AppendCertsFromPEM(amazonRoots)
				if err != nil || !pool.Equal(want) {
					t.Errorf("RootsFrom: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) || pool != nil {
				t.Errorf("RootsFrom: %v; want %q", err, tc.says)
			}
		})
	}
}
