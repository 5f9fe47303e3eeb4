package redshiftdata

import (
	"context"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

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
	// Views that name what they read and are not bound to it. Here they are bound like any other: what they read has to be
	// there when they are made, and they hold it back from being dropped, as they do not in Redshift.
	{view, regexp.MustCompile(`(?i)\bWITH\s+NO\s+SCHEMA\s+BINDING\b`), ""},
	// The time of the transaction's start, without fractions of a second.
	{nil, regexp.MustCompile(`(?i)\bGETDATE\s*\(\s*\)`), "LOCALTIMESTAMP(0)"},
}

var userStatement = regexp.MustCompile(`(?i)^\s*(CREATE|ALTER)\s+USER\b`)

var view = regexp.MustCompile(`(?i)^\s*CREATE\s+(OR\s+REPLACE\s+)?VIEW\b`)

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

// foldNames writes the names of a query in lower case, also those in quotes, unless the session has set
// enable_case_sensitive_identifier.
//
// Source: Amazon Redshift Database Developer Guide, "Names and identifiers".
func foldNames(ctx context.Context, conn *pgx.Conn, sql string) (string, error) {
	if c := redshiftsql.Read(sql); !c.SkipAny("select", "with") {
		return sql, nil
	}
	var places []redshiftsql.Place
	for _, t := range redshiftsql.Scan(sql) {
		if folded := redshiftsql.Name(t.Text); t.Kind == redshiftsql.Quoted && sql[t.Start:t.End] != folded {
			places = append(places, redshiftsql.Place{Start: t.Start, End: t.End, Text: folded})
		}
	}
	if len(places) == 0 {
		return sql, nil
	}
	sensitive, err := federated.IsCaseSensitive(ctx, conn)
	if err != nil || sensitive {
		return sql, err
	}
	return redshiftsql.Replace(sql, places), nil
}
