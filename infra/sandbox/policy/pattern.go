package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// context is the condition keys of a request, names in lower case.
type context map[string][]string

func newContext(keys map[string][]string) context {
	c := context{}
	for name, values := range keys {
		c[strings.ToLower(name)] = values
	}
	return c
}

// single is the value of a key that has exactly one; policy variables can use no others.
func (c context) single(name string) (string, bool) {
	values := c[strings.ToLower(name)]
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// A template is text of a policy that may have variables and wildcards.
type template []piece

// A piece is text, or a variable with the value it has when its key is absent.
type piece struct {
	text, variable string
	fallback       *string
}

// variable is ${key} or ${key, 'default'}; ${*}, ${?} and ${$} are the characters themselves.
var variable = regexp.MustCompile(`^\$\{\s*([A-Za-z0-9][^\s,{}']*)\s*(?:,\s*'([^']*)'\s*)?\}`)

// parseTemplate reads text; without variables (documents of version 2008-10-17) a dollar sign is only a dollar sign.
func parseTemplate(text string, variables bool) (template, error) {
	var t template
	for variables {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		if before != "" {
			t = append(t, piece{text: before})
		}
		if len(rest) >= 2 && strings.ContainsRune("*?$", rune(rest[0])) && rest[1] == '}' {
			literal := rest[:1]
			t, text = append(t, piece{variable: literal, fallback: &literal}), rest[2:]
			continue
		}
		m := variable.FindStringSubmatchIndex("${" + rest)
		if m == nil {
			return nil, fmt.Errorf("%q has a policy variable that cannot be read", text)
		}
		p := piece{variable: ("${" + rest)[m[2]:m[3]]}
		if m[4] >= 0 {
			p.fallback = new(("${" + rest)[m[4]:m[5]])
		}
		t, text = append(t, p), rest[m[1]-len("${"):]
	}
	if text != "" || len(t) == 0 {
		t = append(t, piece{text: text})
	}
	return t, nil
}

// expand puts the values of keys in. What comes from a value is literal, whatever characters it has; in the policy's
// own text * and ? are wildcards if the operator or element knows them. It is false if a variable has no value.
func (t template) expand(keys context, wildcards bool) (glob, bool) {
	var g glob
	for _, p := range t {
		literal := p.text
		if p.variable != "" {
			value, ok := keys.single(p.variable)
			if !ok && p.fallback == nil {
				return nil, false
			}
			if !ok {
				value = *p.fallback
			}
			literal = value
		}
		for _, c := range literal {
			switch {
			case c == '*' && wildcards && p.variable == "":
				c = anyRun
			case c == '?' && wildcards && p.variable == "":
				c = anyOne
			}
			g = append(g, c)
		}
	}
	return g, true
}

// literal is the text of a template that has no variables.
func (t template) literal() (string, bool) {
	if len(t) == 1 && t[0].variable == "" {
		return t[0].text, true
	}
	return "", false
}

// A glob is text in which some runes stand for others.
type glob []rune

const (
	anyRun rune = -1 // *
	anyOne rune = -2 // ?
)

// match reports whether the glob fits the whole of s. It takes time in proportion to the product of the lengths at worst.
func (g glob) match(s string) bool {
	text := []rune(s)
	at, star, resume := 0, -1, 0 // position in g; the last * seen; where its run is to end next
	for i := 0; i < len(text); {
		switch {
		case at < len(g) && g[at] == anyRun:
			star, resume = at, i
			at++
		case at < len(g) && (g[at] == anyOne || g[at] == text[i]):
			at++
			i++
		case star >= 0:
			resume++
			at, i = star+1, resume
		default:
			return false
		}
	}
	for at < len(g) && g[at] == anyRun {
		at++
	}
	return at == len(g)
}

func (g glob) folded() glob {
	f := make(glob, len(g))
	for i, c := range g {
		if c >= 0 {
			c = []rune(fold(string(c)))[0]
		}
		f[i] = c
	}
	return f
}

// fold makes text comparable without case.
func fold(s string) string { return strings.ToLower(s) }

// matchResource is match for resources: "*" is every resource, and otherwise each segment of an ARN fits by itself.
func (g glob) matchResource(resource string) bool {
	if len(g) == 1 && g[0] == anyRun {
		return true
	}
	return g.matchARN(resource)
}

// arnSegments is the number of parts of an ARN; the last one may have colons of its own.
const arnSegments = 6

// matchARN compares an ARN segment by segment, so that a wildcard for a name cannot swallow an account.
func (g glob) matchARN(arn string) bool {
	segments := strings.SplitN(arn, ":", arnSegments)
	wanted := g.segments()
	if len(segments) != len(wanted) {
		return false
	}
	for i, s := range segments {
		if !wanted[i].match(s) {
			return false
		}
	}
	return true
}

func (g glob) segments() []glob {
	parts := []glob{nil}
	for _, c := range g {
		if c == ':' && len(parts) < arnSegments {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], c)
	}
	return parts
}
