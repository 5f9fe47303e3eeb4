package awshttp

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Account and Partition are those of the one account that the sandbox plays: AWS's number for documentation.
const (
	Account   = "111122223333"
	Partition = "aws"
)

// A Principal is who makes a call. Exactly one of its kinds applies: an IAM user, a session of a role
// (Role is set), an AWS service (Service is set), or somebody for whom a provider of identities vouches (Federated is
// set). Only the last has no signature; see [Service.Unsigned].
type Principal struct {
	ARN       string // arn:aws:iam::…:user/NAME or arn:aws:sts::…:assumed-role/ROLE/SESSION; empty for a service
	Account   string
	UserID    string // the value of aws:userid
	Role      string // ARN of the role behind a session
	Service   string // for example "scheduler.amazonaws.com"
	Federated string // ARN of the provider, for example arn:aws:iam::…:oidc-provider/HOST/PATH

	// Context holds the condition keys that the principal brings to every call, for example
	// aws:SourceArn and aws:SourceAccount of a service.
	Context map[string][]string
}

// String names the principal as denials and recordings do.
func (p Principal) String() string {
	return cmp.Or(p.Service, p.Federated, p.ARN)
}

// An Access is one question to the policies: may the principal do Action on Resource?
type Access struct {
	Action         string              // "redshift:GetClusterCredentials"
	Resource       string              // an ARN, or "*" where the action has no resource
	Context        map[string][]string // condition keys of this call, for example redshift:DurationSeconds
	ResourcePolicy string              // JSON of the resource's own policy; empty if it has none
	Sovereign      bool                // identity policies count only if ResourcePolicy names the account, as with KMS keys
}

// An Authorizer decides by policies. A refusal is an *[Error] that names action, resource and principal, with the
// code AccessDeniedException; the server spells it as the service's protocol does.
type Authorizer interface {
	Authorize(p Principal, a Access) error
}

// A Caller tells who holds an access key.
type Caller interface {
	// Lookup returns the secret key that signs for accessKey and its principal. token is the session token that
	// came with the request, empty for an IAM user's key. An unknown key, a wrong token and a session that has
	// expired are *[Error]s with the codes of AWS's JSON protocols; the server spells them as the service does.
	Lookup(accessKey, token string) (secretKey string, p Principal, err error)
}

// A Call is one request to one operation of one service.
type Call struct {
	Service   string // signing name: "secretsmanager", "redshift", "iam", "sts", "events", "scheduler", "lambda", "redshift-data"
	Operation string // "GetSecretValue"
	Principal Principal
	Region    string    // from the signature
	Time      time.Time // the sandbox's clock at arrival
	RequestID string

	// HTTP is the request as it came; its body has been read and is in Body. Only REST services need them.
	HTTP *http.Request
	Body []byte
	// Path holds what the route captured from the URL of a REST service.
	Path map[string]string

	decode    func(into any) error
	authorize func(Access) error
}

// Decode reads the input into a struct with one exported field for each member, named as in AWS's service model
// (case included; a `json:"…"` tag overrides the name). A pointer is an optional member; a field tagged
// `aws:"required"` must be present. For the query protocol a slice field reads PARAM.member.N and PARAM.ANYTHING.N,
// and a map field PARAM.entry.N.key and .value; for EC2's a slice field reads PARAM.N, and names are those on the wire. Fields may be strings, numbers, bools, [time.Time], []byte (base64),
// structs, slices and maps of these, pointers to them, and `any` for JSON as it came.
//
// A REST service tags what does not stand in the body: `aws:"path=Name"`, `aws:"query=Name"`, `aws:"header=Name"`, and
// `aws:"payload"` for a []byte that is the whole body. In one tag, several words are separated by commas.
//
// An input that does not fit is the service's own validation *[Error], with all that is missing at once. A member that
// the struct does not have is refused by name with status 501, because ignoring it would be a silent difference from AWS.
func (c *Call) Decode(into any) error { return c.decode(into) }

// Authorize asks the policies whether the caller may do a, and records the question. An operation asks before
// it looks whether the resource exists, once for each action and resource that AWS checks.
func (c *Call) Authorize(a Access) error { return c.authorize(a) }

// An Operation answers one call. What it returns is encoded for the service's protocol: a struct whose exported
// fields are the members of the output, or nil where the output is empty. A JSON service may return a map[string]any
// that is written as it is. Any error that is not an *[Error] is answered as the service's internal failure.
//
// Members that are nil, a zero [time.Time] or, with `json:",omitempty"`, zero are left out. Tags on a field choose its
// form where the protocol has several:
//   - `aws:"list=Cluster"` is the name of a list's elements in XML; the default is member, and item with EC2.
//   - `aws:"date-time"` writes a time as 2026-01-02T15:04:05Z in JSON; the default is seconds since 1970. XML always has
//     the former.
//   - `aws:"header=X-Amz-Function-Error"` puts a member of a REST service into a header, `aws:"status"` an int into
//     the HTTP status, and `aws:"payload"` makes a []byte the whole body.
type Operation func(ctx context.Context, call *Call) (output any, err error)

// A Protocol is how a service writes calls on the wire.
type Protocol int

// The protocols of the services that Sluice and its tests talk to.
const (
	JSON     Protocol = iota // X-Amz-Target names the operation; AWS JSON 1.0 and 1.1
	Query                    // form parameters in, XML out
	RESTJSON                 // method and path name the operation
	EC2Query                 // Query as EC2 alone speaks it
)

// A Service is a set of operations behind one signing name.
type Service struct {
	Name     string // signing name
	Protocol Protocol
	// Target is what X-Amz-Target has before the dot (JSON), for example "secretsmanager".
	Target string
	// JSONVersion is that of the media type (JSON): "1.0"; empty means "1.1".
	JSONVersion string
	// Checksum puts the CRC-32 of each answer into a header (JSON), as DynamoDB does. Its clients miss it where it is not.
	Checksum bool
	// Namespace and Version are the XML namespace and API version (Query, EC2Query).
	Namespace, Version string
	// Routes maps "METHOD /path/{capture}" to operations (RESTJSON), in net/http.ServeMux syntax.
	Routes map[string]string
	// Internal is the code of an internal failure, for example "InternalServiceError"; Invalid that of an input
	// which does not fit the model, for example "InvalidParameterException".
	Internal, Invalid string
	// Throttled is the code of an injected throttling; empty means ThrottlingException (Query: Throttling, EC2Query: RequestLimitExceeded).
	Throttled string
	// QueryErrors are the codes that errors had in the query protocol, for a service that has left it (JSON). They go
	// into the header by which SDKs go on to know errors under those names. Codes that did not change are not in it.
	QueryErrors map[string]string
	Operations  map[string]Operation
	// Unsigned are operations that may be called without a signature. Such a call has no principal: the operation
	// finds out who calls by what the input says, and sets it before it asks the policies.
	Unsigned []string
}

// An Error is what AWS answers instead of an output.
type Error struct {
	Status  int    // HTTP status; 0 means 400
	Code    string // "ResourceNotFoundException"
	Message string
	// Members are what the model of some errors has beside the message, such as the Item of DynamoDB's
	// ConditionalCheckFailedException. Only the JSON protocols carry them.
	Members map[string]any
	// Exact keeps Code and Status as they are where the protocol spells a code that all services share differently.
	Exact bool
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }
