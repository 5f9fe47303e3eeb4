package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/sluicehq/sluice/shared/fault"
)

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
	Instance   string   `json:"instance,omitempty"` // RDS instance identifier; empty for a host
	Admin      string   `json:"admin"`              // ARN of the secret of a user who may make users
	Secret     string   `json:"secret,omitempty"`   // ARN of our own secret with the user's password; not for Drop
	User       string   `json:"user"`
	Mark       string   `json:"mark"` // comment on the user that says that it is ours; a user without it is never touched
}

// loginName is a name that PostgreSQL keeps as it is: it cuts longer ones off without a word.
var loginName = regexp.MustCompile(`^[a-z_][a-z0-9_$-]{0,62}$`)

// Problems returns everything that is wrong with r.
func (r Request) Problems() fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}
	for _, field := range []struct{ where, value string }{
		{"action", r.Action}, {"endpoint.host", r.Endpoint.Host}, {"endpoint.database", r.Endpoint.Database}, {"endpoint.schema", r.Endpoint.Schema},
		{"admin", r.Admin}, {"user", r.User},
		{"mark", r.Mark}, // without one every user that has no comment would be ours
	} {
		if field.value == "" {
			add(field.where, "is missing", "send it")
		}
	}
	if r.Action != "" && r.Action != Ensure && r.Action != Drop {
		add("action", fmt.Sprintf("%q is unknown", r.Action), "send ensure or drop")
	}
	if r.Endpoint.Port < 1 || r.Endpoint.Port > maxPort {
		add("endpoint.port", fmt.Sprintf("is %d", r.Endpoint.Port), "send the port on which the source answers")
	}
	if r.User != "" && !loginName.MatchString(r.User) {
		add("user", fmt.Sprintf("is %q", r.User), "send a name of 1 to 63 lower-case letters, digits, _ $ or -, starting with a letter or _")
	}
	if r.Action == Ensure && r.Secret == "" {
		add("secret", "is missing", "send the ARN of the secret with the user's password")
	}
	return problems
}

// DecodeRequest reads what provision sends login. A field that it does not know is an error: what is not understood is
// not done. Its error is a [fault.Problems] with everything that is wrong.
func DecodeRequest(payload []byte) (Request, error) {
	var r Request
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Request{}, fault.Problems{{Where: "payload", What: "is not a request for a login: " + err.Error(), Fix: "invoke this function from provision, of the same version, and from nowhere else"}}
	}
	if err := r.Problems().Err(); err != nil {
		return Request{}, err
	}
	return r, nil
}

// An Answer is what login did.
type Answer struct {
	Changed bool `json:"changed"` // something was not yet as it shall be
	// Uncovered are owners of tables in the schema for whom login cannot act: tables that they make later stay
	// invisible until they grant them themselves, and so do those of today that only they may grant.
	Uncovered []string `json:"uncovered,omitempty"`
}

// Reasons of login's refusals and failures, besides those of reading secrets.
const (
	SourceUnreachable = "SourceUnreachable" // no connection, or one that broke; the outcome is unknown, and asking again is safe
	SourceUntrusted   = "SourceUntrusted"   // no TLS, or a certificate that cannot be verified
	SourceBusy        = "SourceBusy"        // the source takes no more connections for now, or another session is in the way
	SourceReadOnly    = "SourceReadOnly"    // the source is a replica, which takes no changes
	AdminRefused      = "AdminRefused"      // the source does not take the admin's password
	AdminPowerless    = "AdminPowerless"    // the admin may not make users or grant rights
	SecretUnreadable  = "SecretUnreadable"  // a secret is not in the RDS format, or is for something else
	ScramOnly         = "ScramOnly"         // the source takes no login that Redshift could make
	LoginRefused      = "LoginRefused"      // the source does not let the user in, and not for its password
	LoginTaken        = "LoginTaken"        // a user of this name is there and is not ours
	LoginInUse        = "LoginInUse"        // objects depend on the user, so that it cannot be dropped
	DatabaseMissing   = "DatabaseMissing"   // the source has no such database
	SchemaMissing     = "SchemaMissing"     // the database has no such schema
)
