package credentials

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
)

// Staging labels of a consumer's secret.
const (
	Current = "AWSCURRENT"
	Pending = "AWSPENDING"

	// LeaseA and LeaseB begin the labels that take turns: a version gets one of them together with its lease, and always
	// the one that the current version does not have, which so keeps its own. To those who may not read values they tell
	// a pending version that holds a lease from one that holds nothing yet, and readers' lease from the deployment's
	// placeholder. One label could not: a label is on one version only, and would leave the current lease for the
	// pending one. The seconds that the lease was minted for follow, as in SLUICE_LEASE_A_3600: the timings may change.
	LeaseA = "SLUICE_LEASE_A"
	LeaseB = "SLUICE_LEASE_B"
)

// LeaseLabel is the label of a lease that was minted for lifetime. turn is [LeaseA] or [LeaseB].
func LeaseLabel(turn string, lifetime time.Duration) string {
	return fmt.Sprintf("%s_%d", turn, int(lifetime.Seconds()))
}

// lifetimeOf is what the lease of a version with these labels was minted for; 0 if it was given no lease.
func lifetimeOf(labels []string) time.Duration {
	for _, label := range labels {
		for _, turn := range []string{LeaseA, LeaseB} {
			seconds, found := strings.CutPrefix(label, turn+"_")
			if n, err := strconv.Atoi(seconds); found && err == nil && n > 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}

// Reasons of the faults that this package returns. Events, alarms and tests match on them.
const (
	NotOurs            = "NotOurs"            // the secret is not a consumer's of this stage and warehouse
	BeingDeleted       = "BeingDeleted"       // the secret is in its recovery window
	Replica            = "Replica"            // the secret is a copy of one in another region
	TokenUnknown       = "TokenUnknown"       // the rotation's token names no version
	TokenNotPending    = "TokenNotPending"    // the rotation is over, or a newer one has begun
	LoginNotAllowed    = "LoginNotAllowed"    // the tags ask for what the warehouse does not allow
	Superuser          = "Superuser"          // the user is a superuser
	ClusterMissing     = "ClusterMissing"     // no such cluster
	ClusterParked      = "ClusterParked"      // the cluster takes no logins in its status
	ClusterBroken      = "ClusterBroken"      // the same, in a status that nobody chooses
	LeaseTooShort      = "LeaseTooShort"      // Redshift gave less life than was asked for
	LeaseExpired       = "LeaseExpired"       // the pending lease died before it could be promoted
	NoLease            = "NoLease"            // the pending version holds no lease
	ContentMismatch    = "ContentMismatch"    // the pending lease is not what the tags ask for
	Conflict           = "Conflict"           // somebody else changed the secret meanwhile
	RotationOff        = "RotationOff"        // rotation is not configured, or was cancelled
	RotationInProgress = "RotationInProgress" // an earlier rotation has not ended
	VersionTaken       = "VersionTaken"       // the token's version already holds another value
)

// A Record is what Secrets Manager says of a secret without its value.
type Record struct {
	ARN      string
	Tags     map[string]string
	Labels   map[string][]string // of each version that has any, versions without a value too
	Rotating bool                // rotation is configured and not cancelled
	Changed  time.Time           // when anything of the secret changed last
	Deleted  bool                // scheduled for deletion
	Replica  bool                // a copy of a secret of another region
	Now      time.Time           // the service's clock when it answered
}

// consumer is whose secret this is, if it is a living one of the stage. Beside an error it is what the tags of a secret
// of the stage do say.
func (r Record) consumer(stage string) (settings.Consumer, error) {
	refuse := func(reason, what, fix string) error {
		return &fault.Error{Kind: fault.Blocked, Reason: reason, Op: "check secret", Subject: r.ARN, Fix: fix, Err: errors.New(what)}
	}
	if r.Tags[settings.TagStage] != stage {
		return settings.Consumer{}, refuse(NotOurs, "its tag "+settings.TagStage+" is not "+stage, "use this function for the secrets of its own stage only")
	}
	c, err := settings.LoadConsumer(r.Tags)
	switch {
	case r.Deleted:
		err = refuse(BeingDeleted, "it is scheduled for deletion", "restore it, or remove its consumer from the configuration")
	case r.Replica:
		err = refuse(Replica, "it is a replica", "rotate the secret in its primary region")
	case err != nil:
		err = refuse(NotOurs, "its tags do not describe a consumer: "+strings.ReplaceAll(err.Error(), "\n", ", "), "deploy the consumer again")
	}
	return c, err
}

func (r Record) has(version, label string) bool { return slices.Contains(r.Labels[version], label) }

// leased reports whether version was given a lease.
func (r Record) leased(version string) bool { return lifetimeOf(r.Labels[version]) > 0 }

// freeLabel is the label for the next lease: the one that readers' lease can spare.
func (r Record) freeLabel(lifetime time.Duration) string {
	for _, label := range r.Labels[r.holder(Current)] {
		if strings.HasPrefix(label, LeaseA) {
			return LeaseLabel(LeaseB, lifetime)
		}
	}
	return LeaseLabel(LeaseA, lifetime)
}

// holder is the version that has label, or "".
func (r Record) holder(label string) string {
	for version, labels := range r.Labels {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}
