package federation

import (
	"context"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Config is what the deployment allows and wants of all federations.
type Config struct {
	Namer
	Warehouses   map[string]warehouse.Federating
	Hosts        []string // host:port of the sources that are not in RDS
	Boundary     string   // ARN of the permissions boundary of all roles
	Profile      string   // Documented or Strict
	Key          string   // ARN of the KMS key of our own secrets; empty for AWS's own
	RecoveryDays int      // of our own secrets, once they are deleted
	ClaimFor     time.Duration
}

// A World is everything that a reconciler looks at and changes.
type World struct {
	Store     Store
	Databases Databases
	Clusters  Clusters
	Network   Network
	Secrets   Secrets
	Keys      Keys
	Roles     Roles
	SQL       SQL
	Logins    Logins
	Queue     Queue
	Bus       Announcer
}

// A Reconciler brings federations to what is wanted of them. Several may run at one time, in several processes.
type Reconciler struct {
	Config
	World
	Log *slog.Logger
	// Sleep waits for a running statement; nil is the machine's clock.
	Sleep func(context.Context, time.Duration)
}

// An Outcome is what came of looking at one federation.
type Outcome struct {
	Federation string
	Phase      Phase
	Reason     string
	Dropped    string // why nothing was looked at; empty if something was
}

// Why a message is dropped.
const (
	dropStale   = "an old follow-up"
	dropClaimed = "another run works on it"
	dropUnknown = "no federation has this name"
	dropRemoved = "it was removed"
	dropWaits   = "it waits for its follow-up"
)

// bySweep stands for the number of a follow-up where a sweep looks at a federation.
const bySweep = -1

// reconcile looks at one federation. number is that of a follow-up, 0 for any other reason to look; ask changes what is
// wanted, nil changes nothing.
func (r *Reconciler) reconcile(ctx context.Context, name string, number int, by string, ask func(rec *Record, now time.Time) bool) (Outcome, error) {
	for {
		rec, found, now, err := r.Store.Get(ctx, name)
		if err != nil {
			return Outcome{Federation: name}, tryAgain(err)
		}
		if !found {
			rec = Record{Name: name}
		}
		read := rec
		changed := ask != nil && ask(&rec, now)
		if rec.Generation == 0 {
			return Outcome{Federation: name, Dropped: dropUnknown}, nil
		}
		claimed := rec.Claim != nil && rec.Claim.By != by && now.Before(rec.Claim.Until)
		switch {
		case number == bySweep:
			if rec.Phase == Waiting && now.Before(rec.Next.Add(lookGrace)) {
				return Outcome{name, rec.Phase, rec.Reason, dropWaits}, nil
			}
		case number == 0 || number == rec.FollowUp:
		case number < rec.FollowUp:
			return Outcome{name, rec.Phase, rec.Reason, dropStale}, nil
		case claimed: // sent before the record was saved; it comes again when it has been
			return Outcome{Federation: name}, early(name)
		default: // who sent it died before it saved the record
			rec.FollowUp, read.FollowUp = number, number
		}
		if changed && !claimed {
			rec.Claim = r.claim(by, now)
			rec.foresee(r)
		}
		// That the same was asked for again is stored by the run, where there is one: what is older comes late from then on.
		if again := !rec.WantedAt.Equal(read.WantedAt) || rec.Origin != read.Origin; changed || again && (claimed || rec.Phase == Removed) {
			if rec.Version, err = r.Store.Put(ctx, rec); fault.ReasonOf(err) == Conflict {
				continue
			} else if err != nil {
				return Outcome{Federation: name}, tryAgain(err)
			}
		}
		if claimed { // who works on it looks at the generation before it lets go
			return Outcome{name, rec.Phase, rec.Reason, dropClaimed}, nil
		}
		if rec.Phase == Removed && rec.Withdrawn && !changed {
			return Outcome{name, rec.Phase, rec.Reason, dropRemoved}, nil
		}
		run := &run{Reconciler: r, rec: rec, before: read, by: by, began: now, at: time.Now(), resume: number > 0}
		outcome, again, err := run.work(ctx)
		if !again {
			return outcome, tryAgain(err)
		}
		ask, number = nil, 0 // somebody changed the record; look at it as it is now
	}
}

// tryAgain lets a message come again that could not even be noted: a refusal of store or queue that nobody lifts ends up with the
// messages that cannot succeed, after a few times.
func tryAgain(err error) error {
	if fault.KindOf(err) != fault.Blocked {
		return err
	}
	return &fault.Error{Kind: fault.Retry, Reason: fault.ReasonOf(err), Op: "reconcile", Err: err, Fix: fault.FixOf(err)}
}

func early(name string) error {
	return &fault.Error{Kind: fault.Retry, Reason: Conflict, Op: "follow up", Subject: name, Fix: "nothing; the message comes again"}
}

func (r *Reconciler) claim(by string, now time.Time) *Claim {
	return &Claim{by, now.Add(r.ClaimFor)}
}

// comesDown reports whether what was made comes down: because it is not wanted any more, or because something else is.
func (rec *Record) comesDown(r *Reconciler) bool {
	return rec.Withdrawn || rec.Made.Begun && (rec.Made.Gone || rec.Made.differs(rec.Wanted, r.Warehouses[rec.Wanted.Warehouse]))
}

// foresee notes what may be made from now on, before any of it is.
func (rec *Record) foresee(r *Reconciler) {
	if rec.comesDown(r) { // what was made comes down first
		rec.Made.Leaving = rec.Made.Begun
		return
	}
	plan := r.plan(rec.Wanted, r.Warehouses[rec.Wanted.Warehouse].Cluster)
	if !rec.Made.Begun {
		rec.Made = plan
		rec.begin()
		return
	}
	rec.Made.Grants = union(rec.Made.Grants, plan.Grants)
	rec.Made.Ingress = rec.Made.Ingress || plan.Ingress
}

// begin notes that what is planned is about to be made.
func (rec *Record) begin() { rec.Made.Begun, rec.Made.Asked = true, rec.WantedAt }

// plan is what will be made for w, as far as it is known beforehand.
func (r *Reconciler) plan(w Wanted, cluster string) Made {
	m, gate := r.Namer.plan(w, cluster), r.Warehouses[w.Warehouse]
	m.Database, m.User = gate.Database, gate.User
	return m
}

// differs reports whether w, in the warehouse that is declared so now, is another federation under the same name, for which nothing
// that was made will do.
func (m Made) differs(w Wanted, gate warehouse.Federating) bool {
	return m.Warehouse != w.Warehouse || gate.Cluster != "" && m.Cluster != gate.Cluster || m.moved(gate) || m.Source != w.Source || m.Schema != w.Schema ||
		(m.SecretName != "") != w.Credentials.Own() || w.Credentials.Secret != "" && w.Credentials.Secret != m.Secret
}

// moved reports whether the warehouse is declared with another database than the one that has the schema.
func (m Made) moved(gate warehouse.Federating) bool {
	return m.Database != "" && gate.Database != "" && m.Database != gate.Database
}

func union(a, b []warehouse.Grantee) []warehouse.Grantee {
	seen := make(map[warehouse.Grantee]bool)
	var out []warehouse.Grantee
	for _, g := range append(append([]warehouse.Grantee{}, a...), b...) {
		if !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	return out
}

// detail is what is announced of a federation.
func (rec *Record) detail() event.Federation {
	f := event.Federation{Name: rec.Name, Warehouse: rec.Wanted.Warehouse, Source: rec.Wanted.Source.ID(), Schema: rec.Wanted.Schema, Generation: rec.Generation}
	m, all := rec.Made, rec.Phase == Removed // of which the names remain
	if m.Endpoint != (source.Endpoint{}) {
		f.Made.Endpoint = m.Endpoint.String()
	}
	if all || !rec.IAMChanged.IsZero() {
		f.Made.Role = m.RoleARN
	}
	if m.Begun {
		f.Made.Secret = m.Secret
	}
	if all || m.LoginReady {
		f.Made.Login = m.Login
	}
	if all || m.SchemaReady {
		f.Made.Schema = m.Schema
	}
	for _, c := range rec.Conditions {
		f.Conditions = append(f.Conditions, c.Type)
	}
	return f
}
