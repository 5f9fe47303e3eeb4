package property

import (
	"slices"
	"strings"
)

// nearest is the known spelling that is most like an unknown one, or empty if none is like it. Of equals, one that this connector
// does something with comes first.
func nearest(spelling string) string {
	text := plain(spelling)
	if len(text) > 40 {
		return "" // longer than every name
	}
	best, bestAt := "", len(text)/4+2 // one slip in short names, more in long ones
	if len(text) < 4 {
		bestAt = 2
	}
	for i := range catalogue {
		r := &catalogue[i]
		for _, s := range r.spellings() {
			if d := distance(text, plain(s)); d < bestAt || d == bestAt && best != "" && r.use == taken && find(best, false).use != taken {
				best, bestAt = s, d
			}
		}
	}
	return strings.TrimSpace(best)
}

// distance is the number of letters to insert, drop, change or swap with their neighbour that makes one text of the other.
func distance(a, b string) int {
	if gap := len(a) - len(b); gap > 12 || gap < -12 {
		return 12
	}
	var before, last []int // two rows back, and one
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(slices.Min([]int{last[j] + 1, row[j-1] + 1}), change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
