package credentials

import (
	"context"
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
	AtRisk   bool          // readers had a lease, little life of it is left, and the warehouse is not to blame
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
	case !rec.Rotating:
		look.Action, look.Reason = Retired, RotationOff
		return look, nil
	}
	versions, now, err := r.Keeper.Versions(ctx, rec.ARN, false)
	if err != nil {
		return look, err
	}
	state := r.read(versions, now)
	look.Seen, look.Left, look.Expires = true, state.left, state.expires
	if state.left >= r.Timings.RotateBelow {
		look.Action = Fresh
		return look, nil
	}
	look.Action, look.Reason, err = r.replace(ctx, rec.ARN, c, state)
	look.AtRisk = rec.Rotated && state.left < r.Timings.Urgent() && look.Action != Parked
	return look, err
}

// state is what the labels of a secret say at one instant.
type state struct {
	now     time.Time
	current Version       // zero if there is none
	left    time.Duration // life left in current; 0 if it is the placeholder
	expires time.Time
	pending *Version // a rotation that has not ended; nil if there is none
}

// read finds out what readers have and what is pending. The lease of a version is taken to begin with the
// version: it was minted later, if at all, so this is never too long.
func (r *Refresher) read(versions []Version, now time.Time) state {
	s := state{now: now}
	for _, v := range versions {
		if v.has(Current) {
			s.current = v
		} else if v.has(Pending) {
			s.pending = &v
		}
	}
	if leased(s.current.Labels) {
		s.expires = s.current.Created.Add(r.Timings.Lifetime)
		s.left = max(s.expires.Sub(now), 0)
	}
	return s
}

// replace sees to a lease that is due.
func (r *Refresher) replace(ctx context.Context, id string, c settings.Consumer, s state) (Action, string, error) {
	if action, reason, err := r.parked(ctx, c); action != "" || err != nil {
		return action, reason, err
	}
	if p := s.pending; p != nil {
		switch age := s.now.Sub(p.Created); {
		case age < DeadAfter:
			return Waiting, "a rotation started " + age.Round(time.Second).String() + " ago", nil
		case leased(p.Labels) && age < r.Timings.Lifetime && s.left >= r.Timings.Urgent():
			// It holds a good lease: trying it again costs no version. That RotateSecret does so is reported from
			// the field, not documented, hence the limit on how long this goes on.
			if err := r.Keeper.Rotate(ctx, id); err != nil && fault.ReasonOf(err) != RotationInProgress {
				return "", "", err
			}
			return Resumed, "version " + p.ID, nil
		}
	}
	versions, _, err := r.Keeper.Versions(ctx, id, true)
	if err != nil {
		return "", "", err
	}
	if action, reason := r.hold(versions, s); action != "" {
		return action, reason, nil
	}
	if s.pending != nil {
		if err := r.Keeper.Abandon(ctx, id, s.pending.ID); err != nil {
			return "", "", err
		}
	}
	if err := r.Keeper.Rotate(ctx, id); err != nil {
		if fault.ReasonOf(err) == RotationInProgress {
			return Waiting, "somebody else started a rotation", nil
		}
		return "", "", err
	}
	return Started, "", nil
}

// parked looks whether the consumer's warehouse takes logins at all.
func (r *Refresher) parked(ctx context.Context, c settings.Consumer) (Action, string, error) {
	id, ok := r.Warehouses[c.Warehouse]
	if !ok {
		return "", "", refusal(ClusterMissing, "consumer "+c.Name, fmt.Errorf("warehouse %s is not one of stage %s", c.Warehouse, r.Stage), "deploy the warehouse, or correct the consumer")
	}
	cluster, err := r.Clusters.Cluster(ctx, id)
	switch {
	case fault.ReasonOf(err) == ClusterMissing:
		return Parked, ClusterMissing, nil
	case err != nil:
		return "", "", err
	case cluster.Parked():
		return Parked, cluster.Status, nil
	}
	return "", "", nil
}
