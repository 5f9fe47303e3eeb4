// Package template deploys a synthesized cloud assembly, the output of cdk synth, into the sandbox: it plays AWS
// CloudFormation.
//
// What is deployed is decided by the template alone. Each resource is made by calling the service's own API as the
// role that CloudFormation would use, so that permissions, iam:PassRole and resource policies decide here as they do
// in the cloud. Whatever the package does not understand it refuses before anything is made: an unknown resource type,
// an unknown property of a known type, an unknown intrinsic function, a reference to nothing.
//
// # Differences from CloudFormation
//
//   - Resources are made one after the other, in an order that references and DependsOn allow.
//   - A deployment that fails is not rolled back. What was made stays, so that it can be looked at, and the next
//     deployment goes on from there.
//   - Generated names end in letters that depend on stack and logical id, so that they are the same in every run.
//   - Resources do not get the aws:cloudformation: tags.
//   - Log groups and alarms are kept and shown and have no effect.
//   - Parameters take their defaults. The bootstrap version is not looked up: nothing was bootstrapped.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
)

// A Stack is one template of an assembly, parsed and not yet understood.
type Stack struct {
	Name   string            // in CloudFormation
	Assets map[string]string // folder of each asset, by its object key in the bootstrap bucket

	document document
}

type document struct {
	AWSTemplateFormatVersion string
	Description              string
	Metadata                 any
	Parameters               map[string]parameter
	Mappings                 map[string]map[string]map[string]any
	Conditions               map[string]any
	Rules                    map[string]any
	Resources                map[string]*resource
	Outputs                  map[string]output
}

type parameter struct {
	Type    string
	Default any
}

type output struct {
	Value     any
	Condition string
	Export    struct{ Name any }
}

type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           names
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// names is a list that may be written as one name.
type names []string

func (n *names) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// What CDK adds to every stack for its own use. Each is left aside by name, and anything else of its sort is refused.
const (
	bootstrapVersion     = "BootstrapVersion"      // a parameter: SSM would tell how old the bootstrap stack is
	checkBootstrap       = "CheckBootstrapVersion" // a rule on it
	usageMetadata        = "AWS::CDK::Metadata"    // a resource: tells AWS which constructs are in use
	bootstrapVersionType = "AWS::SSM::Parameter::Value<String>"
)

// The members of a template and of a resource that are understood; Metadata has no effect on what is deployed.
var (
	sections = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions",
		"Rules", "Resources", "Outputs"}
	resourceMembers  = []string{"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
	deletionPolicies = []string{"", "Delete", "Retain"}
)

// parse reads a template. Its error is a [fault.Problems] where the JSON is well formed.
func parse(name string, text []byte, assets map[string]string) (*Stack, error) {
	s := &Stack{Name: name, Assets: assets}
	if err := decode(text, &s.document); err != nil {
		return nil, fmt.Errorf("read the template of stack %s: %w", name, err)
	}
	var raw struct{ Resources map[string]map[string]any }
	var members map[string]any
	if err := decode(text, &raw); err != nil {
		return nil, fmt.Errorf("read the resources of stack %s: %w", name, err)
	}
	if err := decode(text, &members); err != nil {
		return nil, fmt.Errorf("read the sections of stack %s: %w", name, err)
	}
	problems := strangers("", members, sections)
	for _, logical := range sorted(raw.Resources) {
		problems = append(problems, strangers(logical+".", raw.Resources[logical], resourceMembers)...)
	}
	problems = append(problems, s.document.problems()...)
	return s, problems.Under(name + "/").Err()
}

// problems are those that show without evaluating anything.
func (d document) problems() (p fault.Problems) {
	for _, name := range sorted(d.Parameters) {
		switch in := d.Parameters[name]; {
		case name == bootstrapVersion && in.Type == bootstrapVersionType:
		case in.Type != "String" && in.Type != "Number" && in.Type != "CommaDelimitedList":
			p = append(p, fault.Problem{Where: "Parameters." + name, What: fmt.Sprintf("type %q is not one that the sandbox has", in.Type), Fix: "use String, Number or CommaDelimitedList"})
		case in.Default == nil:
			p = append(p, fault.Problem{Where: "Parameters." + name, What: "has no default", Fix: "give it one: the sandbox deploys with defaults"})
		}
	}
	for _, name := range sorted(d.Rules) {
		if name != checkBootstrap {
			p = append(p, fault.Problem{Where: "Rules." + name, What: "is a rule, which the sandbox does not evaluate", Fix: "remove it"})
		}
	}
	for _, logical := range sorted(d.Resources) {
		r := d.Resources[logical]
		if !slices.Contains(deletionPolicies, r.DeletionPolicy) || !slices.Contains(deletionPolicies, r.UpdateReplacePolicy) {
			p = append(p, fault.Problem{Where: logical, What: fmt.Sprintf("has DeletionPolicy %q and UpdateReplacePolicy %q", r.DeletionPolicy, r.UpdateReplacePolicy), Fix: "use Delete or Retain"})
		}
	}
	return p
}

func strangers(prefix string, members map[string]any, known []string) (p fault.Problems) {
	for _, name := range sorted(members) {
		if !slices.Contains(known, name) {
			p = append(p, fault.Problem{Where: prefix + name, What: "is not understood", Fix: fmt.Sprintf("remove it, or teach the sandbox's package template; it knows %q", known)})
		}
	}
	return p
}

// sorted makes every walk over a template, and so every list of problems, the same in each run.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
