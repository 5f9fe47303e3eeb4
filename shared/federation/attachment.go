package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
)

// maxBatch is how many roles one call attaches or takes away.
//
// Source: Amazon Redshift API Reference, ModifyClusterIamRoles (at most 10 roles in a request).
const maxBatch = 10

// attachment attaches the role to the cluster. A cluster takes one change at a time, so that many sources write their roles down
// and whoever finds the cluster free changes it for up to ten of them. AWS itself sees to it that only one of them does.
func (r *run) attachment(ctx context.Context) (*wait, error) {
	cluster, w, err := r.available(ctx)
	if w != nil || err != nil {
		return w, err
	}
	if r.rec.Made.Leaving { // until it was wanted again: nobody shall take it off now
		if err := r.strike(ctx, RoleChange{Remove: []string{r.entry()}}); err != nil {
			return nil, err
		}
		r.rec.Made.Leaving = false
	}
	arn := r.rec.Made.RoleARN
	switch cluster.Roles[arn] {
	case InSync, Adding:
		if !r.awaited() { // who attached it died before it could strike it off
			if err := r.strike(ctx, RoleChange{Add: []string{r.entry()}}); err != nil {
				return nil, err
			}
		}
	}
	switch cluster.Roles[arn] {
	case InSync:
		return nil, nil
	case Adding, Leaving:
		return &wait{Waiting, roleAttaching, "the cluster is " + cluster.Roles[arn] + " the role", attachWait}, nil
	}
	add := RoleChange{Add: []string{r.entry()}}
	if since := r.now().Sub(r.rec.IAMChanged); since < settleWait {
		// It is written down before the wait, so that who changes the roles first does it for all that came meanwhile.
		if err := r.act(ctx); err != nil {
			return nil, err
		}
		if _, err := r.Store.Enlist(ctx, r.rec.Made.Cluster, add); err != nil {
			return nil, err
		}
		return &wait{Waiting, "RoleSettling", "AWS is making the new role known", settleWait - since + time.Second/2}, nil
	}
	return r.change(ctx, add, cluster)
}

// attachmentDown takes the role off the cluster.
func (r *run) attachmentDown(ctx context.Context) (*wait, error) {
	made := r.rec.Made
	if !made.Begun || made.Cluster == "" || made.RoleARN == "" {
		return nil, nil
	}
	cluster, err := r.lookAt(ctx, made.Cluster)
	if err != nil {
		return nil, err
	}
	e := []string{r.entry()}
	if cluster == nil { // it is gone, and its roles with it
		return nil, r.strike(ctx, RoleChange{Add: e, Remove: e})
	}
	switch status, on := cluster.Roles[made.RoleARN]; {
	case !on:
		return nil, r.strike(ctx, RoleChange{Add: e, Remove: e})
	case status == Adding, status == Leaving:
		return &wait{Waiting, "RoleDetaching", "the cluster is " + status + " the role", detachWait}, nil
	}
	if w, err := r.usable(made.Cluster, cluster); w != nil || err != nil {
		return w, err
	}
	if err := r.strike(ctx, RoleChange{Add: e}); err != nil { // or somebody attaches it again
		return nil, err
	}
	return r.change(ctx, RoleChange{Remove: e}, cluster)
}

// awaited reports whether the record tells that the role, which is attached, is struck off those that wait, or will be by who
// attached it: the work has waited for that, and nothing else has happened since.
func (r *run) awaited() bool {
	return r.before.Phase == Ready || r.resume && (r.before.Reason == roleAttaching || r.before.Reason == roleQueued)
}

// strike takes the role off those that wait for the cluster.
func (r *run) strike(ctx context.Context, c RoleChange) error {
	if err := r.act(ctx); err != nil {
		return err
	}
	return r.Store.Delist(ctx, r.rec.Made.Cluster, c)
}

// entry is how the role waits: who asked first is served first. It stays the same until the federation is down.
func (r *run) entry() string {
	return r.rec.Made.Asked.UTC().Format("20060102T150405Z") + " " + r.rec.Made.RoleARN
}

func roleOf(entry string) string {
	_, arn, _ := strings.Cut(entry, " ")
	return arn
}

// change writes the role down and, if the cluster is free, changes its roles for those that have waited longest.
func (r *run) change(ctx context.Context, mine RoleChange, cluster *Cluster) (*wait, error) {
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	id := r.rec.Made.Cluster
	all, err := r.Store.Enlist(ctx, id, mine)
	if err != nil {
		return nil, err
	}
	entry := slices.Concat(mine.Add, mine.Remove)[0]
	queue := cluster.outstanding(all)
	if cluster.busy() {
		return position(queue, entry, true), nil
	}
	if queue.first() != entry && r.before.Reason != roleQueued { // who is first does it for all; who has waited for that in vain does it itself
		return position(queue, entry, false), nil
	}
	room := max(r.Warehouses[r.rec.Made.Warehouse].Limit()-len(cluster.Roles), 0)
	if slices.Index(queue.Add, entry) >= room && len(queue.Remove) == 0 {
		return nil, r.full(ctx, mine, fmt.Errorf("cluster %s has %d IAM roles, and %d more wait", id, len(cluster.Roles), len(queue.Add)))
	}
	batch := queue.head(room)
	err = r.Clusters.ModifyRoles(ctx, id, roles(batch.Add), roles(batch.Remove))
	if fault.ReasonOf(err) == NotAssumable && !slices.Equal(batch.Add, mine.Add) { // one of the others may be the reason
		if batch = mine; len(mine.Add) == 0 {
			batch = RoleChange{Remove: queue.head(0).Remove}
		}
		err = r.Clusters.ModifyRoles(ctx, id, roles(batch.Add), roles(batch.Remove))
	}
	if fault.ReasonOf(err) == ClusterBusy { // perhaps with this very change, whose answer was lost
		r.cluster = nil
		again, unseen := r.lookAt(ctx, id)
		if unseen != nil || again == nil || !again.changing(batch) {
			return position(queue, entry, true), unseen
		}
		err = nil
	}
	switch reason := fault.ReasonOf(err); {
	case reason == NotAssumable: // and must not keep the others from being attached
		return nil, errors.Join(err, r.Store.Delist(ctx, id, mine))
	case reason == TooManyRoles && slices.Contains(batch.Add, entry):
		return nil, r.full(ctx, mine, err)
	}
	if err != nil {
		return nil, err
	}
	done := cluster.done(all) // by runs that died before they could strike it off
	if err := r.Store.Delist(ctx, id, RoleChange{Add: append(done.Add, batch.Add...), Remove: append(done.Remove, batch.Remove...)}); err != nil {
		return nil, err
	}
	r.Log.InfoContext(ctx, "roles of cluster changed", "federation", r.rec.Name, "cluster", id, "attached", len(batch.Add), "detached", len(batch.Remove))
	if slices.Contains(batch.Add, entry) {
		return &wait{Waiting, roleAttaching, "the cluster is attaching the role", attachWait}, nil
	}
	if slices.Contains(batch.Remove, entry) {
		return &wait{Waiting, "RoleDetaching", "the cluster is letting the role go", detachWait}, nil
	}
	return position(queue, entry, false), nil
}

// full is the refusal of a role for which the cluster has no place. It does not wait where others may find one.
func (r *run) full(ctx context.Context, mine RoleChange, cause error) error {
	if err := r.Store.Delist(ctx, r.rec.Made.Cluster, mine); err != nil {
		return err
	}
	return r.blocked("attach role", RoleLimit, "withdraw a source that is not needed, or detach a role", cause)
}

func roles(entries []string) []string {
	var out []string
	for _, e := range entries {
		if arn := roleOf(e); !slices.Contains(out, arn) {
			out = append(out, arn)
		}
	}
	return out
}

// busy reports whether the cluster takes no change of its roles now.
func (c *Cluster) busy() bool {
	for _, status := range c.Roles {
		if status != InSync {
			return true
		}
	}
	return c.Status != "available"
}

// changing reports whether the cluster is at it: everything is being attached or taken away, or is so already.
func (c *Cluster) changing(batch RoleChange) bool {
	for _, arn := range roles(batch.Add) {
		if c.Roles[arn] == "" {
			return false
		}
	}
	for _, arn := range roles(batch.Remove) {
		if c.Roles[arn] == InSync {
			return false
		}
	}
	return true
}

// outstanding is what of all has not happened yet, in its order.
func (c *Cluster) outstanding(all RoleChange) RoleChange {
	var out RoleChange
	for _, e := range slices.Sorted(slices.Values(all.Add)) {
		if _, on := c.Roles[roleOf(e)]; !on {
			out.Add = append(out.Add, e)
		}
	}
	for _, e := range slices.Sorted(slices.Values(all.Remove)) {
		if _, on := c.Roles[roleOf(e)]; on {
			out.Remove = append(out.Remove, e)
		}
	}
	return out
}

// done is what of all has happened already.
func (c *Cluster) done(all RoleChange) RoleChange {
	left := c.outstanding(all)
	gone := func(all, left []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(e string) bool { return slices.Contains(left, e) })
	}
	return RoleChange{Add: gone(all.Add, left.Add), Remove: gone(all.Remove, left.Remove)}
}

// head is the first batch, with at most room roles that are added.
func (c RoleChange) head(room int) RoleChange {
	leave := c.Remove[:min(maxBatch, len(c.Remove))]
	return RoleChange{Add: c.Add[:min(maxBatch-len(leave), room, len(c.Add))], Remove: leave}
}

// first is whose turn it is.
func (c RoleChange) first() string {
	return slices.Concat(c.Remove, c.Add, []string{""})[0]
}

// Why a role waits.
const (
	roleQueued    = "RoleQueued"    // for its turn
	roleAttaching = "RoleAttaching" // for the cluster
)

// position is the wait of a role for its turn. The first of a batch comes back when the batch before is through, to change the
// roles of all ten; the others come back when their own is through, so that each looks once, however many there are.
func position(queue RoleChange, entry string, busy bool) *wait {
	i := max(slices.Index(slices.Concat(queue.Remove, queue.Add), entry), 0)
	turns := i / maxBatch
	if busy {
		turns++
	}
	if i%maxBatch != 0 {
		turns++
	}
	turn := attachWait
	if len(queue.Add) == 0 {
		turn = detachWait
	}
	return &wait{Waiting, roleQueued, fmt.Sprintf("%d roles are to be changed before", i), min(time.Duration(turns)*(turn+turnSlack), 15*time.Minute)}
}
