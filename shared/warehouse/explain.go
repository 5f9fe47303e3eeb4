package warehouse

import (
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// Why a statement on an external schema failed.
const (
	NetworkClosed      = "NetworkClosed"      // the warehouse gets no connection to the source
	HostUnknown        = "HostUnknown"        // the warehouse finds no address for the source's host
	SecretsUnreachable = "SecretsUnreachable" // the warehouse gets no answer from Secrets Manager
	RoleRefused        = "RoleRefused"        // the warehouse cannot use the IAM role
	SecretRefused      = "SecretRefused"      // the role may not read the secret
	KeyRefused         = "KeyRefused"         // the role may not use the secret's KMS key
	SecretUnreadable   = "SecretUnreadable"   // the secret holds no user and password
	PasswordRefused    = "PasswordRefused"    // the source does not take the password
	ScramOnly          = "ScramOnly"          // the source asks for SCRAM, which Redshift is reported not to speak
	DatabaseMissing    = "DatabaseMissing"    // the source has no such database
	ReaderEndpoint     = "ReaderEndpoint"     // an Aurora reader cannot give a snapshot
	SchemaTaken        = "SchemaTaken"        // a schema of this name is there
	Dependents         = "Dependents"         // something is built on the schema
	GranteeMissing     = "GranteeMissing"     // no such group, role or user in the warehouse
	StatementConflict  = "StatementConflict"  // another transaction changed the same thing
	StatementDenied    = "StatementDenied"    // Sluice's own user in the warehouse may not do that
	StatementWrong     = "StatementWrong"     // the SQL itself: ours to mend
	LoginMissing       = "LoginMissing"       // Sluice's own user is not there
	WarehouseAway      = "WarehouseAway"      // the cluster takes no statements now
	StatementFailed    = "StatementFailed"    // none of those
)

// A Cause is what a failed statement's message means.
type Cause struct {
	Kind   fault.Kind
	Reason string
	Fix    string
}

var keyRefused = Cause{fault.Blocked, KeyRefused, "let the role decrypt with the secret's KMS key, in the key's policy, and see that the key is enabled"}

// secretsUnreachable is said in the words of AWS's client: of all that a query needs, the source itself is asked by another one.
//
// Source: tonytsheng/DBHUB, ANALYTICS/REDSHIFT/FEDERATEDQ, for clusters that were not let out to Secrets Manager ("Failed to
// incorporate external table … into local catalog. Error=: curlCode: 28, Timeout was reached", and "curlCode: 7, Couldn't
// connect to server").
var secretsUnreachable = Cause{fault.Blocked, SecretsUnreachable, "let the cluster reach AWS Secrets Manager at port 443: by the outbound rules of its security groups and, " +
	"with enhanced VPC routing, by an interface endpoint of its VPC or a NAT gateway"}

var sourceFull = Cause{fault.Retry, source.SourceBusy, "let the source take more connections, or close some"}

// ofSource are fragments of messages that mean something else where a schema is read: the source says them then, for the
// warehouse's own part was done before. They come before all others.
var ofSource = []fragment{
	{[]string{"permission denied"}, Cause{fault.Blocked, StatementDenied, "let the login read the schema's tables in the source"}},
	{[]string{"role", "not permitted to log in"}, Cause{fault.Blocked, source.LoginRefused, "let the login log in at the source"}},
	{[]string{"role", "does not exist"}, Cause{fault.Blocked, PasswordRefused, "make the login in the source, or request the source again so that Sluice makes its own"}},
	{[]string{"schema", "does not exist"}, Cause{fault.Blocked, source.SchemaMissing, "correct the schema's name in the request, or make the schema in the source; upper-case letters count"}},
}

type fragment struct {
	has   []string // all of them, in lower case
	cause Cause
}

// fragments of messages, the more telling before the more general. The Data API has no codes for the errors of
// statements: their text is all that there is.
//
// Source: messages reported by users of federated queries; AWS documents none of them.
var fragments = []fragment{
	{[]string{"authentication method 10 not supported"}, Cause{fault.Blocked, ScramOnly, "let the source accept md5 (on RDS: parameter rds.accepted_password_auth_method = md5+scram) and give the login an md5 password there: " +
		"SET password_encryption = 'md5'; ALTER ROLE login PASSWORD '…'. If the login does not exist in the source, make it: PostgreSQL asks whom it does not know for SCRAM as well"}},
	{[]string{"no pg_hba.conf entry"}, Cause{fault.Blocked, source.LoginRefused, "let the login in at the source: pg_hba.conf or its like, for this database, from the cluster's addresses, with TLS"}},
	{[]string{"remaining connection slots"}, sourceFull},
	{[]string{"too many connections"}, sourceFull},
	{[]string{"too many clients"}, sourceFull},
	{[]string{"could not translate host name"}, Cause{fault.Blocked, HostUnknown, "correct the source's host, or let the cluster's VPC resolve its name (DNS)"}},
	{[]string{"curlcode:"}, secretsUnreachable},
	{[]string{"access to kms"}, keyRefused},
	{[]string{"kms:decrypt"}, keyRefused},
	{[]string{"kms key"}, keyRefused},
	{[]string{"secretsmanager", "not authorized"}, Cause{fault.Blocked, SecretRefused, "see that no resource policy of the secret denies the role"}},
	{[]string{"secrets manager", "accessdenied"}, Cause{fault.Blocked, SecretRefused, "see that no resource policy of the secret denies the role"}},
	{[]string{"secrets manager can't find"}, Cause{fault.Blocked, SecretRefused, "restore the secret, or request the source again with another"}},
	{[]string{"marked for deletion"}, Cause{fault.Blocked, SecretRefused, "restore the secret, or request the source again with another"}},
	{[]string{"not authorized to get credentials of role"}, Cause{fault.Blocked, RoleRefused, "see that the role trusts redshift.amazonaws.com and is attached to the cluster"}},
	{[]string{"role", "not associated to cluster"}, Cause{fault.Blocked, RoleRefused, "see that the role is attached to the cluster"}},
	{[]string{"must delegate access"}, Cause{fault.Blocked, RoleRefused, "see that the role trusts redshift.amazonaws.com"}},
	{[]string{"timeout expired"}, Cause{fault.Blocked, NetworkClosed, "let the cluster's security group reach the source's port: inbound rule, routes between the VPCs, and enhanced VPC routing where they differ"}},
	{[]string{"could not connect to server"}, Cause{fault.Blocked, NetworkClosed, "see that the source runs, and that the cluster's security group reaches its port"}},
	{[]string{"password authentication failed"}, Cause{fault.Blocked, PasswordRefused, "put the login's password into the secret, or request the source again so that Sluice makes its own login"}},
	{[]string{"secret", "username"}, Cause{fault.Blocked, SecretUnreadable, `store {"username": …, "password": …} in the secret`}},
	{[]string{"invalid snapshot"}, Cause{fault.Blocked, ReaderEndpoint, "use the writer's endpoint or an instance's"}},
	{[]string{"conflict with concurrent transaction"}, Cause{fault.Retry, StatementConflict, "nothing; it is tried again"}},
	{[]string{"cannot drop", "depend on it"}, Cause{fault.Blocked, Dependents, "drop what the message lists, or leave the source federated"}},
	{[]string{"cannot be dropped", "depend on it"}, Cause{fault.Blocked, Dependents, "drop what the message lists, or leave the source federated"}},
	{[]string{"syntax error"}, Cause{fault.Bug, StatementWrong, "report this message"}},
	{[]string{"schema", "already exists"}, Cause{fault.Blocked, SchemaTaken, "choose another schema name, or drop that schema"}},
	{[]string{"permission denied"}, Cause{fault.Blocked, StatementDenied, "run the SQL of sluice bootstrap in the warehouse"}},
	{[]string{"must be owner"}, Cause{fault.Blocked, StatementDenied, "give the schema to Sluice's own user, or drop it"}},
	{[]string{"group", "does not exist"}, Cause{fault.Blocked, GranteeMissing, "create the group in the warehouse, or leave it out of grantUsageTo"}},
	{[]string{"role", "does not exist"}, Cause{fault.Blocked, GranteeMissing, "create the role in the warehouse, or leave it out of grantUsageTo"}},
	{[]string{"user", "does not exist"}, Cause{fault.Blocked, LoginMissing, "run the SQL of sluice bootstrap in the warehouse"}},
	{[]string{"database", "does not exist"}, Cause{fault.Blocked, DatabaseMissing, "correct the database's name; upper-case letters count"}},
	{[]string{"schema", "does not exist"}, Cause{fault.Retry, StatementConflict, "nothing; the schema is made again"}},
	{[]string{"paused"}, Cause{fault.Retry, WarehouseAway, "resume the cluster"}},
}

// names say nothing of the cause: a group may be called "secret".
var names = regexp.MustCompile(`"[^"\n]*"|arn:\S+`)

// Explain is what the message of a statement means that failed in the warehouse itself: one about schemas and grants.
func Explain(message string) Cause { return explain(message, fragments) }

// ExplainRead is what the message of a statement means that read through an external schema, whose source may have said it.
func ExplainRead(message string) Cause { return explain(message, ofSource, fragments) }

func explain(message string, lists ...[]fragment) Cause {
	lower := strings.ToLower(names.ReplaceAllString(message, "a name"))
	for _, list := range lists {
		for _, f := range list {
			if all(f.has, lower) {
				return f.cause
			}
		}
	}
	return Cause{fault.Retry, StatementFailed, "nothing yet; it is tried again, and then reported as it is"}
}

func all(fragments []string, in string) bool {
	for _, f := range fragments {
		if !strings.Contains(in, f) {
			return false
		}
	}
	return true
}
