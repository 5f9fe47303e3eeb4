package warehouse_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/shared/warehouse"
)

func TestBadName(t *testing.T) {
	for _, tc := range []struct {
		name string
		want string // part of the reason; "" if the name is good
	}{
		{"app", ""}, {"a", ""}, {"app_1", ""}, {"a.b@c-d+e", ""}, {strings.Repeat("a", 64), ""}, {"users", ""}, {"public1", ""},
		{"", "is empty"}, {strings.Repeat("a", 65), "65 bytes, of at most 64"}, {"App", "start with a lower-case"}, {"aPP", `"P"`},
		{"1app", "start with a lower-case"}, {"_app", "start with a lower-case"}, {"a b", `" "`}, {"a:b", `":"`}, {"a/b", `"/"`},
		{"a*", `"*"`}, {`a"b`, `"\""`}, {"aé", `"é"`}, {"a\xff", `"�"`}, {"a\n", `"\n"`}, {"a;drop", `";"`},
		{"public", "reserved"}, {"select", "reserved"}, {"user", "reserved"}, {"system", "reserved"}, {"current_user", "reserved"},
	} {
		got := warehouse.BadName(tc.name)
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("BadName(%q) = %q, want %q in it", tc.name, got, tc.want)
		}
	}
}

func TestBadPattern(t *testing.T) {
	for pattern, good := range map[string]bool{
		"app": true, "app_*": true, "app*web": true, "b*": true, "a**b": true, "a*": false, "aws*": false, "*r": false, "rds*b": false,
		"*": false, "*app": false, "": false, "App*": false, "a?": false, "a b*": false, "user": false, strings.Repeat("a", 64) + "*": false,
	} {
		if got := warehouse.BadPattern(pattern); (got == "") != good {
			t.Errorf("BadPattern(%q) = %q, want it to be good: %t", pattern, got, good)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"app", "app", true}, {"app", "apps", false}, {"app", "", false}, {"", "", true},
		{"app_*", "app_", true}, {"app_*", "app_web", true}, {"app_*", "app", false}, {"app_*", "xapp_web", false},
		{"a*b", "ab", true}, {"a*b", "aXb", true}, {"a*b", "aba", false}, {"a*b*c", "abcbc", true}, {"a*b*c", "acb", false}, {"a*b*b*c", "abc", false}, {"a*b*b*c", "abbc", true},
		{"ab*ba", "aba", false}, // the two ends do not share a letter
		{"a**b", "ab", true}, {"a.c", "abc", false}, {"a*", "a*", true}, {"*", "", true}, {"*", "anything", true},
	} {
		if got := warehouse.Match(tc.pattern, tc.s); got != tc.want {
			t.Errorf("Match(%q, %q) = %t", tc.pattern, tc.s, got)
		}
	}
}

// A pattern says the same as the regular expression that it stands for.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"app_*", "app_web"}, {"a*b*a", "abba"}, {"**", ""}, {"a.*", "ab"}, {"*\n*", "a\nb"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			t.Skip("regexp reads broken text differently")
		}
		parts := strings.Split(pattern, "*")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		want := regexp.MustCompile(`\A(?s)` + strings.Join(parts, ".*") + `\z`).MatchString(s)
		if got := warehouse.Match(pattern, s); got != want {
			t.Errorf("Match(%q, %q) = %t, want %t", pattern, s, got, want)
		}
	})
}

// What the check lets through, Redshift's name rules do too.
func FuzzBadName(f *testing.F) {
	rule := regexp.MustCompile(`\A[a-z][a-z0-9_+.@-]{0,63}\z`)
	f.Add("app")
	f.Add("a:b")
	f.Add("aé")
	f.Fuzz(func(t *testing.T, name string) {
		if got := warehouse.BadName(name); got != "is a reserved word" && (got == "") != rule.MatchString(name) {
			t.Errorf("BadName(%q) = %q", name, got)
		}
	})
}

var analytics = warehouse.Warehouse{Name: "analytics", Cluster: "examplecluster", Verify: warehouse.VerifyLogin,
	Allow: warehouse.Allowance{Databases: []string{"sales"}, Users: []string{"app_*", "etl"}, Groups: []string{"readers"}}}

func TestCheck(t *testing.T) {
	good := warehouse.Login{Database: "sales", User: "app_web", Groups: []string{"readers"}}
	for _, tc := range []struct {
		name   string
		change func(*warehouse.Login)
		where  []string
		says   string // in the text of all problems
	}{
		{"allowed", func(*warehouse.Login) {}, nil, ""},
		{"allowed by exact name", func(l *warehouse.Login) { l.User = "etl" }, nil, ""},
		{"no groups", func(l *warehouse.Login) { l.Groups = nil }, nil, ""},
		{"user outside the patterns", func(l *warehouse.Login) { l.User = "owner" }, []string{"user"}, "app_*, etl"},
		{"user that Redshift refuses", func(l *warehouse.Login) { l.User = "App_web" }, []string{"user"}, "lower-case"},
		{"database", func(l *warehouse.Login) { l.Database = "payroll" }, []string{"database"}, "use sales"},
		{"database that Redshift refuses", func(l *warehouse.Login) { l.Database = "" }, []string{"database"}, "is empty"},
		{"one group of two", func(l *warehouse.Login) { l.Groups = []string{"readers", "writers"} }, []string{"groups"}, `"writers"`},
		{"group that Redshift refuses", func(l *warehouse.Login) { l.Groups = []string{""} }, []string{"groups"}, "is empty"},
		{"auto-create", func(l *warehouse.Login) { l.AutoCreate = true }, []string{"autoCreate"}, "allow.autoCreate"},
		{"everything at once", func(l *warehouse.Login) {
			*l = warehouse.Login{Database: "x", User: "y", Groups: []string{"z", "public"}, AutoCreate: true}
		}, []string{"user", "database", "groups", "groups", "autoCreate"}, "reserved"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			login := good
			tc.change(&login)
			problems := analytics.Check(login)
			var where []string
			for _, p := range problems {
				where = append(where, p.Where)
				if p.Fix == "" {
					t.Errorf("%s: no remedy", p.Where)
				}
			}
			if !slices.Equal(where, tc.where) || !strings.Contains(problems.Error(), tc.says) {
				t.Errorf("Check = %v, want problems at %v that say %q", problems, tc.where, tc.says)
			}
		})
	}
	t.Run("an empty list allows nothing", func(t *testing.T) {
		if problems := (warehouse.Warehouse{Name: "closed"}).Check(good); len(problems) != 3 || !strings.Contains(problems.Error(), "the list is empty") {
			t.Errorf("Check = %v", problems)
		}
	})
	t.Run("auto-create where it is allowed", func(t *testing.T) {
		open, login := analytics, good
		open.Allow.AutoCreate, login.AutoCreate = true, true
		if problems := open.Check(login); len(problems) > 0 {
			t.Errorf("Check = %v", problems)
		}
	})
}

func TestProblemsOfADeclaration(t *testing.T) {
	if problems := analytics.Problems(); problems.Err() != nil {
		t.Errorf("a good one: %v", problems)
	}
	if got := (warehouse.Warehouse{}).Problems(); len(got) != 4 {
		t.Errorf("an empty one: %v", got)
	}
	w := analytics
	w.Verify = "hope"
	w.Allow = warehouse.Allowance{Users: []string{"*", "ok"}, Databases: []string{"Sales", "dev"}, Groups: []string{"a", "b c"}}
	want := []string{"verify", "allow.users[0]", "allow.databases[0]", "allow.groups[1]"}
	for range 20 { // always in the same order
		var where []string
		for _, p := range w.Problems() {
			where = append(where, p.Where)
		}
		if !slices.Equal(where, want) {
			t.Fatalf("problems at %v, want %v", where, want)
		}
	}
}

func TestPlace(t *testing.T) {
	for region, partition := range map[string]string{
		"us-east-1": "aws", "eu-central-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov",
	} {
		p := warehouse.PlaceIn("111122223333", region)
		prefix := "arn:" + partition + ":redshift:" + region + ":111122223333:"
		for got, want := range map[string]string{
			p.UserARN("c", "app_*"):  prefix + "dbuser:c/app_*",
			p.DatabaseARN("c", "db"): prefix + "dbname:c/db",
			p.GroupARN("c", "g"):     prefix + "dbgroup:c/g",
		} {
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}

func TestParked(t *testing.T) {
	for status, want := range map[string]bool{
		"available": false, "resizing": false, "modifying": false, "rotating-keys": false, "storage-full": false, "available, prep-for-resize": false,
		"paused": true, "pausing": true, "resuming": true, "creating": true, "deleting": true, "rebooting": true, "renaming": true,
		"final-snapshot": true, "hardware-failure": true, "incompatible-network": true, "incompatible-hsm": true,
	} {
		c := warehouse.Cluster{ID: "c", Status: status, Host: "h", Port: 5439}
		if got := c.Parked(); got != want {
			t.Errorf("%q: Parked() = %t", status, got)
		}
	}
	if !(warehouse.Cluster{Status: "available"}).Parked() {
		t.Error("a cluster without an endpoint takes logins")
	}
}
