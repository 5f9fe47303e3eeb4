package login_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
)

// stages are where a server can leave a client without an answer.
var stages = map[string]func(e *logintest.Endpoint, c net.Conn){
	"before TLS": func(_ *logintest.Endpoint, c net.Conn) { readSome(c) },
	"in the handshake": func(_ *logintest.Endpoint, c net.Conn) {
		readSome(c)
		_, _ = c.Write([]byte("S"))
		readSome(c)
	},
	"in the login": func(e *logintest.Endpoint, c net.Conn) {
		readSome(c)
		_, _ = c.Write([]byte("S"))
		readSome(tls.Server(c, e.TLS))
	},
}

// A caller who gives up gets their own error back, and no word about the warehouse.
func TestCallerGivesUp(t *testing.T) {
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			e := endpoint(t)
			ctx, cancel := context.WithCancel(t.Context())
			e.Talk = func(c net.Conn) {
				stage(e, c)
				cancel()
				readSome(c) // until the client hangs up
			}
			e.Serve()
			gaveUp(t, ctx, e.Target())
		})
	}
	t.Run("before anything is asked", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e := endpoint(t)
		e.Serve()
		gaveUp(t, ctx, e.Target())
		target := e.Target()
		target.Host = "warehouse.invalid"
		gaveUp(t, ctx, target)
	})
}

func gaveUp(t *testing.T, ctx context.Context, target login.Target) {
	t.Helper()
	_, err := login.Open(ctx, target)
	if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || fault.ReasonOf(err) != login.Cancelled || !is(err, login.Cancelled) {
		t.Errorf("%v", err)
	}
}

// A warehouse that does not answer is unreachable, and the error is a timeout to whoever asks for one, be the limit the caller's or
// the target's.
func TestNoAnswerInTime(t *testing.T) {
	const short = 50 * time.Millisecond
	for name, stage := range stages {
		silent := func(t *testing.T) login.Target {
			e := endpoint(t)
			e.Talk = func(c net.Conn) {
				stage(e, c)
				readSome(c) // until the client hangs up
			}
			e.Serve()
			return e.Target()
		}
		timesOut := func(t *testing.T, ctx context.Context, target login.Target) {
			t.Helper()
			err := fails(t, ctx, target, fault.Retry, login.Unreachable, "no answer in time; check routes and security groups between this machine and the warehouse")
			var network net.Error
			if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &network) || !network.Timeout() {
				t.Errorf("%v is no timeout", err)
			}
		}
		t.Run(name+", by the caller's limit", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), short)
			defer cancel()
			timesOut(t, ctx, silent(t))
		})
		t.Run(name+", by the target's", func(t *testing.T) {
			target := silent(t)
			target.Timeout = short
			timesOut(t, t.Context(), target)
		})
	}
}

// What pgx knows of the cause stays within reach.
func TestCauses(t *testing.T) {
	reach := func(change func(e *logintest.Endpoint, target *login.Target)) error {
		e := endpoint(t)
		target := e.Target()
		change(e, &target)
		e.Serve()
		_, err := login.Open(t.Context(), target)
		return err
	}
	refused := reach(func(e *logintest.Endpoint, _ *login.Target) { e.Close() })
	var network net.Error
	if !errors.Is(refused, syscall.ECONNREFUSED) || !errors.As(refused, &network) || network.Timeout() {
		t.Errorf("nobody listens: %v", refused)
	}
	missing := reach(func(_ *logintest.Endpoint, target *login.Target) { target.Host = "warehouse.invalid" })
	if lookup, ok := errors.AsType[*net.DNSError](missing); !ok || lookup.Name != "warehouse.invalid" {
		t.Errorf("no such name: %v", missing)
	}
	said := reach(func(e *logintest.Endpoint, _ *login.Target) {
		e.Refuse = &pgproto3.ErrorResponse{Severity: "FATAL", Code: "3D000", Message: "no such database"}
	})
	if server, ok := errors.AsType[*pgconn.PgError](said); !ok || server.Code != "3D000" {
		t.Errorf("refused: %v", said)
	}
	stranger := reach(func(_ *logintest.Endpoint, target *login.Target) { target.Roots = x509.NewCertPool() })
	if _, ok := errors.AsType[x509.UnknownAuthorityError](stranger); !ok {
		t.Errorf("unknown authority: %v", stranger)
	}
	// The driver's own error holds the password in a field.
	for _, err := range []error{refused, missing, said, stranger} {
		if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "battery") {
			t.Errorf("%v: the password is within reach", err)
		}
	}
}

// Explain changes nothing that is explained already, and finds a deadline of the operating system.
func TestExplain(t *testing.T) {
	target := login.Target{User: "app", Host: "h", Port: 5439}
	if err := login.Explain(nil, target); err != nil {
		t.Errorf("nothing is explained as %v", err)
	}
	known := fmt.Errorf("layer: %w", &fault.Error{Kind: fault.Blocked, Reason: "AccessDenied"})
	if err := login.Explain(known, target); err != known {
		t.Errorf("%v is explained as %v", known, err)
	}
	late := login.Explain(fmt.Errorf("layer: %w", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), target)
	if !errors.Is(late, os.ErrDeadlineExceeded) || !errors.Is(late, login.ErrUnreachable) {
		t.Errorf("%v", late)
	}
	// One address says nothing, the other one does.
	both := errors.Join(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &pgconn.PgError{Code: "28000", Message: "IAM Authentication token has expired"})
	if err := login.Explain(both, target); !is(err, login.LoginExpired) {
		t.Errorf("%v", err)
	}
	// Names that look like another reason.
	named := login.Target{User: "tls: server refused TLS connection", Host: "warehouse.invalid", Port: 5439, Database: "tls: "}
	if _, err := login.Open(t.Context(), named); fault.ReasonOf(err) != login.Unreachable {
		t.Errorf("%v", err)
	}
}

// Whatever is wrong with the certificate itself, the error is one of a certificate, and not one of TLS.
func TestWrongCertificates(t *testing.T) {
	verify := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	for _, tc := range []struct {
		err    error
		reason string
	}{
		{verify(x509.UnknownAuthorityError{}), login.TLSUnknownCA},
		{verify(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"other.example.com"}}, Host: "h"}), login.TLSWrongName},
		{verify(x509.CertificateInvalidError{Reason: x509.Expired}), login.TLSExpired},
		{verify(x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}), login.TLSBadCertificate},
		{verify(x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}), login.TLSBadCertificate},
		{verify(x509.CertificateInvalidError{Reason: x509.CANotAuthorizedForThisName}), login.TLSBadCertificate},
		{verify(x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}), login.TLSBadCertificate},
		{verify(x509.UnhandledCriticalExtension{}), login.TLSBadCertificate},
		{verify(errors.New("a reason of tomorrow")), login.TLSBadCertificate},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, login.TLSBadCertificate},
		{x509.UnhandledCriticalExtension{}, login.TLSBadCertificate},
		{x509.ConstraintViolationError{}, login.TLSBadCertificate},
		{x509.InsecureAlgorithmError(x509.SHA1WithRSA), login.TLSBadCertificate},
	} {
		err := login.Explain(fmt.Errorf("layer: %w", tc.err), login.Target{User: "app", Host: "h", Port: 5439})
		if fault.ReasonOf(err) != tc.reason || !errors.Is(err, login.ErrWrongCertificate) || fault.KindOf(err) != fault.Blocked {
			t.Errorf("%v is explained as %v, want %s", tc.err, err, tc.reason)
		}
	}
}
