package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// secretName is the consumer of infra/config/sandbox.json that is looked at.
const secretName = "sluice/sandbox/analytics/reporting"

// callRounds is how often calls are counted: now and then an SDK repeats one because its connection was closed.
const callRounds = 5

// measureCalls counts the AWS calls of a rotation and of a tick that has nothing to do.
func measureCalls(ctx context.Context, w *world.World) error {
	w.Clock.Settle()
	refresh, err := deployed(w, "AWS::Lambda::Function", "Refresh")
	if err != nil {
		return err
	}
	secret, err := deployed(w, "AWS::SecretsManager::Secret", "Consumerreporting")
	if err != nil {
		return err
	}
	var rotation, tick []int64
	for range callRounds {
		n, err := count(w, "Rotate", func() error {
			_, err := w.AWS.Do(ctx, operator, "secretsmanager", "RotateSecret", map[string]any{"SecretId": secretName, "ClientRequestToken": token()})
			return err
		})
		if err != nil {
			return fmt.Errorf("rotate %s: %w", secretName, err)
		}
		rotation = append(rotation, n)
		payload, err := json.Marshal(map[string]string{"secret": secret.PhysicalID})
		if err != nil {
			return err
		}
		n, err = count(w, "Refresh", func() error {
			_, failed, err := w.Lambda.Invoke(ctx, operator, refresh.PhysicalID, payload)
			if failed != "" {
				return fmt.Errorf("the tick failed: %s", failed)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("tick for %s: %w", secretName, err)
		}
		tick = append(tick, n)
	}
	figure("AWS calls of one rotation", fmt.Sprint(median(rotation)), median(rotation) <= 12, "at most 12")
	figure("AWS calls of a tick with nothing to do", fmt.Sprint(median(tick)), median(tick) <= 2, "at most 2")
	return reportMemory("refresh")
}

// count counts the calls that sessions of one role make while do and what it starts run.
func count(w *world.World, role string, do func() error) (int64, error) {
	before := w.AWS.Calls().Last()
	if err := do(); err != nil {
		return 0, err
	}
	w.Clock.Settle()
	var n int64
	for _, call := range w.AWS.Calls().List(awshttp.Filter{After: before}) {
		if strings.Contains(call.Principal, ":assumed-role/") && strings.Contains(call.Principal, role) {
			n++
		}
	}
	return n, nil
}

// deployed finds a resource of the template by its type and the beginning of its logical id.
func deployed(w *world.World, kind, begins string) (template.Resource, error) {
	for _, r := range w.Deployer.Resources() {
		if r.Type == kind && strings.HasPrefix(r.LogicalID, begins) {
			return r, nil
		}
	}
	return template.Resource{}, fmt.Errorf("the template has no %s whose id begins with %s", kind, begins)
}
