// Package settings is what the deployment tells each function through its environment.
//
// Each type has Env, which infra calls, and a Load function, which the function calls: a variable that is
// renamed on one side only does not compile. No setting is a secret.
package settings

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Names of the environment variables.
const (
	envStage       = "SLUICE_STAGE"
	envBus         = "SLUICE_BUS"
	envWarehouse   = "SLUICE_WAREHOUSE"
	envClusters    = "SLUICE_CLUSTERS"
	envLifetime    = "SLUICE_LIFETIME"
	envTick        = "SLUICE_TICK"
	envRotateBelow = "SLUICE_ROTATE_BELOW"
)

// MaxEnvironment is how many bytes of names and values Lambda lets a function have.
//
// Source: AWS Lambda Developer Guide, Lambda quotas (environment variables, 4 KB in all).
const MaxEnvironment = 4096

// Rotate is what the rotation function of one warehouse is told.
type Rotate struct {
	Stage     string              // deployment that the function belongs to; secrets of another are refused
	Bus       string              // name of Sluice's own event bus
	Warehouse warehouse.Warehouse // the one warehouse that it mints for
	Timings   Timings
}

// Env is r as environment variables.
func (r Rotate) Env() map[string]string {
	env := r.Timings.env()
	env[envStage], env[envBus], env[envWarehouse] = r.Stage, r.Bus, encode(r.Warehouse)
	return env
}

// LoadRotate reads what [Rotate.Env] wrote. Its error is a [fault.Problems] with all that is missing or wrong.
func LoadRotate(lookup func(string) (string, bool)) (Rotate, error) {
	l := loader{lookup: lookup}
	r := Rotate{Stage: l.text(envStage), Bus: l.text(envBus), Timings: l.timings()}
	if l.json(envWarehouse, &r.Warehouse) {
		l.problems = append(l.problems, r.Warehouse.Problems().Under(envWarehouse+".")...)
	}
	return r, l.problems.Err()
}

// Refresh is what the tick's function is told.
type Refresh struct {
	Stage    string            // deployment that the function belongs to; secrets of another are refused
	Bus      string            // name of Sluice's own event bus
	Clusters map[string]string // cluster identifier of each warehouse
	Timings  Timings
}

// Env is r as environment variables.
func (r Refresh) Env() map[string]string {
	env := r.Timings.env()
	env[envStage], env[envBus], env[envClusters] = r.Stage, r.Bus, encode(r.Clusters)
	return env
}

// LoadRefresh reads what [Refresh.Env] wrote. Its error is a [fault.Problems] with all that is missing or wrong.
func LoadRefresh(lookup func(string) (string, bool)) (Refresh, error) {
	l := loader{lookup: lookup}
	r := Refresh{Stage: l.text(envStage), Bus: l.text(envBus), Timings: l.timings()}
	if l.json(envClusters, &r.Clusters) && len(r.Clusters) == 0 {
		l.problem(envClusters, "names no warehouse", "deploy again with at least one warehouse")
	}
	return r, l.problems.Err()
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("settings: encode %T: %v", v, err)) // plain strings and lists always encode
	}
	return string(b)
}

// A loader reads variables and keeps every problem that it meets.
type loader struct {
	lookup   func(string) (string, bool)
	problems fault.Problems
}

func (l *loader) problem(name, what, fix string) {
	l.problems = append(l.problems, fault.Problem{Where: name, What: what, Fix: fix})
}

func (l *loader) text(name string) string {
	v, _ := l.lookup(name)
	if v == "" {
		l.problem(name, "is not set", "deploy the function with the stack that belongs to it")
	}
	return v
}

func (l *loader) duration(name string) time.Duration {
	text := l.text(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		l.problem(name, fmt.Sprintf("%q is not a duration", text), `write it as in "60m"`)
	}
	return d
}

func (l *loader) timings() Timings {
	before := len(l.problems)
	t := Timings{Lifetime: l.duration(envLifetime), Tick: l.duration(envTick), RotateBelow: l.duration(envRotateBelow)}
	if len(l.problems) == before { // what is not there was reported once
		l.problems = append(l.problems, t.Problems()...)
	}
	return t
}

func (l *loader) json(name string, into any) (ok bool) {
	text := l.text(name)
	if text == "" {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		l.problem(name, "is not the JSON that this version reads: "+err.Error(), "deploy function and stack from one version")
		return false
	}
	return true
}
