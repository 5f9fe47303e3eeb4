package endtoend_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftdata"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// The ways of a federation.
const (
	wayUp   = "up"   // from the request to Ready
	wayDown = "down" // from the withdrawal to Removed
)

// Services of places that are no calls of AWS: statements in the source, by whoever logs in, and in the warehouse.
const (
	inSource    = "source"
	inWarehouse = "warehouse"
	asMaster    = "statement-of-master"
	asReader    = "statement-of-reader"
	anyone      = "statement"
)

// A site is one call or statement on the way of a federation, where something can go wrong.
type site struct {
	way                string
	function           string // provision or login: who calls, or who is behind the statement
	service, operation string
	index              int // from 1, of the calls that are alike
}

// A mishap is one thing that goes wrong at one site: a case of the sweep.
type mishap struct {
	site
	kind  string
	count int // of calls or statements in a row, from the site's on
}

// conflict is the kind of a statement in the warehouse that fails there because of another one.
const conflict = "conflict"

// String is m as -sweep-case takes it.
func (m mishap) String() string {
	text := fmt.Sprintf("%s %s %s %s %d %s", m.way, m.function, m.service, m.operation, m.index, m.kind)
	if m.count > 1 {
		text += fmt.Sprintf(" x%d", m.count)
	}
	return text
}

// parseMishap is the inverse of String.
func parseMishap(text string) (m mishap, err error) {
	m.count = 1
	word := strings.Fields(text)
	if len(word) == 7 && strings.HasPrefix(word[6], "x") {
		m.count, err = strconv.Atoi(word[6][1:])
		word = word[:6]
	}
	if err != nil || len(word) != 6 || word[0] != wayUp && word[0] != wayDown {
		return m, fmt.Errorf("case %q is none; write for example: up provision iam CreateRole 1 lost-after", text)
	}
	m.site = site{way: word[0], function: word[1], service: word[2], operation: word[3]}
	m.kind = word[5]
	m.index, err = strconv.Atoi(word[4])
	return m, err
}

// TestMishapAsText is the test of what TestSweep tells people to run.
func TestMishapAsText(t *testing.T) {
	for _, s := range []site{{wayUp, "provision", "iam", "CreateRole", 1}, {wayDown, "login", inSource, asMaster, 12}, {wayUp, "provision", inWarehouse, anyone, 3}} {
		for _, m := range s.mishaps() {
			if again, err := parseMishap(m.String()); again != m || err != nil {
				t.Errorf("%q is read as %v, %v", m, again, err)
			}
		}
	}
	for _, text := range []string{"", "up provision iam CreateRole lost-after", "sideways provision iam CreateRole 1 lost-after", "up provision iam CreateRole one lost-after", "up provision iam CreateRole 1 throttled xx"} {
		if m, err := parseMishap(text); err == nil {
			t.Errorf("%q is read as %v; want an error", text, m)
		}
	}
}

// mishaps are all that can go wrong at a site.
func (s site) mishaps() (all []mishap) {
	switch s.service {
	case inWarehouse:
		return []mishap{{s, conflict, 1}}
	case inSource:
		for _, kind := range []source.Kind{source.Refused, source.Failing, source.LostBefore, source.LostAfter, source.KilledBefore, source.KilledAfter} {
			all = append(all, mishap{s, string(kind), 1})
		}
		return all
	}
	for _, kind := range []awshttp.Kind{awshttp.Throttled, awshttp.Refused, awshttp.Failing, awshttp.LostBefore, awshttp.LostAfter, awshttp.KilledBefore, awshttp.KilledAfter} {
		all = append(all, mishap{s, string(kind), 1})
	}
	for _, kind := range []awshttp.Kind{awshttp.Throttled, awshttp.Failing} { // so that the function sees it, and not only its SDK
		all = append(all, mishap{s, string(kind), attempts})
	}
	return all
}

// A mark is how far the records of calls and statements went at some moment.
type mark struct {
	calls, statements uint64
	ran               int64
}

func (f *federator) mark() mark {
	return mark{f.AWS.Calls().Last(), f.Sources.Last(), f.Data.Ran()}
}

// sites are the calls and statements since a mark that were made for a federation.
func (f *federator) sites(way, name string, since mark) (all []site) {
	seen := map[site]int{}
	add := func(s site) {
		seen[s]++
		s.index = seen[s]
		all = append(all, s)
	}
	for function, by := range map[string]function{"provision": f.provision, "login": f.login} {
		for _, c := range f.calls(by, since.calls) {
			add(site{way: way, function: function, service: c.Service, operation: c.Operation})
		}
	}
	for _, st := range f.Sources.Statements(source.Filter{After: since.statements, Source: world.Orders}) {
		who := asMaster
		if st.User == loginOf(name) {
			who = asReader
		}
		add(site{way: way, function: "login", service: inSource, operation: who})
	}
	for range f.Data.Ran() - since.ran {
		add(site{way: way, function: "provision", service: inWarehouse, operation: anyone})
	}
	return all
}

// loginOf is the name of a federation's own login in the source.
func loginOf(name string) string {
	return names.Login(orders(name))
}

// common are the sites that are in both: how often a statement is looked at depends on how long it takes.
func common(a, b []site) []site {
	return slices.DeleteFunc(slices.Clone(a), func(s site) bool { return !slices.Contains(b, s) || extra(s, a) })
}

// extra reports whether a site is a look at a statement that a faster machine does not need: each way asks for rows once, and
// looks once at each of its other statements.
func extra(s site, all []site) bool {
	begun := 0
	for _, other := range all {
		if other.way == s.way && other.operation == "ExecuteStatement" {
			begun++
		}
	}
	return s.operation == "DescribeStatement" && s.index > begun-1 || s.operation == "GetStatementResult" && s.index > 1
}

// prepare lets a mishap wait for its site. The function that it returns reports whether it has happened, and takes it away.
func (f *federator) prepare(m mishap, name string) (happened func() bool) {
	f.t.Helper()
	switch m.service {
	case inWarehouse:
		due := f.Data.Ran() + int64(m.index)
		f.must(f.Data.FailStatement(m.index, redshiftdata.ErrConcurrent))
		return func() bool { return f.Data.Ran() >= due }
	case inSource:
		who := loginOf(name)
		if m.operation == asMaster {
			s, err := f.Sources.Find(world.Orders)
			f.must(err)
			who = s.Master()
		}
		f.must(f.Sources.Faults().Add(source.Fault{Source: world.Orders, User: who, Skip: m.index - 1, Kind: source.Kind(m.kind), Count: m.count}))
		return func() bool {
			defer f.Sources.Faults().Clear()
			return len(f.Sources.Faults().List()) == 0
		}
	}
	by := f.provision
	if m.function == "login" {
		by = f.login
	}
	f.must(f.AWS.Faults().Add(awshttp.Fault{Service: m.service, Operation: m.operation, Principal: by.by.ARN, Skip: m.index - 1, Kind: awshttp.Kind(m.kind), Count: m.count}))
	return func() bool {
		defer f.AWS.Faults().Clear()
		left := f.AWS.Faults().List()
		return len(left) == 0 || left[0].Count < m.count
	}
}
