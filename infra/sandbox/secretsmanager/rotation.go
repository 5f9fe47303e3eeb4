package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// The steps of a rotation, in order.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// A rotation is how a secret rotates and the attempt that is going on. The service's lock guards it.
type rotation struct {
	configured bool // was turned on once
	enabled    bool
	function   string    // ARN
	schedule   *schedule // nil if the secret rotates on request only
	last, next time.Time // zero if there is none

	cancelNext  func() // the coming rotation by schedule; nil if there is none
	cancelRetry func() // the coming repetition; nil if there is none
	at          *attempt
}

// An attempt runs the steps for one token. A rotation that is stopped or abandoned forgets its attempt, and the
// attempt ends before its next step.
type attempt struct {
	token   string
	steps   []string
	test    bool // testSecret alone, for a version that is thrown away
	retries int  // that are left
}

// inProgress returns the version of a rotation that has not finished, nil if there is none: one that has AWSPENDING
// and is not AWSCURRENT, whoever gave it the label.
func (r *record) inProgress() *version {
	if pending := r.holder(labelPending); pending != r.current() {
		return pending
	}
	return nil
}

// begin reserves a version for token and starts the steps. The caller holds s.mu.
func (s *Service) begin(ctx context.Context, r *record, token string) error {
	v, err := r.add(token, value{}, s.now())
	if err != nil {
		return err
	}
	v.rotates = true
	r.label(v, labelPending)
	r.changed = s.now()
	s.run(ctx, r, &attempt{token: token, steps: steps, retries: s.config.Retries})
	return nil
}

// beginTest runs testSecret for a version that holds the current value and lives as long as the test.
func (s *Service) beginTest(ctx context.Context, r *record, token string) error {
	var content value
	var keys []string
	if current := r.current(); current != nil {
		content, keys = current.value, current.keys
	}
	v, err := r.add(token, content, s.now())
	if err != nil {
		return err
	}
	v.rotates, v.keys = true, keys
	r.label(v, labelPending)
	s.run(ctx, r, &attempt{token: token, steps: []string{"testSecret"}, test: true})
	return nil
}

// reattempt runs the steps again for a rotation that has not finished, unless they are running.
func (s *Service) reattempt(ctx context.Context, r *record) {
	if r.rotation.at != nil && r.rotation.cancelRetry == nil {
		return
	}
	s.run(ctx, r, &attempt{token: r.inProgress().id, steps: steps, retries: s.config.Retries})
}

// run starts a in the background, in place of whatever the rotation was doing or waiting for.
func (s *Service) run(ctx context.Context, r *record, a *attempt) {
	r.rotation.stop()
	r.rotation.at = a
	started := rotationStarted
	if a.test {
		started = testRotationStarted
	}
	s.emit(started, r, a.token, "")
	ctx = context.WithoutCancel(ctx) // the call that started it is answered long before it ends
	s.config.Clock.Go(func() {
		for _, step := range a.steps {
			function, going := s.going(r, a)
			if !going {
				return
			}
			if err := s.step(ctx, r.arn, function, step, a.token); err != nil {
				s.fail(ctx, r, a, fmt.Sprintf("Error when executing lambda %s during %s step", function, step))
				return
			}
		}
		s.succeed(ctx, r, a)
	})
}

// going reports whether the rotation still wants a, and with which function.
func (s *Service) going(r *record, a *attempt) (function string, going bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.rotation.function, r.rotation.at == a
}

// step invokes the function for one step and waits for it.
func (s *Service) step(ctx context.Context, secretARN, function, step, token string) error {
	event, err := json.Marshal(struct{ Step, SecretId, ClientRequestToken string }{step, secretARN, token})
	if err != nil {
		return err
	}
	_, functionError, err := s.config.Invoke.Invoke(ctx, servicePrincipal(secretARN), function, event)
	if err == nil && functionError != "" {
		err = errors.New(functionError)
	}
	return err
}

// servicePrincipal is Secrets Manager as it invokes a function for a secret.
func servicePrincipal(secretARN string) awshttp.Principal {
	return awshttp.Principal{
		Service: principal,
		Account: awshttp.Account,
		Context: map[string][]string{"aws:SourceAccount": {awshttp.Account}, "aws:SourceArn": {secretARN}},
	}
}

// fail ends an attempt. AWSPENDING stays where the function left it. The repetition comes if retries are left, and
// finds out then whether the version still has the label.
func (s *Service) fail(ctx context.Context, r *record, a *attempt, reason string) {
	defer s.lock(ctx)()
	if r.rotation.at != a {
		return
	}
	if a.test {
		r.rotation.at = nil
		r.drop(a.token)
		s.emit(testRotationFailed, r, a.token, reason)
		return
	}
	s.emit(rotationFailed, r, a.token, reason)
	if a.retries <= 0 {
		r.rotation.at = nil
		return
	}
	again := &attempt{token: a.token, steps: steps, retries: a.retries - 1}
	r.rotation.at = again
	r.rotation.cancelRetry = s.config.Clock.At(s.now().Add(s.config.RetryAfter), func() { s.retry(ctx, r, again) })
}

func (s *Service) retry(ctx context.Context, r *record, again *attempt) {
	defer s.lock(ctx)()
	if r.rotation.at != again {
		return
	}
	if pending := r.inProgress(); pending == nil || pending.id != again.token {
		r.rotation.stop()
		return
	}
	s.run(ctx, r, again)
}

// succeed ends an attempt whose steps all went well. A function that never moved AWSCURRENT has not rotated
// anything, whatever it answered.
func (s *Service) succeed(ctx context.Context, r *record, a *attempt) {
	if !a.test && !s.promoted(r, a.token) {
		s.fail(ctx, r, a, fmt.Sprintf("Version %s is not AWSCURRENT after the finishSecret step", a.token))
		return
	}
	defer s.lock(ctx)()
	if r.rotation.at != a {
		return
	}
	r.rotation.at = nil
	if a.test {
		r.drop(a.token)
		s.emit(testRotationSucceeded, r, a.token, "")
		return
	}
	r.rotation.last = s.now()
	s.planNext(ctx, r)
	s.emit(rotationSucceeded, r, a.token, "")
}

func (s *Service) promoted(r *record, token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := r.current()
	return current != nil && current.id == token
}

// abandon takes AWSPENDING away because made becomes AWSCURRENT by a write that is not the rotation's own. If a
// rotation had not finished, it never will.
//
// The label goes too where it was left on the old AWSCURRENT by a rotation that did finish; AWS does the same.
func (s *Service) abandon(r *record, made *version) {
	pending := r.holder(labelPending)
	if pending == nil || pending == made {
		return
	}
	if r.inProgress() != nil {
		r.rotation.stop()
		s.emit(rotationAbandoned, r, pending.id, "")
	}
	r.unlabel(labelPending)
}

// stop forgets the attempt that is going on or coming.
func (o *rotation) stop() {
	if o.cancelRetry != nil {
		o.cancelRetry()
	}
	o.at, o.cancelRetry = nil, nil
}

// stopRotating ends all that happens to the secret by itself.
func (r *record) stopRotating() {
	r.rotation.stop()
	if r.rotation.cancelNext != nil {
		r.rotation.cancelNext()
	}
	r.rotation.cancelNext, r.rotation.next = nil, time.Time{}
}
