package houserules_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sluicehq/sluice"

// root is the folder that holds go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the working folder")
	return ""
}

// files calls visit for every file of the repository that people wrote, with its slash-separated path.
func files(t *testing.T, visit func(path string)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "build", "cdk.out", "node_modules":
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(top, path)
		if err == nil {
			visit(filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A source is one Go file: its folder, whether it is a test, what it imports, and its package comment.
type source struct {
	path, folder string
	test         bool
	pkg, doc     string
	imports      []string
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	files(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), path), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		s := source{path: path, folder: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(path, "_test.go"), pkg: file.Name.Name}
		if file.Doc != nil {
			s.doc = file.Doc.Text()
		}
		for _, i := range file.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			s.imports = append(s.imports, name)
		}
		all = append(all, s)
	})
	if len(all) == 0 {
		t.Fatal("no Go files found")
	}
	return all
}
