package federation

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// grants gives usage to those who shall have it, and takes back what Sluice gave to others.
func (r *run) grants(ctx context.Context) (*wait, error) {
	name, want := r.rec.Wanted.Schema, union(r.rec.Wanted.GrantUsageTo, r.rec.Made.Kept)
	s, w, err := r.look(ctx, name)
	if w != nil || err != nil {
		return w, err
	}
	var give, take []warehouse.Grantee
	for _, g := range want {
		if !s.Usage[g] {
			give = append(give, g)
		}
	}
	for _, g := range r.rec.Made.Grants {
		if !slices.Contains(want, g) { // also what is not seen: the user may not see what others have
			take = append(take, g)
		}
	}
	if w, err := r.takeBack(ctx, name, take); w != nil || err != nil {
		return w, err
	}
	if len(give) > 0 {
		if r.before.Phase == Ready && s.Usage != nil && len(s.Usage) == 0 {
			r.Log.WarnContext(ctx, "the warehouse shows no usage of the schema; where nobody took it back, Sluice's user there lacks ACCESS SYSTEM TABLE: run the SQL of sluice bootstrap",
				"federation", r.rec.Name, "schema", name)
		}
		w, err := r.tell(ctx, "grant usage", warehouse.Grant(name, give))
		if fault.ReasonOf(err) == warehouse.LoginMissing { // Sluice's own user is there: it was asked just now
			err = r.blocked("grant usage", warehouse.GranteeMissing, "create the user in the warehouse, or leave it out of grantUsageTo", err)
		}
		if w != nil || err != nil {
			return w, err
		}
	}
	if !slices.Equal(r.rec.Made.Grants, r.rec.Wanted.GrantUsageTo) {
		r.rec.Made.Grants = r.rec.Wanted.GrantUsageTo
	}
	r.rec.Made.Kept = nil
	return nil, nil
}

// takeBack takes usage back. Whoever is not there any more has none.
func (r *run) takeBack(ctx context.Context, schema string, from []warehouse.Grantee) (*wait, error) {
	if len(from) == 0 {
		return nil, nil
	}
	w, err := r.tell(ctx, "revoke usage", warehouse.Revoke(schema, from))
	missing := []string{warehouse.GranteeMissing, warehouse.LoginMissing}
	if !slices.Contains(missing, fault.ReasonOf(err)) {
		return w, err
	}
	if len(from) == 1 {
		return nil, nil
	}
	for _, g := range from { // one that is missing fails all
		if w, err := r.takeBack(ctx, schema, []warehouse.Grantee{g}); w != nil || err != nil {
			return w, err
		}
	}
	return nil, nil
}
