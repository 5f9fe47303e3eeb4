package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	data "github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
)

// written writes a value into the source that is nowhere else.
func (d *demo) written(ctx context.Context) error {
	d.note = "note " + rand.Text()[:8]
	if err := d.world.FurnishSource(ctx, world.Orders, "INSERT INTO orders VALUES (1000, 1, 2, 4, '"+d.note+"', now())"); err != nil {
		return err
	}
	d.say("order 1000 of the source %s has %q; it names a venue of the warehouse", world.Orders, d.note)
	return nil
}

// requested sends the request and watches until the source is readable.
func (d *demo) requested(ctx context.Context) error {
	e, err := sample(requestFile)
	if err == nil {
		err = json.Unmarshal(e.Detail, &d.wanted)
	}
	if err != nil {
		return fmt.Errorf("read event %s: %w", requestFile, err)
	}
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	_, _, before := ask(ctx, l, d.roots, d.join())
	d.say("the application cannot read it: %s", oneLine(fmt.Sprint(before)))

	w := d.watching()
	steps, err := w.up(ctx)
	if err != nil {
		return err
	}
	if err := d.send(ctx, e); err != nil {
		return err
	}
	d.say("%q for %s is on the bus %s; nobody does anything more (beside each step: the sandbox's clock)", e.DetailType, d.wanted.Source.Instance, busName)
	if err := w.until(ctx, steps...); err != nil {
		return err
	}
	ready, err := d.announced(ctx, event.FederationReady, d.wanted.Name)
	if err != nil {
		return err
	}
	if err := remake(ready[len(ready)-1]["made"], &d.made); err != nil {
		return err
	}
	d.prove(before != nil && len(ready) == 1, "one event makes a source readable", "ready after %s", w.took())
	return nil
}

// join asks for a row whose one half is in the source, and the other in the warehouse.
func (d *demo) join() string {
	return "SELECT o.note || ' at ' || v.venuename, o.seats FROM " + d.wanted.Schema + ".orders o JOIN venue v USING (venueid) WHERE orderid = 1000"
}

// joined reads the value through the warehouse, as the application.
func (d *demo) joined(ctx context.Context) error {
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	d.say("%s", d.join())
	text, seats, err := ask(ctx, l, d.roots, d.join())
	if err != nil {
		return err
	}
	d.prove(text == d.note+" at Canal Stage", "a join reads the source and the warehouse", "%q, %d seats; the application has no password of the source", text, seats)
	return nil
}

// detached breaks the federation, and waits for the sweep to mend it.
func (d *demo) detached(ctx context.Context) error {
	if _, err := d.redshift.ModifyClusterIamRoles(ctx, &redshift.ModifyClusterIamRolesInput{ClusterIdentifier: new(world.Cluster), RemoveIamRoles: []string{d.made.Role}}); err != nil {
		return fmt.Errorf("detach the role: %w", err)
	}
	d.say("the operator takes the role off the cluster")
	if err := d.pass(ctx, time.Minute); err != nil {
		return err
	}
	text, err := d.statement(ctx, d.join())
	if err != nil {
		return err
	}
	d.prove(text == "ERROR: Not authorized to get credentials of role "+d.made.Role, "without its role the schema does not work", "Redshift says: %s", strings.TrimPrefix(text, "ERROR: "))

	w := d.watching()
	steps, err := w.repaired(ctx)
	if err != nil {
		return err
	}
	d.say("nobody puts it back; the sweep looks every 15 minutes")
	if err := w.until(ctx, steps...); err != nil {
		return err
	}
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	text, _, err = ask(ctx, l, d.roots, d.join())
	if err != nil {
		return err
	}
	d.prove(text == d.note+" at Canal Stage", "the sweep repairs what was changed by hand", "%q again, after %s", text, w.took())
	return nil
}

// statement runs a query with the Data API as the warehouse's superuser. If it fails, it returns the first line of what the
// warehouse says, and otherwise the statement's status.
func (d *demo) statement(ctx context.Context, query string) (string, error) {
	api := redshiftdata.NewFromConfig(d.aws)
	begun, err := api.ExecuteStatement(ctx, &redshiftdata.ExecuteStatementInput{
		ClusterIdentifier: new(world.Cluster), Database: new(world.Database), DbUser: new(world.Master), Sql: &query,
	})
	if err != nil {
		return "", fmt.Errorf("run a query with the Data API: %w", err)
	}
	if err := d.control.Settle(ctx); err != nil {
		return "", err
	}
	out, err := api.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: begun.Id})
	if err != nil {
		return "", fmt.Errorf("look at a query of the Data API: %w", err)
	}
	if out.Status == data.StatusStringFailed {
		return firstLine(*out.Error), nil
	}
	return string(out.Status), nil
}

// withdrawn gives the source back, and looks for what is left of it.
func (d *demo) withdrawn(ctx context.Context) error {
	e, err := sample(withdrawFile)
	if err != nil {
		return err
	}
	w := d.watching()
	steps, err := w.down(ctx)
	if err != nil {
		return err
	}
	if err := d.send(ctx, e); err != nil {
		return err
	}
	d.say("%q for %s is on the bus %s", e.DetailType, d.wanted.Name, busName)
	if err := w.until(ctx, steps...); err != nil {
		return err
	}
	d.say("removed after %s; what does the operator find?", w.took())
	rest, err := d.remains(ctx)
	if err != nil {
		return err
	}
	until, err := d.recoverable(ctx)
	if err != nil {
		return err
	}
	var gone []string
	for _, r := range rest {
		state := "LEFT"
		if !r.left {
			state, gone = "gone", append(gone, r.kind)
		}
		d.say("  %s  %-10s  %s", state, r.kind, r.name)
	}
	d.say("  kept  %-10s  %s, in its recovery window until %s", "secret", last(d.made.Secret), until.Format("2006-01-02 15:04"))
	d.prove(len(gone) == len(rest) && until.After(d.world.Clock.Now()), "a withdrawn source leaves nothing behind",
		"gone: %s; the secret can be restored until %s", strings.Join(gone, ", "), until.Format(time.DateOnly))
	return nil
}

// remake reads a value that came as JSON into another one.
func remake(v any, into any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
