package federation

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Phase says how far a federation is.
type Phase string

// The phases.
const (
	Provisioning Phase = "Provisioning" // on the way up
	Waiting      Phase = "Waiting"      // for something that takes time, or is tried again
	Parked       Phase = "Parked"       // until the cluster comes back; nobody has to act on the federation
	Blocked      Phase = "Blocked"      // until a person does what the remedy says
	Ready        Phase = "Ready"
	Removing     Phase = "Removing" // on the way down
	Removed      Phase = "Removed"
)

// Who asked for a federation.
const (
	ByRequest = "request"
	ByTag     = "tag" // of the RDS instance: the federation goes when instance or tag goes
)

// A Record is the state of one federation: what is wanted, how far it is, and what was made.
type Record struct {
	Name    string `json:"name"`
	Version int64  `json:"-"` // of the stored record; 0 is a new one

	Wanted     Wanted    `json:"wanted"`
	Withdrawn  bool      `json:"withdrawn,omitempty"`
	WantedAt   time.Time `json:"wantedAt"` // of the newest event that said so
	Origin     string    `json:"origin"`   // ByRequest or ByTag
	Generation int       `json:"generation"`

	Phase      Phase       `json:"phase"`
	Reason     string      `json:"reason,omitempty"`
	Message    string      `json:"message,omitempty"`
	Remedy     string      `json:"remedy,omitempty"`
	Since      time.Time   `json:"since"` // when phase or reason last changed
	Conditions []Condition `json:"conditions,omitempty"`

	Made       Made       `json:"made,omitzero"`
	At         string     `json:"at,omitempty"`        // step at which the work goes on, within AtFor
	AtFor      int        `json:"atFor,omitempty"`     // generation that At belongs to
	Tries      int        `json:"tries,omitempty"`     // failures since something else was wanted or all was well
	FollowUp   int        `json:"followUp,omitempty"`  // number of the one live follow-up
	Next       time.Time  `json:"next,omitzero"`       // when that comes
	Serial     int        `json:"serial,omitempty"`    // statements that changed something, so far
	Statement  *Statement `json:"statement,omitempty"` // that still runs
	IAMChanged time.Time  `json:"iamChanged,omitzero"` // when IAM was last written
	Proved     time.Time  `json:"proved,omitzero"`
	Claim      *Claim     `json:"claim,omitempty"`
}

// A Claim is the right of one running reconciler to change one federation.
type Claim struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

// A Statement is SQL that was still running when it was left.
type Statement struct {
	Purpose string `json:"purpose"`
	ID      string `json:"id"`
}

// Made is what was made for a federation, or may have been when a run died: it is stored before anything is made, and alone
// decides what is taken down. Names are deterministic; everything is recognised by its tag besides.
type Made struct {
	Warehouse   string              `json:"warehouse,omitempty"`
	Cluster     string              `json:"cluster,omitempty"`
	Database    string              `json:"database,omitempty"` // of the cluster, where the schema is
	User        string              `json:"user,omitempty"`     // who owns it
	Source      source.Source       `json:"source,omitzero"`
	ResourceID  string              `json:"resourceId,omitempty"` // of the source
	Endpoint    source.Endpoint     `json:"endpoint,omitzero"`
	Admin       string              `json:"admin,omitempty"`      // ARN of the secret that the login was made with
	Login       string              `json:"login,omitempty"`      // database user in the source
	SecretName  string              `json:"secretName,omitempty"` // our own
	Secret      string              `json:"secret,omitempty"`     // ARN of what the warehouse reads, our own or not
	Key         string              `json:"key,omitempty"`        // ARN of the secret's KMS key, if a customer manages it
	Role        string              `json:"role,omitempty"`       // name
	RoleARN     string              `json:"roleArn,omitempty"`
	Ingress     bool                `json:"ingress,omitempty"` // rules tagged with the federation's name
	Groups      []string            `json:"groups,omitempty"`  // security groups that have them
	Schema      string              `json:"schema,omitempty"`
	Grants      []warehouse.Grantee `json:"grants,omitempty"`
	Kept        []warehouse.Grantee `json:"kept,omitempty"`       // who had usage of a schema that is made anew
	Unlike      string              `json:"unlike,omitempty"`     // how the schema differed when it was last made anew
	SecretUntil time.Time           `json:"secretUntil,omitzero"` // when the deleted secret is gone for good

	Asked time.Time `json:"asked,omitzero"` // when it was begun; decides whose role is attached first

	Begun       bool `json:"begun,omitempty"`       // something was made, or a run was about to
	Leaving     bool `json:"leaving,omitempty"`     // it comes down, or did until something else was wanted
	LoginReady  bool `json:"loginReady,omitempty"`  // the user in the source is as it shall be
	Gone        bool `json:"gone,omitempty"`        // the source was deleted, and another has its name
	SchemaReady bool `json:"schemaReady,omitempty"` // the schema was made once
}

// A Condition is one thing that is known of a federation.
type Condition struct {
	Type    string    `json:"type"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
}

// Conditions.
const (
	CondEmpty     = "Empty"           // the source shows no table
	CondFolded    = "NamesFolded"     // the source shows no table that a query can name without enable_case_sensitive_identifier
	CondUncovered = "OwnersUncovered" // tables that some owners make later stay invisible
	CondUnchecked = "LoginUnchecked"  // whether our own login is as it was left could not be seen
	CondImpaired  = "SecretImpaired"  // RDS cannot rotate the secret any more
	CondRoles     = "RolesRunningOut" // the cluster is close to its limit of roles
	CondOpened    = "IngressOpenedBy" // others opened the network before
	CondMaster    = "MasterLogin"     // the warehouse reads with the login of the source's master user
	CondEndpoint  = "EndpointMissing" // the cluster's VPC, by which alone it reaches Secrets Manager, has no endpoint for it
)

// set adds or changes a condition; an empty message takes it away.
func (r *Record) set(kind, message string, now time.Time) {
	r.Conditions = slices.Clone(r.Conditions) // the record as it was read keeps its own
	i := slices.IndexFunc(r.Conditions, func(c Condition) bool { return c.Type == kind })
	switch {
	case message == "" && i >= 0:
		if r.Conditions = slices.Delete(r.Conditions, i, i+1); len(r.Conditions) == 0 {
			r.Conditions = nil
		}
	case message == "" || i >= 0 && r.Conditions[i].Message == message:
	case i >= 0:
		r.Conditions[i] = Condition{kind, message, now}
	default:
		r.Conditions = append(r.Conditions, Condition{kind, message, now})
	}
}

// enter moves the record to a phase. It reports whether phase or reason changed.
func (r *Record) enter(p Phase, reason, message, remedy string, now time.Time) bool {
	changed := r.Phase != p || r.Reason != reason
	if changed {
		r.Since = now
	}
	r.Phase, r.Reason, r.Message, r.Remedy = p, reason, message, remedy
	return changed
}

// want makes w, or its withdrawal, what is wanted, unless something newer is. It reports whether that is a change; what it only
// notes is when, and by whom, the same was asked for.
func (r *Record) want(w Wanted, withdrawn bool, origin string, at time.Time) bool {
	if r.Generation > 0 && at.Before(r.WantedAt) {
		return false // a stale event is a reason to look, and no more
	}
	if r.Withdrawn && !withdrawn && r.Origin == ByRequest && origin == ByRequest && at.Equal(r.WantedAt) {
		return false // events have whole seconds: it may be the older, or come twice, and what is withdrawn stays so
	}
	if r.Generation > 0 && r.Withdrawn == withdrawn && (withdrawn || r.Wanted.Same(w)) {
		r.WantedAt = at // what was asked for in between comes late
		if origin == ByRequest {
			r.Origin = origin // a tag that goes, or comes again, is nothing to it any more
		}
		return false
	}
	if !withdrawn {
		r.Wanted = w
	}
	r.Withdrawn, r.Origin, r.WantedAt = withdrawn, origin, at
	r.Generation++
	r.Tries = 0
	if withdrawn {
		r.enter(Removing, "", "", "", at)
	} else {
		r.enter(Provisioning, "", "", "", at)
	}
	return true
}
