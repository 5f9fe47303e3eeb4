// Package redshiftsql reads Redshift's SQL as far as the sandbox must understand it: the words, names and literals of a
// statement and where they stand. It does not know what a statement means.
package redshiftsql

import (
	"regexp"
	"strings"
)

// A Kind says what a token is.
type Kind int

// The kinds of tokens. Comments and white space are none.
const (
	Word      Kind = iota // a key word or a name without quotes
	Quoted                // a name in double quotes
	Literal               // a text in single quotes, or between $tag$
	Number                // digits
	Parameter             // :name, a named parameter of the Data API
	Symbol                // any other character, and :: as one
)

// A Token is one of the smallest parts of a statement.
type Token struct {
	Kind Kind
	// Text is what the token says: names and words in lower case, which Redshift folds them to even inside double
	// quotes; names and literals without their quotes; parameters without the colon.
	Text       string
	Start, End int // bytes of the statement that it takes
}

// IsName reports whether the token can name something.
func (t Token) IsName() bool { return t.Kind == Word || t.Kind == Quoted }

// Is reports whether the token is the word, in lower case, or the symbol.
func (t Token) Is(text string) bool { return (t.Kind == Word || t.Kind == Symbol) && t.Text == text }

// form matches one token, comment or white space at the start of a text. What is never closed goes to the end.
var form = regexp.MustCompile(`^(?:` +
	`(?P<space>\s+|--[^\n]*|(?s:/\*.*?(?:\*/|$)))` +
	`|'(?P<literal>(?:[^']|'')*)(?:'|$)` +
	`|"(?P<quoted>(?:[^"]|"")*)(?:"|$)` +
	`|(?P<tag>\$[A-Za-z_]*\$)` +
	`|(?P<word>[A-Za-z_\x{80}-\x{10FFFF}][A-Za-z0-9_$\x{80}-\x{10FFFF}]*)` +
	`|(?P<number>[0-9]+)` +
	`|(?P<symbol>::)` +
	`|:(?P<parameter>[A-Za-z_][A-Za-z0-9_]*)` +
	`|(?P<other>(?s:.)))`)

var groups = func() map[string]int {
	all := map[string]int{}
	for i, name := range form.SubexpNames() {
		all[name] = i
	}
	return all
}()

// Scan cuts a statement into its tokens.
func Scan(sql string) (all []Token) {
	for at := 0; at < len(sql); {
		m := form.FindStringSubmatchIndex(sql[at:])
		group := func(name string) (string, bool) {
			i := 2 * groups[name]
			if m[i] < 0 {
				return "", false
			}
			return sql[at+m[i] : at+m[i+1]], true
		}
		t := Token{Start: at, End: at + m[1]}
		if _, ok := group("space"); ok {
			at = t.End
			continue
		}
		if tag, ok := group("tag"); ok {
			body, _, closed := strings.Cut(sql[t.End:], tag)
			t.Kind, t.Text, t.End = Literal, body, t.End+len(body)
			if closed {
				t.End += len(tag)
			}
		} else if text, ok := group("literal"); ok {
			t.Kind, t.Text = Literal, strings.ReplaceAll(text, "''", "'")
		} else if text, ok := group("quoted"); ok {
			t.Kind, t.Text = Quoted, Fold(strings.ReplaceAll(text, `""`, `"`))
		} else if text, ok := group("word"); ok {
			t.Kind, t.Text = Word, Fold(text)
		} else if text, ok := group("number"); ok {
			t.Kind, t.Text = Number, text
		} else if text, ok := group("parameter"); ok {
			t.Kind, t.Text = Parameter, text
		} else {
			t.Kind, t.Text = Symbol, sql[t.Start:t.End]
		}
		all, at = append(all, t), t.End
	}
	return all
}

// Fold puts the ASCII letters of a name into lower case, as Redshift does; others stay.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// Name quotes a name for a statement.
func Name(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Text quotes a literal for a statement. A backslash stands for itself, as PostgreSQL has it by default.
func Text(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
