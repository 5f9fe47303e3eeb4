package template

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
)

// A rehearsal goes through a whole assembly without making anything. It finds all that is wrong, and in which order
// the resources of each stack can be made.
type rehearsal struct {
	region   string
	exports  map[string]bool // of the stacks before this one
	problems fault.Problems
}

// A plan is the order in which the resources of a stack are made. Resources whose condition does not hold are not in it.
type plan struct {
	stack *Stack
	order []string
}

func rehearse(a *Assembly, region string) ([]plan, error) {
	r := rehearsal{region: region, exports: map[string]bool{}}
	var plans []plan
	for _, s := range a.Stacks {
		plans = append(plans, plan{s, r.stack(s)})
	}
	return plans, r.problems.Err()
}

// stack finds the problems of one stack and the order of its resources.
func (r *rehearsal) stack(s *Stack) []string {
	live := map[string]bool{}
	base := &evaluator{stack: s, region: r.region, around: nowhere{}}
	for _, name := range sorted(s.document.Conditions) {
		base.holds("Conditions."+name, name)
	}
	for _, logical := range sorted(s.document.Resources) {
		is := s.document.Resources[logical]
		if is.Type != usageMetadata && base.holds(logical+".Condition", is.Condition) {
			live[logical] = true
		}
	}
	r.problems = append(r.problems, base.problems...)
	needs := map[string][]string{}
	for _, logical := range sorted(live) {
		needs[logical] = r.resource(s, logical, live)
	}
	r.outputs(s, live)
	order, circle := inOrder(needs)
	if circle != nil {
		r.problems = append(r.problems, fault.Problem{Where: s.Name + "/" + circle[0], What: fmt.Sprintf("needs itself: %q", circle), Fix: "break the circle"})
	}
	return order
}

// resource finds the problems of one resource and the resources that it needs.
func (r *rehearsal) resource(s *Stack, logical string, live map[string]bool) []string {
	is := s.document.Resources[logical]
	k, known := kinds[is.Type]
	if !known {
		r.problems = append(r.problems, fault.Problem{Where: s.Name + "/" + logical, What: fmt.Sprintf("resource type %q is unknown", is.Type), Fix: fmt.Sprintf("use another, or teach the sandbox's package template; it knows %q", sorted(kinds))})
	}
	seen := &references{rehearsal: r, stack: s, live: live}
	e := &evaluator{stack: s, region: r.region, around: seen}
	properties, _ := e.value(logical+".Properties", anyMap(is.Properties)).(map[string]any)
	r.problems = append(r.problems, e.problems...)
	if known {
		r.problems = append(r.problems, k.check(s.Name+"/"+logical, properties)...)
	}
	for _, other := range is.DependsOn {
		if s.document.Resources[other] == nil {
			r.problems = append(r.problems, fault.Problem{Where: s.Name + "/" + logical + ".DependsOn", What: fmt.Sprintf("there is no resource %q", other), Fix: "name a resource of the same stack"})
		} else if live[other] {
			seen.to = append(seen.to, other)
		}
	}
	return seen.to
}

func (r *rehearsal) outputs(s *Stack, live map[string]bool) {
	e := &evaluator{stack: s, region: r.region, around: &references{rehearsal: r, stack: s, live: live}}
	for _, name := range sorted(s.document.Outputs) {
		out := s.document.Outputs[name]
		if !e.holds("Outputs."+name+".Condition", out.Condition) {
			continue
		}
		e.value("Outputs."+name+".Value", out.Value)
		if export, ok := e.value("Outputs."+name+".Export", out.Export.Name).(string); ok {
			r.exports[export] = true
		}
	}
	r.problems = append(r.problems, e.problems...)
}

// anyMap is m as the value of an expression; nil is an empty object.
func anyMap(m map[string]any) any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// references is the surrounding of a rehearsal: every value of a resource is unknown, and who is asked for is noted.
type references struct {
	*rehearsal
	stack *Stack
	live  map[string]bool
	to    []string
}

func (r *references) ref(logical string) (any, string) {
	switch {
	case r.stack.document.Resources[logical] == nil:
		return nil, fmt.Sprintf("there is no parameter or resource %q", logical)
	case !r.live[logical]:
		return nil, fmt.Sprintf("resource %q is not made, by its condition or because the sandbox leaves it aside", logical)
	}
	r.to = append(r.to, logical)
	return unknown{}, ""
}

func (r *references) attribute(logical, name string) (any, string) {
	value, problem := r.ref(logical)
	if problem != "" {
		return value, problem
	}
	of := r.stack.document.Resources[logical].Type
	if k, known := kinds[of]; known && !slices.Contains(k.attributes, name) {
		return nil, fmt.Sprintf("%s, of type %s, has no attribute %q that the sandbox knows; it knows %q", logical, of, name, k.attributes)
	}
	return value, ""
}

func (r *references) imported(export string) (any, string) {
	if !r.exports[export] {
		return nil, fmt.Sprintf("no stack before this one exports %q", export)
	}
	return unknown{}, ""
}

// nowhere is the surrounding of conditions, which may not ask for resources.
type nowhere struct{}

func (nowhere) ref(logical string) (any, string) {
	return nil, fmt.Sprintf("there is no parameter %q", logical)
}

func (nowhere) attribute(logical, name string) (any, string) {
	return nil, fmt.Sprintf("%s.%s is not known to conditions", logical, name)
}

func (nowhere) imported(export string) (any, string) {
	return nil, fmt.Sprintf("export %q is not known to conditions", export)
}
