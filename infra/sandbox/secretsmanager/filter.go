package secretsmanager

import (
	"slices"
	"strings"
)

// A filter of ListSecrets. A secret passes if any of Values fits; of several filters all must pass.
type filter struct {
	Key    string
	Values []string
}

// The filters that the sandbox has. AWS has more: primary-region and all.
var filterKeys = []string{"description", "name", "owning-service", "tag-key", "tag-value"}

func checkFilters(filters []filter) error {
	for _, f := range filters {
		if !slices.Contains(filterKeys, f.Key) {
			return invalidParameter("The sandbox does not have the filter key %q; it has %s.", f.Key, strings.Join(filterKeys, ", "))
		}
		if len(f.Values) == 0 {
			return invalidParameter("The filter %s has no values.", f.Key)
		}
	}
	return nil
}

func (r *record) matches(filters []filter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(f.Values, func(want string) bool { return r.fits(f.Key, want) }) {
			return false
		}
	}
	return true
}

// fits reports whether a property of the secret begins with want, or with an exclamation mark before want, whether
// none does. Only descriptions ignore case.
func (r *record) fits(key, want string) bool {
	want, negated := strings.CutPrefix(want, "!")
	var have []string
	switch key {
	case "name":
		have = []string{r.name}
	case "owning-service":
		have = []string{r.owner}
	case "description":
		have, want = []string{strings.ToLower(r.description)}, strings.ToLower(want)
	case "tag-key", "tag-value":
		for _, t := range r.tags {
			have = append(have, map[string]string{"tag-key": t.Key, "tag-value": t.Value}[key])
		}
	}
	return negated != slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, want) })
}
