package stack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/infra/stack"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// A template is the resources of a synthesized stack, by construct path without separators: "ConsumeringestSecret".
// Intrinsic functions are written as text: "${Bus.Arn}", "${ConsumeringestSecret}".
type template map[string]resource

type resource struct {
	ID                  string // logical id, with CDK's hash
	Type                string
	Properties          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// synthesize is the template of s, with binaries that do nothing.
func synthesize(t *testing.T, s config.Stage) template {
	t.Helper()
	return decode(t, synthesized(t, s))
}

// outputs are the values of the stack's outputs, by name.
func outputs(t *testing.T, s config.Stage) map[string]any {
	t.Helper()
	var document struct {
		Outputs map[string]struct{ Value any }
	}
	if err := json.Unmarshal(synthesized(t, s), &document); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]any)
	for name, o := range document.Outputs {
		out[name] = readable(o.Value)
	}
	return out
}

// binaries are stand-ins for the built functions, in a folder of their own.
func binaries(t *testing.T, s config.Stage) (assets string) {
	t.Helper()
	assets = t.TempDir()
	for _, function := range []string{"rotate", "refresh", "login", "provision"} {
		folder := filepath.Join(assets, s.Architecture, function)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(function), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return assets
}

// synthesized is the template's text.
func synthesized(t *testing.T, s config.Stage) []byte {
	t.Helper()
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out, AnalyticsReporting: new(false)})
	if _, err := stack.New(app, "under-test", stack.Props{Config: s, Assets: binaries(t, s)}); err != nil {
		t.Fatal(err)
	}
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(out, "under-test.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text []byte) template {
	t.Helper()
	var document struct{ Resources map[string]resource }
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	out := make(template)
	for id, r := range document.Resources {
		r.ID = id
		if r.Properties, _ = readable(r.Properties).(map[string]any); r.Properties == nil {
			r.Properties = map[string]any{}
		}
		for i, other := range r.DependsOn {
			r.DependsOn[i] = withoutHash(other)
		}
		slices.Sort(r.DependsOn)
		out[withoutHash(id)] = r
	}
	if len(out) != len(document.Resources) {
		t.Fatal("two resources differ only in their hash")
	}
	return out
}

var hash = regexp.MustCompile(`[0-9A-F]{8}$`)

func withoutHash(id string) string { return hash.ReplaceAllString(id, "") }

// readable replaces intrinsic functions below v by text.
func readable(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = readable(v[i])
		}
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "${" + withoutHash(ref) + "}"
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%s.%s}", withoutHash(get[0].(string)), get[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, readable(part).(string))
			}
			return strings.Join(parts, join[0].(string))
		}
		for key := range v {
			v[key] = readable(v[key])
		}
	}
	return v
}

// named returns the resource of that name, which must have that type.
func (tpl template) named(t *testing.T, name, kind string) resource {
	t.Helper()
	r, ok := tpl[name]
	if !ok || r.Type != kind {
		t.Fatalf("%s is a %q, want %s; there are %v", name, r.Type, kind, slices.Sorted(maps.Keys(tpl)))
	}
	return r
}

// ofType returns the names of the resources of a type, sorted.
func (tpl template) ofType(kind string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(tpl)), func(name string) bool { return tpl[name].Type != kind })
}

// same compares got with want, both as JSON. want is JSON text, or anything that encodes as JSON.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if text, ok := want.(string); ok {
		want = json.RawMessage(text)
	}
	if got, want := canonical(t, got), canonical(t, want); !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, encode(t, got), encode(t, want))
	}
}

func canonical(t *testing.T, v any) any {
	t.Helper()
	var out any
	if err := json.Unmarshal(encode(t, v), &out); err != nil {
		t.Fatalf("%s: %v", encode(t, v), err)
	}
	return out
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// read is the stage of one of the examples in infra/config.
func read(t *testing.T, name string) config.Stage {
	t.Helper()
	s, err := config.Read(filepath.Join("..", "config", name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withConsumers is the sandbox's stage with n consumers.
func withConsumers(t *testing.T, n int) (config.Stage, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "sandbox.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	consumers := make(map[string]any)
	for i := range n {
		consumers[fmt.Sprintf("app%03d", i)] = map[string]any{"warehouse": "analytics", "database": "exampledb", "user": fmt.Sprintf("app_%d", i)}
	}
	document["consumers"] = consumers
	s, err := config.Parse(encode(t, document))
	if err != nil {
		return config.Stage{}, errors.New(err.Error())
	}
	return s, nil
}
