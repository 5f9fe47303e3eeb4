package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
)

// A documentError is everything that is wrong with a document.
type documentError struct {
	file     string
	problems fault.Problems
}

func (e *documentError) Error() string { return e.file + " is not right: " + e.problems.Error() }

// fail writes an error for people: what, where, and what to do. Of which stage it speaks comes last, for the configuration may be
// the default one.
func (s *session) fail(w io.Writer, name string, err error) {
	if e, ok := errors.AsType[*documentError](err); ok {
		fmt.Fprintf(w, "sluice %s: %s is not right:\n", name, e.file)
		for _, p := range e.problems {
			fmt.Fprintf(w, "  %s\n", indented(p.String()))
		}
		return
	}
	what, fix := err.Error(), ""
	if e, ok := errors.AsType[*fault.Error](err); ok {
		what, fix = apart(e)
	}
	fmt.Fprintf(w, "sluice %s: %s\n", name, indented(what))
	if fix != "" {
		fmt.Fprintf(w, "  remedy: %s\n", fix)
	}
	if s.stage != "" {
		fmt.Fprintf(w, "  configuration: %s, stage %s\n", s.config, s.stage)
	}
}

// apart is what an error says without its remedy, and the remedy. What may pass by itself has one for functions, which are started
// again by themselves; a command is not.
func apart(e *fault.Error) (what, fix string) {
	alone := *e
	alone.Fix = ""
	switch {
	case e.Kind != fault.Retry:
		return alone.Error(), e.Fix
	case e.Reason == awserror.Unauthorized:
		return alone.Error(), logIn
	}
	return alone.Error(), "run the command again in a moment; if that goes on, check this machine's way to AWS"
}

// indented keeps the lines of a text together below the first.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }
