package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// current is the version of the policy language that has variables; "2008-10-17" is the one before it.
const current = "2012-10-17"

// Parse reads a document. name is what decisions and errors call it. The error names everything that is wrong with
// the document, each problem with its place.
func Parse(kind Kind, name, document string) (*Policy, error) {
	r := reader{kind: kind}
	tree, err := parseObject(document)
	if err != nil {
		return nil, fmt.Errorf("parse policy %s: %w", name, err)
	}
	p := &Policy{name: name, statements: r.document(tree)}
	if len(r.problems) > 0 {
		slices.Sort(r.problems)
		return nil, fmt.Errorf("parse policy %s: %s", name, strings.Join(r.problems, "; "))
	}
	return p, nil
}

// maxDepth bounds the nesting of a document; no policy has more than five levels.
const maxDepth = 20

// parseObject reads JSON as encoding/json does, but refuses an object that has a name twice: a condition that
// a second one replaced would be ignored.
func parseObject(document string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	value, err := parseValue(d, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the document goes on after its end")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, errors.New("nested too deeply")
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := parseValue(d, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func parseMembers(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string) // the decoder lets nothing else be a name
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("%q comes twice in one object", name)
		}
		if object[name], err = parseValue(d, depth-1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// A reader walks a document and collects what is wrong with it.
type reader struct {
	kind      Kind
	variables bool
	problems  []string
}

func (r *reader) problem(path, format string, args ...any) {
	r.problems = append(r.problems, path+": "+fmt.Sprintf(format, args...))
}

func (r *reader) document(tree map[string]any) []statement {
	r.onlyKeys("document", tree, "Version", "Id", "Statement")
	switch version := tree["Version"]; version {
	case current:
		r.variables = true
	case "2008-10-17", nil: // the default, says AWS
	default:
		r.problem("Version", "%v is unknown; use %s", version, current)
	}
	list, ok := tree["Statement"].([]any)
	if one, isOne := tree["Statement"].(map[string]any); isOne {
		list, ok = []any{one}, true
	}
	if !ok || len(list) == 0 {
		r.problem("Statement", "must be a statement or a list of them")
	}
	var all []statement
	for i, element := range list {
		path := fmt.Sprintf("Statement[%d]", i)
		fields, ok := element.(map[string]any)
		if !ok {
			r.problem(path, "must be an object")
			continue
		}
		all = append(all, r.statement(path, fields))
	}
	return all
}

func (r *reader) onlyKeys(path string, fields map[string]any, known ...string) {
	for key := range fields {
		if !slices.Contains(known, key) {
			r.problem(path, "unknown element %q", key)
		}
	}
}

func (r *reader) statement(path string, fields map[string]any) statement {
	r.onlyKeys(path, fields, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
	s := statement{kind: r.kind, label: path, allow: fields["Effect"] == "Allow"}
	if sid, ok := fields["Sid"].(string); ok && sid != "" {
		s.label = sid
	} else if fields["Sid"] != nil && !ok {
		r.problem(path+".Sid", "must be a string")
	}
	if fields["Effect"] != "Allow" && fields["Effect"] != "Deny" {
		r.problem(path+".Effect", "must be Allow or Deny")
	}
	s.actions = r.patterns(path, fields, "Action", action)
	if r.kind == Trust {
		r.absent(path, fields, "Resource", "NotResource")
	} else {
		s.resources = r.patterns(path, fields, "Resource", resource)
	}
	if r.kind == Identity {
		r.absent(path, fields, "Principal", "NotPrincipal")
	} else if element, value, ok := r.either(path, fields, "Principal"); ok {
		s.principal = r.principals(path+"."+element, value, element == "NotPrincipal")
	}
	if value, ok := fields["Condition"]; ok {
		s.condition = r.conditions(path+".Condition", value)
	}
	return s
}

func (r *reader) absent(path string, fields map[string]any, names ...string) {
	for _, name := range names {
		if _, ok := fields[name]; ok {
			r.problem(path+"."+name, "has no place in this kind of policy")
		}
	}
}

// either finds an element or its negated twin; exactly one of them must be there.
func (r *reader) either(path string, fields map[string]any, name string) (element string, value any, ok bool) {
	plain, isPlain := fields[name]
	negated, isNegated := fields["Not"+name]
	switch {
	case isPlain == isNegated:
		r.problem(path, "must have either %s or Not%[1]s", name)
		return "", nil, false
	case isNegated:
		return "Not" + name, negated, true
	default:
		return name, plain, true
	}
}

var (
	action   = regexp.MustCompile(`^(\*|(\*|[A-Za-z0-9-]+):[A-Za-z0-9*?]+)$`)
	resource = regexp.MustCompile(`(?s)^(\*|arn:(` + segment + `:){4}.+)$`)
)

// segment is a part of an ARN; a variable in it may have colons in its name.
const segment = `(\$\{[^{}]*\}|[^:$])*`

// patterns reads an element with its negated twin, whose values must have a form.
func (r *reader) patterns(path string, fields map[string]any, name string, form *regexp.Regexp) patterns {
	element, value, ok := r.either(path, fields, name)
	if !ok {
		return patterns{}
	}
	p := patterns{negated: element != name}
	where := path + "." + element
	for _, text := range r.strings(where, value) {
		if !form.MatchString(text) {
			r.problem(where, "invalid value %q", text)
		}
		p.list = append(p.list, r.template(where, text))
	}
	return p
}

func (r *reader) template(path, text string) template {
	t, err := parseTemplate(text, r.variables)
	if err != nil {
		r.problem(path, "%v", err)
	}
	return t
}

// strings reads a value or a list of values. Numbers and bools count as their text, as in AWS.
func (r *reader) strings(path string, value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) == 0 {
		r.problem(path, "must not be empty")
	}
	var all []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			all = append(all, v)
		case json.Number:
			all = append(all, v.String())
		case bool:
			all = append(all, fmt.Sprint(v))
		default:
			r.problem(path, "must be a string or a list of strings")
		}
	}
	return all
}
