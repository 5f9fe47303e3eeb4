package property

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A reader takes properties in, one after the other, and remembers all that is wrong with them.
type reader struct {
	set      Set
	problems fault.Problems

	profile bool // what is read is an authentication profile
	cut     bool // what is read is a text that was cut at separators
	// after is the property behind which a separator may have cut a secret in two. What comes then may be the rest of it, so an
	// unknown name is not shown.
	after string
}

// place adds what a URL says by its place: title is that place.
func (r *reader) place(name Name, title, value string) {
	if value != "" {
		r.enter(Entry{Name: name, Value: secret.New(value)}, title)
	}
}

// add takes a property under the spelling that it was given with.
func (r *reader) add(spelling, value string) {
	row := find(spelling, r.profile)
	if row == nil {
		r.unknown(spelling)
		return
	}
	r.passed(row, spelling)
	if value == "" {
		return // as if it were not given
	}
	switch {
	case r.profile && keptOut[row.name] != "":
		r.problem(spelling, "may not be in an authentication profile", keptOut[row.name])
	case row.use == taken:
		r.enter(Entry{Name: row.name, Value: secret.New(value), Spelling: spelling}, spelling)
	case row.use == ignored:
		r.set.ignored = append(r.set.ignored, Ignored{Spelling: spelling, Why: row.does})
	case row.isHarmless(value):
		r.set.ignored = append(r.set.ignored, Ignored{Spelling: spelling, Why: "With this value it asks for nothing."})
	default:
		r.problem(spelling, lower(row.does), row.fix)
	}
}

// passed remembers the first property whose value may go on behind a separator.
func (r *reader) passed(row *row, spelling string) {
	if r.cut && row.secret && r.after == "" {
		r.after = spelling
	}
}

// What to do with properties that may not be in an authentication profile.
const (
	give  = "give it to the program that connects"
	write = "write it into the program's own properties"
)

// keptOut are the properties that may not be in an authentication profile, and what to do with them. The first are those that
// Redshift refuses there, since whoever may describe the profile can read it, and the session token, which is a secret like the others.
// Those after them say whom the program trusts: who keeps the profile shall not choose the authorities, the name in the certificate, or
// who is asked with the program's AWS credentials. Where to connect stays the profile's to say, vpc_endpoint_url too: with a
// Server it leaves the name in the certificate as it is.
var keptOut = map[Name]string{
	AccessKeyID: give, SecretAccessKey: give, SessionToken: give, PWD: give, AuthProfile: give,
	CAFile: write, TLSServerName: write, EndpointURL: write, StsEndpointURL: write,
}

func (r *reader) enter(e Entry, where string) {
	if value := e.Value.Reveal(); strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		r.problem(where, "holds bytes that are no text", "write it as UTF-8, without NUL")
		return
	}
	before, given := r.set.entries[e.Name]
	if !given {
		if r.set.entries == nil {
			r.set.entries = make(map[Name]Entry)
		}
		r.set.entries[e.Name] = e
		return
	}
	if less, more, two := twoLimits(before, e); two {
		r.set.entries[e.Name] = more
		r.set.ignored = append(r.set.ignored, Ignored{Spelling: less.Spelling, Why: "One limit here is for both, and the larger counts."})
		return
	}
	switch {
	case same(before, e):
	case before.Spelling == e.Spelling && e.Spelling != "":
		r.problem(where, "is given twice, with different values", "keep one of them")
	default:
		r.problem(where, fmt.Sprintf("says something else than %s, and both are the property %s", before.called(), e.Name), "keep one of them")
	}
}

// called is how to speak of the place of an entry.
func (e Entry) called() string {
	if e.Spelling == "" {
		return "the URL before its properties"
	}
	return shown(e.Spelling)
}

// twoLimits tells of limits that are two properties of the JDBC driver, connectTimeout and loginTimeout, and one here, which is the less.
func twoLimits(a, b Entry) (less, more Entry, two bool) {
	if a.Name != ConnectTimeout || (plain(a.Spelling) == "connecttimeout") == (plain(b.Spelling) == "connecttimeout") ||
		(plain(a.Spelling) == "logintimeout") == (plain(b.Spelling) == "logintimeout") {
		return a, b, false
	}
	x, errX := strconv.Atoi(strings.TrimSpace(a.Value.Reveal()))
	y, errY := strconv.Atoi(strings.TrimSpace(b.Value.Reveal()))
	if x > y {
		a, b = b, a
	}
	return a, b, errX == nil && errY == nil && x != y
}

// same reports whether two entries of a property say the same.
func same(a, b Entry) bool {
	x, y := a.Value.Reveal(), b.Value.Reveal()
	if x == y {
		return true
	}
	if row := find(string(a.Name), false); row != nil && row.flag {
		return truth(x) != "" && truth(x) == truth(y)
	}
	return a.Name == Host && strings.EqualFold(x, y)
}

// truth is "true" or "false" for the texts that the drivers mean them by, and empty for others.
func truth(text string) string {
	switch strings.ToLower(text) {
	case "1", "true":
		return "true"
	case "0", "false":
		return "false"
	}
	return ""
}

func (r *row) isHarmless(value string) bool {
	for _, h := range r.harmless {
		if strings.EqualFold(h, value) || truth(h) != "" && truth(h) == truth(value) {
			return true
		}
	}
	return false
}

func (r *reader) unknown(spelling string) {
	near := nearest(spelling)
	switch {
	case r.after != "":
		r.problem("what follows "+shown(r.after), "has the form of a property and is none",
			"if it belongs to the value before, percent-encode it in a URL and write {…} around it in an ODBC string")
	case near != "":
		r.problem(spelling, "is no property", fmt.Sprintf("did you mean %s?", near))
		r.passed(find(near, false), spelling)
	default:
		r.problem(spelling, "is no property", "see PROPERTIES.md of github.com/sluicehq/sluice/shared/connector")
	}
}

func (r *reader) problem(where, what, fix string) {
	r.problems = append(r.problems, fault.Problem{Where: shown(where), What: what, Fix: fix})
}

// result is the set of what is right, and everything that is wrong.
func (r *reader) result() (Set, error) {
	return r.set, r.problems.Err()
}

// shown is a spelling as it can stand in a line: short, and without what a terminal acts on.
func shown(spelling string) string {
	const most = 60
	clean := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError || 0x80 <= c && c < 0xa0 || 0x2028 <= c && c <= 0x202e {
			return '?'
		}
		return c
	}, spelling)
	if n := utf8.RuneCountInString(clean); n > most {
		clean = string([]rune(clean)[:most]) + "…"
	}
	if clean == "" {
		return "a property"
	}
	return clean
}

// lower is a sentence as the middle of one.
func lower(sentence string) string {
	sentence = strings.TrimSuffix(sentence, ".")
	if len(sentence) > 1 && 'a' <= sentence[1] && sentence[1] <= 'z' {
		return strings.ToLower(sentence[:1]) + sentence[1:]
	}
	return sentence
}
