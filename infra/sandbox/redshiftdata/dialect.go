package redshiftdata

import "regexp"

// A difference is a piece of Redshift's SQL that PostgreSQL does not take, and what runs in its place.
type difference struct {
	in       *regexp.Regexp // statements that have it; nil is any
	redshift *regexp.Regexp
	postgres string
}

// differences is the whole list of what the sandbox papers over. A statement that runs here because of it proves nothing
// about Redshift.
var differences = []difference{
	// A user without a password, for temporary logins only.
	{userStatement, regexp.MustCompile(`(?i)\bPASSWORD\s+DISABLE\b`), "PASSWORD NULL"},
	// Redshift's word for a superuser.
	{userStatement, regexp.MustCompile(`(?i)\bNOCREATEUSER\b`), "NOSUPERUSER"},
	{userStatement, regexp.MustCompile(`(?i)\bCREATEUSER\b`), "SUPERUSER"},
	// Limits that are accepted and not kept.
	{userStatement, regexp.MustCompile(`(?i)\bSESSION\s+TIMEOUT\s+\d+`), ""},
	{userStatement, regexp.MustCompile(`(?i)\bSYSLOG\s+ACCESS\s+(UN)?RESTRICTED\b`), ""},
	// Settings that only Redshift has become settings of the session that PostgreSQL keeps and does not read.
	{regexp.MustCompile(`(?i)^\s*(SET|RESET|SHOW)\b`), regexp.MustCompile(`(?i)\b(enable_case_sensitive_identifier|pg_federation_repeatable_read)\b`), "redshift.$1"},
	// Options of materialized views about what the sandbox has not.
	{materializedView, regexp.MustCompile(`(?i)\bBACKUP\s+(YES|NO)\b`), ""},
	{materializedView, regexp.MustCompile(`(?i)\bAUTO\s+REFRESH\s+NO\b`), ""},
	// The time of the transaction's start, without fractions of a second.
	{nil, regexp.MustCompile(`(?i)\bGETDATE\s*\(\s*\)`), "LOCALTIMESTAMP(0)"},
}

var userStatement = regexp.MustCompile(`(?i)^\s*(CREATE|ALTER)\s+USER\b`)

var materializedView = regexp.MustCompile(`(?i)^\s*CREATE\s+MATERIALIZED\s+VIEW\b`)

// translate turns Redshift's SQL into PostgreSQL's. Literals, quoted names and comments stay as they are.
func translate(sql string) string {
	sql = translateRoles(sql)
	var out string
	for _, p := range pieces(sql) {
		if p.code {
			for _, d := range differences {
				if d.in == nil || d.in.MatchString(sql) {
					p.text = d.redshift.ReplaceAllString(p.text, d.postgres)
				}
			}
		}
		out += p.text
	}
	return out
}
