package federation

import "time"

// All waits of a reconciler, with their reasons. A wait is a delayed message, not a function that sleeps.
const (
	// settleWait lets IAM's changes be seen before the role is attached. New roles are usually seen within seconds; meanwhile
	// other sources enlist their roles, which are then attached in one go.
	settleWait = 10 * time.Second
	// attachWait is how long attaching roles takes, and detachWait taking them away, as far as they are known to the minute.
	attachWait = 60 * time.Second
	detachWait = 30 * time.Second
	// turnSlack is what a change of roles may take longer, for those that wait for the ones before them: coming a little too early
	// would cost a whole turn.
	turnSlack = 2 * time.Second
	// lookGrace is how late a follow-up may be before a sweep looks at a federation that waits.
	lookGrace = 2 * time.Minute
	// busyWait is for a cluster in the midst of an operation of somebody else, such as a resize.
	busyWait = 2 * time.Minute
	// parkedWait is for a paused cluster. Nothing tells of its return; the sweep looks as well.
	parkedWait = 15 * time.Minute
	// sourceWait is for a source that is being created, started or changed.
	sourceWait = time.Minute
	// statementWait is for a statement that was still running when it was left.
	statementWait = 10 * time.Second
	// blockedWait is when a blocked federation is looked at again by itself, a few times; after that the sweep does.
	blockedWait = 5 * time.Minute

	// firstRetry, doubled with each failure in a row up to lastRetry, is the wait after a failure that may pass by itself.
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute

	// claimFor is how long a run may work before another takes over: longer than the function's time limit, and shorter than the
	// time after which the queue hands out the message of a run that died again.
	claimFor = 90 * time.Second

	// propagation is how long after our last change of IAM a refusal may still be due to it.
	//
	// Source: reports of users; AWS names no limit (AWS IAM User Guide, "Changes that I make are not always immediately visible").
	propagation = 5 * time.Minute

	// statementPatience is how long a run waits for a statement. It looks after firstPoll, and then after twice as long each
	// time, up to lastPoll: each look is a call.
	statementPatience = 10 * time.Second
	firstPoll         = 150 * time.Millisecond
	lastPoll          = time.Second

	// proofLife is how long a proof by query counts, and our own login is taken to be as it was left. Drift that no description
	// shows is found after at most this time.
	proofLife = time.Hour
)

const (
	// patientTries are failures in a row that are tried again before a refusal becomes a matter for people: IAM's own
	// changes are seen late, and passwords rotate.
	patientTries = 3
	// stubbornTries are failures in a row after which what should pass by itself is a matter for people: a quarter of an hour.
	stubbornTries = 8
	// blockedTries are how often a blocked federation is looked at without a sweep.
	blockedTries = 3
)

// retryWait is the wait after the n-th failure in a row, from 1.
func retryWait(n int) time.Duration {
	return min(firstRetry<<min(max(n-1, 0), 10), lastRetry)
}
