// Package sourcelogin makes, mends and takes away the one read-only login that Sluice keeps in a source. It is all that
// talks to a source, and all that sees the password of a source's admin.
package sourcelogin

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

// Misconfigured is the reason where what was deployed with the function, or its environment, keeps it from any login.
const Misconfigured = "Misconfigured"

// Secrets reads logins.
type Secrets interface {
	// Read is the current value of the secret with this ARN. A secret that is not there, may not be read or is no
	// login is a *[fault.Error].
	Read(ctx context.Context, arn string) (source.Credential, error)
}

// A Keeper keeps logins. Its methods may be called from several goroutines.
type Keeper struct {
	Secrets Secrets
	// Roots are the authorities that a source's certificate may come from. It is asked for each login, and no sooner:
	// to read them takes as long as all else that a function does to start.
	Roots func() (*x509.CertPool, error)
}

// Do does what r asks, and is safe to repeat wherever it ended before. What it does in the source it does in one
// transaction, so that a connection that breaks leaves all of it or nothing.
//
// Errors: a *[fault.Error] with one of the reasons of package source, or of reading the secrets. No password and
// no verifier is ever in one.
func (k *Keeper) Do(ctx context.Context, r source.Request) (source.Answer, error) {
	if err := r.Problems().Err(); err != nil {
		return source.Answer{}, &fault.Error{Kind: fault.Bug, Reason: "Malformed", Op: "read request", Err: err, Fix: "deploy provision and login from one version"}
	}
	if r.Action == source.Drop {
		return k.drop(ctx, r)
	}
	return k.ensure(ctx, r)
}

func (k *Keeper) ensure(ctx context.Context, r source.Request) (source.Answer, error) {
	own, err := k.Secrets.Read(ctx, r.Secret)
	if err != nil {
		return source.Answer{}, err
	}
	if own.User != r.User {
		return source.Answer{}, &fault.Error{Kind: fault.Blocked, Reason: source.SecretUnreadable, Op: "read secret", Subject: r.Secret,
			Err: fmt.Errorf("it is the login of user %q and not of %q", own.User, r.User), Fix: "delete the secret; it is made again"}
	}
	s, err := k.admin(ctx, r, r.Endpoint.Database)
	if err != nil {
		return source.Answer{}, err
	}
	defer s.close()
	s.hide(own.Password.Reveal(), verifier(r.User, own.Password))

	// Whether a user has the password of the secret is seen only by logging in: no admin but a superuser can read it.
	var answer source.Answer
	made, err := s.establish(ctx, r, own.Password, false, &answer)
	if err != nil {
		return source.Answer{}, err
	}
	err = k.prove(ctx, r, own.Password)
	if fault.ReasonOf(err) == source.ScramOnly && !made {
		if _, err = s.establish(ctx, r, own.Password, true, &answer); err == nil {
			err = k.prove(ctx, r, own.Password)
		}
	}
	if err != nil {
		return source.Answer{}, err
	}
	return answer, nil
}

// admin opens a session of the admin. RDS gives its admins new passwords when it likes: one that is refused is read
// again, and another that is there now is tried.
func (k *Keeper) admin(ctx context.Context, r source.Request, database string) (*session, error) {
	login, err := k.adminLogin(ctx, r)
	if err != nil {
		return nil, err
	}
	at := r.Endpoint
	at.Database = database
	s, err := k.open(ctx, at, login.User, login.Password, asAdmin)
	if fault.ReasonOf(err) != source.AdminRefused {
		return s, err
	}
	again, unreadable := k.adminLogin(ctx, r)
	if unreadable != nil || again.User == login.User && again.Password.Reveal() == login.Password.Reveal() {
		return nil, err
	}
	return k.open(ctx, at, again.User, again.Password, asAdmin)
}

func (k *Keeper) open(ctx context.Context, at source.Endpoint, user string, password secret.Value, as role) (*session, error) {
	roots, err := k.Roots()
	if err != nil {
		return nil, &fault.Error{Kind: fault.Blocked, Reason: Misconfigured, Op: "read certificate authorities", Err: err, Fix: "deploy login again, with a bundle of RDS in the folder authorities"}
	}
	return open(ctx, door{at, user, password, roots, as})
}

// prove logs in as Redshift would.
func (k *Keeper) prove(ctx context.Context, r source.Request, password secret.Value) error {
	s, err := k.open(ctx, r.Endpoint, r.User, password, asReader)
	if err != nil {
		return err
	}
	defer s.close()
	rows, err := s.rows(ctx, "prove login", "SELECT 1")
	if err == nil && (len(rows) != 1 || rows[0][0] != "1") {
		err = &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "prove login", Subject: s.subject, Err: errors.New("the source does not know what 1 is"), Fix: "report this message"}
	}
	return err
}
