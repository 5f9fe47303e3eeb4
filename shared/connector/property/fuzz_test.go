package property_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/fault"
)

// marks are the parts of a secret that was written as it is, so that separators cut it in pieces.
var marks = []string{"Qx7mark", "Zk9mark", "Wv5mark"}

// check holds an outcome to what every outcome is: a set or problems, and no secret in their text.
func check(t *testing.T, s property.Set, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", s, s.Ignored())
	if err != nil {
		problems, ok := errors.AsType[fault.Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("error %q of type %T", err, err)
		}
		for _, p := range problems {
			if p.Where == "" || p.What == "" || p.Fix == "" || strings.ContainsAny(p.String(), "\n\r\x1b\x00") {
				t.Errorf("problem %q is not fit to read", p)
			}
		}
		text += err.Error()
	}
	for _, m := range marks {
		if strings.Contains(text, m) {
			t.Errorf("a secret in %q", text)
		}
	}
}

// checkAgain holds a set to be the same when it is written in another form and read again.
func checkAgain(t *testing.T, s property.Set, form string, write func(property.Set) string, read func(string) (property.Set, error)) {
	t.Helper()
	again, err := read(write(s))
	if err != nil {
		t.Fatalf("as %s: %v", form, err)
	}
	if !maps.Equal(texts(again), texts(s)) {
		t.Errorf("as %s: %v, was %v", form, texts(again), texts(s))
	}
}

func asODBC(s property.Set) string {
	b := []byte("Driver={x}")
	for _, e := range s.Entries() {
		b = fmt.Appendf(b, ";%s={%s}", e.Name, strings.ReplaceAll(e.Value.Reveal(), "}", "}}"))
	}
	return string(b)
}

func asURL(s property.Set) string {
	b := []byte("redshift:///")
	separator := byte('?')
	for _, e := range s.Entries() {
		b = append(fmt.Appendf(append(b, separator), "%s", e.Name), '=')
		for _, c := range []byte(e.Value.Reveal()) {
			b = fmt.Appendf(b, "%%%02X", c)
		}
		separator = ";?&"[len(b)%3]
	}
	return string(b)
}

func asMap(s property.Set) map[string]string {
	m := make(map[string]string)
	for _, e := range s.Entries() {
		m[string(e.Name)] = e.Value.Reveal()
	}
	return m
}

// secretly writes a secret in three pieces between two texts.
func secretly(before, name, separators, after string) string {
	first, second := "", ""
	if separators != "" {
		first, second = separators[:len(separators)/2], separators[len(separators)/2:]
	}
	return before + name + marks[0] + first + marks[1] + second + marks[2] + after
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range [][3]string{
		{"jdbc:redshift:iam://c1:us-west-2/dev?UID=u", "", ";Region=r"},
		{"redshift://h:5439/dev;x=", "&=", "&y"},
		{"redshift:iam:///", "/@", "@h:5439/dev?DbUser=a%2b+"},
		{"jdbc:redshift://[::1]:1/d?plugin_name=Okta", ":%", "%zz"},
		{"redshift:", "?=;", "{}"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, before, separators, after string) {
		s, err := property.Parse(before + after)
		check(t, s, err)
		if err == nil {
			checkAgain(t, s, "ODBC", asODBC, property.Parse)
		}
		s, err = property.Parse(secretly(before, "?PWD=", separators, after))
		check(t, s, err)
		s, err = property.Parse(secretly("redshift://u:", "", separators, "@"+after))
		check(t, s, err)
	})
}

func FuzzParseODBC(f *testing.F) {
	for _, seed := range [][3]string{
		{"Driver={x};Server=h", "", ";Port=5439"},
		{"Server=h;PWD={a;b}}c}", ";=", ";HOST=h2;server=h3"},
		{"a={", "}", "};b={}}}"},
		{";;=;=x;Databse=x", "=;", "="},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, before, separators, after string) {
		s, err := property.Parse("Driver=x;" + before + after)
		check(t, s, err)
		if err == nil {
			checkAgain(t, s, "ODBC", asODBC, property.Parse)
			if _, ok := s.Get(property.Host); ok {
				checkAgain(t, s, "a URL", asURL, property.Parse)
			}
		}
		s, err = property.Parse(secretly("Driver=x;"+before, ";SecretAccessKey=", separators, after))
		check(t, s, err)
	})
}

func FuzzFromMap(f *testing.F) {
	f.Add("Server", "h", "HOST", "h2")
	f.Add("plugin_name", "x", "", "")
	f.Add("pass_word", "x\x00", "PWD", "\xff")
	f.Add("Databse", "", "read-only", "0")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		given := map[string]string{name1: value1, name2: value2, "PWD": marks[0] + value1}
		s, err := property.FromMap(given)
		check(t, s, err)
		if err == nil {
			checkAgain(t, s, "ODBC", asODBC, property.Parse)
			again, err := property.FromMap(asMap(s))
			expect(t, again, err, texts(s))
			both, err := s.With(again)
			expect(t, both, err, texts(s))
		}
	})
}

func FuzzFromAuthProfile(f *testing.F) {
	for _, seed := range []string{`{}`, `{{{{`, `{"AutoCreate": true, "Port": 5439}`, `{"db_groups": ["a"], "PWD": "x"}`, `{"a": {"b": [1]}}`, `[`, `{"Region": "r"}}`} {
		f.Add("reports", []byte(seed), "Region", "r")
	}
	f.Fuzz(func(t *testing.T, name string, content []byte, key, value string) {
		s, err := property.FromAuthProfile(name, content)
		check(t, s, err)
		if err == nil {
			written, err := json.Marshal(asMap(s))
			if err != nil {
				t.Fatal(err)
			}
			again, err := property.FromAuthProfile(name, written)
			expect(t, again, err, texts(s))
		}
		content, err = json.Marshal(map[string]any{key: value, "PWD": strings.Join(marks, value), "Region": []string{marks[0], marks[1] + ","}})
		if err != nil {
			t.Fatal(err)
		}
		s, err = property.FromAuthProfile(name, content)
		check(t, s, err)
		if err == nil {
			t.Error("a password in an authentication profile")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"URL":  "jdbc:redshift:iam://c1.abc.us-west-2.redshift.amazonaws.com:5439/dev?DbUser=app&DbGroups=a,b&AutoCreate=true&SessionToken=a%2Bb%3D%3D&tcpKeepAlive=true",
		"ODBC": "Driver={Amazon Redshift (x64)};Server=c1.abc.us-west-2.redshift.amazonaws.com;Port=5439;Database=dev;IAM=1;DbUser=app;PWD={a;b}}c}",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := property.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
