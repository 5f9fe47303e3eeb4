package connected_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/fault"
)

// A warehouse that cannot show who it is gets no login, and is not asked twice.
func TestCertificateThatCannotBeVerified(t *testing.T) {
	s := begin(t)
	stranger := must(warehouse.NewAuthority())
	t.Cleanup(func() { must(0, s.CertifyHosts(domain)) })
	named := func(names ...string) *tls.Certificate { return must(s.Authority.Certificate(names...)) }
	ended := must(s.Authority.CertificateUntil(time.Now().Add(-time.Minute), world.Host))
	for _, tc := range []struct {
		name        string
		certificate *tls.Certificate
		more        map[string]string
		is          error
		reason      string // empty: the login is good
	}{
		{"good", named(world.Host), nil, nil, ""},
		{"of an unknown authority", must(stranger.Certificate(world.Host)), nil, connector.ErrWrongCertificate, "TLSUnknownCA"},
		{"of an unknown authority, with verify-ca", must(stranger.Certificate(world.Host)), map[string]string{"SSLMode": "verify-ca"}, connector.ErrWrongCertificate, "TLSUnknownCA"},
		{"of an authority that CaFile does not name", named(world.Host), map[string]string{"CaFile": ""}, connector.ErrWrongCertificate, "TLSUnknownCA"},
		{"for another name", named(domain), nil, connector.ErrWrongCertificate, "TLSWrongName"},
		{"for the name that is expected", named(domain), map[string]string{"TLSServerName": domain}, nil, ""},
		{"for another name than is expected", named(world.Host), map[string]string{"TLSServerName": domain}, connector.ErrWrongCertificate, "TLSWrongName"},
		{"for another name, with verify-ca", named(domain), map[string]string{"SSLMode": "verify-ca"}, nil, ""},
		{"ended", ended, nil, connector.ErrWrongCertificate, "TLSExpired"},
		{"ended, with verify-ca", ended, map[string]string{"SSLMode": "verify-ca"}, connector.ErrWrongCertificate, "TLSExpired"},
		{"none", nil, nil, connector.ErrPlaintextRefused, "TLSRefused"},
		{"none, with verify-ca", nil, map[string]string{"SSLMode": "verify-ca"}, connector.ErrPlaintextRefused, "TLSRefused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.newCache()
			t.Setenv("PGSSLMODE", "disable") // of libpq's variables none counts
			t.Setenv("PGSSLROOTCERT", "system")
			s.Warehouse.SetCertificate(tc.certificate)
			gate, before, seen := s.gate(s.Warehouse.Port(), 1), s.last(), len(front.String())
			user, err := s.whoami(s.cluster(s.operatorKey(), map[string]string{"Port": gate.port()}, tc.more))
			if tc.reason == "" && (err != nil || user != world.User) {
				t.Errorf("logged in as %q, %v; want %s", user, err, world.User)
			}
			if tc.reason != "" && (!errors.Is(err, tc.is) || fault.ReasonOf(err) != tc.reason || fault.KindOf(err) != fault.Blocked) {
				t.Errorf("logged in as %q, %v; want %v, reason %s", user, err, tc.is, tc.reason)
			}
			if n, mints := gate.came.Load(), s.count(before, "GetClusterCredentials"); n != 1 || mints != 1 {
				t.Errorf("%d connections were tried with %d logins; want 1 with 1", n, mints)
			}
			if log := front.String()[seen:]; strings.Contains(log, "login refused") {
				t.Errorf("the warehouse was told who logs in:\n%s", log)
			}
		})
	}
}

// A server that says N hears nothing after that.
func TestServerWithoutTLSHearsNothing(t *testing.T) {
	for _, mode := range []string{"", "verify-ca"} {
		s := begin(t)
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan []byte, 100)
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					close(heard)
					return
				}
				first := make([]byte, 8)
				_, _ = io.ReadFull(conn, first)
				_, _ = conn.Write([]byte{'N'})
				rest, _ := io.ReadAll(conn)
				_ = conn.Close()
				heard <- append(first, rest...)
			}
		}()
		_, err = s.whoami(s.cluster(s.operatorKey(), map[string]string{"Port": port(listener.Addr().(*net.TCPAddr).Port), "SSLMode": mode}))
		if !errors.Is(err, connector.ErrPlaintextRefused) {
			t.Errorf("SSLMode %q: %v; want ErrPlaintextRefused", mode, err)
		}
		if said := <-heard; string(said) != "\x00\x00\x00\x08\x04\xd2\x16\x2f" {
			t.Errorf("SSLMode %q: the server heard %q; want the request for TLS alone", mode, said)
		}
		_ = listener.Close()
		if more, again := <-heard; again {
			t.Errorf("SSLMode %q: the server was asked again, and heard %q", mode, more)
		}
	}
}

func TestCaFileThatIsNone(t *testing.T) {
	s := begin(t)
	for name, path := range map[string]string{
		"not there":      filepath.Join(t.TempDir(), "none.pem"),
		"no certificate": write(s, filepath.Join(t.TempDir(), "empty.pem"), "nothing"),
	} {
		before := s.last()
		_, err := s.whoami(s.cluster(s.operatorKey(), map[string]string{"CaFile": path}))
		s.says(err, "CaFile")
		if calls := s.calls(before); len(calls) != 0 {
			t.Errorf("%s: %v were called", name, calls)
		}
	}
}
