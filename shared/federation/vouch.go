package federation

import (
	"context"
	"fmt"

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

// existing checks the secret that the document names.
func (r *run) existing(ctx context.Context, db source.Database) (*wait, error) {
	id := r.rec.Wanted.Credentials.Secret
	s, w, err := r.serves(ctx, id, r.rec.Wanted.Source, db)
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
		_, w, err := r.serves(ctx, c.Secret, r.rec.Wanted.Source, db)
		return w, err
	}
	admin, err := r.admin(db)
	if err != nil || r.vouchedFor(admin) {
		return nil, err
	}
	return r.admits(ctx, admin, r.rec.Wanted.Source, db)
}

// vouchedFor reports whether an admin has made the login that is there, so that nobody asks for it.
func (r *run) vouchedFor(admin string) bool {
	return r.rec.Made.LoginReady && r.rec.Made.Admin == admin && !r.goesDown()
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

// admits looks whether the secret of an admin may be used for a source.
func (r *run) admits(ctx context.Context, id string, of source.Source, db source.Database) (*wait, error) {
	if id == db.MasterSecret {
		return r.managed(db), nil
	}
	_, w, err := r.serves(ctx, id, of, db)
	return w, err
}

// serves is a secret that a document names, if RDS or its owner says that it is for the source. It is looked up once a run.
func (r *run) serves(ctx context.Context, id string, of source.Source, db source.Database) (Secret, *wait, error) {
	var s Secret
	found, err := r.named != nil && r.named.ARN == id, error(nil)
	if found {
		s = *r.named
	} else {
		s, found, err = r.Secrets.Secret(ctx, id)
	}
	switch {
	case err != nil:
		return s, nil, err
	case !found:
		return s, nil, r.blocked("find secret", SecretMissing, "correct the secret's ARN, or request the source again with another", fmt.Errorf("there is no secret %s", id))
	case !s.Deleted.IsZero():
		return s, nil, r.blocked("find secret", SecretDeleted, "restore the secret, or request the source again with another", fmt.Errorf("secret %s is scheduled for deletion", id))
	case s.ARN != id: // policies and schema need the whole
		return s, nil, r.blocked("find secret", SecretMissing, "write the secret's whole ARN into the document", fmt.Errorf("%s is a part of the ARN %s", id, s.ARN))
	case s.ARN != db.MasterSecret && s.Tags[TagSource] != of.ID():
		return s, nil, r.blocked("check secret", SecretNotServing,
			fmt.Sprintf("let whoever owns the secret tag it with %s = %s, or use one that RDS manages for the instance", TagSource, of.ID()),
			fmt.Errorf("nothing says that secret %s serves source %s", id, of.ID()))
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
