package houserules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// guideFile is what operators of the federation job read.
const guideFile = "infra/OPERATING.md"

// reasonFolders are the packages whose reasons a federation, or a message about one, can end with.
var reasonFolders = []string{
	"lambdas/provision",
	"shared/federation", "shared/source", "shared/source/sourcelogin", "shared/warehouse",
	"shared/aws/awsbus", "shared/aws/awscluster", "shared/aws/awsdata", "shared/aws/awsdbsecret", "shared/aws/awserror", "shared/aws/awsiam", "shared/aws/awskms",
	"shared/aws/awslogin", "shared/aws/awsnetwork", "shared/aws/awsqueue", "shared/aws/awsrds", "shared/aws/awssourcesecret", "shared/aws/awsstate",
}

// otherFolders have constants that those name.
var otherFolders = []string{"shared/aws/awslambda", "shared/settings", "shared/event"}

// Kinds of endings, by what the code calls them.
const (
	blockedKind = "Blocked" // and Bug, with which a federation is blocked as well
	retryKind   = "Retry"
	waitKind    = "wait"
)

// inner are reasons that nobody sees, with why. One that the code has no more is an error.
var inner = map[string]string{
	"Missing":     "awskms answers that there is no such key",
	"Expired":     "awsdata answers that the warehouse does not know the statement",
	"RuleMissing": "awsnetwork takes it as done",
	"RuleThere":   "awsnetwork takes it as done",
}

// grown are reasons of federations that are blocked although no line of the code gives them that kind.
var grown = map[string]string{
	"LoginDied":         "it is tried again for a quarter of an hour, and then a matter for people",
	"SourceUnreachable": "likewise",
	"StatementConflict": "likewise",
	"StatementFailed":   "it is tried again a few times, and then a matter for people",
	"Unknown":           "what fault.ReasonOf says of an error that nobody foresaw",
}

func TestGuideHasEveryReason(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), guideFile))
	if err != nil {
		t.Fatal(err)
	}
	has := reasonsIn(t)
	for _, reason := range slices.Sorted(maps.Keys(inner)) {
		if !has[blockedKind][reason] && !has[retryKind][reason] {
			t.Errorf("the code has no reason %s any more; take it out of this test", reason)
		}
		delete(has[blockedKind], reason)
		delete(has[retryKind], reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(grown)) {
		has[blockedKind][reason] = true
	}
	maps.Copy(has[retryKind], has[waitKind])
	blocked := rowsUnder(t, string(text), "## Every reason of Blocked")
	buried := rowsUnder(t, string(text), "### Reasons of dead letters")
	waiting := rowsUnder(t, string(text), "### What it waits for")
	for _, reason := range slices.Sorted(maps.Keys(has[blockedKind])) {
		if !slices.Contains(blocked, reason) && !slices.Contains(buried, reason) {
			t.Errorf("%s has no row for the reason %s, with which a federation can be blocked", guideFile, reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(has[retryKind])) {
		if !slices.Contains(waiting, reason) {
			t.Errorf("%s has no row for the reason %s, for which a federation can wait", guideFile, reason)
		}
	}
	for _, reason := range slices.Concat(blocked, buried) {
		if !has[blockedKind][reason] {
			t.Errorf("%s explains the reason %s, with which nothing is blocked", guideFile, reason)
		}
	}
	for _, reason := range waiting {
		if !has[retryKind][reason] {
			t.Errorf("%s explains the reason %s, for which nothing waits", guideFile, reason)
		}
	}
	for name, rows := range map[string][]string{"blocked": blocked, "dead letters": buried, "waiting": waiting} {
		if len(rows) == 0 {
			t.Errorf("%s has no rows about %s", guideFile, name)
		}
		for i, reason := range rows {
			if slices.Contains(rows[:i], reason) {
				t.Errorf("%s explains %s twice among %s", guideFile, reason, name)
			}
		}
	}
}

var named = regexp.MustCompile("`([A-Z][A-Za-z]+)`")

// rowsUnder are the reasons in the first column of the tables below a heading, up to the next heading of its level or above.
func rowsUnder(t *testing.T, text, heading string) (reasons []string) {
	t.Helper()
	_, below, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", guideFile, heading)
	}
	level := strings.IndexByte(heading, ' ')
	for line := range strings.Lines(below) {
		if hashes := len(line) - len(strings.TrimLeft(line, "#")); hashes > 0 && hashes <= level {
			break
		}
		if first, _, ok := strings.Cut(strings.TrimPrefix(line, "|"), "|"); ok && strings.HasPrefix(line, "|") {
			for _, name := range named.FindAllStringSubmatch(first, -1) {
				reasons = append(reasons, name[1])
			}
		}
	}
	return reasons
}

// reasonsIn finds the reasons in the code, by kind.
func reasonsIn(t *testing.T) map[string]map[string]bool {
	t.Helper()
	has := map[string]map[string]bool{blockedKind: {}, retryKind: {}, waitKind: {}}
	constants, parsed := make(map[string]string), make(map[string]*ast.File)
	set := token.NewFileSet()
	for _, folder := range slices.Concat(reasonFolders, otherFolders) {
		paths, err := filepath.Glob(filepath.Join(root(t), folder, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no Go files in %s: %v; correct the list of folders in this test", folder, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			constantsOf(file, constants)
			if slices.Contains(reasonFolders, folder) {
				parsed[path] = file
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(parsed)) {
		f := finder{t: t, set: set, pkg: parsed[path].Name.Name, constants: constants, has: has}
		for _, d := range parsed[path].Decls {
			f.declaration(d)
		}
	}
	return has
}

// constantsOf adds the texts that a file gives names, as "package.Name". A name of another one may stand for it.
func constantsOf(file *ast.File, to map[string]string) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i >= len(v.Values) {
					continue
				}
				if text, ok := v.Values[i].(*ast.BasicLit); ok && text.Kind == token.STRING {
					if value, err := strconv.Unquote(text.Value); err == nil {
						to[file.Name.Name+"."+name.Name] = value
					}
				}
			}
		}
	}
}

// A finder finds reasons in one file.
type finder struct {
	t         *testing.T
	set       *token.FileSet
	pkg       string
	constants map[string]string
	has       map[string]map[string]bool
}

func (f finder) declaration(d ast.Decl) {
	worse := false // the function changes the kind of an error that it has made
	ast.Inspect(d, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN && len(a.Lhs) == len(a.Rhs) {
			for i, left := range a.Lhs {
				if field, ok := left.(*ast.SelectorExpr); ok && field.Sel.Name == "Kind" && kindOf(a.Rhs[i]) == blockedKind {
					worse = true
				}
			}
		}
		return true
	})
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr: // r.blocked(op, reason, fix, cause)
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "blocked" && len(n.Args) == 4 {
				f.found(blockedKind, n.Args[1])
			}
		case *ast.ReturnStmt: // return fault.Blocked, reason, fix
			if len(n.Results) == 3 && kindOf(n.Results[0]) != "" {
				f.found(kindOf(n.Results[0]), n.Results[1])
			}
		case *ast.CompositeLit:
			f.literal(n, worse)
		}
		return true
	})
}

// literal looks at a fault.Error, a cause or a wait.
func (f finder) literal(l *ast.CompositeLit, worse bool) {
	if len(l.Elts) < 2 {
		return
	}
	if name, ok := l.Type.(*ast.Ident); ok && name.Name == waitKind {
		f.found(waitKind, l.Elts[1])
		return
	}
	if kind := kindOf(l.Elts[0]); kind != "" {
		f.found(kind, l.Elts[1])
		return
	}
	var kind string
	var reason ast.Expr
	for _, e := range l.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		name, ok := field.Key.(*ast.Ident)
		switch {
		case !ok:
		case strings.EqualFold(name.Name, "kind"):
			kind = kindOf(field.Value)
		case strings.EqualFold(name.Name, "reason"):
			reason = field.Value
		}
	}
	if kind == "" || reason == nil {
		return
	}
	f.found(kind, reason)
	if worse {
		f.found(blockedKind, reason)
	}
}

// kindOf is the kind that fault.Blocked and its like stand for, or "".
func kindOf(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := s.X.(*ast.Ident); !ok || x.Name != "fault" {
		return ""
	}
	switch s.Sel.Name {
	case "Blocked", "Bug":
		return blockedKind
	case "Retry":
		return retryKind
	}
	return ""
}

// found notes a reason. One that is not a constant is the parameter of a helper, whose callers are found themselves; all else
// would be missed, and is an error.
func (f finder) found(kind string, e ast.Expr) {
	name := ""
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			f.has[kind][text] = true
			return
		}
	case *ast.Ident:
		if e.Name == "reason" {
			return
		}
		name = f.pkg + "." + e.Name
	case *ast.SelectorExpr:
		if e.Sel.Name == "Reason" { // of another error, that is found where it is made
			return
		}
		if x, ok := e.X.(*ast.Ident); ok {
			name = x.Name + "." + e.Sel.Name
		}
	case *ast.CallExpr: // fault.ReasonOf of such an error
		return
	}
	if text, ok := f.constants[name]; ok {
		f.has[kind][text] = true
		return
	}
	f.t.Errorf("%s: the reason is no text that this test understands; write a constant", f.set.Position(e.Pos()))
}
