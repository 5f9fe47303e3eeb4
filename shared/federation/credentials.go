package federation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// Why there is no login for the warehouse.
const (
	SecretMissing    = "SecretMissing"    // no such secret
	SecretDeleted    = "SecretDeleted"    // the secret is in its recovery window
	SecretNotServing = "SecretNotServing" // neither RDS nor the secret's own tag says that it serves the source
	SecretRotating   = "SecretRotating"   // RDS is changing it
	SecretTaken      = "SecretTaken"      // our own secret's name is somebody else's
	AdminMissing     = "AdminMissing"     // no admin is named, and RDS manages none
	KeyUnusable      = "KeyUnusable"      // the secret's KMS key is disabled, being deleted or not there
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
	r.rec.Made.Admin = admin
	if !r.rec.Made.LoginReady { // before anything is made
		if w, err := r.admits(ctx, admin, db); w != nil || err != nil {
			return w, err
		}
	}
	ready := r.rec.Made.LoginReady
	if err := r.ownSecret(ctx, db); err != nil {
		return nil, err
	}
	if r.rec.Made.LoginReady {
		return nil, nil
	}
	if ready { // it was, until the secret got another password
		if w, err := r.admits(ctx, admin, db); w != nil || err != nil {
			return w, err
		}
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	answer, err := r.Logins.Do(ctx, source.Request{
		Action: source.Ensure, Federation: r.rec.Name, Endpoint: db.Endpoint, Admin: admin, Secret: r.rec.Made.Secret,
		User: r.rec.Made.Login, Mark: r.Mark(r.rec.Name),
	})
	if err != nil {
		return nil, err
	}
	r.rec.Made.LoginReady = true
	r.rec.set(CondUncovered, list("tables that they make later stay invisible until they grant them: ", answer.Uncovered), r.now())
	return nil, nil
}

// existing checks the secret that the document names.
func (r *run) existing(ctx context.Context, db source.Database) (*wait, error) {
	id := r.rec.Wanted.Credentials.Secret
	s, w, err := r.serves(ctx, id, db)
	if w != nil || err != nil {
		return w, err
	}
	master, impaired := "", ""
	if id == db.MasterSecret {
		master = "the warehouse reads as the master user; name it as credentials.admin instead, and it gets a read-only login of its own"
		if db.SecretStatus == "impaired" {
			impaired = "RDS reports that it cannot rotate the secret"
		}
	}
	r.rec.set(CondMaster, master, r.now())
	r.rec.set(CondImpaired, impaired, r.now())
	r.rec.Made.Secret = s.ARN
	return nil, r.keyOf(ctx, s.Key)
}

// vouched looks whether the secret that the document names may be used for the source, before anything is made.
func (r *run) vouched(ctx context.Context, db source.Database) (*wait, error) {
	if c := r.rec.Wanted.Credentials; !c.Own() {
		_, w, err := r.serves(ctx, c.Secret, db)
		return w, err
	}
	if r.rec.Made.LoginReady { // nobody asks for the admin
		return nil, nil
	}
	admin, err := r.admin(db)
	if err != nil {
		return nil, err
	}
	return r.admits(ctx, admin, db)
}

// admin is the secret of who makes our login.
func (r *run) admin(db source.Database) (string, error) {
	if admin := r.rec.Wanted.Credentials.Admin; admin != "" {
		return admin, nil
	}
	if db.MasterSecret == "" {
		return "", r.blocked("find admin", AdminMissing, "name credentials.admin or credentials.secret, or let RDS manage the instance's master password",
			fmt.Errorf("instance %s has no secret that RDS manages", r.rec.Wanted.Source.ID()))
	}
	return db.MasterSecret, nil
}

// admits looks whether the secret of an admin may be used for the source.
func (r *run) admits(ctx context.Context, id string, db source.Database) (*wait, error) {
	if id == db.MasterSecret {
		return r.managed(db), nil
	}
	_, w, err := r.serves(ctx, id, db)
	return w, err
}

// serves is the secret that the document names, if RDS or its owner says that it is for the source. It is looked up once a run.
func (r *run) serves(ctx context.Context, id string, db source.Database) (Secret, *wait, error) {
	if r.named != nil {
		return *r.named, nil, nil
	}
	s, found, err := r.Secrets.Secret(ctx, id)
	switch {
	case err != nil:
		return s, nil, err
	case !found:
		return s, nil, r.blocked("find secret", SecretMissing, "correct the secret's ARN, or request the source again with another", fmt.Errorf("there is no secret %s", id))
	case !s.Deleted.IsZero():
		return s, nil, r.blocked("find secret", SecretDeleted, "restore the secret, or request the source again with another", fmt.Errorf("secret %s is being deleted since %s", id, s.Deleted.Format(time.RFC3339)))
	case s.ARN != id: // policies and schema need the whole
		return s, nil, r.blocked("find secret", SecretMissing, "write the secret's whole ARN into the document", fmt.Errorf("%s is a part of the ARN %s", id, s.ARN))
	case s.ARN != db.MasterSecret && s.Tags[TagSource] != r.rec.Wanted.Source.ID():
		return s, nil, r.blocked("check secret", SecretNotServing,
			fmt.Sprintf("let whoever owns the secret tag it with %s = %s, or use one that RDS manages for the instance", TagSource, r.rec.Wanted.Source.ID()),
			fmt.Errorf("nothing says that secret %s serves source %s", id, r.rec.Wanted.Source.ID()))
	}
	if s.ARN == db.MasterSecret {
		if w := r.managed(db); w != nil {
			return s, w, nil
		}
	}
	r.named = &s
	return s, nil, nil
}

// managed waits while RDS changes its own secret.
func (r *run) managed(db source.Database) *wait {
	if db.SecretStatus == "rotating" || db.SecretStatus == "creating" {
		return &wait{Waiting, SecretRotating, "RDS is " + db.SecretStatus + " the master secret", sourceWait}
	}
	return nil
}

// ownSecret makes or mends the secret of our own login. A new password makes the login one that is not ready.
func (r *run) ownSecret(ctx context.Context, db source.Database) error {
	name := r.rec.Made.SecretName
	if name == "" {
		name = r.Namer.Secret(r.rec.Wanted)
	}
	if r.rec.Made.Secret == "" { // most likely not there: make it, and look only if it is
		if err := r.createSecret(ctx, name, db); fault.ReasonOf(err) != AlreadyThere {
			return err
		}
	}
	s, found, err := r.Secrets.Secret(ctx, name)
	switch {
	case err != nil:
		return err
	case !found:
		return r.createSecret(ctx, name, db)
	case !r.ours(s.Tags, r.rec.Name):
		return r.blocked("make secret", SecretTaken, "delete or rename that secret", fmt.Errorf("secret %s is there and is not Sluice's: its tags do not name this federation", name))
	}
	r.rec.Made.Secret = s.ARN
	gone := !s.Deleted.IsZero()
	if gone || s.Tags[TagEndpoint] != db.Endpoint.String() { // a password is not inherited by what comes after
		in, err := r.newSecret(ctx, s.ARN, db)
		if err != nil {
			return err
		}
		if gone {
			if err := r.Secrets.Restore(ctx, s.ARN); err != nil {
				return err
			}
		}
		if err := r.Secrets.Renew(ctx, in); err != nil {
			return err
		}
	}
	return r.keyOf(ctx, s.Key)
}

func (r *run) createSecret(ctx context.Context, name string, db source.Database) error {
	if err := r.keyOf(ctx, r.Key); err != nil {
		return err
	}
	in, err := r.newSecret(ctx, name, db)
	if err != nil {
		return err
	}
	arn, err := r.Secrets.Create(ctx, in)
	if err != nil {
		return err
	}
	r.rec.Made.SecretName, r.rec.Made.Secret = name, arn
	return nil
}

// newSecret is a new value for our own secret.
func (r *run) newSecret(ctx context.Context, id string, db source.Database) (NewSecret, error) {
	r.rec.Made.LoginReady = false
	if err := r.act(ctx); err != nil {
		return NewSecret{}, err
	}
	password, err := r.Secrets.Password(ctx)
	if err != nil {
		return NewSecret{}, err
	}
	tags := r.Tags(r.rec.Name)
	tags[TagEndpoint] = db.Endpoint.String()
	return NewSecret{
		Name: id, User: r.Login(r.rec.Wanted), Password: password, Endpoint: db.Endpoint, Instance: r.rec.Wanted.Source.Instance, Key: r.Key, Tags: tags,
	}, nil
}

// keyOf notes the customer's key of a secret, which the role has to be allowed to use.
func (r *run) keyOf(ctx context.Context, id string) error {
	if id != "" && id == r.rec.Made.Key && r.rec.Phase == Ready {
		return nil // the proof fails when it cannot be used any more
	}
	r.rec.Made.Key = ""
	if id == "" {
		return nil
	}
	key, found, err := r.Keys.Key(ctx, id)
	switch {
	case err != nil:
		return err
	case !found:
		return r.blocked("check key", KeyUnusable, "give the secret a key that exists", fmt.Errorf("there is no KMS key %s", id))
	case key.State != "Enabled":
		return r.blocked("check key", KeyUnusable, "enable the key, or cancel its deletion", fmt.Errorf("KMS key %s is %s", key.ARN, key.State))
	case key.Customer:
		r.rec.Made.Key = key.ARN
	}
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
	if admin == "" {
		admin = db.MasterSecret
	}
	if admin == "" {
		return nil, r.blocked("drop login", AdminMissing, "let RDS manage the master password again, or drop the user "+made.Login+" yourself and delete the comment on it",
			errors.New("no admin is known"))
	}
	if !db.Answers() {
		return &wait{Parked, SourceAway, "the instance is " + db.Status, parkedWait}, nil
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	_, err = r.Logins.Do(ctx, source.Request{Action: source.Drop, Federation: r.rec.Name, Endpoint: db.Endpoint, Admin: admin, User: made.Login, Mark: r.Mark(r.rec.Name)})
	if err != nil {
		return nil, err
	}
	made.LoginReady = false
	return nil, nil
}

// secretDown lets our own secret run into its recovery window.
func (r *run) secretDown(ctx context.Context) (*wait, error) {
	name := r.rec.Made.SecretName
	if name == "" {
		return nil, nil
	}
	s, found, err := r.Secrets.Secret(ctx, name)
	if err != nil || !found || !s.Deleted.IsZero() || !r.ours(s.Tags, r.rec.Name) {
		return nil, err
	}
	if err := r.act(ctx); err != nil {
		return nil, err
	}
	r.rec.Made.SecretUntil, err = r.Secrets.Delete(ctx, s.ARN, r.RecoveryDays)
	return nil, err
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
