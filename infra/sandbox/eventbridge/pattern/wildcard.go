package pattern

import (
	"errors"
	"strings"
)

// A wildcard is the operand of the wildcard operator: runs of text with a star between each and the next.
type wildcard []string

// parseWildcard reads a text in which * stands for any run of characters; \* is a star and \\ a backslash.
func parseWildcard(operand any) (test, error) {
	text, ok := operand.(string)
	if !ok {
		return nil, errors.New("must be a string")
	}
	w := wildcard{""}
	star := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '*' {
			if star {
				return nil, errors.New("two stars in a row are not allowed")
			}
			star = true
			w = append(w, "")
			continue
		}
		star = false
		if c == '\\' {
			i++
			if i == len(text) || text[i] != '*' && text[i] != '\\' {
				return nil, errors.New(`a backslash may only stand before * or \`)
			}
		}
		w[len(w)-1] += text[i : i+1]
	}
	return parseText(func(value, _ string) bool { return w.match(value) })(text)
}

// match finds the runs one after the other, each as early as it can be, and the last at the end.
func (w wildcard) match(value string) bool {
	first, last := w[0], w[len(w)-1]
	if len(w) == 1 {
		return value == first
	}
	if !strings.HasPrefix(value, first) {
		return false
	}
	rest := value[len(first):]
	for _, run := range w[1 : len(w)-1] {
		i := strings.Index(rest, run)
		if i < 0 {
			return false
		}
		rest = rest[i+len(run):]
	}
	return strings.HasSuffix(rest, last)
}
