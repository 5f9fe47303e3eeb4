package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/fault"
)

// An Assembly is what one run of cdk synth leaves: stacks, each after those that it depends on.
type Assembly struct {
	Stacks []*Stack
}

type manifest struct {
	Artifacts map[string]artifact
}

type artifact struct {
	Type         string
	Environment  string // aws://ACCOUNT/REGION
	Dependencies []string
	Properties   struct {
		TemplateFile string
		StackName    string
		File         string
		Parameters   map[string]any
	}
}

// The artifacts that are understood. Trees and reports are about the app and not about what is deployed.
const (
	stackArtifact = "aws:cloudformation:stack"
	assetArtifact = "cdk:asset-manifest"
)

var artifactsAside = []string{"cdk:tree", "cdk:feature-flag-report"}

// Load reads the folder that cdk synth wrote. All that it does not understand in manifests and templates comes in
// one error.
func Load(folder string) (*Assembly, error) {
	var m manifest
	if err := readJSON(filepath.Join(folder, "manifest.json"), &m); err != nil {
		return nil, fmt.Errorf("read the cloud assembly: %w", err)
	}
	var problems []error
	assets := map[string]string{}
	for _, id := range sorted(m.Artifacts) {
		switch a := m.Artifacts[id]; {
		case a.Type == assetArtifact:
			problems = append(problems, readAssets(folder, a.Properties.File, assets))
		case a.Type == stackArtifact:
			problems = append(problems, a.check(id))
		case !slices.Contains(artifactsAside, a.Type):
			problems = append(problems, fault.Problems{{Where: "manifest.json/" + id, What: fmt.Sprintf("artifact type %q is not understood", a.Type), Fix: "remove it from the app, or teach the sandbox's package template"}})
		}
	}
	loaded := &Assembly{}
	for _, id := range m.inOrder() {
		s, err := m.Artifacts[id].load(folder, id, assets)
		problems = append(problems, err)
		loaded.Stacks = append(loaded.Stacks, s)
	}
	return loaded, errors.Join(problems...)
}

// check refuses stacks of other accounts: their templates hold numbers that nothing in the sandbox has.
func (a artifact) check(id string) error {
	account, _, _ := strings.Cut(strings.TrimPrefix(a.Environment, "aws://"), "/")
	var p fault.Problems
	if account != "unknown-account" && account != awshttp.Account {
		p = append(p, fault.Problem{Where: "manifest.json/" + id, What: "is for account " + account, Fix: "synthesize for account " + awshttp.Account + " or for none"})
	}
	for _, name := range sorted(a.Properties.Parameters) {
		p = append(p, fault.Problem{Where: "manifest.json/" + id + "/parameters." + name, What: "gives a parameter a value", Fix: "give it a default in the template"})
	}
	return p.Err()
}

func (a artifact) load(folder, id string, assets map[string]string) (*Stack, error) {
	name := a.Properties.StackName
	if name == "" {
		name = id
	}
	text, err := os.ReadFile(filepath.Join(folder, a.Properties.TemplateFile))
	if err != nil {
		return nil, fmt.Errorf("read the template of stack %s: %w", name, err)
	}
	return parse(name, text, assets)
}

// inOrder lists the stacks, each after those that it depends on. The manifest comes from CDK, which refuses cycles.
func (m manifest) inOrder() (ids []string) {
	var visit func(id string)
	seen := map[string]bool{}
	visit = func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, dependency := range slices.Sorted(slices.Values(m.Artifacts[id].Dependencies)) {
			visit(dependency)
		}
		if m.Artifacts[id].Type == stackArtifact {
			ids = append(ids, id)
		}
	}
	for _, id := range sorted(m.Artifacts) {
		visit(id)
	}
	return ids
}

// readAssets adds the folders of an asset manifest to assets, by the object keys that templates use.
func readAssets(folder, file string, assets map[string]string) error {
	var m struct {
		Files map[string]struct {
			Source       struct{ Path, Packaging string }
			Destinations map[string]struct{ ObjectKey string }
		}
		DockerImages map[string]any
	}
	if err := readJSON(filepath.Join(folder, file), &m); err != nil {
		return fmt.Errorf("read an asset manifest: %w", err)
	}
	var p fault.Problems
	for _, hash := range sorted(m.DockerImages) {
		p = append(p, fault.Problem{Where: file + "/" + hash, What: "is a container image", Fix: "use a folder with a bootstrap program"})
	}
	for _, asset := range m.Files {
		for _, at := range asset.Destinations {
			if asset.Source.Packaging != "zip" { // the template itself is an asset too; nothing refers to it
				continue
			}
			path, err := filepath.Abs(filepath.Join(folder, asset.Source.Path))
			if err != nil {
				return fmt.Errorf("find asset %s: %w", asset.Source.Path, err)
			}
			assets[at.ObjectKey] = path
		}
	}
	return p.Err()
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := decode(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// decode keeps numbers as they are written.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the file goes on after the JSON object")
	}
	return nil
}
