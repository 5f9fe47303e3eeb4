package endtoend_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
)

// A warehouse whose certificate cannot be verified gets no password. Once the certificate is mended, the ticks heal all.
func TestCertificateThatCannotBeVerified(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	good, err := s.Authority.Certificate(world.Host, "127.0.0.1")
	s.must(err)
	stranger, err := warehouse.NewAuthority()
	s.must(err)
	for _, tc := range []struct {
		name        string
		certificate func() (*tls.Certificate, error)
		reason      string
		says        []string
	}{
		{"for another name", func() (*tls.Certificate, error) { return s.Authority.Certificate("other.example.com") }, "TLSWrongName",
			[]string{"other.example.com", "connect by the name that the certificate is for"}},
		{"of an unknown authority", func() (*tls.Certificate, error) { return stranger.Certificate(world.Host, "127.0.0.1") }, "TLSUnknownCA",
			[]string{"unknown authority", "trust the authority"}},
		{"expired", func() (*tls.Certificate, error) {
			return s.Authority.CertificateUntil(time.Now().Add(-time.Minute), world.Host, "127.0.0.1")
		}, "TLSExpired", []string{"expired", "renew the warehouse's certificate"}},
		{"none", func() (*tls.Certificate, error) { return nil, nil }, "TLSRefused",
			[]string{"does not speak TLS", "a login is never sent without it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			kept, failing := s.read(s.reporting), len(s.announced(event.CredentialsFailing))
			bad, err := tc.certificate()
			s.must(err)
			s.Warehouse.SetCertificate(bad)
			token := s.begin()
			s.took(s.step("createSecret", token), "Minted")
			s.took(s.step("setSecret", token), "NothingToSet")
			a := s.step("testSecret", token)
			s.refused(a, tc.reason, append(tc.says, fmt.Sprintf("user IAM:%s at %s:%d", world.User, world.Host, s.Warehouse.Port()))...)
			s.reported(failing, "testSecret", a)
			s.refused(s.step("finishSecret", token), "TokenNotPending")

			failing = len(s.announced(event.CredentialsFailing))
			if l := s.renewed(); !l.same(kept) {
				t.Errorf("readers find version %s, want still %s", l.version, kept.version)
			}
			if more := s.announced(event.CredentialsFailing)[failing:]; len(more) == 0 || more[0].Reason != tc.reason {
				t.Errorf("announced by the ticks' rotations: %+v; want %s", more, tc.reason)
			}
			s.Warehouse.SetCertificate(good)
			s.keeps(kept)
			s.pass(3 * everyN)
			s.healed(kept)
		})
	}
	// Only what asks for a session in the clear, or with a wrong password, gets so far that the front refuses it.
	if log := s.front.String(); strings.Contains(log, "login refused") || !strings.Contains(log, "client refused TLS") {
		t.Errorf("the warehouse's front saw:\n%s", log)
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", s.Warehouse.Port(), world.User, world.Database))
	s.must(err)
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		t.Error("a session in the clear is given", conn.Close(t.Context()))
	}
	if !strings.Contains(s.front.String(), "login refused") {
		t.Error("the front does not report sessions in the clear, so that the check above says nothing")
	}
}
