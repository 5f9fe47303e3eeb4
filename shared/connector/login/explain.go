package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/shared/fault"
)

// What to do about a way to the warehouse that does not work.
const (
	checkRoutes = "check routes and security groups between this machine and the warehouse"
	checkServer = "check that the warehouse runs, and routes and security groups between this machine and the warehouse"
)

// Explain finds the one cause of a failed login to t, which pgx reports as err. The result is a *[fault.Error] with one of the
// reasons of this package, and the causes that pgx knows stay within reach: context.Canceled, context.DeadlineExceeded, net.Error,
// x509's errors, [pgconn.PgError]. An err that has been explained already, and nil, are returned as they are.
func Explain(err error, t Target) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	if whole, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = whole.Unwrap() // the outer error holds the config, and with it the password
	}
	e := &fault.Error{Op: "log in", Subject: t.String()}
	set := func(kind fault.Kind, reason, fix, says string) error {
		e.Kind, e.Reason, e.Fix, e.Err = kind, reason, fix, &cause{says, err}
		return e
	}
	var (
		server    *pgconn.PgError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		wrong     = ofCertificate(err)
		record    tls.RecordHeaderError
		lookup    *net.DNSError
		network   net.Error
		text      = strings.ReplaceAll(err.Error(), "\n", "; ") // a host with several addresses fails for each of them
	)
	switch {
	case errors.Is(err, context.Canceled):
		return set(fault.Retry, Cancelled, "", "the caller gave up")
	case errors.As(err, &server):
		kind, reason, fix := refused(server, t)
		return set(kind, reason, fix, server.Message)
	case errors.As(err, &authority):
		return set(fault.Blocked, TLSUnknownCA, "trust the authority of the warehouse's certificate, and no other way around", authority.Error())
	case errors.As(err, &name):
		return set(fault.Blocked, TLSWrongName, "connect by the name that the certificate is for, or expect that name "+
			"where a load balancer or a VPC endpoint is in between", name.Error())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return set(fault.Blocked, TLSExpired, "renew the warehouse's certificate, or correct this machine's clock", invalid.Error())
	case wrong != nil:
		return set(fault.Blocked, TLSBadCertificate, "replace the certificate by one for servers, from an authority that may issue it; or find out what answers in place of the warehouse",
			wrong.Error())
	case errors.As(err, &record), strings.Contains(text, "server refused TLS connection"): // pgconn has no type for it
		return set(fault.Blocked, TLSRefused, "connect to an endpoint that speaks TLS; a login is never sent without it", "the server does not speak TLS")
	case strings.Contains(text, "tls: "): // crypto/tls has no type for most alerts
		return set(fault.Blocked, TLSFailed, "compare the TLS versions and certificates of both sides", text)
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return set(fault.Retry, Unreachable, checkRoutes, "no answer in time")
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return set(fault.Retry, Unreachable, "check the host's name, that the warehouse exists, and the DNS of this machine's network", lookup.Error())
	case network != nil: // refused or reset
		return set(fault.Retry, Unreachable, checkServer, network.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return set(fault.Retry, Unreachable, checkServer, "the server closed the connection")
	}
	return set(fault.Blocked, ProtocolFailed, "check host and port: what answers there is no warehouse", text)
}

// ofCertificate is the error of a certificate that was looked at and found wrong, whatever the reason; nil if there is none.
func ofCertificate(err error) error {
	if chain, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return chain.Err
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return invalid
	}
	if extension, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return extension
	}
	if constraint, ok := errors.AsType[x509.ConstraintViolationError](err); ok {
		return constraint
	}
	if algorithm, ok := errors.AsType[x509.InsecureAlgorithmError](err); ok {
		return algorithm
	}
	return nil
}

// A cause has words of its own for an error of the driver, whose text is long and names what the fault names already.
type cause struct {
	says string
	err  error
}

func (c *cause) Error() string { return c.says }
func (c *cause) Unwrap() error { return c.err }

// refused classifies what the server said: by the code where PostgreSQL has one, else by the text without the names in
// it, which may hold any word. Redshift documents none of these texts; the first is reported from the field.
func refused(e *pgconn.PgError, t Target) (fault.Kind, string, string) {
	text := strings.ToLower(quoted.ReplaceAllString(e.Message, ""))
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("token has expired"):
		return fault.Retry, LoginExpired, "get another login"
	case e.Code == "3D000":
		return fault.Blocked, DatabaseMissing, "name a database that the warehouse has"
	case e.Code == "28P01", has("password authentication failed"):
		if !strings.HasPrefix(t.User, "IAM") { // all temporary logins begin so
			return fault.Blocked, WrongPassword, "correct the password of the user"
		}
		return fault.Blocked, WrongPassword, "get another login, of the cluster or workgroup that this host belongs to, and use its user name exactly as it was returned"
	case has("group") && has("does not exist"):
		return fault.Blocked, GroupMissing, "create the group in database " + t.Database + ", or do not ask for it"
	case (has("user") || has("role")) && has("does not exist"):
		return fault.Blocked, UserMissing, "create the user in database " + t.Database + ", or let the login create it (AutoCreate)"
	}
	switch class := e.Code[:min(2, len(e.Code))]; class {
	case "08", "53", "57": // connection exceptions, resources used up, the operator's doing: all pass
		return fault.Retry, Busy, "try again; if it lasts, look at the warehouse's connections"
	}
	return fault.Blocked, LoginRefused, "see the warehouse's connection log"
}

// quoted is a name as the server quotes it.
var quoted = regexp.MustCompile(`"[^"]*"`)
