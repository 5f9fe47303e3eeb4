package pattern_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/eventbridge/pattern"
)

func TestMatch(t *testing.T) {
	const event = `{"source":"sluice","detail-type":"Credentials Rotated","resources":["arn:one","arn:two"],
		"detail":{"warehouse":"analytics","left":300,"cost":3.5,"ok":true,"gone":null,"empty":"","address":"10.0.1.7",
		"user":{"name":"Bob"},"steps":[{"name":"create","took":1},{"name":"test","took":2}],"path":"a/b/c.log","star":"a*b"}}`
	for _, tc := range []struct {
		name, pattern string
		want          bool
	}{
		{"exact", `{"source":["sluice"]}`, true},
		{"exact, other value", `{"source":["other"]}`, false},
		{"any of several values", `{"source":["other","sluice"]}`, true},
		{"all members have to match", `{"source":["sluice"],"detail-type":["Other"]}`, false},
		{"a member that is missing", `{"region":["us-east-1"]}`, false},
		{"any item of the event's array", `{"resources":["arn:two"]}`, true},
		{"nested", `{"detail":{"user":{"name":["Bob"]}}}`, true},
		{"nested, case counts", `{"detail":{"user":{"name":["bob"]}}}`, false},
		{"nested in something that is no object", `{"source":{"name":["Bob"]}}`, false},
		{"number", `{"detail":{"left":[300]}}`, true},
		{"numbers compare as texts", `{"detail":{"left":[300.0]}}`, false},
		{"a number is not a text", `{"detail":{"left":["300"]}}`, false},
		{"boolean", `{"detail":{"ok":[true]}}`, true},
		{"null", `{"detail":{"gone":[null]}}`, true},
		{"null is not an empty text", `{"detail":{"empty":[null]}}`, false},
		{"null is not a missing member", `{"detail":{"missing":[null]}}`, false},
		{"empty text", `{"detail":{"empty":[""]}}`, true},
		{"two members of one item of a list", `{"detail":{"steps":{"name":["test"],"took":[2]}}}`, true},
		{"two members of two items of a list", `{"detail":{"steps":{"name":["test"],"took":[1]}}}`, false},

		{"exists", `{"detail":{"ok":[{"exists":true}]}}`, true},
		{"exists, null does", `{"detail":{"gone":[{"exists":true}]}}`, true},
		{"exists, missing", `{"detail":{"missing":[{"exists":true}]}}`, false},
		{"exists false, missing", `{"detail":{"missing":[{"exists":false}]}}`, true},
		{"exists false, missing with its parent", `{"detail":{"missing":{"deep":[{"exists":false}]}}}`, true},
		{"exists false, there", `{"detail":{"ok":[{"exists":false}]}}`, false},

		{"prefix", `{"detail":{"warehouse":[{"prefix":"ana"}]}}`, true},
		{"prefix, elsewhere", `{"detail":{"warehouse":[{"prefix":"lytics"}]}}`, false},
		{"prefix, longer than the value", `{"detail":{"warehouse":[{"prefix":"analytics2"}]}}`, false},
		{"prefix, any case", `{"detail":{"warehouse":[{"prefix":{"equals-ignore-case":"ANA"}}]}}`, true},
		{"suffix", `{"detail":{"warehouse":[{"suffix":"lytics"}]}}`, true},
		{"suffix, elsewhere", `{"detail":{"warehouse":[{"suffix":"ana"}]}}`, false},
		{"suffix, any case", `{"detail":{"path":[{"suffix":{"equals-ignore-case":".LOG"}}]}}`, true},
		{"equals-ignore-case", `{"detail":{"user":{"name":[{"equals-ignore-case":"bOB"}]}}}`, true},
		{"wildcard", `{"detail":{"path":[{"wildcard":"a/*/*.log"}]}}`, true},
		{"wildcard, too few parts", `{"detail":{"path":[{"wildcard":"a/*/*/*.log"}]}}`, false},
		{"wildcard, ends are fixed", `{"detail":{"path":[{"wildcard":"*b"}]}}`, false},
		{"wildcard without a star", `{"detail":{"path":[{"wildcard":"a/b"}]}}`, false},
		{"wildcard, parts may not overlap", `{"detail":{"star":[{"wildcard":"a*b*b"}]}}`, false},
		{"wildcard, star itself", `{"detail":{"star":[{"wildcard":"a\\*b"}]}}`, true},
		{"wildcard, star itself only", `{"detail":{"path":[{"wildcard":"a\\*c.log"}]}}`, false},
		{"cidr", `{"detail":{"address":[{"cidr":"10.0.0.0/16"}]}}`, true},
		{"cidr, outside", `{"detail":{"address":[{"cidr":"10.1.0.0/16"}]}}`, false},
		{"cidr, no address", `{"detail":{"warehouse":[{"cidr":"0.0.0.0/0"}]}}`, false},

		{"numeric", `{"detail":{"left":[{"numeric":["=",300.0]}]}}`, true},
		{"numeric, bound included", `{"detail":{"left":[{"numeric":[">=",300]}]}}`, true},
		{"numeric, bound excluded", `{"detail":{"left":[{"numeric":[">",300]}]}}`, false},
		{"numeric range", `{"detail":{"cost":[{"numeric":[">",3,"<=",3.5]}]}}`, true},
		{"numeric range, above", `{"detail":{"cost":[{"numeric":[">",3,"<",3.5]}]}}`, false},
		{"numeric, text", `{"detail":{"warehouse":[{"numeric":[">",0]}]}}`, false},

		{"anything-but", `{"source":[{"anything-but":"aws.rds"}]}`, true},
		{"anything-but, same", `{"source":[{"anything-but":"sluice"}]}`, false},
		{"anything-but list", `{"source":[{"anything-but":["aws.rds","sluice"]}]}`, false},
		{"anything-but number", `{"detail":{"left":[{"anything-but":[1,2]}]}}`, true},
		{"anything-but needs a value", `{"detail":{"missing":[{"anything-but":"x"}]}}`, false},
		{"anything-but prefix", `{"source":[{"anything-but":{"prefix":"slu"}}]}`, false},
		{"anything-but several prefixes", `{"source":[{"anything-but":{"prefix":["a","b"]}}]}`, true},
		{"anything-but suffix", `{"source":[{"anything-but":{"suffix":"ice"}}]}`, false},
		{"anything-but any case", `{"source":[{"anything-but":{"equals-ignore-case":["SLUICE"]}}]}`, false},
		{"anything-but wildcard", `{"source":[{"anything-but":{"wildcard":"*l*"}}]}`, false},

		{"or, second branch", `{"$or":[{"source":["other"]},{"detail":{"left":[300]}}]}`, true},
		{"or, no branch", `{"$or":[{"source":["other"]},{"detail":{"left":[1]}}]}`, false},
		{"or and the rest", `{"source":["other"],"$or":[{"detail":{"left":[300]}},{"detail":{"left":[1]}}]}`, false},
		{"or inside", `{"detail":{"$or":[{"left":[1]},{"ok":[true]}]}}`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := pattern.Parse(tc.pattern)
			if err != nil {
				t.Fatalf("Parse(%s): %v", tc.pattern, err)
			}
			if got, err := p.Match([]byte(event)); err != nil || got != tc.want {
				t.Errorf("Match(%s) = %v, %v; want %v, nil", tc.pattern, got, err, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, pattern, want string }{
		{"no JSON", `{`, "read pattern"},
		{"text behind", `{"a":[1]} x`, "read pattern"},
		{"no object", `["a"]`, "pattern must be a JSON object"},
		{"empty", `{}`, "pattern: empty objects"},
		{"empty inside", `{"detail":{}}`, "detail: empty objects"},
		{"value outside an array", `{"detail":{"a":"x"}}`, "detail.a: must be an object or an array"},
		{"empty array", `{"a":[]}`, "a: empty arrays"},
		{"array in an array", `{"a":[[1]]}`, "a: an array may hold values and operators"},
		{"unknown operator", `{"a":[{"regex":".*"}]}`, "a: unrecognized match type regex"},
		{"two operators in one object", `{"a":[{"prefix":"x","suffix":"y"}]}`, "a: only one operator"},
		{"or of one", `{"$or":[{"a":[1]}]}`, "$or: needs at least two"},
		{"or of values", `{"$or":["x","y"]}`, "$or: every item must be an object"},
		{"prefix of a number", `{"a":[{"prefix":1}]}`, "a: prefix: must be a string"},
		{"prefix of an unknown kind", `{"a":[{"prefix":{"wildcard":"x"}}]}`, "a: prefix: must be a string or an object with equals-ignore-case"},
		{"exists of a text", `{"a":[{"exists":"true"}]}`, "a: exists: must be true or false"},
		{"numeric of one", `{"a":[{"numeric":[">"]}]}`, "a: numeric: must be a list"},
		{"numeric, unknown comparison", `{"a":[{"numeric":["!=",1]}]}`, "!= is not one of"},
		{"numeric, no number", `{"a":[{"numeric":["=","1"]}]}`, "1 is not a number"},
		{"numeric, too large", `{"a":[{"numeric":["<",5000000001]}]}`, "is not a number between"},
		{"numeric, no range", `{"a":[{"numeric":[">",1,">",2]}]}`, "do not make a range"},
		{"cidr", `{"a":[{"cidr":"10.0.0.0"}]}`, "a: cidr: must be a network"},
		{"wildcard, two stars", `{"a":[{"wildcard":"x**"}]}`, "two stars"},
		{"wildcard, stray backslash", `{"a":[{"wildcard":"x\\y"}]}`, "backslash"},
		{"anything-but nothing", `{"a":[{"anything-but":[]}]}`, "empty arrays"},
		{"anything-but exists", `{"a":[{"anything-but":{"exists":true}}]}`, "may hold one of prefix"},
		{"anything-but null", `{"a":[{"anything-but":[null]}]}`, "strings and numbers only"},
		{"too long", `{"a":["` + strings.Repeat("x", 2048) + `"]}`, "at most 2048"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := pattern.Parse(tc.pattern); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse(%s): error %v, want one with %q", tc.pattern, err, tc.want)
			}
		})
	}
}

func TestMatchRefusesWhatIsNoEvent(t *testing.T) {
	p, err := pattern.Parse(`{"a":[1]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{`, `[1]`, `{"a":1} {}`} {
		if _, err := p.Match([]byte(event)); err == nil {
			t.Errorf("Match(%s) succeeded", event)
		}
	}
}
