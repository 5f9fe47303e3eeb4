package sourcelogin

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/secret"
)

// name is an identifier as SQL writes it. A NUL, which no name has, is left out.
func name(parts ...string) string {
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = `"` + strings.ReplaceAll(strings.ReplaceAll(part, "\x00", ""), `"`, `""`) + `"`
	}
	return strings.Join(quoted, ".")
}

// text is a string as SQL writes it, whatever standard_conforming_strings says. A NUL, which no text has, is left out.
func text(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''")
	if !strings.Contains(s, `\`) {
		return "'" + s + "'"
	}
	return "E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
}

// verifier is what PostgreSQL keeps of a password by its md5 method. It takes one in place of a password, so that the
// password itself is in no statement, and in no log of statements.
//
// Source: PostgreSQL documentation, "pg_authid", rolpassword.
func verifier(user string, password secret.Value) string {
	sum := md5.Sum([]byte(password.Reveal() + user))
	return "md5" + hex.EncodeToString(sum[:])
}

// batch is how many tables one statement names: a statement stays below some tens of kilobytes.
const batch = 200

// onTables are statements that cover all tables, a batch in each.
func onTables(tables []string, before, behind string) (statements []string) {
	for some := range slices.Chunk(tables, batch) {
		statements = append(statements, before+strings.Join(some, ", ")+behind)
	}
	return statements
}
