package property

import "strings"

// A use is what this connector does with a property.
type use string

const (
	taken   use = "taken"   // Does says for what
	ignored use = "ignored" // it tunes a driver, and leaving it out changes neither where a program connects, nor as whom, nor what it reads or writes
	refused use = "refused" // leaving it out would change one of these
)

// A row is one property of the catalogue. Its spellings are those of the drivers; case, "_", "-" and spaces do not count.
type row struct {
	name               Name // of a taken property; else the first spelling stands for it
	odbc, jdbc, python []string
	also               []string // spellings of no driver: Sluice's own, and what people write
	inProfile          []string // spellings that count in an authentication profile alone

	use  use
	does string // what this connector does with it, or why it does nothing; a whole sentence
	fix  string // of a refused property: what to write instead

	flag     bool     // its values are truths: 1 and true are the same
	secret   bool     // its value is a secret in itself
	harmless []string // values with which a refused property asks for nothing that is not so anyway
}

// catalogue is every property of Amazon's three drivers and Sluice's own. The drivers' names come from these places:
// https://docs.aws.amazon.com/redshift/latest/mgmt/odbc20-configuration-options.html,
// https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-configuration-options.html,
// https://docs.aws.amazon.com/redshift/latest/mgmt/python-configuration-options.html and the drivers' sources; those that the first
// version of the ODBC driver alone has, from the guide to which https://docs.aws.amazon.com/redshift/latest/mgmt/configure-odbc-options.html points.
var catalogue = join(loginRows, awsRows, tlsRows, identityRows, routeRows, sessionRows, tuningRows)

func join(groups ...[]row) []row {
	var all []row
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// spellings are those that count everywhere, each driver's and the others.
func (r *row) spellings() []string {
	var all []string
	for _, group := range [][]string{r.odbc, r.jdbc, r.python, r.also} {
		all = append(all, group...)
	}
	if r.name != "" {
		all = append(all, string(r.name))
	}
	return all
}

var (
	anywhere  = index(func(r *row) []string { return r.spellings() })
	inProfile = index(func(r *row) []string { return r.inProfile })
)

func index(spellings func(*row) []string) map[string]*row {
	all := make(map[string]*row)
	for i := range catalogue {
		for _, s := range spellings(&catalogue[i]) {
			all[plain(s)] = &catalogue[i]
		}
	}
	return all
}

// find is the row of a spelling, or nil.
func find(spelling string, profile bool) *row {
	if profile {
		if r := inProfile[plain(spelling)]; r != nil {
			return r
		}
	}
	return anywhere[plain(spelling)]
}

// plain is a spelling without what does not count.
func plain(spelling string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '_' || c == '-' || c == ' ':
			return -1
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return c
	}, spelling)
}
