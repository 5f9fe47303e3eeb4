package credentials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Version is one version of a consumer's secret, without its value.
type Version struct {
	ID      string
	Created time.Time
	Labels  []string
}

func (v Version) has(label string) bool { return slices.Contains(v.Labels, label) }

// A Keeper is what a tick may do with the secrets of consumers: look, clear a dead label, ask for a rotation.
type Keeper interface {
	// Describe returns what is known of a secret without its value.
	Describe(ctx context.Context, id string) (Record, error)
	// Versions returns the versions that have labels, or all that there are, and the service's clock when it answered.
	Versions(ctx context.Context, id string, all bool) ([]Version, time.Time, error)
	// Abandon takes [Pending] from version. That the label is elsewhere by now is no error.
	Abandon(ctx context.Context, id, version string) error
	// Rotate starts a rotation and does not wait for it. While an earlier one has not ended, Secrets Manager
	// tries that one again, and the error is a [RotationInProgress] fault.
	Rotate(ctx context.Context, id string) error
}

// Clusters looks warehouses up. A cluster that does not exist is a [ClusterMissing] fault.
type Clusters interface {
	Cluster(ctx context.Context, id string) (warehouse.Cluster, error)
}

// A Refresher decides at each tick whether a consumer's lease is replaced. It neither mints nor reads a value.
type Refresher struct {
	Stage      string
	Timings    settings.Timings
	Warehouses map[string]string // cluster identifier of each warehouse

	Keeper   Keeper
	Clusters Clusters
}

// What a tick did, or why it did nothing.
const (
	Fresh      Action = "Fresh"      // enough life is left
	Started    Action = "Started"    // a rotation was started
	Resumed    Action = "Resumed"    // an earlier rotation, which holds a good lease, is being tried again
	Waiting    Action = "Waiting"    // a rotation is running
	BackingOff Action = "BackingOff" // the last attempt failed, and the next is not due
	Exhausted  Action = "Exhausted"  // today's attempts are used up
	Parked     Action = "Parked"     // the warehouse takes no logins
	Retired    Action = "Retired"    // the secret is being deleted, or its rotation was turned off
)

// DeadAfter is how long a pending version may hold no lease before it is taken for dead: longer than the steps of a
// rotation take with their time limits, shorter than the usual tick.
const DeadAfter = 3 * time.Minute

// A Look is what a tick saw and did.
type Look struct {
	Action   Action
	Reason   string // why, where Action does not say it: "paused", "6 failures, next attempt at 10:05:00Z"
	Consumer settings.Consumer
	Seen     bool          // Left and Expires are known
	Left     time.Duration // life left in the lease that readers use; 0 if there is none
	Expires  time.Time     // when that lease expires or did; zero if there was never one
	AtRisk   bool          // readers had a lease and little life of it is left, for a reason that nobody chose

	// Trouble is why a person must act although the tick itself succeeded: the warehouse is gone or broken, or the
	// rotation was turned off. It is nil where all goes its way, and where a warehouse was parked on purpose.
	Trouble error
}

// Tick looks at one consumer, and starts a rotation if its lease needs one.
func (r *Refresher) Tick(ctx context.Context, id string) (Look, error) {
	rec, err := r.Keeper.Describe(ctx, id)
	if err != nil {
		return Look{}, err
	}
	c, err := rec.consumer(r.Stage)
	look := Look{Consumer: c}
	switch {
	case fault.ReasonOf(err) == BeingDeleted:
		look.Action, look.Reason = Retired, BeingDeleted
		return look, nil
	case err != nil:
		return look, err
	}
	versions, now, err := r.Keeper.Versions(ctx, rec.ARN, false)
	if err != nil {
		return look, err
	}
	state := read(rec, versions, now)
	look.Seen, look.Left, look.Expires = true, state.left, state.expires
	switch {
	case !rec.Rotating:
		look.Action, look.Reason = Retired, RotationOff
		look.Trouble = &fault.Error{Kind: fault.Blocked, Reason: RotationOff, Op: "refresh lease", Subject: rec.ARN, Err: errors.New("rotation of the secret is turned off"),
			Fix: "turn it on with rotate-secret, or remove the consumer from the configuration"}
	case state.left >= r.Timings.RotateBelow:
		look.Action = Fresh
	default:
		err = r.replace(ctx, rec.ARN, state, &look)
	}
	chosen := look.Action == Parked && look.Trouble == nil
	look.AtRisk = state.used && state.left < r.Timings.Urgent() && !chosen
	return look, err
}

// state is what the labels of a secret say at one instant.
type state struct {
	now     time.Time
	current Version       // zero if there is none
	used    bool          // readers have had a lease, now or before
	left    time.Duration // life left in current; 0 if it is the placeholder
	expires time.Time
	pending *Version // a rotation that has not ended; nil if there is none
	hidden  bool     // pending has no value and is not listed with the others
}

// read finds out what readers have and what is pending. A version counts from RotateSecret on, which is before its lease
// is minted, so that the life of the lease is never taken for longer than it is.
//
// The version of a rotation without a value is documented for DescribeSecret, not for ListSecretVersionIds. Where it
// is not listed, the last change of the secret stands for its date.
func read(rec Record, versions []Version, now time.Time) state {
	s := state{now: now}
	for _, v := range versions {
		s.used = s.used || lifetimeOf(v.Labels) > 0
		if v.has(Current) {
			s.current = v
		} else if v.has(Pending) {
			s.pending = &v
		}
	}
	if id := rec.holder(Pending); s.pending == nil && id != "" && id != s.current.ID {
		s.pending, s.hidden = &Version{ID: id, Created: rec.Changed, Labels: rec.Labels[id]}, true
	}
	if lifetime := lifetimeOf(s.current.Labels); lifetime > 0 {
		s.expires = s.current.Created.Add(lifetime)
		s.left = max(s.expires.Sub(now), 0)
	}
	return s
}

// replace sees to a lease that is due, and notes in look what it did.
func (r *Refresher) replace(ctx context.Context, id string, s state, look *Look) error {
	parked, err := r.park(ctx, look)
	if parked || err != nil {
		return err
	}
	if p := s.pending; p != nil {
		switch age := s.now.Sub(p.Created); {
		case age < DeadAfter:
			look.Action, look.Reason = Waiting, "a rotation started "+age.Round(time.Second).String()+" ago"
			return nil
		case age < lifetimeOf(p.Labels) && s.left >= r.Timings.Urgent():
			// It holds a good lease: trying it again costs no version. That RotateSecret does so is reported from
			// the field, not documented, hence the limit on how long this goes on.
			if err := r.Keeper.Rotate(ctx, id); err != nil && fault.ReasonOf(err) != RotationInProgress {
				return err
			}
			look.Action, look.Reason = Resumed, "version "+p.ID
			return nil
		}
	}
	versions, _, err := r.Keeper.Versions(ctx, id, true)
	if err != nil {
		return err
	}
	if action, reason := r.hold(versions, s); action != "" {
		look.Action, look.Reason = action, reason
		return nil
	}
	if s.pending != nil {
		if err := r.Keeper.Abandon(ctx, id, s.pending.ID); err != nil {
			return err
		}
	}
	return r.start(ctx, id, s.current.ID, look)
}

// start starts a rotation to replace version current. That one is in progress is believed only where a label says so:
// Secrets Manager answers other things with the same code.
func (r *Refresher) start(ctx context.Context, id, current string, look *Look) error {
	err := r.Keeper.Rotate(ctx, id)
	if fault.ReasonOf(err) == RotationInProgress {
		again, describeErr := r.Keeper.Describe(ctx, id)
		if pending := again.holder(Pending); describeErr == nil && pending != "" && pending != current {
			look.Action, look.Reason = Waiting, "somebody else started a rotation"
			return nil
		}
	}
	if err == nil {
		look.Action = Started
	}
	return err
}

// park looks whether the consumer's warehouse takes logins at all, and notes in look if it does not.
func (r *Refresher) park(ctx context.Context, look *Look) (parked bool, err error) {
	c := look.Consumer
	id, ok := r.Warehouses[c.Warehouse]
	if !ok {
		return false, refusal(ClusterMissing, "consumer "+c.Name, fmt.Errorf("warehouse %s is not one of stage %s", c.Warehouse, r.Stage), "deploy the warehouse, or correct the consumer")
	}
	cluster, err := r.Clusters.Cluster(ctx, id)
	switch {
	case fault.ReasonOf(err) == ClusterMissing:
		look.Action, look.Reason, look.Trouble = Parked, ClusterMissing, err
		return true, nil
	case err != nil:
		return false, err
	case !cluster.Parked():
		return false, nil
	}
	look.Action, look.Reason = Parked, cluster.Status
	if !cluster.OnPurpose() {
		look.Trouble = &fault.Error{Kind: fault.Blocked, Reason: ClusterBroken, Op: "refresh lease", Subject: "consumer " + c.Name + " on cluster " + id,
			Err: fmt.Errorf("the cluster is %s and takes no logins", cluster.Status), Fix: "restore the cluster, or remove its consumers from the configuration"}
	}
	return true, nil
}
