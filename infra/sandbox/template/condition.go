package template

import (
	"fmt"
	"reflect"
)

// holds decides a named condition. The empty name always holds.
func (e *evaluator) holds(path, name string) bool {
	if name == "" {
		return true
	}
	condition, ok := e.stack.document.Conditions[name]
	if !ok {
		e.problem(path, fmt.Sprintf("condition %q is not there", name), "name one of the section Conditions")
		return false
	}
	if e.deciding[name] {
		e.problem(path, fmt.Sprintf("condition %q needs itself", name), "break the circle")
		return false
	}
	if e.deciding == nil {
		e.deciding = map[string]bool{}
	}
	e.deciding[name] = true
	defer delete(e.deciding, name)
	return e.decide("Conditions."+name, condition)
}

// decide evaluates what stands in the place of a condition.
func (e *evaluator) decide(path string, condition any) bool {
	if v, ok := condition.(map[string]any); ok && len(v) == 1 {
		if name, ok := v["Condition"].(string); ok {
			return e.holds(path, name)
		}
	}
	switch value := e.value(path, condition).(type) {
	case bool:
		return value
	case unknown: // it has been reported, or depends on a resource
		e.problem(path, "cannot be decided before the deployment", "use parameters and mappings only")
	default:
		e.problem(path, "is not a condition", "use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")
	}
	return false
}

// conditional evaluates both branches, so that a mistake in the other one shows, and gives the one that applies.
func conditional(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if ok && len(args) == 3 {
		if name, ok := args[0].(string); ok {
			branch, other := 1, 2
			if !e.holds(path, name) {
				branch, other = other, branch
			}
			e.unused(fmt.Sprintf("%s.%d", path, other), args[other])
			return e.value(fmt.Sprintf("%s.%d", path, branch), args[branch])
		}
	}
	return e.problem(path, "is not a condition and two values", "write [condition, value, value]")
}

// unused evaluates what will not be used: its mistakes count and its references do not.
func (e *evaluator) unused(path string, v any) {
	around := e.around
	e.around = anything{}
	e.value(path, v)
	e.around = around
}

// anything is a surrounding where everything that one refers to is there.
type anything struct{}

func (anything) ref(string) (any, string)               { return unknown{}, "" }
func (anything) attribute(string, string) (any, string) { return unknown{}, "" }
func (anything) imported(string) (any, string)          { return unknown{}, "" }

func equals(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return e.problem(path, "does not have two arguments", "compare two values")
	}
	a, b := e.value(path, args[0]), e.value(path, args[1])
	if a == any(unknown{}) || b == any(unknown{}) {
		return unknown{}
	}
	if left, ok := text(a); ok {
		if right, ok := text(b); ok {
			return left == right
		}
	}
	return reflect.DeepEqual(a, b)
}

func and(e *evaluator, path string, arg any) any {
	all := true
	return e.several(path, arg, func(holds bool) bool { all = all && holds; return all })
}

func or(e *evaluator, path string, arg any) any {
	some := false
	return e.several(path, arg, func(holds bool) bool { some = some || holds; return some })
}

// several decides every condition of a list and returns what add said last.
func (e *evaluator) several(path string, arg any, add func(bool) bool) any {
	args, ok := arg.([]any)
	if !ok || len(args) < 2 || len(args) > 10 {
		return e.problem(path, "is not a list of 2 to 10 conditions", "nest further ones")
	}
	var result bool
	for i, condition := range args {
		result = add(e.decide(fmt.Sprintf("%s.%d", path, i), condition))
	}
	return result
}

func not(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 1 {
		return e.problem(path, "is not a list of one condition", "write [condition]")
	}
	return !e.decide(path, args[0])
}
