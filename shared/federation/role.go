package federation

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
)

// RoleTaken is the reason where the role's name is somebody else's.
const RoleTaken = "RoleTaken"

// role makes or mends the role by which the warehouse reads the secret.
func (r *run) role(ctx context.Context) (*wait, error) {
	policy := Policy(r.Profile, r.Place, r.rec.Made.Secret, r.rec.Made.Key)
	if r.rec.IAMChanged.IsZero() { // most likely not there: make it, and look only if it is
		err := r.createRole(ctx, policy)
		if fault.ReasonOf(err) != AlreadyThere {
			return nil, err
		}
	}
	name := r.rec.Made.Role
	role, found, err := r.Roles.Role(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, r.createRole(ctx, policy)
	case !r.ours(role.Tags, r.rec.Name):
		return nil, r.blocked("make role", RoleTaken, "delete or rename that role, or choose another name for the federation",
			fmt.Errorf("role %s is there and is not Sluice's: its tags do not name this federation", role.ARN))
	}
	r.rec.Made.RoleARN = role.ARN
	if !samePolicy(role.Trust, Trust()) {
		if err := r.changeIAM(ctx, "trust", role.Trust, func() error { return r.Roles.SetTrust(ctx, name, Trust()) }); err != nil {
			return nil, err
		}
	}
	if role.Boundary != r.Boundary {
		if err := r.changeIAM(ctx, "boundary", role.Boundary, func() error { return r.Roles.SetBoundary(ctx, name, r.Boundary) }); err != nil {
			return nil, err
		}
	}
	is, found, err := r.Roles.Policy(ctx, name, PolicyName)
	if err != nil || found && samePolicy(is, policy) {
		return nil, err
	}
	return nil, r.changeIAM(ctx, "policy", is, func() error { return r.Roles.SetPolicy(ctx, name, PolicyName, policy) })
}

func (r *run) createRole(ctx context.Context, policy string) error {
	name := r.Role(r.rec.Wanted)
	err := r.changeIAM(ctx, "role", "", func() error {
		return r.Roles.Create(ctx, NewRole{
			Name: name, Path: r.RolePath(), Trust: Trust(), Boundary: r.Boundary,
			Description: "Sluice: lets " + r.rec.Wanted.Warehouse + " read the secret of source " + r.rec.Wanted.Source.ID(), Tags: r.Tags(r.rec.Name),
		})
	})
	if err != nil {
		return err
	}
	r.rec.Made.Role, r.rec.Made.RoleARN = name, r.RoleARN(name)
	return r.Roles.SetPolicy(ctx, name, PolicyName, policy)
}

// changeIAM does what others will see a while later.
func (r *run) changeIAM(ctx context.Context, what, was string, change func() error) error {
	if err := r.act(ctx); err != nil {
		return err
	}
	if was != "" {
		r.Log.WarnContext(ctx, "drift of the role repaired", "federation", r.rec.Name, "role", r.rec.Made.Role, "what", what, "was", was)
	}
	r.rec.IAMChanged = r.now() // also where the answer is lost
	return change()
}

// roleDown deletes the role, if it is ours.
func (r *run) roleDown(ctx context.Context) (*wait, error) {
	name := r.rec.Made.Role
	if name == "" {
		return nil, nil
	}
	role, found, err := r.Roles.Role(ctx, name)
	if err != nil || !found || !r.ours(role.Tags, r.rec.Name) {
		return nil, err
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	if err := r.Roles.DeletePolicy(ctx, name, PolicyName); err != nil {
		return nil, err
	}
	return nil, r.Roles.Delete(ctx, name)
}
