package endtoend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/shared/secret"
)

// run collects what all tests leave behind.
var run = output{minted: map[string]bool{}, places: map[string]*strings.Builder{}}

// worlds is how many stages are there at one time.
const worlds = 8

// TestMain runs the tests and then searches everything that was put out during the whole run, also by the tests
// themselves, for every password that was minted.
func TestMain(m *testing.M) {
	flag.Parse()
	if p := flag.Lookup("test.parallel"); p.Value.String() == p.DefValue {
		// Most of the time goes by in functions that wait before they try a call again, whatever the number of processors.
		_ = p.Value.Set(strconv.Itoa(worlds))
	}
	restore := run.listen(&os.Stdout, &os.Stderr)
	code := m.Run()
	restore()
	if found := run.leaks(); len(found) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: minted passwords were found in: %s\n", strings.Join(found, ", "))
		code = max(code, 1)
	}
	fmt.Print(run.closing)
	os.Exit(code)
}

// shown is how much of a password makes a leak: enough for no other text to have it.
const shown = 16

// An output is what was minted, and where it must not be.
type output struct {
	mu     sync.Mutex
	minted map[string]bool // by the first characters
	places map[string]*strings.Builder

	closing string // what is printed after everything else
}

// close adds a line to what is printed last, below what package testing says of the run.
func (o *output) close(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing += line + "\n"
}

// said adds a text to what was put out at a place.
func (o *output) said(place, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.places[place] == nil {
		o.places[place] = new(strings.Builder)
	}
	o.places[place].WriteString(text + "\n")
}

// listen copies what goes to files from now on, until the function that it returns is called.
func (o *output) listen(files ...**os.File) (restore func()) {
	var undo []func()
	for _, file := range files {
		to := *file
		r, w, err := os.Pipe()
		if err != nil {
			panic(fmt.Sprintf("copy the output of the tests: %v", err))
		}
		*file = w
		var copied bytes.Buffer
		var done sync.WaitGroup
		done.Go(func() { _, _ = io.Copy(io.MultiWriter(to, &copied), r) })
		undo = append(undo, func() {
			*file = to
			_ = w.Close()
			done.Wait()
			o.said(to.Name(), copied.String())
		})
	}
	return func() {
		for _, u := range undo {
			u()
		}
	}
}

// search lets the output be searched for passwords.
func (o *output) search(passwords []secret.Value) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, password := range passwords {
		o.minted[password.Reveal()[:shown]] = true
	}
}

// keep takes everything that a stage has put out, before it ends.
func (o *output) keep(ctx context.Context, s *stage) error {
	o.search(slices.Concat(s.Minted(), s.Sources.Passwords(), s.Secrets.Passwords()))
	o.said("log of the warehouse's front", s.front.String())

	c := s.Control()
	about, err := c.World(ctx)
	if err != nil {
		return err
	}
	for place, ask := range map[string]func() (any, error){
		"recorded calls":             func() (any, error) { return c.Calls(ctx, awshttp.Filter{}) },
		"deployed resources":         func() (any, error) { return c.Resources(ctx) },
		"events of the default bus":  func() (any, error) { return c.Events(ctx, "") },
		"events of Sluice's bus":     func() (any, error) { return c.Events(ctx, busName) },
		"faults":                     func() (any, error) { return c.Faults(ctx) },
		"description of the sandbox": func() (any, error) { return about, nil },
		"secrets and their tags":     func() (any, error) { return s.AWS.Do(ctx, operator, "secretsmanager", "ListSecrets", nil) },
	} {
		answer, err := ask()
		if err != nil {
			return err
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		o.said(place, string(text))
	}
	return filepath.WalkDir(about.Logs, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		o.said("log "+e.Name(), string(text))
		return err
	})
}

// leaks names the places in which there is a password.
func (o *output) leaks() (found []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(o.places)) {
		if contains(o.places[place].String(), o.minted) {
			found = append(found, place)
		}
	}
	return found
}

// contains reports whether text has one of the words in it, which are of base64's letters and have all the same length.
func contains(text string, words map[string]bool) bool {
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '/' && r != '='
	}
	for candidate := range strings.FieldsFuncSeq(text, foreign) {
		for i := range len(candidate) - shown + 1 {
			if words[candidate[i:i+shown]] {
				return true
			}
		}
	}
	return false
}

// TestLeaksAreFound is the test of the test.
func TestLeaksAreFound(t *testing.T) {
	password := secret.New("Kq3+ab/9Zy" + strings.Repeat("0", 66))
	for _, tc := range []struct {
		name, text string
		leaks      bool
	}{
		{"in a log line", `{"level":"INFO","msg":"login ` + password.Reveal() + `"}`, true},
		{"with something before it", "passwordKq3+ab/9Zy0000000", true},
		{"printed as what it is", fmt.Sprintf("%v %+v %#v", password, struct{ p secret.Value }{password}, control.World{}), false},
		{"another word", "Kq3+ab/9Zz" + strings.Repeat("0", 66), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := output{minted: map[string]bool{password.Reveal()[:shown]: true}, places: map[string]*strings.Builder{}}
			var file *os.File
			f, err := os.Create(filepath.Join(t.TempDir(), "output"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			file = f
			restore := o.listen(&file)
			fmt.Fprintln(file, tc.text)
			restore()
			if found := o.leaks(); (len(found) > 0) != tc.leaks {
				t.Errorf("leaks are found in %q; want a leak: %t", found, tc.leaks)
			}
		})
	}
}

// A journal is a buffer that may be written to and read at the same time.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
