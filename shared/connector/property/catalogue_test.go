package property

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// One spelling of two properties would read what it stands for by chance.
func TestEverySpellingIsOfOneProperty(t *testing.T) {
	owner := make(map[string]int)
	for i := range catalogue {
		r := &catalogue[i]
		if len(r.spellings()) == 0 {
			t.Fatalf("row %d has no spelling", i)
		}
		for _, s := range r.spellings() {
			if before, known := owner[plain(s)]; known && before != i {
				t.Errorf("%s is of %s and of %s", s, catalogue[before].spellings()[0], r.spellings()[0])
			}
			owner[plain(s)] = i
		}
	}
	for i := range catalogue {
		for _, s := range catalogue[i].inProfile {
			if r := find(s, false); r != nil && r.use == taken {
				t.Errorf("%s in a profile hides %s", s, r.name)
			}
		}
	}
}

func TestRowsAreWhole(t *testing.T) {
	for i := range catalogue {
		r := &catalogue[i]
		title := r.spellings()[0]
		if !regexp.MustCompile(`^[A-Z].*[^.]\.$`).MatchString(r.does) {
			t.Errorf("%s: %q is no sentence", title, r.does)
		}
		if (r.use == taken) != (r.name != "") {
			t.Errorf("%s is %s, and its name is %q", title, r.use, r.name)
		}
		if (r.use == refused) != (r.fix != "") {
			t.Errorf("%s is %s, and what to write instead is %q", title, r.use, r.fix)
		}
		if r.use != refused && r.harmless != nil {
			t.Errorf("%s is not refused, and has harmless values", title)
		}
	}
}

// TestEveryNameHasARow reads the constants, so that none is forgotten.
func TestEveryNameHasARow(t *testing.T) {
	source, err := os.ReadFile("property.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t\w+ +Name = "(.+)"`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 30 {
		t.Fatalf("only %d names found", len(found))
	}
	for _, f := range found {
		if r := find(f[1], false); r == nil || string(r.name) != f[1] {
			t.Errorf("%s has no row of its own", f[1])
		}
	}
}

// Whoever keeps an authentication profile cannot have less of the server checked, in whatever spelling: every property of TLS is refused
// in a profile, or is one of the two that package resolve holds to verify-full.
func TestAuthProfilesSayNothingOfTLS(t *testing.T) {
	held := map[Name]bool{SSL: true, SSLMode: true}
	for i := range tlsRows {
		r := &tlsRows[i]
		for _, s := range append(r.spellings(), r.inProfile...) {
			_, err := FromAuthProfile("shared", fmt.Appendf(nil, `{%q: "x"}`, s))
			if refuses := err != nil && strings.Contains(err.Error(), "may not be in an authentication profile"); refuses == held[r.name] {
				t.Errorf("%s in an authentication profile: %v", s, err)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	for given, want := range map[string]string{
		"Databse": "Database", "clusterIdentifer": "cluster_identifier", "work_group": "Workgroup", "Serverr": "Server", "sslmod": "sslmode",
		"acces_key_id": "AccessKeyID", "Regoin": "Region", "DbGroup": "DbGroups", "prot": "Port", "KeepAlve": "KeepAlive", "host": "Host",
		"x": "", "": "", "colour": "", "entirely_other": "", strings.Repeat("a", 1000): "",
	} {
		if got := nearest(given); plain(got) != plain(want) {
			t.Errorf("nearest to %.20q is %q, want %q", given, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "xbc", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("%q to %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := distance(tc.b, tc.a); got != tc.want {
			t.Errorf("%q to %q: %d, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}
