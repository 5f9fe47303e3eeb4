package federation

import (
	"context"
	"errors"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// credentials sees to the secret that the warehouse reads, and to the login in it.
func (r *run) credentials(ctx context.Context) (*wait, error) {
	db, found, err := r.lookUp(ctx, r.rec.Wanted.Source)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errAgain // it went since preflight looked
	}
	if !r.rec.Wanted.Credentials.Own() {
		return r.existing(ctx, db)
	}
	admin, err := r.admin(db)
	if err != nil {
		return nil, err
	}
	if !r.vouchedFor(admin) { // before anything is made
		if w, err := r.admits(ctx, admin, r.rec.Wanted.Source, db); w != nil || err != nil {
			return w, err
		}
	}
	if r.rec.Made.Admin != admin {
		if r.rec.Made.Admin != "" {
			r.saved = false // who made the login is noted before anybody else does
		}
		r.rec.Made.Admin = admin
	}
	ready := r.rec.Made.LoginReady
	if err := r.ownSecret(ctx, db); err != nil {
		return nil, err
	}
	if r.rec.Made.LoginReady {
		return nil, r.recheck(ctx, admin, db)
	}
	if ready { // it was, until the secret got another password
		if w, err := r.admits(ctx, admin, r.rec.Wanted.Source, db); w != nil || err != nil {
			return w, err
		}
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	return nil, r.ensure(ctx, admin, db)
}

// ensure has our own login made or mended.
func (r *run) ensure(ctx context.Context, admin string, db source.Database) error {
	answer, err := r.Logins.Do(ctx, source.Request{
		Action: source.Ensure, Federation: r.rec.Name, Endpoint: db.Endpoint, Instance: r.rec.Wanted.Source.Instance, Admin: admin, Secret: r.rec.Made.Secret,
		User: r.rec.Made.Login, Mark: r.Mark(r.rec.Name),
	})
	if err != nil {
		return err
	}
	if answer.Changed && r.rec.Made.LoginReady {
		r.Log.WarnContext(ctx, "login mended", "federation", r.rec.Name, "user", r.rec.Made.Login)
	}
	r.rec.Made.LoginReady = true
	r.rec.set(CondUncovered, list("tables that they make later stay invisible until they grant them: ", answer.Uncovered), r.now())
	r.rec.set(CondUnchecked, "", r.now())
	return nil
}

// recheck asks for the login once more when the proof is due: rights that were changed by hand are mended, and the owners of
// tables are others in time. Where that fails the federation works on, and the admin may be gone by then: a condition says so, and
// the proof decides.
func (r *run) recheck(ctx context.Context, admin string, db source.Database) error {
	if r.before.Phase != Ready || r.now().Before(r.rec.Proved.Add(proofLife)) {
		return nil
	}
	w, err := r.admits(ctx, admin, r.rec.Wanted.Source, db)
	if w != nil {
		return nil
	}
	if err == nil {
		if err := r.hold(ctx); err != nil {
			return err
		}
		err = r.ensure(ctx, admin, db)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	r.Log.WarnContext(ctx, "login not checked", "federation", r.rec.Name, "reason", fault.ReasonOf(err), "err", err.Error())
	r.rec.set(CondUnchecked, err.Error(), r.now())
	return nil
}

// loginDown drops our own user from the source.
func (r *run) loginDown(ctx context.Context) (*wait, error) {
	made := &r.rec.Made
	if made.Login == "" || made.Gone {
		return nil, nil
	}
	db, found, err := r.lookUp(ctx, made.Source)
	if err != nil {
		return nil, err
	}
	if !found || made.ResourceID != "" && db.ResourceID != made.ResourceID {
		return nil, nil // the user went with the database
	}
	admin := made.Admin
	if admin == "" || db.MasterSecret != "" && strings.Contains(admin, ofRDS) { // RDS has made its secret anew
		admin = db.MasterSecret
	}
	if admin == "" {
		return nil, r.unlessNothing(ctx, r.blocked("drop login", AdminMissing,
			"let RDS manage the master password again, or drop the user "+made.Login+" yourself and delete the comment on it", errors.New("no admin is known")))
	}
	if !db.Answers() {
		return &wait{Parked, SourceAway, "the instance is " + db.Status, parkedWait}, nil
	}
	if w, err := r.admits(ctx, admin, made.Source, db); w != nil || err != nil {
		return w, r.unlessNothing(ctx, err)
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	_, err = r.Logins.Do(ctx, source.Request{
		Action: source.Drop, Federation: r.rec.Name, Endpoint: db.Endpoint, Instance: made.Source.Instance, Admin: admin, User: made.Login, Mark: r.Mark(r.rec.Name),
	})
	if err != nil {
		return nil, err
	}
	made.LoginReady = false
	return nil, nil
}

// ofRDS is in the ARNs of the secrets that RDS manages.
const ofRDS = ":secret:rds!"

// unlessNothing is a refusal of an admin, unless the login was never made: its password comes before it.
func (r *run) unlessNothing(ctx context.Context, refusal error) error {
	if fault.KindOf(refusal) != fault.Blocked || r.rec.Made.LoginReady {
		return refusal
	}
	s, found, err := r.Secrets.Secret(ctx, r.rec.Made.SecretName)
	if err != nil || found && s.Deleted.IsZero() && r.ours(s.Tags, r.rec.Name) {
		return refusal
	}
	return nil
}

func list(intro string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	out := intro
	for i, name := range names {
		if i > 0 {
			out += ", "
		}
		out += name
	}
	return out
}
