package redshiftdata

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A piece of a statement is code, or something in which nothing is looked for: a literal, a quoted name, a comment.
type piece struct {
	text string
	code bool
}

// closed are the pieces without code: '…' and "…" (a doubled quote is two of them side by side), $tag$…$tag$ by its
// opening, -- to the end of the line, /* … */. One that is never closed goes to the end.
var closed = regexp.MustCompile(`'[^']*('|$)|"[^"]*("|$)|--[^\n]*|(?s:/\*.*?(\*/|$))|\$[A-Za-z_]*\$`)

// pieces cuts a statement up. Joined together they are the statement.
func pieces(sql string) (all []piece) {
	for sql != "" {
		at := closed.FindStringIndex(sql)
		if at == nil {
			return append(all, piece{sql, true})
		}
		if at[0] > 0 {
			all = append(all, piece{sql[:at[0]], true})
		}
		end := at[1]
		if tag := sql[at[0]:end]; tag[0] == '$' {
			if i := strings.Index(sql[end:], tag); i >= 0 {
				end += i + len(tag)
			} else {
				end = len(sql)
			}
		}
		all = append(all, piece{sql[at[0]:end], false})
		sql = sql[end:]
	}
	return all
}

// named finds :name, and :: before it can be mistaken for one.
var named = regexp.MustCompile(`::|:[A-Za-z_][A-Za-z0-9_]*`)

// parameters lists the names of the parameters in a statement.
func parameters(sql string) (names []string) {
	for _, p := range pieces(sql) {
		if !p.code {
			continue
		}
		for _, m := range named.FindAllString(p.text, -1) {
			if m != "::" {
				names = append(names, m[1:])
			}
		}
	}
	return names
}

// bind puts $1, $2… in the place of the named parameters that have an argument, and returns the values in that order.
// PostgreSQL finds out their types, as Redshift does.
func bind(sql string, arguments []argument) (bound string, values [][]byte) {
	var names []string
	for _, p := range pieces(sql) {
		if p.code {
			p.text = named.ReplaceAllStringFunc(p.text, func(m string) string {
				i := slices.IndexFunc(arguments, func(a argument) bool { return ":"+a.Name == m })
				if i < 0 {
					return m
				}
				n := slices.Index(names, m)
				if n < 0 {
					names, values = append(names, m), append(values, []byte(arguments[i].Value))
					n = len(names) - 1
				}
				return fmt.Sprintf("$%d", n+1)
			})
		}
		bound += p.text
	}
	return bound, values
}
