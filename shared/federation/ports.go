package federation

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

// What the reconciler needs of the world. Errors of all methods are *[fault.Error]s. A thing that is not there is no error:
// found is false. What is made twice is no error either, unless the method says so.

// Reasons that implementations give.
const (
	AlreadyThere   = "AlreadyThere"   // the name is taken
	Conflict       = "Conflict"       // the record was changed by somebody else since it was read
	ClusterBusy    = "ClusterBusy"    // another operation runs on the cluster, or it is paused: its status tells which
	NotAssumable   = "NotAssumable"   // the cluster cannot assume the role, or cannot yet
	TooManyRoles   = "TooManyRoles"   // the cluster takes no more
	Unauthorized   = "Unauthorized"   // the policies do not allow the call
	Throttled      = "Throttled"      // too many calls
	Unavailable    = "Unavailable"    // the service failed, or could not be reached in time
	LoginDied      = "LoginDied"      // the login function crashed, or ran out of time
	PolicyAttached = "PolicyAttached" // a role still has policies that are not ours
)

// A Store keeps records.
type Store interface {
	// Get reads what was written last, and the store's time.
	Get(ctx context.Context, name string) (r Record, found bool, now time.Time, err error)
	// Put writes r if the stored version is still r.Version, and returns the new version. Otherwise its reason is [Conflict].
	// A write that was repeated because its answer was lost succeeds.
	Put(ctx context.Context, r Record) (version int64, err error)
	// List reads all records.
	List(ctx context.Context) ([]Record, error)
	// Enlist adds roles to those that wait to be attached to or taken from a cluster, and returns all of them.
	Enlist(ctx context.Context, cluster string, c RoleChange) (RoleChange, error)
	// Delist removes roles from those that wait.
	Delist(ctx context.Context, cluster string, c RoleChange) error
}

// A RoleChange is roles of a cluster by ARN, each after the instant at which it was enlisted and a space: the first to come
// sort first.
type RoleChange struct{ Add, Remove []string }

// Databases answers for RDS.
type Databases interface {
	Instance(ctx context.Context, id string) (db source.Database, found bool, err error)
	// Instances lists those that have the tag, by identifier.
	Instances(ctx context.Context, tag string) (map[string]source.Database, error)
}

// A Cluster is a provisioned cluster with its roles.
type Cluster struct {
	Status         string            // ClusterStatus
	Availability   string            // ClusterAvailabilityStatus
	Host           string            // empty while it is made
	Roles          map[string]string // ApplyStatus by ARN
	SecurityGroups []string

	VPC             string
	EnhancedRouting bool // it reaches other services by its VPC alone
}

// States of a role on a cluster.
//
// Source: Amazon Redshift API Reference, ClusterIamRole (ApplyStatus).
const (
	InSync  = "in-sync"
	Adding  = "adding"
	Leaving = "removing"
)

// Clusters answers for Redshift.
type Clusters interface {
	Cluster(ctx context.Context, id string) (c Cluster, found bool, err error)
	// ModifyRoles begins to attach and take away roles, at most ten. Reasons: [ClusterBusy], [NotAssumable], [TooManyRoles].
	ModifyRoles(ctx context.Context, id string, add, remove []string) error
}

// A Rule is one inbound rule of a security group.
type Rule struct {
	ID    string
	Group string
	From  string // security group that it lets in; empty for addresses
	Any   bool   // it lets in every address
	Ports [2]int // first and last; -1 for all
	Tags  map[string]string
}

// Network answers for EC2's security groups and endpoints.
type Network interface {
	// GroupTags are the tags of a security group.
	GroupTags(ctx context.Context, group string) (tags map[string]string, found bool, err error)
	// Rules are the inbound rules of groups.
	Rules(ctx context.Context, groups []string) ([]Rule, error)
	// Admit adds a rule: group lets in from on a TCP port. A rule that is there, whosever it is, is no error.
	Admit(ctx context.Context, group, from string, port int, tags map[string]string) error
	Revoke(ctx context.Context, group string, rules []string) error
	// HasEndpoint reports whether a VPC has an interface endpoint that is available and answers to the name of an AWS service.
	HasEndpoint(ctx context.Context, vpc, service string) (bool, error)
}

// A Secret is what Secrets Manager says of a secret. Its value is not read.
type Secret struct {
	ARN     string
	Key     string // as it was given; empty for AWS's own key
	Tags    map[string]string
	Deleted time.Time // end of its recovery window; zero if it is not being deleted
}

// A NewSecret is a secret in the RDS format.
type NewSecret struct {
	Name     string // or ARN, for a new value
	User     string
	Password secret.Value
	Endpoint source.Endpoint
	Instance string // RDS instance identifier; empty for a host
	Key      string // empty for AWS's own
	Tags     map[string]string
}

// Secrets answers for Secrets Manager.
type Secrets interface {
	Secret(ctx context.Context, id string) (s Secret, found bool, err error)
	// Password makes a random one of letters and digits.
	Password(ctx context.Context) (secret.Value, error)
	// Create fails with [AlreadyThere] if the name is taken, also by a secret in its recovery window.
	Create(ctx context.Context, s NewSecret) (arn string, err error)
	// Renew stores a new value, and the tags.
	Renew(ctx context.Context, s NewSecret) error
	Restore(ctx context.Context, id string) error
	// Delete begins the recovery window and returns its end.
	Delete(ctx context.Context, id string, days int) (until time.Time, err error)
}

// A Key is a KMS key.
type Key struct {
	ARN      string
	Customer bool   // a customer manages it
	State    string // "Enabled", "Disabled", "PendingDeletion"
}

// Keys answers for KMS.
type Keys interface {
	Key(ctx context.Context, id string) (k Key, found bool, err error)
}

// A Role is an IAM role.
type Role struct {
	ARN      string
	Trust    string // document
	Boundary string // ARN; empty for none
	Tags     map[string]string
}

// A NewRole is a role to be made.
type NewRole struct {
	Name, Path, Trust, Boundary, Description string
	Tags                                     map[string]string
}

// Roles answers for IAM.
type Roles interface {
	Role(ctx context.Context, name string) (r Role, found bool, err error)
	// Create fails with [AlreadyThere] if the name is taken.
	Create(ctx context.Context, r NewRole) error
	SetTrust(ctx context.Context, role, document string) error
	SetBoundary(ctx context.Context, role, arn string) error
	Policy(ctx context.Context, role, name string) (document string, found bool, err error)
	SetPolicy(ctx context.Context, role, name, document string) error
	DeletePolicy(ctx context.Context, role, name string) error
	// Delete fails with [PolicyAttached] while the role has a policy.
	Delete(ctx context.Context, role string) error
	// Under lists the names of the roles under a path, with their tags.
	Under(ctx context.Context, path string) (map[string]map[string]string, error)
}

// SQL runs statements in the warehouse.
type SQL interface {
	// Begin begins a statement as user. A token that comes again within eight hours returns the statement that it began
	// before; an empty one is a new statement in any case.
	Begin(ctx context.Context, cluster, database, user, sql, name, token string) (id string, err error)
	// Progress is how far a statement is. One that is not known any more is not found.
	Progress(ctx context.Context, id string) (p Progress, found bool, err error)
	// Rows are the rows of a finished statement, NULL as "".
	Rows(ctx context.Context, id string) ([][]string, error)
}

// A Progress is how far a statement is.
type Progress struct {
	Over    bool
	Failure string // the warehouse's message; empty if it succeeded
}

// Logins keeps users in sources.
type Logins interface {
	Do(ctx context.Context, r source.Request) (source.Answer, error)
}

// Queue holds messages for later.
type Queue interface {
	// FollowUp looks at a federation again after a while of at most 15 minutes; number is that of the follow-up.
	FollowUp(ctx context.Context, name string, number int, after time.Duration) error
	// Look looks at a federation soon.
	Look(ctx context.Context, name string) error
	// LookAt looks soon at an RDS instance that is tagged for federation.
	LookAt(ctx context.Context, instance string) error
}

// Announcer tells others what came of it.
type Announcer interface {
	Announce(ctx context.Context, detailType, resource string, detail any) error
}
