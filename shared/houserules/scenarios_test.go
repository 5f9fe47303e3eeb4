package houserules_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write infra/SCENARIOS.md anew")

// scenariosFile is the table that operators read.
const scenariosFile = "infra/SCENARIOS.md"

func TestScenariosAreListedAsTheyAreShown(t *testing.T) {
	var shown []showing
	files(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			t.Error(err)
			return
		}
		found, err := showings(file, text)
		if err != nil {
			t.Error(err)
		}
		shown = append(shown, found...)
	})
	for i, s := range scenarios {
		if s.number != i+1 {
			t.Errorf("scenario %d stands where %d should", s.number, i+1)
		}
	}
	want, target := table(scenarios, shown), filepath.Join(root(t), scenariosFile)
	if *update {
		if err := os.WriteFile(target, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if string(is) != want {
		t.Errorf("%s is not what the tests show; run go test ./shared/houserules -run Scenarios -update", scenariosFile)
	}
}

// A showing is a test that shows a scenario.
type showing struct {
	scenario int
	file     string
	test     string // name, with its case behind a slash
}

var (
	marks = regexp.MustCompile(`^// Scenarios? \d`)
	mark  = regexp.MustCompile(`^// Scenarios? (\d+(?:(?:, | and )\d+)*)(?:[.:].*)?$`)
)

// showings finds the marks of scenarios in one test file.
func showings(file string, text []byte) ([]showing, error) {
	if !bytes.Contains(text, []byte("// Scenario")) {
		return nil, nil
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var all []showing
	for _, group := range tree.Comments {
		for _, comment := range group.List {
			if !marks.MatchString(comment.Text) {
				continue
			}
			where := fmt.Sprintf("%s:%d", file, set.Position(comment.Pos()).Line)
			found := mark.FindStringSubmatch(comment.Text)
			if found == nil {
				return nil, fmt.Errorf("%s: %q: write // Scenario 7, or // Scenarios 7, 8, and a colon before any words", where, comment.Text)
			}
			test := testAt(set, tree, group, comment)
			if test == "" {
				return nil, fmt.Errorf("%s: %q belongs to no test; write it above a test or inside one", where, comment.Text)
			}
			for _, digits := range regexp.MustCompile(`\d+`).FindAllString(found[1], -1) {
				n, err := strconv.Atoi(digits)
				if err != nil || n < 1 || n > len(scenarios) {
					return nil, fmt.Errorf("%s: there is no scenario %s; they are in shared/houserules/scenarios_list_test.go", where, digits)
				}
				all = append(all, showing{n, file, test})
			}
		}
	}
	return all, nil
}

// testAt is the test that a comment belongs to: the one it documents, the one it is in, or the first in the file that uses the
// table it is in; with the name of the case that begins on its own line or on the line below it.
func testAt(set *token.FileSet, tree *ast.File, group *ast.CommentGroup, comment *ast.Comment) string {
	in := func(n ast.Node) bool { return n.Pos() < comment.Pos() && comment.Pos() < n.End() }
	for _, declaration := range tree.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if isTest(d) && d.Doc == group {
				return d.Name.Name
			}
			if isTest(d) && in(d) {
				return d.Name.Name + caseAt(set, d, group)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				table, ok := spec.(*ast.ValueSpec)
				if !ok || !in(table) {
					continue
				}
				if test := userOf(tree, table); test != "" {
					return test + caseAt(set, table, group)
				}
			}
		}
	}
	return ""
}

func isTest(f *ast.FuncDecl) bool {
	return f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz"))
}

// userOf is the first test of a file that uses a table.
func userOf(tree *ast.File, table *ast.ValueSpec) string {
	for _, declaration := range tree.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || !isTest(f) {
			continue
		}
		uses := false
		ast.Inspect(f, func(n ast.Node) bool {
			name, ok := n.(*ast.Ident)
			uses = uses || ok && slices.ContainsFunc(table.Names, func(t *ast.Ident) bool { return t.Name == name.Name })
			return !uses
		})
		if uses {
			return f.Name.Name
		}
	}
	return ""
}

// caseAt is the name of the case that a comment belongs to, behind a slash, or "" if it belongs to all of them.
func caseAt(set *token.FileSet, all ast.Node, group *ast.CommentGroup) string {
	line, name := set.Position(group.End()).Line, ""
	if !trails(set, all, group) {
		line++
	}
	ast.Inspect(all, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && name == "" && literal.Kind == token.STRING && set.Position(literal.Pos()).Line == line {
			name, _ = strconv.Unquote(literal.Value)
		}
		return true
	})
	if name == "" {
		return ""
	}
	return "/" + strings.ReplaceAll(name, " ", "_")
}

// trails reports whether a comment stands behind code on its line.
func trails(set *token.FileSet, all ast.Node, group *ast.CommentGroup) bool {
	line, found := set.Position(group.Pos()).Line, false
	ast.Inspect(all, func(n ast.Node) bool {
		if n != nil && n.Pos() < group.Pos() && set.Position(n.Pos()).Line == line {
			_, isComment := n.(*ast.Comment)
			_, isGroup := n.(*ast.CommentGroup)
			found = found || !isComment && !isGroup
		}
		return !found
	})
	return found
}

// table is the document: every scenario, and which tests show it.
func table(all []scenario, shown []showing) string {
	var rows strings.Builder
	open := 0
	for _, s := range all {
		var tests []string
		for _, by := range shown {
			if by.scenario == s.number {
				tests = append(tests, fmt.Sprintf("[%s `%s`](../%s)", path.Dir(by.file), by.test, by.file))
			}
		}
		slices.Sort(tests)
		tests = slices.Compact(tests)
		if len(tests) == 0 {
			tests = []string{"open"}
			open++
		}
		fmt.Fprintf(&rows, "| %d | %s | %s | %s |\n", s.number, s.goes, s.sluice, strings.Join(tests, "<br>"))
	}
	return fmt.Sprintf(`# What can go wrong with a federation, and which test shows what Sluice does

Written by `+"`go test ./shared/houserules -run Scenarios -update`"+` from the comments of the tests; do not edit.
%d of %d scenarios are shown by a test. For an open one, the table says what Sluice is meant to do.

| # | scenario | what Sluice does | shown by |
|---|---|---|---|
%s`, len(all)-open, len(all), rows.String())
}

func TestScenariosAreReadFromComments(t *testing.T) {
	const text = `package p

// TestWhole shows two.
// Scenarios 3, 4: and why.
func TestWhole(t *testing.T) {}

func TestCases(t *testing.T) {
	// Scenario 5
	t.Run("a case", func(t *testing.T) {})
	for _, tc := range []struct{ name string }{
		{"one", 1}, // Scenario 6
		{"two", 2},
		// Scenarios 7 and 8.
		{name: "three"},
	} {
	}
	// Scenario 9

	plain("no case")
}

var table = []string{
	// Scenario 10
	"a row",
	"another", // Scenario 11
}

func TestTable(t *testing.T) { use(table) }
func TestOther(t *testing.T) { use(table) }
`
	got, err := showings("p_test.go", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []showing{
		{3, "p_test.go", "TestWhole"}, {4, "p_test.go", "TestWhole"}, {5, "p_test.go", "TestCases/a_case"}, {6, "p_test.go", "TestCases/one"},
		{7, "p_test.go", "TestCases/three"}, {8, "p_test.go", "TestCases/three"}, {9, "p_test.go", "TestCases"},
		{10, "p_test.go", "TestTable/a_row"}, {11, "p_test.go", "TestTable/another"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %v\nwant %v", got, want)
	}
}

// TestScenariosRefuseWrongMarks shows that the rule can fail.
func TestScenariosRefuseWrongMarks(t *testing.T) {
	for _, tc := range []struct{ text, says string }{
		{"// Scenario 41\nfunc TestX(t *testing.T) {}", "p_test.go:2: there is no scenario 41"},
		{"// Scenario 0\nfunc TestX(t *testing.T) {}", "there is no scenario 0"},
		{"// Scenario 4 is shown\nfunc TestX(t *testing.T) {}", "write // Scenario 7"},
		{"// Scenario 4\nfunc helper() {}", "belongs to no test"},
		{"// Scenario 4\n\nfunc TestX(t *testing.T) {}", "belongs to no test"},
		{"var unused = []string{\n\"a row\", // Scenario 4\n}\nfunc TestX(t *testing.T) {}", "belongs to no test"},
	} {
		if _, err := showings("p_test.go", []byte("package p\n"+tc.text+"\n")); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: the error is %v; want one that says %q", tc.text, err, tc.says)
		}
	}
}

// TestScenariosWithoutTestAreOpen shows that the table tells both kinds apart.
func TestScenariosWithoutTestAreOpen(t *testing.T) {
	got := table([]scenario{{1, "a", "b"}, {2, "c", "d"}}, []showing{{2, "shared/p/p_test.go", "TestX"}})
	for _, row := range []string{"1 of 2 scenarios", "| 1 | a | b | open |\n", "| 2 | c | d | [shared/p `TestX`](../shared/p/p_test.go) |\n"} {
		if !strings.Contains(got, row) {
			t.Errorf("the table lacks %q:\n%s", row, got)
		}
	}
}
