package redshiftsql

import (
	"fmt"
	"slices"
	"strings"
)

// A Cursor walks through the tokens of one statement.
type Cursor struct {
	sql    string
	tokens []Token
	at     int
}

// Read is a cursor at the start of a statement. A semicolon at its end is not seen.
func Read(sql string) *Cursor {
	tokens := Scan(sql)
	for len(tokens) > 0 && tokens[len(tokens)-1].Is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	return &Cursor{sql: sql, tokens: tokens}
}

// Tokens are all tokens of the statement.
func (c *Cursor) Tokens() []Token { return c.tokens }

// Done reports whether nothing is left.
func (c *Cursor) Done() bool { return c.at >= len(c.tokens) }

// Peek is the token at the cursor; at the end it is a symbol without text.
func (c *Cursor) Peek() Token {
	if c.Done() {
		return Token{Kind: Symbol, Start: len(c.sql), End: len(c.sql)}
	}
	return c.tokens[c.at]
}

// Skip passes the words or symbols if exactly they come next, and reports whether they did.
func (c *Cursor) Skip(words ...string) bool {
	if c.at+len(words) > len(c.tokens) {
		return false
	}
	for i, word := range words {
		if !c.tokens[c.at+i].Is(word) {
			return false
		}
	}
	c.at += len(words)
	return true
}

// SkipAny passes one of the words if it comes next.
func (c *Cursor) SkipAny(words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return c.Skip(word) })
}

// Name passes a name. ok is false if none comes next.
func (c *Cursor) Name() (name string, ok bool) {
	t := c.Peek()
	if !t.IsName() {
		return "", false
	}
	c.at++
	return t.Text, true
}

// Take passes a token of that kind.
func (c *Cursor) Take(kind Kind) (text string, ok bool) {
	t := c.Peek()
	if c.Done() || t.Kind != kind {
		return "", false
	}
	c.at++
	return t.Text, true
}

// Rest is the text of the statement from the cursor on.
func (c *Cursor) Rest() string { return c.sql[c.Peek().Start:] }

// Trouble words a syntax error at the cursor as PostgreSQL and Redshift do.
func (c *Cursor) Trouble() string {
	if c.Done() {
		return "syntax error at end of input"
	}
	t := c.Peek()
	return fmt.Sprintf(`syntax error at or near "%s"`, c.sql[t.Start:t.End])
}

// Replace puts a text in the place of each token, or run of tokens, for which it is given, and leaves all else.
func Replace(sql string, places []Place) string {
	var b strings.Builder
	at := 0
	for _, p := range places {
		b.WriteString(sql[at:p.Start])
		b.WriteString(p.Text)
		at = p.End
	}
	return b.String() + sql[at:]
}

// A Place is a piece of a statement and what shall stand there. Places come in order and do not overlap.
type Place struct {
	Start, End int
	Text       string
}
