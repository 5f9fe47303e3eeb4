package houserules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Phases and conditions are what a status says in one word, beside its reason.
func TestGuideHasEveryPhaseAndCondition(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), guideFile))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), "shared/federation/record.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	words := wordsOf(file)
	if len(words) < 10 {
		t.Fatalf("the record has the phases and conditions %v; there are more, which this test must find", words)
	}
	reading, _, _ := strings.Cut(string(text), "\n### What it waits for\n")
	explained := rowsUnder(t, reading, "## Read the status")
	for _, word := range words {
		if !slices.Contains(explained, word) {
			t.Errorf("%s does not explain %s", guideFile, word)
		}
	}
	for _, word := range explained {
		if !slices.Contains(words, word) && !strings.HasPrefix(word, "Federation") {
			t.Errorf("%s explains %s, which no status has", guideFile, word)
		}
	}
}

// wordsOf are the phases and conditions that a file gives names.
func wordsOf(file *ast.File) (words []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, typed := v.Type.(*ast.Ident)
		for i, name := range v.Names {
			if i < len(v.Values) && (typed && kind.Name == "Phase" || strings.HasPrefix(name.Name, "Cond")) {
				if text, ok := v.Values[i].(*ast.BasicLit); ok {
					if word, err := strconv.Unquote(text.Value); err == nil {
						words = append(words, word)
					}
				}
			}
		}
		return true
	})
	return words
}
