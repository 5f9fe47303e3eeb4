package property_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
)

func set(t *testing.T, properties map[string]string) property.Set {
	t.Helper()
	s, err := property.FromMap(properties)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWith(t *testing.T) {
	url, err := property.Parse("jdbc:redshift:iam://h/dev?DbUser=u&fetchSize=1")
	if err != nil {
		t.Fatal(err)
	}
	more := set(t, map[string]string{"dbuser": "u", "Host": "H", "IAM": "1", "PWD": "p", "KeepAlive": "1"})
	got, err := url.With(more)
	expect(t, got, err, said{property.Host: "h", property.Database: "dev", property.DbUser: "u", property.IAM: "true", property.PWD: "p"})
	if n := len(got.Ignored()); n != 2 {
		t.Errorf("%d ignored, want 2", n)
	}
	if len(url.Entries()) != 4 || len(url.Ignored()) != 1 || len(more.Entries()) != 4 {
		t.Error("With changed what it joins")
	}

	got, err = url.With(set(t, map[string]string{"db_user": "other", "user": "x", "database": "other"}))
	refused(t, got, err, []string{"database: says something else than the URL before its properties, and both are the property Database",
		"db_user: says something else than DbUser, and both are the property DbUser; keep one of them"})

	// Limits of the JDBC driver are two, here and there.
	got, err = set(t, map[string]string{"connectTimeout": "10"}).With(set(t, map[string]string{"loginTimeout": "30"}))
	expect(t, got, err, said{property.ConnectTimeout: "30"})
	if lost := got.Ignored(); len(lost) != 1 || lost[0].Spelling != "connectTimeout" {
		t.Errorf("ignored %v, want connectTimeout", lost)
	}

	var none property.Set
	got, err = none.With(none)
	expect(t, got, err, said{})
	got, err = none.With(more)
	expect(t, got, err, texts(more))
	got, err = more.With(none)
	expect(t, got, err, texts(more))
}

func TestSetIsNeverPrinted(t *testing.T) {
	const plain = "correct-horse-battery"
	s := set(t, map[string]string{"PWD": plain, "Server": plain, "SessionToken": plain})
	for name, x := range map[string]any{"bare": s, "pointer": &s, "entries": s.Entries(), "struct": struct{ S, s property.Set }{s, s}, "slice": []property.Set{s}} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "% x"} {
				fmt.Fprintf(&out, verb+"\n", x)
			}
			if b, err := json.Marshal(x); err != nil {
				t.Errorf("json.Marshal: %v", err)
			} else {
				out.Write(b)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", x)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", x)
			for _, leak := range []string{plain, hex.EncodeToString([]byte(plain))} {
				if strings.Contains(strings.ToLower(out.String()), leak) {
					t.Errorf("output shows the value:\n%s", &out)
				}
			}
		})
	}
	if got, want := fmt.Sprint(s), "properties [PWD Server SessionToken]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
