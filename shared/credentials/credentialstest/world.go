// Package credentialstest is a small world for tests of what keeps leases fresh: a Secrets Manager, a Redshift and a
// clock, all in memory, that keep their state and follow the services' rules. A test makes one for itself, lets things
// happen, and looks at the state.
package credentialstest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Clock stands still until it is moved. It is the clock of both services.
type Clock struct{ now time.Time }

// Now is the time of the world.
func (c *Clock) Now() time.Time { return c.now }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

// Start is when every world begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A World is one deployed consumer that was never rotated: user app with group readers in database sales of cluster
// examplecluster, which is warehouse analytics of stage test.
type World struct {
	Clock    *Clock
	Secrets  *Secrets
	Redshift *Redshift

	Secret    string // ARN of the consumer's secret
	Consumer  settings.Consumer
	Warehouse warehouse.Warehouse
	Timings   settings.Timings
}

// New makes a world. Rotations that Secrets Manager starts in it run the steps of [World.Rotator].
func New() *World {
	clock := &Clock{Start}
	w := &World{
		Clock: clock, Secrets: newSecrets(clock), Redshift: newRedshift(clock), Timings: settings.DefaultTimings(),
		Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/test/analytics/reporting-AbCdEf",
		Consumer: settings.Consumer{Stage: "test", Name: "reporting", Warehouse: "analytics", API: settings.GetClusterCredentials,
			Login: warehouse.Login{Database: "sales", User: "app", Groups: []string{"readers"}}},
		Warehouse: warehouse.Warehouse{Name: "analytics", Cluster: "examplecluster", Verify: warehouse.VerifyLogin,
			Allow: warehouse.Allowance{Databases: []string{"sales"}, Users: []string{"app*"}, Groups: []string{"readers"}}},
	}
	w.Secrets.Create(w.Secret, w.Consumer.Tags())
	w.Secrets.Function = w.Step
	return w
}

// Rotator is the rotation of this world's warehouse.
func (w *World) Rotator() *credentials.Rotator {
	return &credentials.Rotator{
		Stage: "test", Warehouse: w.Warehouse, Lifetime: w.Timings.Lifetime, MinLife: w.Timings.Urgent(),
		Vault: w.Secrets, Minter: w.Redshift, Prober: w.Redshift,
	}
}

// Refresher is the tick of this world's stage.
func (w *World) Refresher() *credentials.Refresher {
	return &credentials.Refresher{
		Stage: "test", Timings: w.Timings, Warehouses: map[string]string{w.Warehouse.Name: w.Warehouse.Cluster},
		Keeper: w.Secrets, Clusters: w.Redshift,
	}
}

// Retag changes tags of the consumer's secret; an empty value takes the tag away.
func (w *World) Retag(tags map[string]string) {
	all := w.Secrets.secrets[w.Secret].tags
	maps.Copy(all, tags)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
}

// Steps are the four steps of a rotation in their order, as Secrets Manager names them.
var Steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// Step takes one step by name.
func (w *World) Step(ctx context.Context, step string, n credentials.Rotation) error {
	_, err := w.Take(ctx, step, n)
	return err
}

// Take takes one step by name and returns what it did.
func (w *World) Take(ctx context.Context, step string, n credentials.Rotation) (credentials.Outcome, error) {
	r := w.Rotator()
	switch step {
	case "createSecret":
		return r.Create(ctx, n)
	case "setSecret":
		return r.Set(ctx, n)
	case "testSecret":
		return r.Test(ctx, n)
	case "finishSecret":
		return r.Finish(ctx, n)
	}
	panic(fmt.Sprintf("credentialstest: unknown step %q", step))
}

// Begin starts a rotation and takes none of its steps.
func (w *World) Begin() credentials.Rotation {
	return credentials.Rotation{Secret: w.Secret, Token: w.Secrets.begin(w.Secrets.secrets[w.Secret])}
}

// Rotate runs a whole rotation, which must succeed.
func (w *World) Rotate(ctx context.Context) credentials.Rotation {
	n := w.Begin()
	for _, step := range Steps {
		if err := w.Step(ctx, step, n); err != nil {
			panic(fmt.Sprintf("credentialstest: %s: %v", step, err))
		}
	}
	return n
}

// Readable is what readers of the secret find, and whether it is a lease that logs in now.
func (w *World) Readable() (content credentials.Content, works bool) {
	content, err := w.Secrets.current(w.Secret)
	return content, err == nil && w.Redshift.Works(content)
}
