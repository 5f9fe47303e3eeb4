package world

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// logFiles are the files that take the output of functions, one a function.
type logFiles struct {
	folder string
	mu     sync.Mutex
	files  map[string]*os.File
	failed error // why files could not be opened
	closed bool
}

func newLogFiles(folder string) *logFiles {
	return &logFiles{folder: folder, files: map[string]*os.File{}}
}

// writer returns the file of a function, emptied when it is opened first. Lambda keeps the output too, so that
// a function runs even if there can be no file.
func (l *logFiles) writer(function string) io.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return io.Discard
	}
	if f := l.files[function]; f != nil {
		return f
	}
	f, err := os.OpenFile(filepath.Join(l.folder, function+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		l.failed = errors.Join(l.failed, fmt.Errorf("open the log of function %s: %w", function, err))
		return io.Discard
	}
	l.files[function] = f
	return f
}

// close closes the files and tells which could not be opened.
func (l *logFiles) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	problems := []error{l.failed}
	for _, f := range l.files {
		problems = append(problems, f.Close())
	}
	l.closed = true
	return errors.Join(problems...)
}
