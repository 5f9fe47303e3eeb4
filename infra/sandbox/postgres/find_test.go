package postgres_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/postgres"
)

// install puts empty programs into a new folder.
func install(t *testing.T, programs ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	half, whole, other := install(t, "initdb"), install(t, "initdb", "postgres"), install(t, "postgres", "initdb")
	if got, err := postgres.Find([]string{"/nowhere", half, whole, other}); err != nil || got != whole {
		t.Errorf("Find() = %q, %v; want the first folder with both programs, %q", got, err, whole)
	}
	_, err := postgres.Find([]string{"/nowhere", half})
	if !errors.Is(err, postgres.ErrNotInstalled) {
		t.Fatalf("Find() = %v; want ErrNotInstalled", err)
	}
	for _, want := range []string{"/nowhere", half, "install PostgreSQL 13 or newer", "@embedded-postgres/" + runtime.GOOS} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	path := install(t, "initdb")
	t.Setenv("PATH", path)
	got := postgres.Places("modules")
	if got[0] != path {
		t.Errorf("first place is %q; want that of the PATH, %q", got[0], path)
	}
	arch := strings.Replace(runtime.GOARCH, "amd64", "x64", 1)
	if want := filepath.Join("modules", "@embedded-postgres", runtime.GOOS+"-"+arch, "native", "bin"); got[len(got)-1] != want {
		t.Errorf("last place is %q; want npm's, %q", got[len(got)-1], want)
	}
	if !slices.ContainsFunc(got, func(dir string) bool { return strings.HasPrefix(dir, "/usr/lib/postgresql/") }) {
		t.Errorf("places %q lack that of Linux distributions", got)
	}
}
