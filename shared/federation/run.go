package federation

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A run is one look at one federation, by one reconciler.
type run struct {
	*Reconciler
	rec      Record
	before   Record    // as it was read
	by       string    // who holds the claim
	began    time.Time // by the store's clock
	at       time.Time // the same instant by this machine's
	resume   bool      // go on at the step that waited
	saved    bool      // the claim is stored, and with it what may be made
	acted    bool      // something was changed
	relogins int       // how often our own login was found lost

	seen // once
}

// What a run has seen is not looked up again until it begins anew.
type seen struct {
	databases map[source.Source]source.Database
	clusterID string
	cluster   *Cluster        // clusterID
	endpoints map[string]bool // whether a VPC has one for Secrets Manager
	named     *Secret         // of the document
	schema    *warehouse.Schema
}

// A step brings one part of the world to what it shall be. It answers what it waits for, nil when it is done.
type step struct {
	name string
	do   func(*run, context.Context) (*wait, error)
}

// A wait is for something that takes time.
type wait struct {
	phase   Phase // Waiting or Parked
	reason  string
	message string
	after   time.Duration
}

var up = []step{
	{"preflight", (*run).preflight}, {"ingress", (*run).ingress}, {"credentials", (*run).credentials}, {"role", (*run).role},
	{"attachment", (*run).attachment}, {"schema", (*run).externalSchema}, {"grants", (*run).grants}, {"verify", (*run).verify},
}

var down = []step{
	{"replace", (*run).replacing}, {"preflight down", (*run).preflightDown}, {"schema down", (*run).schemaDown}, {"attachment down", (*run).attachmentDown}, {"role down", (*run).roleDown},
	{"login down", (*run).loginDown}, {"secret down", (*run).secretDown}, {"ingress down", (*run).ingressDown},
}

// errNewer says that the record was changed by somebody else meanwhile.
var errNewer = errors.New("the record is newer")

// errAgain says that the steps begin anew, with what the step has found out.
var errAgain = errors.New("begin again")

// now is the store's clock.
func (r *run) now() time.Time { return r.began.Add(time.Since(r.at)) }

// work walks the steps. again says that the record has to be read anew, because somebody else was first.
func (r *run) work(ctx context.Context) (o Outcome, again bool, err error) {
	r.saved = r.rec.Claim != nil && r.rec.Claim.By == r.by
	for range maxRounds {
		err = r.walk(ctx)
		if !errors.Is(err, errAgain) {
			break
		}
		r.resume, r.seen = false, seen{}
	}
	if errors.Is(err, errNewer) {
		return Outcome{}, true, nil
	}
	if errors.Is(err, errAgain) {
		err = &fault.Error{Kind: fault.Retry, Reason: Conflict, Op: "reconcile", Subject: "federation " + r.rec.Name, Fix: "nothing; what is wanted changes too fast, and the message comes again"}
	}
	return Outcome{Federation: r.rec.Name, Phase: r.rec.Phase, Reason: r.rec.Reason}, false, err
}

// maxRounds bounds how often one run begins anew: for what was replaced, for a login that was lost, and for newer documents.
const maxRounds = 6

// walk takes the steps once and stores how far it came.
func (r *run) walk(ctx context.Context) error {
	steps := up
	if r.goesDown() {
		steps = down
	} else if !r.rec.Made.Begun {
		r.rec.Made = r.plan(r.rec.Wanted, r.gate().Cluster)
	}
	from := r.from(steps)
	if from > 0 && !r.goesDown() { // the configuration may be another than when the work began to wait
		if err := r.allowed(); err != nil {
			return r.failed(ctx, err)
		}
	}
	for _, s := range steps[from:] {
		r.rec.At, r.rec.AtFor = s.name, r.rec.Generation
		w, err := s.do(r, ctx)
		switch {
		case errors.Is(err, errNewer) || errors.Is(err, errAgain):
			return err
		case err != nil:
			return r.failed(ctx, err)
		case w != nil:
			return r.waiting(ctx, w)
		}
	}
	r.rec.At, r.rec.AtFor = "", 0
	if r.goesDown() {
		return r.removed(ctx)
	}
	return r.ready(ctx)
}

// goesDown reports in which direction the steps are taken.
func (r *run) goesDown() bool { return r.rec.comesDown(r.Reconciler) }

// from is where the steps begin. A follow-up goes on where the work waited; after a failure, and for every other reason to look,
// the first comes first.
func (r *run) from(steps []step) int {
	if !r.resume || r.rec.AtFor != r.rec.Generation {
		return 0
	}
	return max(0, slices.IndexFunc(steps, func(s step) bool { return s.name == r.rec.At }))
}

// act is called before the world is changed. It makes sure that the claim, and what may be made, are stored.
func (r *run) act(ctx context.Context) error {
	r.acted = true
	if r.rec.Phase == Ready {
		r.rec.enter(Provisioning, "Drift", "something is not as it shall be", "", r.now())
	}
	return r.hold(ctx)
}

// hold makes sure that nobody else works on the federation.
func (r *run) hold(ctx context.Context) error {
	if r.saved {
		return nil
	}
	r.rec.Claim = r.claim(r.by, r.now())
	if !r.goesDown() && !r.rec.Made.Begun {
		r.rec.begin() // with what this run has seen already
	} else {
		r.rec.foresee(r.Reconciler)
	}
	if err := r.put(ctx); err != nil {
		return err
	}
	r.saved = true
	return nil
}

// put stores the record. If somebody else has changed what is wanted meanwhile, that is taken over, nothing of what was done
// is lost, and the error is errAgain; if somebody else works on the federation, it is errNewer. That the same was asked for once
// more changes nothing.
func (r *run) put(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // what was done is noted also when the time is over
	version, err := r.Store.Put(ctx, r.rec)
	if err == nil {
		r.rec.Version = version
		return nil
	}
	if fault.ReasonOf(err) != Conflict {
		return err
	}
	latest, found, now, err := r.Store.Get(ctx, r.rec.Name)
	if err != nil {
		return err
	}
	if !found || latest.Claim == nil || latest.Claim.By != r.by {
		return errNewer
	}
	if latest.Generation == r.rec.Generation {
		r.rec.WantedAt, r.rec.Origin, r.rec.Version = latest.WantedAt, latest.Origin, latest.Version
		return r.put(ctx)
	}
	r.rec.Wanted, r.rec.Withdrawn, r.rec.Origin, r.rec.WantedAt, r.rec.Generation = latest.Wanted, latest.Withdrawn, latest.Origin, latest.WantedAt, latest.Generation
	r.rec.Phase, r.rec.Reason, r.rec.Message, r.rec.Remedy, r.rec.Since, r.rec.Tries = latest.Phase, latest.Reason, latest.Message, latest.Remedy, latest.Since, latest.Tries
	r.rec.Version, r.rec.Claim = latest.Version, r.claim(r.by, now)
	r.rec.foresee(r.Reconciler)
	if r.rec.Version, err = r.Store.Put(ctx, r.rec); err != nil {
		return err
	}
	r.saved = true
	return errAgain
}

// release stores how the run ended, unless nothing has changed.
func (r *run) release(ctx context.Context) error {
	r.rec.Claim = nil
	if !r.acted && !r.before.Made.Begun && !r.goesDown() {
		r.rec.Made = Made{} // nothing was made, so that nothing has to come down
	}
	same := r.rec
	same.Version = r.before.Version
	if !r.saved && reflect.DeepEqual(same, r.before) {
		return nil
	}
	return r.put(ctx)
}

// waiting stores that the work goes on later, and sends itself a message for then. The message is sent first: if the run dies in
// between, the message that started it comes again and the other one is not the live one.
func (r *run) waiting(ctx context.Context, w *wait) error {
	r.rec.enter(w.phase, w.reason, w.message, "", r.now())
	r.Log.InfoContext(ctx, "federation waits", "federation", r.rec.Name, "phase", w.phase, "reason", w.reason, "step", r.rec.At, "seconds", int(w.after.Seconds()))
	return r.later(ctx, w.after)
}

func (r *run) later(ctx context.Context, after time.Duration) error {
	r.rec.FollowUp++
	r.rec.Next = r.now().Add(after)
	ctx = context.WithoutCancel(ctx)
	if err := r.Queue.FollowUp(ctx, r.rec.Name, r.rec.FollowUp, after); err != nil {
		return err
	}
	return r.release(ctx)
}

// ready ends a walk up.
func (r *run) ready(ctx context.Context) error {
	r.rec.Tries, r.rec.Statement = 0, nil
	if r.rec.enter(Ready, "", "", "", r.now()) {
		r.Log.InfoContext(ctx, "federation ready", "federation", r.rec.Name, "generation", r.rec.Generation)
		if err := r.announce(ctx, event.FederationReady); err != nil {
			return err
		}
	}
	return r.release(ctx)
}

// removed ends a walk down. What is wanted instead is made next.
func (r *run) removed(ctx context.Context) error {
	if !r.rec.Withdrawn {
		r.rec.Made, r.rec.Conditions, r.rec.Proved, r.rec.IAMChanged = Made{}, nil, time.Time{}, time.Time{}
		r.saved = false // what may be made is another now
		return errAgain
	}
	r.rec.Tries, r.rec.Statement, r.rec.Conditions, r.rec.Proved, r.rec.IAMChanged = 0, nil, nil, time.Time{}, time.Time{}
	if r.rec.enter(Removed, "", "", "", r.now()) {
		r.Log.InfoContext(ctx, "federation removed", "federation", r.rec.Name)
		if r.rec.Wanted.Warehouse != "" { // otherwise nobody has heard of it
			if err := r.announce(ctx, event.FederationRemoved); err != nil {
				return err
			}
		}
	}
	r.rec.Made.Begun = false // what remains is a note of what was there
	return r.release(ctx)
}

// announce tells others. A bus that does not answer is tried again with the rest: an announcement comes at least once.
func (r *run) announce(ctx context.Context, detailType string) error {
	detail := r.rec.detail()
	if r.rec.Phase == Blocked {
		detail.Reason, detail.Cause, detail.Remedy = r.rec.Reason, r.rec.Message, r.rec.Remedy
	}
	return r.Bus.Announce(context.WithoutCancel(ctx), detailType, r.rec.Made.RoleARN, detail)
}
