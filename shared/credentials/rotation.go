package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Vault holds the secrets of consumers. id is a secret's ARN; version is a version id, which is the token
// of the rotation that made it.
type Vault interface {
	// Describe returns what is known of a secret without its value.
	Describe(ctx context.Context, id string) (Record, error)
	// Content reads one version. A version without a value is a [NoLease] fault, one with another value a *[ContentError].
	Content(ctx context.Context, id, version string) (Content, error)
	// Store gives the pending version of n its value, and moves label to it. The same content again changes nothing;
	// another content is a [VersionTaken] fault.
	Store(ctx context.Context, n Rotation, label string, c Content) error
	// Promote moves [Current] to version if it is on from now, and is a [Conflict] fault if it is not.
	Promote(ctx context.Context, id, version, from string) error
	// Abandon takes [Pending] from version. That the label is elsewhere by now is no error.
	Abandon(ctx context.Context, id, version string) error
}

// A Minter asks Redshift.
type Minter interface {
	// Cluster looks a cluster up. One that does not exist is a [ClusterMissing] fault.
	Cluster(ctx context.Context, id string) (warehouse.Cluster, error)
	// Mint makes a lease that lives for lifetime. A user or group that does not exist is not found here but at login.
	Mint(ctx context.Context, cluster string, l warehouse.Login, lifetime time.Duration) (Lease, error)
}

// A Prober proves that a lease works.
type Prober interface {
	// Probe logs in with c and checks that it is the user of l and no superuser. A user or a group that does not exist
	// is refused by the login itself.
	Probe(ctx context.Context, c Content, l warehouse.Login) error
}

// A Rotator takes the four steps of Secrets Manager's rotation for the consumers of one warehouse. Every step may be
// repeated, come late, or come after a newer rotation: it then changes nothing, or refuses.
type Rotator struct {
	Stage     string
	Warehouse warehouse.Warehouse
	Lifetime  time.Duration // asked for when minting
	MinLife   time.Duration // a pending lease with less left is abandoned, not promoted

	Vault  Vault
	Minter Minter
	Prober Prober // not asked where Warehouse.Verify is [warehouse.VerifyMint]
}

// A Rotation is one run of the four steps on one secret.
type Rotation struct {
	Secret string // ARN
	Token  string
	Proof  secret.Value // RotationToken of the event, handed back when storing
}

// An Action is what a step or a tick did.
type Action string

// What a step did.
const (
	Minted       Action = "Minted"       // a new lease is pending
	Kept         Action = "Kept"         // this rotation's lease was already there and has life enough
	NothingToSet Action = "NothingToSet" // Redshift knew the lease from the moment it was minted
	Verified     Action = "Verified"     // a login with the pending lease succeeded
	Unverified   Action = "Unverified"   // only the form of the pending value was checked
	Promoted     Action = "Promoted"     // readers get the new lease
	AlreadyDone  Action = "AlreadyDone"  // this rotation had succeeded before
)

// An Outcome is what a step did, for which consumer, with which lease. Lease is zero where none was looked at.
type Outcome struct {
	Action   Action
	Consumer settings.Consumer
	Lease    Lease
}

// admit is what every step begins with: the secret is ours, the rotation is the one in progress, and the
// tags ask for nothing that the warehouse does not allow.
func (r *Rotator) admit(ctx context.Context, n Rotation) (rec Record, out Outcome, err error) {
	rec, err = r.Vault.Describe(ctx, n.Secret)
	if err != nil {
		return rec, out, err
	}
	if out.Consumer, err = rec.consumer(r.Stage); err != nil {
		return rec, out, err
	}
	c := out.Consumer
	if c.Warehouse != r.Warehouse.Name {
		return rec, out, refusal(NotOurs, n.Secret, fmt.Errorf("it is a secret of warehouse %s, this function serves %s", c.Warehouse, r.Warehouse.Name),
			"set the rotation function of that warehouse on the secret")
	}
	switch labels := rec.Labels[n.Token]; {
	case len(labels) == 0:
		return rec, out, &fault.Error{Kind: fault.Blocked, Reason: TokenUnknown, Op: "rotate", Subject: n.Secret, Err: fmt.Errorf("token %s names no version that is in use", n.Token),
			Fix: "nothing if a newer rotation runs; otherwise start one with RotateSecret"}
	case rec.has(n.Token, Current):
		out.Action = AlreadyDone
	case !rec.has(n.Token, Pending):
		return rec, out, &fault.Error{Kind: fault.Blocked, Reason: TokenNotPending, Op: "rotate", Subject: n.Secret, Err: fmt.Errorf("version %s is no longer pending: the rotation ended or a newer one began", n.Token),
			Fix: "nothing; the newer rotation goes on"}
	}
	if problems := r.Warehouse.Check(c.Login); len(problems) > 0 {
		return rec, out, refusal(LoginNotAllowed, n.Secret, problems, problems[0].Fix)
	}
	return rec, out, nil
}

func refusal(reason, subject string, err error, fix string) error {
	return &fault.Error{Kind: fault.Blocked, Reason: reason, Op: "check consumer", Subject: subject, Err: err, Fix: fix}
}

// Create mints a lease and stores it as the pending version, unless that version already holds a lease with life
// enough. A version's value cannot be changed: a pending lease that has died is abandoned, and the next rotation
// mints another.
func (r *Rotator) Create(ctx context.Context, n Rotation) (Outcome, error) {
	rec, out, err := r.admit(ctx, n)
	if err != nil || out.Action == AlreadyDone {
		return out, err
	}
	if rec.leased(n.Token) {
		content, err := r.living(ctx, n, rec, out.Consumer)
		out.Action, out.Lease = Kept, content.Lease
		return out, err
	}
	content, err := r.mint(ctx, out.Consumer.Login)
	if err != nil {
		return out, err
	}
	out.Action, out.Lease = Minted, content.Lease
	if err := r.Vault.Store(ctx, n, rec.freeLabel(r.Lifetime), content); err != nil {
		if fault.ReasonOf(err) != VersionTaken {
			return out, err
		}
		// The same step ran twice at once and the other was first. Its lease is as good as ours, which lapses unused.
		content, err = r.living(ctx, n, rec, out.Consumer)
		out.Action, out.Lease = Kept, content.Lease
		return out, err
	}
	return out, nil
}

// mint makes a lease for l, after the checks that a wasted lease is worth.
func (r *Rotator) mint(ctx context.Context, l warehouse.Login) (Content, error) {
	subject := fmt.Sprintf("user %s on cluster %s", l.User, r.Warehouse.Cluster)
	cluster, err := r.Minter.Cluster(ctx, r.Warehouse.Cluster)
	switch {
	case err != nil:
		return Content{}, err
	case cluster.Parked():
		return Content{}, &fault.Error{Kind: fault.Retry, Reason: ClusterParked, Op: "mint lease", Subject: subject, Err: fmt.Errorf("the cluster is %s", cluster.Status),
			Fix: "resume the cluster; the next tick then rotates"}
	case cluster.Master == l.User:
		return Content{}, superuser(subject)
	}
	lease, err := r.Minter.Mint(ctx, cluster.ID, l, r.Lifetime)
	if err != nil {
		return Content{}, err
	}
	// A minute of tolerance: the two instants come from one answer, the lifetime from the request.
	if got := lease.Left(lease.IssuedAt); got < r.Lifetime-time.Minute {
		return Content{}, &fault.Error{Kind: fault.Retry, Reason: LeaseTooShort, Op: "mint lease", Subject: subject, Err: fmt.Errorf("got %s of life, asked for %s", got, r.Lifetime),
			Fix: "check redshift:DurationSeconds in the policies of the rotation role"}
	}
	return Content{Lease: lease, Host: cluster.Host, Port: cluster.Port, Database: l.Database, Cluster: cluster.ID}, nil
}

func superuser(subject string) error {
	return &fault.Error{Kind: fault.Blocked, Reason: Superuser, Op: "mint lease", Subject: subject, Err: errors.New("the user is a superuser"),
		Fix: "name a user with only the rights that the application needs"}
}

// Set has nothing to do: Redshift knows a lease from the moment it was minted.
func (r *Rotator) Set(ctx context.Context, n Rotation) (Outcome, error) {
	_, out, err := r.admit(ctx, n)
	if err == nil && out.Action != AlreadyDone {
		out.Action = NothingToSet
	}
	return out, err
}

// Test logs in with the pending lease. A lease that can never be promoted is abandoned at once, so that the next
// rotation need not wait for it.
func (r *Rotator) Test(ctx context.Context, n Rotation) (Outcome, error) {
	rec, out, err := r.admit(ctx, n)
	if err != nil || out.Action == AlreadyDone {
		return out, err
	}
	if !rec.leased(n.Token) {
		return r.trial(ctx, n, rec, out)
	}
	content, err := r.living(ctx, n, rec, out.Consumer)
	if out.Lease = content.Lease; err != nil {
		return out, err
	}
	out.Action, err = r.probe(ctx, content, out.Consumer.Login)
	if fault.KindOf(err) == fault.Blocked || fault.ReasonOf(err) == login.LoginExpired {
		err = r.abandon(ctx, n, err)
	}
	return out, err
}

// trial tests a pending version that is not marked as a lease. Secrets Manager tries a new rotation configuration with
// such a version, made for the purpose, and takes it away again: a copy of the current value, which may be the placeholder
// or dead. If it is a lease that works, or the mark cannot be seen yet, it is logged in with; otherwise all that can be
// tested is that the cluster exists.
func (r *Rotator) trial(ctx context.Context, n Rotation, rec Record, out Outcome) (Outcome, error) {
	out.Action = Unverified
	content, err := r.Vault.Content(ctx, n.Secret, n.Token)
	_, other := errors.AsType[*ContentError](err)
	switch {
	case err != nil && !other && fault.ReasonOf(err) != NoLease:
		return out, err
	case err != nil || !r.fits(content, out.Consumer.Login) || content.Left(rec.Now) < r.MinLife:
		_, err = r.Minter.Cluster(ctx, r.Warehouse.Cluster)
		return out, err
	}
	out.Lease = content.Lease
	out.Action, err = r.probe(ctx, content, out.Consumer.Login)
	return out, err
}

// probe logs in with content, where the warehouse is to be reached.
func (r *Rotator) probe(ctx context.Context, content Content, l warehouse.Login) (Action, error) {
	if r.Warehouse.Verify == warehouse.VerifyMint {
		return Unverified, nil
	}
	if err := r.Prober.Probe(ctx, content, l); err != nil {
		return Unverified, err
	}
	return Verified, nil
}

// Finish moves AWSCURRENT to the pending lease: by compare-and-swap, and only while it is pending, which no lease is
// once a newer rotation has begun. So readers never go back to an older one.
func (r *Rotator) Finish(ctx context.Context, n Rotation) (Outcome, error) {
	rec, out, err := r.admit(ctx, n)
	if err != nil {
		return out, err
	}
	if out.Action == AlreadyDone { // the lease is for the report, which the first run may have died before making
		if content, err := r.Vault.Content(ctx, n.Secret, n.Token); err == nil {
			out.Lease = content.Lease
		}
		return out, nil
	}
	if !rec.leased(n.Token) {
		return out, &fault.Error{Kind: fault.Retry, Reason: NoLease, Op: "promote lease", Subject: n.Secret, Err: fmt.Errorf("version %s holds no lease", n.Token),
			Fix: "nothing; the next rotation mints one"}
	}
	content, err := r.living(ctx, n, rec, out.Consumer)
	if out.Lease = content.Lease; err != nil {
		return out, err
	}
	out.Action = Promoted
	err = r.Vault.Promote(ctx, n.Secret, n.Token, rec.holder(Current))
	if fault.ReasonOf(err) == Conflict {
		if again, describeErr := r.Vault.Describe(ctx, n.Secret); describeErr == nil && again.has(n.Token, Current) {
			out.Action = AlreadyDone // the same step ran twice at once, or our first answer was lost
			return out, nil
		}
	}
	return out, err
}

// living reads the pending lease and checks that it is the consumer's and has life enough. One that is not, or has not,
// is abandoned.
func (r *Rotator) living(ctx context.Context, n Rotation, rec Record, c settings.Consumer) (Content, error) {
	content, err := r.Vault.Content(ctx, n.Secret, n.Token)
	if err != nil {
		if _, broken := errors.AsType[*ContentError](err); broken {
			return Content{}, r.abandon(ctx, n, refusal(ContentMismatch, n.Secret, err, "find out who else writes this secret; only its rotation may"))
		}
		return Content{}, err
	}
	if !r.fits(content, c.Login) {
		return Content{}, r.abandon(ctx, n, refusal(ContentMismatch, n.Secret, fmt.Errorf("version %s is a lease for another user, database or cluster than the tags name", n.Token),
			"nothing if the consumer was just changed; otherwise find out who else writes this secret"))
	}
	if left := content.Left(rec.Now); left < r.MinLife {
		return Content{}, r.abandon(ctx, n, &fault.Error{Kind: fault.Retry, Reason: LeaseExpired, Op: "use pending lease", Subject: n.Secret,
			Err: fmt.Errorf("%s of life left, of at least %s", left.Round(time.Second), r.MinLife), Fix: "nothing; the next rotation mints another"})
	}
	return content, nil
}

// fits reports whether content is a lease of the user, database and cluster that are asked for.
func (r *Rotator) fits(content Content, l warehouse.Login) bool {
	user, err := databaseUser(content.User)
	return err == nil && user == l.User && content.Database == l.Database && content.Cluster == r.Warehouse.Cluster
}

// abandon gives the rotation up because of cause, and returns it with what went wrong on the way.
func (r *Rotator) abandon(ctx context.Context, n Rotation, cause error) error {
	if err := r.Vault.Abandon(ctx, n.Secret, n.Token); err != nil {
		return errors.Join(cause, fmt.Errorf("abandon version %s: %w", n.Token, err))
	}
	return cause
}
