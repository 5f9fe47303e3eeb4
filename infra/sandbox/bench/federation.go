package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

const (
	bus, table = "sluice-sandbox", "sluice-sandbox"

	// patience is how long, on the sandbox's clock, federations may take to come to rest; step is how often that is looked at.
	patience = 2 * time.Hour
	step     = time.Second
)

// fleets are how many sources are asked for at once.
var fleets = []int{1, 10, 50}

// measureFederation provisions sources and counts what that takes.
//
// Ticks and sweeps are off meanwhile: what is counted comes of the events alone.
func measureFederation(ctx context.Context, w *world.World) error {
	if err := schedules(ctx, w, "DISABLED"); err != nil {
		return err
	}
	first, err := provision(ctx, w, "first", 1)
	if err != nil {
		return err
	}
	figure("AWS calls of a first provisioning", fmt.Sprint(first.calls), first.calls <= 40, "at most 40")
	ratio := first.took.Seconds() / unavoidable().Seconds()
	figure("time to Ready on the sandbox's clock", fmt.Sprintf("%.1f s, waits %.0f s, ratio %.2f", first.took.Seconds(), unavoidable().Seconds(), ratio), ratio <= 1.25, "at most 1.25")

	before := w.AWS.Calls().Last()
	if err := ask(ctx, w, "Source Requested", document("first", 0)); err != nil {
		return err
	}
	w.Clock.Settle()
	calls, writes := made(w, before)
	figure("AWS calls of a repeat that changes nothing", fmt.Sprintf("%d, %d of them write outside the state", calls, writes), calls <= 10 && writes == 0, "at most 10, none of them")
	if err := withdraw(ctx, w, "first", 1); err != nil {
		return err
	}

	var each []float64
	for i, n := range fleets {
		name := fmt.Sprintf("fleet%d", i)
		f, err := provision(ctx, w, name, n)
		if err != nil {
			return err
		}
		each = append(each, float64(f.calls)/float64(n))
		figure(fmt.Sprintf("%d sources at once: calls for each", n), fmt.Sprintf("%.1f, %d changes of the cluster's roles, all Ready after %.0f s", each[i], f.changes, f.took.Seconds()),
			each[i] <= 1.1*each[0], "at most a tenth more than for one")
		if err := withdraw(ctx, w, name, n); err != nil {
			return err
		}
	}
	if err := schedules(ctx, w, "ENABLED"); err != nil {
		return err
	}
	return reportMemory("provision")
}

// schedules turns all schedules of the stage on or off.
func schedules(ctx context.Context, w *world.World, state string) error {
	for _, r := range w.Deployer.Resources() {
		if r.Type != "AWS::Scheduler::Schedule" {
			continue
		}
		is, err := w.AWS.Do(ctx, operator, "scheduler", "GetSchedule", map[string]any{"Name": r.PhysicalID, "GroupName": bus})
		if err != nil {
			return err
		}
		_, err = w.AWS.Do(ctx, operator, "scheduler", "UpdateSchedule", map[string]any{
			"Name": r.PhysicalID, "GroupName": bus, "State": state, "ScheduleExpression": is["ScheduleExpression"], "FlexibleTimeWindow": is["FlexibleTimeWindow"], "Target": is["Target"],
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A fleet is what it took to make some sources ready.
type fleet struct {
	calls   int           // of provision and login
	changes int           // ModifyClusterIamRoles that succeeded
	took    time.Duration // on the sandbox's clock
}

// provision asks for n sources at once and waits until all are ready.
func provision(ctx context.Context, w *world.World, name string, n int) (fleet, error) {
	w.Clock.Settle()
	before, began := w.AWS.Calls().Last(), w.Clock.Now()
	for i := range n {
		if err := ask(ctx, w, "Source Requested", document(name, i)); err != nil {
			return fleet{}, err
		}
	}
	if err := settle(ctx, w, name, n, "Ready"); err != nil {
		return fleet{}, err
	}
	f := fleet{took: w.Clock.Now().Sub(began)}
	f.calls, _ = made(w, before)
	for _, c := range w.AWS.Calls().List(awshttp.Filter{After: before, Service: "redshift", Operation: "ModifyClusterIamRoles"}) {
		if c.Code == "" {
			f.changes++
		}
	}
	return f, nil
}

func withdraw(ctx context.Context, w *world.World, name string, n int) error {
	for i := range n {
		if err := ask(ctx, w, "Source Withdrawn", map[string]any{"name": numbered(name, i)}); err != nil {
			return err
		}
	}
	return settle(ctx, w, name, n, "Removed")
}

func numbered(name string, i int) string { return fmt.Sprintf("%s-%d", name, i) }

// document asks for the ready-made source under a name of its own.
func document(name string, i int) map[string]any {
	name = numbered(name, i)
	return map[string]any{
		"name": name, "warehouse": "analytics", "schema": strings.ReplaceAll(name, "-", "_"), "manageIngress": true,
		"source":       map[string]any{"engine": "postgres", "instance": world.Orders, "database": world.OrdersDatabase},
		"grantUsageTo": []string{"group:" + world.Group},
	}
}

// ask puts an event on Sluice's bus.
func ask(ctx context.Context, w *world.World, detailType string, detail map[string]any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = w.AWS.Do(ctx, operator, "events", "PutEvents", map[string]any{"Entries": []map[string]any{{
		"EventBusName": bus, "Source": "bench", "DetailType": detailType, "Detail": string(text),
	}}})
	return err
}

// settle lets time go by until all federations are in a phase.
func settle(ctx context.Context, w *world.World, name string, n int, phase string) error {
	w.Clock.Settle()
	left := make([]string, n)
	for i := range n {
		left[i] = numbered(name, i)
	}
	for passed := time.Duration(0); passed < patience; passed += step {
		w.Clock.Advance(step)
		var err error
		left = slices.DeleteFunc(left, func(name string) bool {
			is, problem := phaseOf(ctx, w, name)
			if problem != nil {
				err = problem
			}
			return is == phase
		})
		if err != nil || len(left) == 0 {
			return err
		}
	}
	is, err := w.AWS.Do(ctx, operator, "dynamodb", "GetItem", map[string]any{"TableName": table, "Key": map[string]any{"name": map[string]any{"S": "federation#" + left[0]}}})
	if err != nil {
		return err
	}
	return fmt.Errorf("%d of %d federations are not %s after %s; the first is %v", len(left), n, phase, patience, is["Item"])
}

// phaseOf reads how far a federation is, as people do who look at the table.
func phaseOf(ctx context.Context, w *world.World, name string) (string, error) {
	out, err := w.AWS.Do(ctx, operator, "dynamodb", "GetItem", map[string]any{"TableName": table, "Key": map[string]any{"name": map[string]any{"S": "federation#" + name}}})
	if err != nil {
		return "", err
	}
	item, _ := out["Item"].(map[string]any)
	attribute, _ := item["phase"].(map[string]any)
	text, _ := attribute["S"].(string)
	return text, nil
}

// reads are the operations that change nothing; all others write, those of the state aside.
var reads = []string{"Get", "Describe", "List", "Scan", "ExecuteStatement"}

// made counts the calls of provision and login after one with the given number, and those of them that write elsewhere than in
// the state.
func made(w *world.World, before uint64) (calls, writes int) {
	for _, c := range w.AWS.Calls().List(awshttp.Filter{After: before}) {
		if !strings.HasSuffix(c.Principal, "/sluice-sandbox-provision") && !strings.HasSuffix(c.Principal, "/sluice-sandbox-login") {
			continue
		}
		calls++
		if c.Service != "dynamodb" && !slices.ContainsFunc(reads, func(r string) bool { return strings.HasPrefix(c.Operation, r) }) {
			writes++
		}
	}
	return calls, writes
}
