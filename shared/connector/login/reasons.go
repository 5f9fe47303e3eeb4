package login

import "github.com/sluicehq/sluice/shared/fault"

// Reasons of the faults that [Open] returns.
const (
	Cancelled         = "Cancelled"         // the caller gave up; nothing is known about the warehouse
	Unreachable       = "Unreachable"       // no connection, or no answer in time
	TLSRefused        = "TLSRefused"        // the server does not speak TLS
	TLSUnknownCA      = "TLSUnknownCA"      // the certificate comes from an authority that is not trusted
	TLSWrongName      = "TLSWrongName"      // the certificate is for another name
	TLSExpired        = "TLSExpired"        // the certificate has expired or is not yet valid
	TLSBadCertificate = "TLSBadCertificate" // the certificate, or one above it, is not for this use, or has what this program does not know
	TLSFailed         = "TLSFailed"         // any other failure of the handshake
	LoginExpired      = "LoginExpired"      // the temporary password is past its expiry
	WrongPassword     = "WrongPassword"     // the server does not accept the password
	UserMissing       = "UserMissing"       // the database has no such user
	GroupMissing      = "GroupMissing"      // the database has no such group
	DatabaseMissing   = "DatabaseMissing"   // the warehouse has no such database
	Busy              = "Busy"              // the server takes no more connections now, or is starting or stopping
	LoginRefused      = "LoginRefused"      // any other refusal of the server
	ProtocolFailed    = "ProtocolFailed"    // what answers speaks TLS and is no warehouse
	Misconfigured     = "Misconfigured"     // the target or the environment keeps the driver from starting
)

// Errors to tell faults of [Open] apart with errors.Is, however they are wrapped. They are never returned themselves.
var (
	ErrExpired         error = fault.NewReasons("the temporary login has expired", LoginExpired)
	ErrWrongPassword   error = fault.NewReasons("the warehouse does not accept the password", WrongPassword)
	ErrUserMissing     error = fault.NewReasons("the database has no such user", UserMissing)
	ErrGroupMissing    error = fault.NewReasons("the database has no such group", GroupMissing)
	ErrDatabaseMissing error = fault.NewReasons("the warehouse has no such database", DatabaseMissing)
	ErrBusy            error = fault.NewReasons("the warehouse takes no more connections now", Busy)
	ErrUnreachable     error = fault.NewReasons("the warehouse cannot be reached", Unreachable)

	// ErrPlaintextRefused is that the server does not speak TLS, and no login is ever sent in plain text.
	ErrPlaintextRefused error = fault.NewReasons("the server does not speak TLS", TLSRefused)
	// ErrWrongCertificate is that the server's certificate is of an unknown authority, for another name, not valid now, or not fit for a server.
	ErrWrongCertificate error = fault.NewReasons("the server's certificate cannot be trusted", TLSUnknownCA, TLSWrongName, TLSExpired, TLSBadCertificate)
)
