package template

import "slices"

// inOrder lists the keys of needs so that each comes after those that it needs, and otherwise by name. A circle is
// returned as the names on it, the first again at the end.
func inOrder(needs map[string][]string) (order, circle []string) {
	done := map[string]bool{}
	var way []string // from the start of the walk to where it is
	var visit func(name string) bool
	visit = func(name string) bool {
		if at := slices.Index(way, name); at >= 0 {
			circle = append(slices.Clone(way[at:]), name)
			return false
		}
		if done[name] {
			return true
		}
		way = append(way, name)
		for _, other := range slices.Sorted(slices.Values(needs[name])) {
			if !visit(other) {
				return false
			}
		}
		way = way[:len(way)-1]
		done[name] = true
		order = append(order, name)
		return true
	}
	for _, name := range sorted(needs) {
		if !visit(name) {
			return nil, circle
		}
	}
	return order, nil
}
