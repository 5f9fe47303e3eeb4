package template

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/fault"
)

// A template is evaluated twice by the same code: once before anything is made, when what resources will be called is
// unknown, to find every problem and every reference; and then resource by resource with their real names.

// unknown is a value that only the deployment will tell. What is computed from it is unknown too.
type unknown struct{}

// nothing is AWS::NoValue: what has it is left out.
type nothing struct{}

// A surrounding knows what lies outside the expression that is evaluated.
type surrounding interface {
	// ref and attribute answer for a resource of the same stack; a problem is what is wrong, in words.
	ref(logical string) (value any, problem string)
	attribute(logical, name string) (value any, problem string)
	imported(export string) (value any, problem string)
}

// An evaluator turns expressions of one stack into values and collects what is wrong with them.
type evaluator struct {
	stack    *Stack
	region   string
	around   surrounding
	problems fault.Problems

	deciding map[string]bool // conditions on the way, to find one that needs itself
}

func (e *evaluator) problem(path, what, fix string) any {
	e.problems = append(e.problems, fault.Problem{Where: e.stack.Name + "/" + path, What: what, Fix: fix})
	return unknown{}
}

// value evaluates v, which stands at path.
func (e *evaluator) value(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return e.object(path, v)
	case []any:
		list := []any{}
		for i, item := range v {
			if item = e.value(fmt.Sprintf("%s.%d", path, i), item); item != (nothing{}) {
				list = append(list, item)
			}
		}
		return list
	}
	return v
}

func (e *evaluator) object(path string, v map[string]any) any {
	for _, name := range sorted(v) {
		if name != "Ref" && !strings.HasPrefix(name, "Fn::") {
			continue
		}
		f := intrinsicOf(name)
		switch {
		case len(v) > 1:
			return e.problem(path, name+" stands beside other members", "let an intrinsic function stand alone")
		case f == nil:
			return e.problem(path, fmt.Sprintf("intrinsic function %q is unknown", name), "use another, or teach the sandbox's package template")
		}
		return f(e, path+"."+name, v[name])
	}
	object := map[string]any{}
	for _, name := range sorted(v) {
		if item := e.value(join(path, name), v[name]); item != (nothing{}) {
			object[name] = item
		}
	}
	return object
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// ref answers Ref, and ${Name} in Fn::Sub.
func (e *evaluator) ref(path, name string) any {
	if value, ok := e.pseudo(name); ok {
		return value
	}
	if p, ok := e.stack.document.Parameters[name]; ok {
		return e.parameter(path, name, p)
	}
	return e.found(path)(e.around.ref(name))
}

// found passes a value on, or reports why there is none.
func (e *evaluator) found(path string) func(value any, problem string) any {
	return func(value any, problem string) any {
		if problem != "" {
			return e.problem(path, problem, "refer to something that is deployed")
		}
		return value
	}
}

func (e *evaluator) parameter(path, name string, p parameter) any {
	if p.Default == nil || name == bootstrapVersion {
		return e.problem(path, "parameter "+name+" has no value here", "do without it")
	}
	if text, ok := p.Default.(string); ok && p.Type == "CommaDelimitedList" {
		list := []any{}
		for item := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(item))
		}
		return list
	}
	return p.Default
}

func (e *evaluator) pseudo(name string) (value any, ok bool) {
	switch name {
	case "AWS::AccountId":
		return awshttp.Account, true
	case "AWS::NoValue":
		return nothing{}, true
	case "AWS::Partition":
		return awshttp.Partition, true
	case "AWS::Region":
		return e.region, true
	case "AWS::StackId":
		return stackID(e.stack.Name, e.region), true
	case "AWS::StackName":
		return e.stack.Name, true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	}
	return nil, false
}

// text is the string form of a scalar; false for what has none.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}
