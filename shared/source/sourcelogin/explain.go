package sourcelogin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// A finding is the one cause of a failure.
type finding struct {
	kind   fault.Kind
	reason string
	fix    string
	cause  string
}

const (
	routes = "check that the source runs, and routes and security groups between the function login and the source"
	again  = "nothing; it is tried again"
	trust  = "put the authority of the source's certificate into the folder authorities of the function login, and no other way around"

	// Source: Amazon RDS User Guide, "Using SCRAM for PostgreSQL password encryption".
	allowMD5 = "let the source take md5 logins, which are all that Redshift is known to speak: set rds.accepted_password_auth_method to md5+scram " +
		"in the instance's parameter group; outside RDS write a line for the user with the method md5 into pg_hba.conf"
)

// refused explains a login that failed.
func (s *session) refused(r role, err error) error {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok && server.Code != "" {
		switch {
		case r == asAdmin && (server.Code == "28P01" || server.Code == "28000"):
			return s.fault("log in to source", finding{fault.Blocked, source.AdminRefused, "put the admin's present user name and password into its secret", told(server)})
		case server.Code == "28P01":
			return s.fault("prove login", finding{fault.Blocked, source.ScramOnly, allowMD5, told(server)})
		case server.Code == "28000":
			return s.fault("prove login", finding{fault.Blocked, source.LoginRefused, "let the user log in to this database over TLS, in pg_hba.conf or its like", told(server)})
		}
		return s.failed("log in to source", err)
	}
	if r == asReader {
		// pgconn has no type for what the server asked for.
		switch text := err.Error(); {
		case strings.Contains(text, "server did not complete authentication"):
			return s.fault("prove login", finding{fault.Blocked, source.LoginRefused, "ask the user for its password, with the method md5 in pg_hba.conf", "the source lets the user in without a password"})
		case strings.Contains(text, "require_auth check failed"):
			return s.fault("prove login", finding{fault.Blocked, source.ScramOnly, allowMD5, "the source asks for SCRAM, or another method that Redshift does not speak"})
		}
	}
	return s.failed("log in to source", err)
}

// failed explains whatever else can fail, in a login or after it.
func (s *session) failed(op string, err error) error {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok && server.Code != "" {
		f := classify(server.Code)
		f.cause = told(server)
		if f.reason == source.LoginInUse && server.Detail != "" { // names what depends
			f.cause += ": " + strings.ReplaceAll(server.Detail, "\n", ", ")
		}
		return s.fault(op, f)
	}
	return s.fault(op, broken(err))
}

func (s *session) fault(op string, f finding) error {
	return &fault.Error{Kind: f.kind, Reason: f.reason, Op: op, Subject: s.subject, Fix: f.fix, Err: s.cause(f.cause)}
}

// told is what the server said, without the fields that may quote statements.
func told(e *pgconn.PgError) string { return e.Message + " (SQLSTATE " + e.Code + ")" }

// classify is what a server's code means here.
//
// Source: PostgreSQL documentation, appendix A, "PostgreSQL error codes".
func classify(code string) finding {
	switch code {
	case "3D000":
		return finding{kind: fault.Blocked, reason: source.DatabaseMissing, fix: "name a database that the source has, or make it; upper-case letters count"}
	case "3F000":
		return finding{kind: fault.Blocked, reason: source.SchemaMissing, fix: "name a schema that the database has, or make it"}
	case "42501":
		return finding{kind: fault.Blocked, reason: source.AdminPowerless, fix: "let the admin make roles (CREATEROLE), and make it the owner of the database and of the schema, or a member of their owners"}
	case "2BP01":
		return finding{kind: fault.Blocked, reason: source.LoginInUse, fix: "in the source, give what depends on the user to another (REASSIGN OWNED), or revoke what was granted to it there"}
	case "25006":
		return finding{kind: fault.Blocked, reason: source.SourceReadOnly, fix: "name the instance that takes writes, of which this is a replica"}
	case "40001", "40P01", "55P03", "55006", "57014", // another session was in the way
		"23505", "42710", // another made the same at the same time
		"42P01", "42704", "XX000": // another took away or changed what had been seen
		return finding{kind: fault.Retry, reason: source.SourceBusy, fix: again}
	}
	switch code[:min(2, len(code))] {
	case "53": // resources used up
		return finding{kind: fault.Retry, reason: source.SourceBusy, fix: "nothing; it is tried again. If it lasts, look at the source's connections, memory and storage"}
	case "08", "57", "58": // connection exceptions, the operator's doing, the system's
		return finding{kind: fault.Retry, reason: source.SourceUnreachable, fix: again + ". If it lasts, look at the source's state"}
	}
	return finding{kind: fault.Bug, reason: "Unforeseen", fix: "report this message"}
}

// broken is what went wrong below the protocol.
func broken(err error) finding {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		network   net.Error
		record    tls.RecordHeaderError
	)
	untrusted := func(fix, cause string) finding {
		return finding{fault.Blocked, source.SourceUntrusted, fix, cause}
	}
	unreachable := func(cause string) finding {
		return finding{fault.Retry, source.SourceUnreachable, routes, cause}
	}
	switch {
	case errors.As(err, &authority):
		return untrusted(trust, authority.Error())
	case errors.As(err, &name):
		return untrusted("name the source by what its certificate is for", name.Error())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return untrusted("renew the source's certificate", invalid.Error())
	case errors.As(err, &record), strings.Contains(err.Error(), "server refused TLS connection"): // pgconn has no type for it
		return untrusted("turn TLS on in the source; a password is never sent without it", "the server does not speak TLS")
	case strings.Contains(err.Error(), "tls: "): // crypto/tls has no type for most alerts
		return untrusted("compare the TLS versions and certificates of both sides", "the TLS handshake failed: "+after(err.Error(), "tls: "))
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return unreachable("no answer in time")
	case network != nil: // refused, reset, or a name that does not resolve
		return unreachable(network.Error())
	}
	return unreachable("the server closed the connection")
}

// after is the part of text behind the last of these marks.
func after(text, mark string) string {
	return text[strings.LastIndex(text, mark)+len(mark):]
}
