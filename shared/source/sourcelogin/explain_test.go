package sourcelogin

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

func TestClassify(t *testing.T) {
	for code, want := range map[string]struct {
		kind   fault.Kind
		reason string
	}{
		"08006": {fault.Retry, source.SourceUnreachable}, "57P01": {fault.Retry, source.SourceUnreachable}, "57P03": {fault.Retry, source.SourceUnreachable}, "58030": {fault.Retry, source.SourceUnreachable},
		"53300": {fault.Retry, source.SourceBusy}, "53100": {fault.Retry, source.SourceBusy}, "57014": {fault.Retry, source.SourceBusy},
		"40P01": {fault.Retry, source.SourceBusy}, "40001": {fault.Retry, source.SourceBusy}, "55P03": {fault.Retry, source.SourceBusy}, "XX000": {fault.Retry, source.SourceBusy},
		"42710": {fault.Retry, source.SourceBusy}, "23505": {fault.Retry, source.SourceBusy}, "42P01": {fault.Retry, source.SourceBusy},
		"25006": {fault.Blocked, source.SourceReadOnly}, "42501": {fault.Blocked, source.AdminPowerless}, "2BP01": {fault.Blocked, source.LoginInUse},
		"3D000": {fault.Blocked, source.DatabaseMissing}, "3F000": {fault.Blocked, source.SchemaMissing},
		"42601": {fault.Bug, "Unforeseen"}, "0A000": {fault.Bug, "Unforeseen"}, "X": {fault.Bug, "Unforeseen"},
	} {
		err := new(session).failed("grant", fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Message: "what the server says"}))
		if fault.KindOf(err) != want.kind || fault.ReasonOf(err) != want.reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), "what the server says (SQLSTATE "+code+")") {
			t.Errorf("%s: %v\nis %s, %s; want %s, %s", code, err, fault.KindOf(err), fault.ReasonOf(err), want.kind, want.reason)
		}
	}
}

// Servers quote what they were told, and fields that quote whole statements are left out.
func TestErrorsShowNoSecret(t *testing.T) {
	s := new(session)
	s.hide("correct horse", "")
	hash := verifier("app", secret.New("correct horse"))
	for _, err := range []error{
		s.failed("make login", &pgconn.PgError{Code: "42601", Message: `syntax error at or near "'` + hash + `'" and 'correct horse'`, Detail: hash, Hint: hash, InternalQuery: hash, Where: hash}),
		s.failed("drop", &pgconn.PgError{Code: "2BP01", Message: "SCRAM-SHA-256$4096:c2FsdA==$a:b", Detail: "owner of table correct horse"}),
		s.failed("log in", errors.New("tls: correct horse")),
		s.refused(asAdmin, &pgconn.PgError{Code: "28P01", Message: "correct horse"}),
		s.refused(asReader, &pgconn.PgError{Code: "28000", Message: hash}),
	} {
		for _, hidden := range []string{"horse", hash, "c2FsdA"} {
			if strings.Contains(fmt.Sprintf("%v %#v", err, err), hidden) {
				t.Errorf("%v: shows a secret", err)
			}
		}
		if !strings.Contains(err.Error(), "[secret]") {
			t.Errorf("%v: hides nothing", err)
		}
	}
}

func TestBroken(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		reason string
		says   string
	}{
		"alert":         {errors.New("failed: tls error: remote error: tls: protocol version not supported"), source.SourceUntrusted, "handshake failed: protocol version not supported"},
		"deadline":      {context.DeadlineExceeded, source.SourceUnreachable, "no answer in time"},
		"closed":        {errors.New("unexpected EOF"), source.SourceUnreachable, "closed the connection"},
		"not yet valid": {x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}, source.SourceUntrusted, "expired or is not yet valid"},
	} {
		err := new(session).failed("log in", tc.err)
		if fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuoting(t *testing.T) {
	if got := name("a\"b\x00", "C d"); got != `"a""b"."C d"` {
		t.Errorf("name = %s", got)
	}
	for given, want := range map[string]string{"": "''", "it's": "'it''s'", `back\slash'`: `E'back\\slash'''`, "nul\x00": "'nul'"} {
		if got := text(given); got != want {
			t.Errorf("text(%q) = %s, want %s", given, got, want)
		}
	}
}

func TestVerifier(t *testing.T) {
	// printf %s 'correct horseapp' | md5sum
	if got := verifier("app", secret.New("correct horse")); got != "md5a75560b5dadd552e4325e979cf300bad" {
		t.Errorf("verifier = %s", got)
	}
}

func TestAuthorities(t *testing.T) {
	system, err := Authorities(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(file, content string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: logintest.NewAuthority("RDS").Issue("db", 0, time.Hour).Certificates[0].Certificate[0]}))
	write("rds.pem", certificate)
	write("README", "not read")
	more, err := Authorities(dir)
	if err != nil || more.Equal(system) {
		t.Errorf("the folder adds nothing: %v", err)
	}
	write("empty.pem", "no certificate")
	if _, err := Authorities(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "empty.pem")) {
		t.Errorf("%v; want the file that is wrong", err)
	}
}
