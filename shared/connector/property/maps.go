package property

import (
	"maps"
	"slices"
)

// FromMap reads properties that a program has by name. Names may be spelled as in any of the three drivers.
//
// Errors: as [Parse] has them.
func FromMap(properties map[string]string) (Set, error) {
	var r reader
	for _, spelling := range slices.Sorted(maps.Keys(properties)) {
		r.add(spelling, properties[spelling])
	}
	return r.result()
}
