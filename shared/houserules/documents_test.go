package houserules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := make(map[string]bool)
	for _, s := range sources(t) {
		if !s.test {
			documented[s.folder] = documented[s.folder] || s.doc != ""
			if begins := "Package " + s.pkg + " "; s.pkg != "main" && s.doc != "" && !strings.HasPrefix(s.doc, begins) {
				t.Errorf("%s: package comment does not begin with %q", s.path, begins)
			}
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package in %s has no comment", folder)
		}
	}
}

// credential matches what must not be in a fixture, a document or a source file: access keys, private keys and
// passwords in JSON. AWS's own examples, which end in EXAMPLE, are no credentials.
var credential = regexp.MustCompile(`(AKIA|ASIA)[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|"(password|Password|SecretAccessKey|SessionToken|DbPassword)"\s*:\s*"[^"$%]{8,}"`)

func TestNoCredentialIsCommitted(t *testing.T) {
	for _, sample := range []string{"AKIA" + "0123456789ABCDEF", `"password": ` + `"hunter2hunter2"`, "-----BEGIN " + "EC PRIVATE KEY-----"} {
		if !credential.MatchString(sample) {
			t.Errorf("the pattern misses %q", sample)
		}
	}
	files(t, func(path string) {
		data, err := os.ReadFile(filepath.Join(root(t), path))
		if err != nil {
			t.Error(err)
			return
		}
		for _, found := range credential.FindAllString(string(data), -1) {
			if !strings.Contains(found, "EXAMPLE") {
				t.Errorf("%s holds what looks like a credential: %.12s…", path, found)
			}
		}
	})
}

func TestCatalogueOfEventsIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "events/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed, present []string
	for _, row := range regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\(([^)]+)\) \| .+ \| .+ \|$`).FindAllStringSubmatch(string(text), -1) {
		if row[1] != row[2] {
			t.Errorf("row %s links to %s", row[1], row[2])
		}
		listed = append(listed, row[1])
	}
	files(t, func(path string) {
		if name, ok := strings.CutPrefix(path, "events/"); ok && name != "README.md" {
			present = append(present, name)
		}
	})
	for _, name := range present {
		if !slices.Contains(listed, name) {
			t.Errorf("events/%s has no row in events/README.md", name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(present, name) {
			t.Errorf("events/README.md lists %s, which does not exist", name)
		}
	}
	if len(listed) == 0 {
		t.Error("no rows found")
	}
}
