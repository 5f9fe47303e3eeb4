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
	arn := r.rec.Made.RoleARN
	switch cluster.Roles[arn] {
	case InSync:
		return nil, r.unlist(ctx, cluster)
	case Adding, Leaving:
		return &wait{Waiting, "RoleAttaching", "the cluster is " + cluster.Roles[arn] + " the role", attachWait}, nil
	}
	if since := r.now().Sub(r.rec.IAMChanged); since < settleWait {
		return &wait{Waiting, "RoleSettling", "AWS is making the new role known", settleWait - since + time.Second/2}, nil
	}
	return r.change(ctx, RoleChange{Add: []string{r.entry(arn)}}, cluster)
}

// attachmentDown takes the role off the cluster.
func (r *run) attachmentDown(ctx context.Context) (*wait, error) {
	made := r.rec.Made
	cluster, err := r.lookAt(ctx, made.Cluster)
	if err != nil || made.Cluster == "" || made.RoleARN == "" {
		return nil, err
	}
	if cluster == nil { // it is gone, and its roles with it
		return nil, r.unlist(ctx, nil)
	}
	switch status, on := cluster.Roles[made.RoleARN]; {
	case !on:
		return nil, r.unlist(ctx, cluster)
	case status == Adding, status == Leaving:
		return &wait{Waiting, "RoleDetaching", "the cluster is " + status + " the role", detachWait}, nil
	}
	if w, err := r.usable(made.Cluster, cluster); w != nil || err != nil {
		return w, err
	}
	return r.change(ctx, RoleChange{Remove: []string{r.entry(made.RoleARN)}}, cluster)
}

// entry is how a role waits: who asked first is served first.
func (r *run) entry(arn string) string {
	return r.rec.WantedAt.UTC().Format("20060102T150405Z") + " " + arn
}

func roleOf(entry string) string {
	_, arn, _ := strings.Cut(entry, " ")
	return arn
}

// unlist strikes the role off those that wait, if it is among them.
func (r *run) unlist(ctx context.Context, cluster *Cluster) error {
	if !r.rec.Made.Enlisted {
		return nil
	}
	r.rec.Made.Enlisted = false
	id := r.rec.Made.Cluster
	if !r.rec.Withdrawn && !r.rec.Made.Gone && cluster != nil && cluster.Roles[r.rec.Made.RoleARN] == InSync {
		return nil // whoever attached it has struck it off
	}
	e := r.entry(r.rec.Made.RoleARN)
	return r.Store.Delist(ctx, id, RoleChange{Add: []string{e}, Remove: []string{e}})
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
	r.rec.Made.Enlisted = true
	entry := slices.Concat(mine.Add, mine.Remove)[0]
	queue := cluster.outstanding(all)
	if cluster.busy() {
		return position(queue, entry, true), nil
	}
	batch := queue.head(maxBatch)
	err = r.Clusters.ModifyRoles(ctx, id, roles(batch.Add), roles(batch.Remove))
	if reason := fault.ReasonOf(err); reason == NotAssumable && len(batch.Add) > 1 && slices.Contains(batch.Add, entry) {
		batch = RoleChange{Add: []string{entry}} // one of the others may be the reason
		err = r.Clusters.ModifyRoles(ctx, id, roles(batch.Add), nil)
	}
	switch fault.ReasonOf(err) {
	case ClusterBusy:
		return position(queue, entry, true), nil
	case NotAssumable: // and must not keep the others from being attached
		return nil, errors.Join(err, r.Store.Delist(ctx, id, RoleChange{Add: []string{entry}}))
	case TooManyRoles:
		return nil, r.blocked("attach role", RoleLimit, "withdraw a source that is not needed, or detach a role", err)
	}
	if err != nil {
		return nil, err
	}
	if err := r.Store.Delist(ctx, id, batch); err != nil {
		return nil, err
	}
	r.Log.InfoContext(ctx, "roles of cluster changed", "federation", r.rec.Name, "cluster", id, "attached", len(batch.Add), "detached", len(batch.Remove))
	if slices.Contains(batch.Add, entry) {
		return &wait{Waiting, "RoleAttaching", "the cluster is attaching the role", attachWait}, nil
	}
	if slices.Contains(batch.Remove, entry) {
		return &wait{Waiting, "RoleDetaching", "the cluster is letting the role go", detachWait}, nil
	}
	return position(queue, entry, true), nil
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

// head is the first n: what leaves makes room for what comes.
func (c RoleChange) head(n int) RoleChange {
	leave := c.Remove[:min(n, len(c.Remove))]
	return RoleChange{Add: c.Add[:min(n-len(leave), len(c.Add))], Remove: leave}
}

// position is the wait of a role for its turn. The first of a batch comes back when the batch before is through, to change the
// roles of all ten; the others come back when their own is through, so that each looks once, however many there are.
func position(queue RoleChange, entry string, busy bool) *wait {
	i := slices.Index(slices.Concat(queue.Remove, queue.Add), entry)
	turns := max(i, 0) / maxBatch
	if busy {
		turns++
	}
	if i%maxBatch != 0 {
		turns++
	}
	return &wait{Waiting, "RoleQueued", fmt.Sprintf("%d roles are to be changed before", max(i, 0)), min(time.Duration(turns)*attachWait, 15*time.Minute)}
}
