// Command sluice is what operators of the federation job use beside events: it asks for sources, shows how far they are, says
// what would be made, and brings messages back that could not succeed. To application teams it says what the connection
// properties of a program come to.
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
)

// A command is one of sluice's.
type command struct {
	name      string
	arguments string   // as usage shows them; in brackets where they may be left out
	flags     []string // beside -config
	does      string
	run       func(ctx context.Context, s *session, arguments []string) error
}

// Flags.
const (
	flagConfig = "config"
	flagJSON   = "json"
	flagDry    = "dry-run"
	flagAll    = "all"
	flagRead   = "read"
)

var commands = []command{
	{"request", "FILE", nil, "ask for the source that FILE describes, - for standard input", request},
	{"withdraw", "NAME", nil, "take a source's federation down", withdraw},
	{"status", "[NAME]", []string{flagJSON}, "show how far all federations are, or all about one", status},
	{"plan", "FILE", []string{flagJSON}, "say what would be made for FILE; changes nothing", plan},
	{"bootstrap", "WAREHOUSE", nil, "print the SQL that an administrator of the warehouse runs once", bootstrap},
	{"explain", "PROPERTIES", []string{flagJSON, flagRead}, "say what connection properties come to, - for standard input; calls AWS with -read alone", explain},
	{"redrive", "", []string{flagDry, flagAll}, "bring messages back that could not succeed", redrive},
}

// Exit codes.
const (
	exitFailed = 1 // what was asked for did not succeed, or would not
	exitUsage  = 2 // what was asked for makes no sense
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, machine))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, arguments []string, in io.Reader, out, errs io.Writer, c clock) int {
	s := &session{in: in, out: out, clock: c, began: c.now()}
	flags := flag.NewFlagSet("sluice", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.config, flagConfig, defaultConfig(), "")
	flags.BoolVar(&s.json, flagJSON, false, "")
	flags.BoolVar(&s.dry, flagDry, false, "")
	flags.BoolVar(&s.all, flagAll, false, "")
	flags.BoolVar(&s.read, flagRead, false, "")
	words, err := interleaved(flags, arguments)
	switch {
	case errors.Is(err, flag.ErrHelp), len(words) > 0 && words[0] == "help":
		usage(out)
		return 0
	case err != nil:
		fmt.Fprintf(errs, "sluice: %v; sluice help shows what there is\n", err)
		return exitUsage
	case len(words) == 0:
		usage(errs)
		return exitUsage
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == words[0] })
	if i < 0 {
		fmt.Fprintf(errs, "sluice has no command %q; sluice help shows what there is\n", words[0])
		return exitUsage
	}
	does, words := commands[i], words[1:]
	if why := does.wrong(flags, words); why != "" {
		fmt.Fprintf(errs, "sluice %s: %s; write %s\n", does.name, why, does.usage())
		return exitUsage
	}
	if err := does.run(ctx, s, words); err != nil {
		s.fail(errs, does.name, err)
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

// wrong says what is wrong with the words and flags of a command line, or returns "". A flag that does nothing is refused: who
// writes -dry-run must not be surprised by what happens.
func (c command) wrong(flags *flag.FlagSet, words []string) (why string) {
	flags.Visit(func(f *flag.Flag) {
		if f.Name != flagConfig && !slices.Contains(c.flags, f.Name) {
			why = "it has no -" + f.Name
		}
	})
	switch named := len(strings.Fields(c.arguments)); {
	case why != "":
		return why
	case len(words) > named:
		return fmt.Sprintf("%q is too much", words[named])
	case len(words) < named && !strings.HasPrefix(c.arguments, "["):
		return c.arguments + " is missing"
	}
	return ""
}

func (c command) usage() string {
	words := []string{"sluice", c.name}
	for _, f := range c.flags {
		words = append(words, "[-"+f+"]")
	}
	return strings.TrimSpace(strings.Join(words, " ") + " " + c.arguments)
}

func usage(w io.Writer) {
	fmt.Fprint(w, "sluice works on the federations of one stage, and explains connection properties.\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(t, "  %s\t%s\n", c.usage(), c.does)
	}
	_ = t.Flush()
	fmt.Fprintf(w, `
  -config FILE  the stage's configuration; without it the one that SLUICE_CONFIG names, or else
                %s
  -json         write JSON
  -dry-run      only show what would be brought back
  -all          bring back what cannot succeed as it is, too
  -read         ask Redshift for the authentication profile that the properties name

It calls AWS with the credentials that the AWS CLI would use, and exits with 1 if something failed or would be
refused, and with 2 if the command line makes no sense.
`, exampleConfig)
}
