package property

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// With is what two sets of the same rank say together, as a URL and the properties that go with it.
//
// Errors: [fault.Problems] with the properties for which they have different values.
func (s Set) With(more Set) (Set, error) {
	r := reader{set: Set{entries: maps.Clone(s.entries), ignored: slices.Clone(s.ignored)}}
	for _, e := range more.Entries() {
		r.enter(e, e.called())
	}
	r.set.ignored = append(r.set.ignored, more.ignored...)
	return r.result()
}

// Format writes the names of the properties, whatever the verb and flags.
func (s Set) Format(f fmt.State, _ rune) {
	names := make([]string, 0, len(s.entries))
	for _, e := range s.Entries() {
		names = append(names, string(e.Name))
	}
	_, _ = io.WriteString(f, "properties ["+strings.Join(names, " ")+"]")
}
