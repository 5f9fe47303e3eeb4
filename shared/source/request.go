package source

// What login can be asked to do.
const (
	Ensure = "ensure" // make the login, or bring it to what it shall be
	Drop   = "drop"   // take it away, if it is ours
)

// A Request is what provision asks of login: one user in one source. It holds no password: login reads those from the
// secrets that it names.
type Request struct {
	Action     string   `json:"action"`     // Ensure or Drop
	Federation string   `json:"federation"` // for the log
	Endpoint   Endpoint `json:"endpoint"`
	Admin      string   `json:"admin"`            // ARN of the secret of a user who may make users
	Secret     string   `json:"secret,omitempty"` // ARN of our own secret with the user's password; not for Drop
	User       string   `json:"user"`
	Mark       string   `json:"mark"` // comment on the user that says that it is ours; a user without it is never touched
}

// An Answer is what login did.
type Answer struct {
	Changed bool `json:"changed"` // something was not yet as it shall be
	// Uncovered are owners of tables in the schema for whom login cannot act: tables that they make later stay
	// invisible until they grant them themselves.
	Uncovered []string `json:"uncovered,omitempty"`
}

// Reasons of login's refusals and failures, besides those of reading secrets.
const (
	SourceUnreachable = "SourceUnreachable" // no connection, or TLS that cannot be verified
	AdminRefused      = "AdminRefused"      // the source does not take the admin's password
	AdminPowerless    = "AdminPowerless"    // the admin may not make users or grant rights
	SecretUnreadable  = "SecretUnreadable"  // a secret is not in the RDS format
	ScramOnly         = "ScramOnly"         // the source takes no login that Redshift could make
	LoginTaken        = "LoginTaken"        // a user of this name is there and is not ours
	LoginInUse        = "LoginInUse"        // objects depend on the user, so that it cannot be dropped
	SchemaMissing     = "SchemaMissing"     // the source has no such schema, or no such database
)
