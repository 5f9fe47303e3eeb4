package federation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Tags of an RDS instance that ask for its federation. Values are what tags allow: letters, digits, spaces and + - = . _ : / @.
const (
	TagWarehouse = "sluice:warehouse" // asks for it; all others are optional
	TagName      = "sluice:name"      // of the federation; the instance's identifier if it is missing
	TagDatabase  = "sluice:database"  // the instance's first one if it is missing
	TagRemote    = "sluice:remote-schema"
	TagSchema    = "sluice:schema" // in the warehouse; the federation's name, with _ for -, if it is missing
	TagGrant     = "sluice:grant"  // grantees with spaces between them
	TagSecret    = "sluice:secret" // ARN of an existing secret
	TagNetwork   = "sluice:manage-ingress"
)

// Request makes w what is wanted under its name, and reconciles it. at is when it was asked for: older requests lose.
// by names the run in claims.
func (r *Reconciler) Request(ctx context.Context, w Wanted, at time.Time, by string) (Outcome, error) {
	return r.reconcile(ctx, w.Name, 0, by, func(rec *Record, _ time.Time) bool { return rec.want(w.complete(), false, ByRequest, at) })
}

// Withdraw takes a federation down. It stays down also if a tag asks for it, until somebody changes what the tag asks for. What
// nobody has heard of yet is noted as well: the request for it may be older and come later.
func (r *Reconciler) Withdraw(ctx context.Context, name string, at time.Time, by string) (Outcome, error) {
	return r.reconcile(ctx, name, 0, by, func(rec *Record, _ time.Time) bool {
		rec.Wanted.Name = name
		return rec.want(rec.Wanted, true, ByRequest, at)
	})
}

// FollowUp goes on with a federation that waited. A number that is not the record's is dropped.
func (r *Reconciler) FollowUp(ctx context.Context, name string, number int, by string) (Outcome, error) {
	return r.reconcile(ctx, name, number, by, nil)
}

// Look reconciles a federation with what is wanted of it, unless it waits for a follow-up that is yet to come.
func (r *Reconciler) Look(ctx context.Context, name, by string) (Outcome, error) {
	return r.reconcile(ctx, name, bySweep, by, nil)
}

// Instance looks at an RDS instance of which an event told: at what its tags ask for, and at the federations that read from it.
// What the instance is now counts, not what the event says became of it, nor when.
func (r *Reconciler) Instance(ctx context.Context, id, by string) ([]Outcome, error) {
	db, found, err := r.Databases.Instance(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	var failures []error
	note := func(o Outcome, err error) { // the failure of one keeps none of the others waiting
		if err != nil {
			failures = append(failures, err)
		} else {
			out = append(out, o)
		}
	}
	asked, wrong := "", error(nil)
	if found && db.Tags[TagWarehouse] != "" {
		var w Wanted
		if w, wrong = FromTags(id, db); wrong == nil {
			asked = w.Name
			note(r.reconcile(ctx, w.Name, 0, by, func(rec *Record, now time.Time) bool { return rec.wantTagged(w, now) }))
		}
	}
	records, err := r.Store.List(ctx)
	if err != nil {
		failures = append(failures, err)
	}
	for _, rec := range records { // none if they could not be read
		if rec.Wanted.Source.Instance == id && rec.Name != asked && rec.Phase != Removed {
			note(r.reconcile(ctx, rec.Name, 0, by, nil))
		}
	}
	return out, together(append(failures, wrong))
}

// together is all failures as one, which is tried again if one of them is.
func together(failures []error) error {
	slices.SortStableFunc(failures, func(a, b error) int {
		return cmp.Compare(fault.KindOf(b), fault.KindOf(a)) // "retry" comes first
	})
	return errors.Join(failures...)
}

// wantTagged makes what an instance's tags ask for now what is wanted, unless somebody asked for something else by the name: a
// request, a withdrawal, or another instance's tags.
func (r *Record) wantTagged(w Wanted, now time.Time) bool {
	switch {
	case r.Generation == 0:
	case !r.Withdrawn && r.Origin == ByRequest, !r.Withdrawn && r.Wanted.Source.Instance != w.Source.Instance:
		return false
	case r.Withdrawn && r.Origin == ByRequest && r.Wanted.Same(w):
		return false
	case !r.Withdrawn && r.Wanted.Same(w):
		return false
	}
	if now.Before(r.WantedAt) { // by another's clock
		now = r.WantedAt
	}
	return r.want(w, false, ByTag, now)
}

// FromTags is what the tags of an instance ask for. Its error is a *[fault.Error] with everything that is wrong.
func FromTags(id string, db source.Database) (Wanted, error) {
	get := func(tag, missing string) string {
		if v := db.Tags[tag]; v != "" {
			return v
		}
		return missing
	}
	name := get(TagName, id)
	w := Wanted{
		Name: name, Warehouse: db.Tags[TagWarehouse],
		Source:        source.Source{Engine: db.Engine, Instance: id, Database: get(TagDatabase, db.Database), Schema: db.Tags[TagRemote]},
		Credentials:   Credentials{Secret: db.Tags[TagSecret]},
		Schema:        get(TagSchema, strings.ReplaceAll(name, "-", "_")),
		ManageIngress: db.Tags[TagNetwork] == "true",
	}
	for _, g := range strings.Fields(db.Tags[TagGrant]) {
		w.GrantUsageTo = append(w.GrantUsageTo, warehouse.Grantee(g))
	}
	w = w.complete()
	if err := w.Problems().Err(); err != nil {
		return Wanted{}, &fault.Error{Kind: fault.Blocked, Reason: TagsWrong, Op: "read tags", Subject: "instance " + id, Err: err, Fix: "correct the tags of the instance"}
	}
	return w, nil
}

// TagsWrong is the reason where the tags of an instance do not make a wanted document.
const TagsWrong = "TagsWrong"

// A Swept is what a sweep saw.
type Swept struct {
	Looks     int      // federations that are looked at now
	Missed    []string // tagged instances of which no event had told
	Unclaimed []string // roles of this deployment that no federation has
}

// Sweep sends a look for every federation and every tagged instance, and names what belongs to none.
func (r *Reconciler) Sweep(ctx context.Context) (Swept, error) {
	var s Swept
	records, err := r.Store.List(ctx)
	if err != nil {
		return s, err
	}
	instances, err := r.Databases.Instances(ctx, TagWarehouse)
	if err != nil {
		return s, err
	}
	known := make(map[string]bool)
	for _, rec := range records {
		known[rec.Wanted.Source.Instance] = true
		if rec.Phase == Removed {
			continue
		}
		if _, still := instances[rec.Wanted.Source.Instance]; still && rec.Origin == ByTag {
			continue // looked at by way of its tags, which may have changed
		}
		if err := r.Queue.Look(ctx, rec.Name); err != nil {
			return s, err
		}
		s.Looks++
	}
	for _, id := range slices.Sorted(maps.Keys(instances)) {
		if !known[id] {
			s.Missed = append(s.Missed, id)
		}
		if err := r.Queue.LookAt(ctx, id); err != nil {
			return s, err
		}
		s.Looks++
	}
	if s.Unclaimed, err = r.Unclaimed(ctx, records); err != nil { // what belongs to nobody is a matter for people; the looks are not to wait for it
		r.Log.WarnContext(ctx, "roles not listed", "outcome", "Unlisted", "err", err)
	}
	return s, nil
}

// Mistagged is what is wrong with the tags of instances that ask for a federation and make no wanted document, by identifier. No
// record tells of them: there is none.
func (r *Reconciler) Mistagged(ctx context.Context) (wrong []error, err error) {
	instances, err := r.Databases.Instances(ctx, TagWarehouse)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(instances)) {
		if db := instances[id]; db.Tags[TagWarehouse] != "" {
			if _, err := FromTags(id, db); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return wrong, nil
}

// Unclaimed are the roles of this deployment that none of the federations has, with the federation that each was made for.
func (r *Reconciler) Unclaimed(ctx context.Context, records []Record) (names []string, err error) {
	claimed := make(map[string]bool)
	for _, rec := range records {
		if rec.Phase != Removed {
			claimed[rec.Made.Role] = true
		}
	}
	roles, err := r.Roles.Under(ctx, r.RolePath())
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		if !claimed[name] && roles[name][TagStage] == r.Stage {
			names = append(names, fmt.Sprintf("%s (federation %s)", name, roles[name][TagFederation]))
		}
	}
	return names, nil
}
