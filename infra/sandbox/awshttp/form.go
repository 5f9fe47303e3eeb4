package awshttp

import (
	"fmt"
	"net/url"
	"strings"
)

// maxDepth bounds the nesting of a form's parameter names; no service comes near it.
const maxDepth = 16

// parseForm reads the body of a query request: the operation, and the members as a tree in which
// "Tags.member.1.Key=a" is {"Tags": {"member": {"1": {"Key": "a"}}}}. What is a list shows when it is decoded.
func parseForm(body []byte) (operation string, members map[string]any, err error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", nil, malformed(fmt.Sprintf("the body is not a form: %v", err))
	}
	operation = form.Get("Action")
	members = map[string]any{}
	for name, values := range form {
		if name == "Action" || name == "Version" {
			continue
		}
		if err := plant(members, name, values[0]); err != nil {
			return operation, nil, err
		}
	}
	return operation, members, nil
}

// plant puts a value where its dotted name points.
func plant(tree map[string]any, name, value string) error {
	steps := strings.Split(name, ".")
	if len(steps) > maxDepth {
		return malformed(fmt.Sprintf("parameter %.80q is nested too deeply", name))
	}
	last := len(steps) - 1
	for _, step := range steps[:last] {
		if tree[step] == nil {
			tree[step] = map[string]any{}
		}
		next, ok := tree[step].(map[string]any)
		if !ok {
			return malformed(fmt.Sprintf("parameter %.80q is both a value and a structure", name))
		}
		tree = next
	}
	if tree[steps[last]] != nil {
		return malformed(fmt.Sprintf("parameter %.80q is both a value and a structure", name))
	}
	tree[steps[last]] = value
	return nil
}

func malformed(message string) *Error {
	return &Error{Code: "SerializationException", Message: message}
}
