// Package pattern reads EventBridge's event patterns and decides which events they match.
//
// Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns". An operator that
// this package does not know is refused when the pattern is read, as the service does: a rule that can
// never match must not be deployable.
package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxSize is the service's quota for one pattern, in characters.
const maxSize = 2048

// A Pattern is a condition on events.
type Pattern struct{ root object }

// An object is what a pattern asks of one JSON object: all fields, and one branch of each $or.
type object struct {
	fields []field
	or     [][]object
}

// A field asks something of one member: either of the object in it, or of the value.
type field struct {
	name   string
	nested *object
	leaf   []test // any one is enough
}

// Parse reads a pattern. Its error says which part does not fit.
func Parse(text string) (*Pattern, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("pattern has %d characters; at most %d are allowed", len(text), maxSize)
	}
	tree, err := decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read pattern: %w", err)
	}
	members, ok := tree.(map[string]any)
	if !ok {
		return nil, errors.New("pattern must be a JSON object")
	}
	root, err := parseObject("", members)
	if err != nil {
		return nil, err
	}
	return &Pattern{root: *root}, nil
}

// Match reports whether event, a JSON object, fits the pattern.
func (p *Pattern) Match(event []byte) (bool, error) {
	tree, err := decode(event)
	if err != nil {
		return false, fmt.Errorf("read event: %w", err)
	}
	members, ok := tree.(map[string]any)
	if !ok {
		return false, errors.New("event must be a JSON object")
	}
	return p.root.match(members), nil
}

// decode keeps numbers as they are written: EventBridge compares 300 and 300.0 as texts and finds them different.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON value")
	}
	return tree, nil
}

func parseObject(path string, members map[string]any) (*object, error) {
	if len(members) == 0 {
		return nil, fmt.Errorf("%s: empty objects are not allowed", at(path))
	}
	var o object
	for name, value := range members {
		where := path + "." + name
		switch value := value.(type) {
		case map[string]any:
			nested, err := parseObject(where, value)
			if err != nil {
				return nil, err
			}
			o.fields = append(o.fields, field{name: name, nested: nested})
		case []any:
			if name == "$or" {
				branches, err := parseOr(where, value)
				if err != nil {
					return nil, err
				}
				o.or = append(o.or, branches)
				continue
			}
			leaf, err := parseLeaf(where, value)
			if err != nil {
				return nil, err
			}
			o.fields = append(o.fields, field{name: name, leaf: leaf})
		default:
			return nil, fmt.Errorf("%s: must be an object or an array", at(where))
		}
	}
	return &o, nil
}

func parseOr(path string, list []any) ([]object, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%s: needs at least two patterns", at(path))
	}
	var branches []object
	for _, item := range list {
		members, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: every item must be an object", at(path))
		}
		branch, err := parseObject(path, members)
		if err != nil {
			return nil, err
		}
		branches = append(branches, *branch)
	}
	return branches, nil
}

func parseLeaf(path string, list []any) ([]test, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: empty arrays are not allowed", at(path))
	}
	var tests []test
	for _, item := range list {
		t, err := parseTest(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at(path), err)
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// at names a place in the pattern for an error.
func at(path string) string {
	if path == "" {
		return "pattern"
	}
	return path[1:]
}

func (o object) match(event map[string]any) bool {
	for _, f := range o.fields {
		value, present := event[f.name]
		if !f.match(value, present) {
			return false
		}
	}
	for _, branches := range o.or {
		if !slices.ContainsFunc(branches, func(branch object) bool { return branch.match(event) }) {
			return false
		}
	}
	return true
}

func (f field) match(value any, present bool) bool {
	if f.nested != nil {
		return f.nested.matchAny(value)
	}
	values := scalars(value, present)
	return slices.ContainsFunc(f.leaf, func(t test) bool { return t(values) })
}

// matchAny lets an object match a value, or one item of a list of objects. A missing object matches like an
// empty one, because {"exists": false} may be asked of what is in it.
func (o object) matchAny(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return o.match(value)
	case []any:
		return slices.ContainsFunc(value, o.matchAny)
	default:
		return o.match(nil)
	}
}

// scalars flattens a member to the values that tests look at: EventBridge compares with the items of an array,
// and has no tests for objects.
func scalars(value any, present bool) []any {
	switch value := value.(type) {
	case map[string]any:
		return nil
	case []any:
		var all []any
		for _, item := range value {
			all = append(all, scalars(item, true)...)
		}
		return all
	default:
		if !present {
			return nil
		}
		return []any{value}
	}
}
