// Command sluice is what operators of the federation job use beside events: it asks for sources, shows how far they are, says
// what would be made, and brings messages back that could not succeed.
//
// It reads the configuration of the stage, as infra does, and talks to AWS with the credentials of whoever runs it; with
// AWS_ENDPOINT_URL it talks to the sandbox.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/sluicehq/sluice/shared/fault"
)

// A command is one of sluice's.
type command struct {
	name, arguments, does string
	run                   func(ctx context.Context, s *session, arguments []string) error
}

var commands = []command{
	{"request", "FILE", "ask for the source that FILE describes, - for standard input", request},
	{"withdraw", "NAME", "take a source's federation down", withdraw},
	{"status", "[NAME]", "show how far all federations are, or all about one", status},
	{"plan", "FILE", "say what would be made for FILE; changes nothing", plan},
	{"bootstrap", "WAREHOUSE", "print the SQL that an administrator of the warehouse runs once", bootstrap},
	{"redrive", "", "bring messages back that could not succeed", redrive},
}

// Exit codes.
const (
	exitFailed = 1 // what was asked for did not succeed
	exitUsage  = 2 // what was asked for makes no sense
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, arguments []string, in io.Reader, out, errs io.Writer) int {
	s := &session{in: in, out: out}
	flags := flag.NewFlagSet("sluice", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() { usage(errs) }
	flags.StringVar(&s.config, "config", defaultConfig(), "")
	flags.BoolVar(&s.json, "json", false, "")
	flags.BoolVar(&s.dry, "dry-run", false, "")
	words, err := interleaved(flags, arguments)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}
	i := -1
	if len(words) > 0 {
		i = slices.IndexFunc(commands, func(c command) bool { return c.name == words[0] })
	}
	if i < 0 {
		usage(errs)
		return exitUsage
	}
	c := commands[i]
	if most, least := strings.Count(c.arguments, " ")+1, 1; c.arguments == "" && len(words) > 1 || len(words)-1 > most || !strings.HasPrefix(c.arguments, "[") && c.arguments != "" && len(words)-1 < least {
		fmt.Fprintf(errs, "sluice %s: write sluice %s\n", c.name, strings.TrimSpace(c.name+" "+c.arguments))
		return exitUsage
	}
	if err := c.run(ctx, s, words[1:]); err != nil {
		explain(errs, c.name, err)
		return exitFailed
	}
	return 0
}

// interleaved parses flags wherever they stand among the words.
func interleaved(flags *flag.FlagSet, arguments []string) (words []string, err error) {
	for {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words, arguments = append(words, flags.Arg(0)), flags.Args()[1:]
	}
}

// explain writes an error for people: what, and what to do.
func explain(w io.Writer, name string, err error) {
	if problems, ok := errors.AsType[fault.Problems](err); ok {
		fmt.Fprintf(w, "sluice %s: the document is not right:\n", name)
		for _, p := range problems {
			fmt.Fprintf(w, "  %s\n", p)
		}
		return
	}
	fmt.Fprintf(w, "sluice %s: %v\n", name, err)
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "sluice works on the federations of one stage.\n\n  sluice [-config FILE] COMMAND")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(t, "  %s %s\t%s\n", c.name, c.arguments, c.does)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\n  -config FILE  the stage's configuration (%s, or SLUICE_CONFIG)\n  -json         status and plan as JSON\n  -dry-run      let redrive only show the messages\n", defaultConfig())
}
