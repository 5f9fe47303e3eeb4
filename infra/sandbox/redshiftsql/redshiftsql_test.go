package redshiftsql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/redshiftsql"
)

func TestScan(t *testing.T) {
	const sql = "SELECT \"Or\"\"ders\".x::int, 'it''s' -- ; '\n FROM a$1 /* ' */ WHERE n = :Name AND b=$q$ '\" $q$ LIMIT 10;"
	kinds := []string{"word", "quoted", "literal", "number", "parameter", "symbol"}
	var got []string
	for _, token := range redshiftsql.Scan(sql) {
		got = append(got, kinds[token.Kind]+" "+token.Text)
	}
	want := `word select|quoted or"ders|symbol .|word x|symbol ::|word int|symbol ,|literal it's|word from|word a$1|word where|` +
		`word n|symbol =|parameter Name|word and|word b|symbol =|literal  '" |word limit|number 10|symbol ;`
	if strings.Join(got, "|") != want {
		t.Errorf("tokens\n%s\nwant\n%s", strings.Join(got, "|"), want)
	}
}

func TestTokensSayWhereTheyStand(t *testing.T) {
	const sql = `GRANT ROLE "A b" TO x`
	tokens := redshiftsql.Scan(sql)
	got := redshiftsql.Replace(sql, []redshiftsql.Place{{Start: tokens[1].Start, End: tokens[2].End, Text: "R"}, {Start: tokens[4].Start, End: tokens[4].End, Text: "y"}})
	if got != "GRANT R TO y" {
		t.Errorf("replaced %q", got)
	}
}

func TestWhatIsNeverClosedGoesToTheEnd(t *testing.T) {
	for _, sql := range []string{"'abc", `"abc`, "$q$abc", "/* abc", "-- abc"} {
		if tokens := redshiftsql.Scan(sql); len(tokens) > 1 {
			t.Errorf("%q has %d tokens; want 1 or none", sql, len(tokens))
		}
	}
}

func TestCursor(t *testing.T) {
	c := redshiftsql.Read("drop SCHEMA If Exists \"Sales\" CASCADE ; ")
	skipped := c.Skip("drop", "schema") && !c.Skip("if", "not") && c.Skip("if", "exists")
	name, ok := c.Name()
	if !skipped || !ok || name != "sales" || c.Rest() != "CASCADE ; " || c.Trouble() != `syntax error at or near "CASCADE"` {
		t.Fatalf("cursor stands at %q after the name %q", c.Rest(), name)
	}
	if !c.SkipAny("restrict", "cascade") || !c.Done() || c.Trouble() != "syntax error at end of input" {
		t.Errorf("cursor is not at the end but at %q", c.Rest())
	}
}

func TestQuoting(t *testing.T) {
	if got := redshiftsql.Name(`a"b`) + redshiftsql.Text(`it's \`); got != `"a""b"'it''s \'` {
		t.Errorf("quoted %s", got)
	}
}

// FuzzScan checks that tokens are in order and within the statement, whatever the statement is.
func FuzzScan(f *testing.F) {
	f.Add("SELECT 'a' \"b\" $$c$$ :d --e")
	f.Add("\xff'\x80")
	f.Fuzz(func(t *testing.T, sql string) {
		end := 0
		for _, token := range redshiftsql.Scan(sql) {
			if token.Start < end || token.End <= token.Start || token.End > len(sql) {
				t.Fatalf("token %s of %q", fmt.Sprint(token), sql)
			}
			end = token.End
		}
	})
}
