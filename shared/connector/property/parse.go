package property

import (
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// theText is where problems are that no property is to blame for.
const theText = "connection string"

// howTo says what can be written.
const howTo = "write redshift://host:port/database?property=value, redshift:iam://…, either with jdbc: before it, or Server=host;Database=…"

// Parse reads a connection string: a URL of the JDBC driver, the same without jdbc:, or a string of the ODBC driver.
//
// A URL begins with redshift: or redshift:iam:, which turns IAM on; then //user:password@host:port/database, where
// cluster:region may stand in place of host:port after redshift:iam:; then properties, name=value, after any of "?", ";" and "&".
// "%" and two digits stand for a byte everywhere, and "+" is a plus. A URL must name a host or a property that one is found by. See
// https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-build-connection-url.html.
//
// An ODBC string is name=value pairs between semicolons. Values are trimmed; {…} around one keeps what is in it as it is, and "}}"
// there is a brace. The last repetition of a spelling wins.
//
// Properties may be spelled as in any of the three drivers, in any case, with and without "_" and "-". An empty value is as none.
//
// Errors: [fault.Problems] with everything that is wrong: a text of another kind, an unknown or refused property, two spellings of
// one property that contradict. They hold names, and no value. What is right is in the set all the same, so that more can be said of it.
func Parse(text string) (Set, error) {
	text = strings.TrimSpace(text)
	bare, _ := cutFold(text, "jdbc:")
	_, isURL := cutFold(bare, "redshift:")
	switch {
	case text == "":
		return Set{}, fault.Problems{{Where: theText, What: "is empty", Fix: howTo}}
	case isURL:
		return parseURL(text)
	case otherScheme.MatchString(text):
		return Set{}, fault.Problems{{Where: theText, What: "is a URL of something else than Redshift", Fix: howTo}}
	case !strings.Contains(text, "="):
		return Set{}, fault.Problems{{Where: theText, What: "is neither a URL nor properties", Fix: howTo}}
	case ofLibpq.MatchString(text):
		return Set{}, fault.Problems{{Where: theText, What: "has spaces between its properties", Fix: "write semicolons: host=…;port=…"}}
	}
	return parseODBC(text)
}

// ofLibpq matches several name=value with nothing but spaces between them, which to ODBC is one property with a long value.
var ofLibpq = regexp.MustCompile(`^\w+\s*=\s*(?:'[^';]*'|[^\s;{'][^\s;]*)(?:\s+\w+\s*=\s*(?:'[^';]*'|[^\s;{'][^\s;]*))+$`)

// otherScheme matches what begins like a URL, rather than with the name of a property.
var otherScheme = regexp.MustCompile(`^(?i:jdbc:|[a-z][a-z0-9+.-]*(:[a-z0-9]+)*://)`)

// parseODBC reads an ODBC connection string. See
// https://learn.microsoft.com/sql/odbc/reference/syntax/sqldriverconnect-function.
func parseODBC(text string) (Set, error) {
	type pair struct{ spelling, value string }
	var (
		r     = reader{cut: true}
		last  string // property, in the order of the text
		pairs []pair
		at    = make(map[string]int) // of the pairs, by what ODBC compares
	)
	for text != "" {
		name, rest, found := strings.Cut(text, "=")
		if end := strings.IndexByte(name, ';'); end >= 0 || !found {
			name, text, _ = strings.Cut(text, ";")
			if strings.TrimSpace(name) != "" {
				r.fragment(last)
			}
			continue
		}
		spelling := strings.TrimSpace(name)
		value, rest, fine := odbcValue(rest)
		text = rest
		switch {
		case spelling == "":
			r.fragment(last)
			continue
		case !fine:
			r.after = "a value in braces" // its end is not known, so the text behind it may be its own
			if find(spelling, false) == nil {
				spelling = theText
			}
			r.problem(spelling, badBraces, fixBraces)
			continue
		}
		last = spelling
		key := strings.ToLower(spelling)
		if i, again := at[key]; again {
			pairs[i].value = value
			continue
		}
		at[key] = len(pairs)
		pairs = append(pairs, pair{spelling, value})
	}
	for _, p := range pairs {
		r.add(p.spelling, p.value)
	}
	return r.result()
}

// What is said of a value in braces whose end is not found.
const (
	badBraces = "has a value in braces that does not end as it should"
	fixBraces = "write } at the end of the value, and }} for a brace in it"
)

// odbcValue is the value at the beginning of text, what comes after it, and whether it ends as it should.
func odbcValue(text string) (value, rest string, fine bool) {
	inner, quoted := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
	if !quoted {
		value, rest, _ = strings.Cut(text, ";")
		return strings.TrimSpace(value), rest, true
	}
	var b strings.Builder
	for {
		before, behind, found := strings.Cut(inner, "}")
		b.WriteString(before)
		if !found {
			return b.String(), "", false
		}
		if after, brace := strings.CutPrefix(behind, "}"); brace {
			b.WriteByte('}')
			inner = after
			continue
		}
		tail, rest, _ := strings.Cut(behind, ";")
		return b.String(), rest, strings.TrimSpace(tail) == ""
	}
}

// fragment reports text that is no name=value, without showing it: it may be part of a secret.
func (r *reader) fragment(after string) {
	where := theText
	if after != "" && find(after, false) != nil {
		where = "what follows " + after
	}
	r.problem(where, "has a part that is not name=value", "if it belongs to the value before, percent-encode it in a URL and write {…} around it in an ODBC string")
}
