package main

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// A narrator tells what happens, with the time since the start, and keeps what was proven.
type narrator struct {
	out    io.Writer
	said   bytes.Buffer // all of it once more, for the search for passwords
	began  time.Time
	proofs []proof
}

// A proof is one claim and whether it held.
type proof struct {
	claim string
	held  bool
	saw   string // what was seen, whether it held or not
}

func narrate(out io.Writer) *narrator {
	n := &narrator{began: time.Now()}
	n.out = io.MultiWriter(out, &n.said)
	return n
}

// act opens a part of the story.
func (n *narrator) act(title string) { fmt.Fprintf(n.out, "\n%s\n", title) }

// say tells one thing that happened.
func (n *narrator) say(format string, args ...any) {
	fmt.Fprintf(n.out, "[%5.1fs]  %s\n", time.Since(n.began).Seconds(), fmt.Sprintf(format, args...))
}

// prove keeps a claim with what was seen.
func (n *narrator) prove(held bool, claim, saw string, args ...any) {
	p := proof{claim, held, fmt.Sprintf(saw, args...)}
	n.proofs = append(n.proofs, p)
	n.say("%s %s: %s", mark(p.held), p.claim, p.saw)
}

func mark(held bool) string {
	if held {
		return "ok  "
	}
	return "FAIL"
}

// table closes the story, and reports whether everything held.
func (n *narrator) table() (held bool) {
	width := 0
	for _, p := range n.proofs {
		width = max(width, len(p.claim))
	}
	fmt.Fprintf(n.out, "\nWhat was proven, in %.1f s\n\n", time.Since(n.began).Seconds())
	held = len(n.proofs) > 0
	for _, p := range n.proofs {
		fmt.Fprintf(n.out, "  %s  %-*s  %s\n", mark(p.held), width, p.claim, p.saw)
		held = held && p.held
	}
	return held
}
