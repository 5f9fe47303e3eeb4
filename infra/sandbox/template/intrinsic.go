package template

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// An intrinsic computes a value from the argument of an intrinsic function, which is not evaluated yet.
type intrinsic func(e *evaluator, path string, arg any) any

// intrinsicOf finds an intrinsic function; nil if it is not understood.
//
// Source: AWS CloudFormation User Guide, "Intrinsic function reference".
func intrinsicOf(name string) intrinsic {
	switch name {
	case "Ref":
		return ref
	case "Fn::GetAtt":
		return getAtt
	case "Fn::ImportValue":
		return importValue
	case "Fn::Join":
		return joined
	case "Fn::Split":
		return split
	case "Fn::Select":
		return selected
	case "Fn::Sub":
		return sub
	case "Fn::Base64":
		return encoded
	case "Fn::FindInMap":
		return findInMap
	case "Fn::If":
		return conditional
	case "Fn::Equals":
		return equals
	case "Fn::And":
		return and
	case "Fn::Or":
		return or
	case "Fn::Not":
		return not
	}
	return nil
}

func ref(e *evaluator, path string, arg any) any {
	name, ok := arg.(string)
	if !ok {
		return e.problem(path, "is not a name", "name a parameter or a resource")
	}
	return e.ref(path, name)
}

// getAtt reads ["Logical", "Attribute"] and "Logical.Attribute".
func getAtt(e *evaluator, path string, arg any) any {
	if both, ok := arg.(string); ok {
		logical, name, _ := strings.Cut(both, ".")
		return e.found(path)(e.around.attribute(logical, name))
	}
	args, ok := arg.([]any)
	if ok && len(args) == 2 {
		logical, isName := args[0].(string)
		if name, isText := e.value(path, args[1]).(string); isName && isText {
			return e.found(path)(e.around.attribute(logical, name))
		}
	}
	return e.problem(path, "is not a resource and an attribute", `write ["LogicalId", "Attribute"]`)
}

func importValue(e *evaluator, path string, arg any) any {
	switch name := e.value(path, arg).(type) {
	case string:
		return e.found(path)(e.around.imported(name))
	case unknown:
		return unknown{}
	}
	return e.problem(path, "is not the name of an export", "name an export of a stack in this assembly")
}

func joined(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return e.problem(path, "does not have two arguments", "write [delimiter, [values]]")
	}
	delimiter, isText := args[0].(string)
	switch list := e.value(path, args[1]).(type) {
	case unknown:
		return list
	case []any:
		parts := make([]string, len(list))
		for i, item := range list {
			if item == (unknown{}) {
				return item
			}
			part, ok := text(item)
			if !ok || !isText {
				return e.problem(path, fmt.Sprintf("value %d is not a string", i), "join strings")
			}
			parts[i] = part
		}
		return strings.Join(parts, delimiter)
	}
	return e.problem(path, "does not join a list", "write [delimiter, [values]]")
}

func split(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return e.problem(path, "does not have two arguments", "write [delimiter, string]")
	}
	delimiter, isText := args[0].(string)
	whole := e.value(path, args[1])
	if whole == (unknown{}) {
		return whole
	}
	source, ok := text(whole)
	if !ok || !isText || delimiter == "" {
		return e.problem(path, "does not split a string by a delimiter", "write [delimiter, string]")
	}
	parts := []any{}
	for part := range strings.SplitSeq(source, delimiter) {
		parts = append(parts, part)
	}
	return parts
}

func selected(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return e.problem(path, "does not have two arguments", "write [index, [values]]")
	}
	number, _ := text(e.value(path, args[0]))
	index, err := strconv.Atoi(number)
	switch list := e.value(path, args[1]).(type) {
	case unknown:
		return list
	case []any:
		if err == nil && index >= 0 && index < len(list) {
			return list[index]
		}
		return e.problem(path, fmt.Sprintf("index %q is not in a list of %d", number, len(list)), "count from 0")
	}
	return e.problem(path, "does not select from a list", "write [index, [values]]")
}

var substitution = regexp.MustCompile(`\$\{(!?)([^}]*)\}`)

// sub reads "text ${Name} ${Logical.Attribute} ${!Literal}", alone or with a map of further names.
func sub(e *evaluator, path string, arg any) any {
	pattern, ok := arg.(string)
	own := map[string]any{}
	if args, isList := arg.([]any); isList && len(args) == 2 {
		pattern, ok = args[0].(string)
		if own, isList = args[1].(map[string]any); !isList {
			ok = false
		}
	}
	if !ok {
		return e.problem(path, "is neither a string nor a string and a map", "write [string, {name: value}]")
	}
	complete := true
	result := substitution.ReplaceAllStringFunc(pattern, func(found string) string {
		m := substitution.FindStringSubmatch(found)
		if m[1] == "!" {
			return "${" + m[2] + "}"
		}
		value := e.substitute(path, strings.TrimSpace(m[2]), own)
		part, ok := text(value)
		if !ok && value != (unknown{}) {
			e.problem(path, "${"+m[2]+"} is not a string", "substitute strings")
		}
		complete = complete && ok
		return part
	})
	if !complete {
		return unknown{}
	}
	return result
}

func (e *evaluator) substitute(path, name string, own map[string]any) any {
	if value, ok := own[name]; ok {
		return e.value(path+"."+name, value)
	}
	if logical, attribute, ok := strings.Cut(name, "."); ok {
		return e.found(path)(e.around.attribute(logical, attribute))
	}
	return e.ref(path, name)
}

func encoded(e *evaluator, path string, arg any) any {
	value := e.value(path, arg)
	if value == (unknown{}) {
		return value
	}
	plain, ok := text(value)
	if !ok {
		return e.problem(path, "is not a string", "encode a string")
	}
	return base64.StdEncoding.EncodeToString([]byte(plain))
}

func findInMap(e *evaluator, path string, arg any) any {
	args, ok := arg.([]any)
	if !ok || len(args) != 3 {
		return e.problem(path, "does not have three arguments", "write [map, key, key]")
	}
	var keys [3]string
	for i := range args {
		if keys[i], ok = text(e.value(path, args[i])); !ok {
			return e.problem(path, fmt.Sprintf("argument %d is not a string", i), "write [map, key, key]")
		}
	}
	value, ok := e.stack.document.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return e.problem(path, fmt.Sprintf("mapping %s has no %s, %s", keys[0], keys[1], keys[2]), "add it to the mapping")
	}
	return value
}
