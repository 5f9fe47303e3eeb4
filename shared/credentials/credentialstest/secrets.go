package credentialstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/settings"
)

// Secrets plays Secrets Manager: versions whose values never change, labels that are on one version each and move by
// compare-and-swap, rotations that block the next until their label is gone, and a limit on a day's versions.
// It implements [credentials.Vault] and [credentials.Keeper].
type Secrets struct {
	script
	// Function is the rotation function, called for each step until one fails.
	Function func(ctx context.Context, step string, n credentials.Rotation) error

	// HideEmpty lists versions only once they have a value. The service is documented to show others in what Describe
	// answers, and nowhere else.
	HideEmpty bool

	Proof secret.Value // handed in with the last lease that was stored

	clock   *Clock
	secrets map[string]*stored
	made    int // versions, ever
}

type stored struct {
	tags             map[string]string
	labels           map[string]string // version of each
	versions         []version
	rotating         bool
	deleted, replica bool
	changed          time.Time
}

type version struct {
	id      string
	created time.Time
	value   secret.Value // zero until it is put
}

func newSecrets(clock *Clock) *Secrets {
	return &Secrets{script: newScript(), clock: clock, secrets: make(map[string]*stored)}
}

// Create makes a secret as the deployment does: with the placeholder, and with rotation configured.
func (s *Secrets) Create(id string, tags map[string]string) {
	s.secrets[id] = &stored{tags: maps.Clone(tags), labels: make(map[string]string), rotating: true}
	s.Put(id, secret.New(settings.Placeholder))
}

// Put writes a new current value past the rotation, as a person or another program does. A rotation in progress is
// abandoned.
func (s *Secrets) Put(id string, value secret.Value) (version string) {
	x := s.secrets[id]
	version = s.add(x, value)
	x.promote(version)
	delete(x.labels, credentials.Pending)
	return version
}

// Delete schedules a secret for deletion.
func (s *Secrets) Delete(id string) { s.secrets[id].deleted = true }

// Replicate makes a secret a copy of one of another region.
func (s *Secrets) Replicate(id string) { s.secrets[id].replica = true }

// CancelRotation turns the rotation of a secret off.
func (s *Secrets) CancelRotation(id string) { s.secrets[id].rotating = false }

// Rewrite gives a version another value, which the service never does: it stands for one who put the value first.
func (s *Secrets) Rewrite(id, version string, value secret.Value) {
	s.secrets[id].version(version).value = value
}

// Holder is the version that has label, or "".
func (s *Secrets) Holder(id, label string) string { return s.secrets[id].labels[label] }

// Unlabel takes a label away.
func (s *Secrets) Unlabel(id, label string) { delete(s.secrets[id].labels, label) }

// Made is how many versions of all secrets were ever made.
func (s *Secrets) Made() int { return s.made }

// Versions24 is how many versions of a secret were made in the last 24 hours.
func (s *Secrets) Versions24(id string) (n int) {
	for _, v := range s.secrets[id].versions {
		if v.created.After(s.clock.now.Add(-24 * time.Hour)) {
			n++
		}
	}
	return n
}

// Value is what a version holds; empty if nothing.
func (s *Secrets) Value(id, version string) string {
	return s.secrets[id].version(version).value.Reveal()
}

// Try does what Secrets Manager does with a rotation configuration that shall not rotate at once: it takes testSecret
// alone on a version made for the purpose, which it takes away again.
func (s *Secrets) Try(ctx context.Context, id string, value secret.Value) error {
	x := s.secrets[id]
	token := s.add(x, value)
	x.labels[credentials.Pending] = token
	err := s.Function(ctx, "testSecret", credentials.Rotation{Secret: id, Token: token})
	delete(x.labels, credentials.Pending)
	x.versions = slices.DeleteFunc(x.versions, func(v version) bool { return v.id == token })
	return err
}

// Describe implements [credentials.Vault] and [credentials.Keeper].
func (s *Secrets) Describe(ctx context.Context, id string) (rec credentials.Record, err error) {
	err = s.do(ctx, "Describe", func() error {
		x, ok := s.secrets[id]
		if !ok {
			return refuse(fault.Blocked, credentials.NotOurs, "describe secret", id)
		}
		labels := make(map[string][]string)
		for label, v := range x.labels {
			labels[v] = append(labels[v], label)
		}
		rec = credentials.Record{ARN: id, Tags: maps.Clone(x.tags), Labels: labels, Rotating: x.rotating, Changed: x.changed,
			Deleted: x.deleted, Replica: x.replica, Now: s.clock.now}
		return nil
	})
	return rec, err
}

// Content implements [credentials.Vault].
func (s *Secrets) Content(ctx context.Context, id, version string) (c credentials.Content, err error) {
	err = s.do(ctx, "Content", func() error {
		v := s.secrets[id].version(version)
		if v == nil || v.value.IsZero() {
			return refuse(fault.Retry, credentials.NoLease, "read version "+version, id)
		}
		c, err = credentials.Decode(v.value)
		return err
	})
	return c, err
}

// Store implements [credentials.Vault].
func (s *Secrets) Store(ctx context.Context, n credentials.Rotation, label string, c credentials.Content) error {
	return s.do(ctx, "Store", func() error {
		s.Proof = n.Proof
		x := s.secrets[n.Secret]
		v := x.version(n.Token)
		switch value := c.Encode(); {
		case v == nil:
			return fmt.Errorf("version %s was never reserved: a stray version would be made", n.Token)
		case v.value.IsZero():
			v.value = value
		case v.value.Reveal() != value.Reveal():
			return refuse(fault.Retry, credentials.VersionTaken, "store lease", n.Secret)
		}
		x.labels[credentials.Pending], x.labels[label] = n.Token, n.Token
		return nil
	})
}

// Promote implements [credentials.Vault].
func (s *Secrets) Promote(ctx context.Context, id, version, from string) error {
	return s.do(ctx, "Promote", func() error {
		x := s.secrets[id]
		if x.labels[credentials.Current] != from {
			return refuse(fault.Retry, credentials.Conflict, "promote version "+version, id)
		}
		x.promote(version)
		return nil
	})
}

// Abandon implements [credentials.Vault] and [credentials.Keeper].
func (s *Secrets) Abandon(ctx context.Context, id, version string) error {
	return s.do(ctx, "Abandon", func() error {
		if x := s.secrets[id]; x.labels[credentials.Pending] == version {
			delete(x.labels, credentials.Pending)
		}
		return nil
	})
}

// Versions implements [credentials.Keeper].
func (s *Secrets) Versions(ctx context.Context, id string, all bool) (versions []credentials.Version, now time.Time, err error) {
	err = s.do(ctx, "Versions", func() error {
		x := s.secrets[id]
		for _, v := range x.versions {
			listed := credentials.Version{ID: v.id, Created: v.created}
			for label, holder := range x.labels {
				if holder == v.id {
					listed.Labels = append(listed.Labels, label)
				}
			}
			if s.HideEmpty && v.value.IsZero() {
				continue
			}
			if all || len(listed.Labels) > 0 {
				versions = append(versions, listed)
			}
		}
		return nil
	})
	return versions, s.clock.now, err
}

// Rotate implements [credentials.Keeper]. What becomes of the rotation is not its answer, as with the service.
func (s *Secrets) Rotate(ctx context.Context, id string) error {
	return s.do(ctx, "Rotate", func() error {
		x := s.secrets[id]
		if x.deleted || !x.rotating {
			return refuse(fault.Retry, credentials.RotationInProgress, "start rotation", id) // the same code for everything
		}
		if pending := x.labels[credentials.Pending]; pending != "" && pending != x.labels[credentials.Current] {
			s.run(ctx, id, pending)
			return refuse(fault.Retry, credentials.RotationInProgress, "start rotation", id)
		}
		if s.Versions24(id) >= settings.VersionsPerDay {
			return refuse(fault.Retry, "VersionsExhausted", "start rotation", id)
		}
		s.run(ctx, id, s.begin(x))
		return nil
	})
}

// begin reserves the version of a new rotation.
func (s *Secrets) begin(x *stored) (token string) {
	token = s.add(x, secret.Value{})
	x.labels[credentials.Pending] = token
	return token
}

// run takes the four steps with token until one fails.
func (s *Secrets) run(ctx context.Context, id, token string) {
	for _, step := range Steps {
		if s.Function(ctx, step, credentials.Rotation{Secret: id, Token: token}) != nil {
			return
		}
	}
}

// add makes a version, and lets go of those without labels that are older than a day, as the service does above 100.
func (s *Secrets) add(x *stored, value secret.Value) (id string) {
	s.made++
	id = fmt.Sprintf("version-%04d", s.made)
	x.versions = append(x.versions, version{id, s.clock.now, value})
	x.changed = s.clock.now
	if len(x.versions) > settings.VersionsPerDay {
		labelled := slices.Collect(maps.Values(x.labels))
		x.versions = slices.DeleteFunc(x.versions, func(v version) bool {
			return v.created.Before(s.clock.now.Add(-24*time.Hour)) && !slices.Contains(labelled, v.id)
		})
	}
	return id
}

func (s *Secrets) current(id string) (credentials.Content, error) {
	x := s.secrets[id]
	return credentials.Decode(x.version(x.labels[credentials.Current]).value)
}

func (x *stored) version(id string) *version {
	if i := slices.IndexFunc(x.versions, func(v version) bool { return v.id == id }); i >= 0 {
		return &x.versions[i]
	}
	return nil
}

func (x *stored) promote(id string) {
	if old := x.labels[credentials.Current]; old != "" && old != id {
		x.labels["AWSPREVIOUS"] = old
	}
	x.labels[credentials.Current] = id
}

func refuse(kind fault.Kind, reason, op, subject string) error {
	return &fault.Error{Kind: kind, Reason: reason, Op: op, Subject: subject, Err: errors.New("refused"), Fix: "see the test"}
}
