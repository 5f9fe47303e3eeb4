// Command sandbox runs Sluice's local world until it is interrupted: AWS's APIs, a warehouse on a real PostgreSQL, and
// what a synthesized assembly deploys into them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// defaultPort is where the sandbox is unless it is told otherwise.
const defaultPort = 4780

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// run starts the sandbox, says so, and stops it when ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Starting the sandbox.")
	w, err := world.Start(ctx, c)
	if err != nil {
		return err
	}
	file := filepath.Clean(c.State) + ".env"
	if err := announce(ctx, out, w, file); err != nil {
		return errors.Join(err, w.Close())
	}
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopping the sandbox.")
	return errors.Join(os.Remove(file), w.Close())
}

// parse reads flags and SANDBOX_PORT.
func parse(args []string) (world.Config, error) {
	c := world.Config{NodeModules: "infra/node_modules", Sources: true, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	port := os.Getenv("SANDBOX_PORT")
	if port == "" {
		port = strconv.Itoa(defaultPort)
	}
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.StringVar(&c.Assembly, "assembly", "", "folder that cdk synth wrote; empty deploys nothing")
	flags.StringVar(&port, "port", port, "port of AWS's endpoint; the cluster and the workgroup have the next two (environment: SANDBOX_PORT)")
	flags.StringVar(&c.State, "state", "build/sandbox", "folder for the certificate and the functions' logs")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("argument %q is not understood; there are only flags", flags.Arg(0))
	}
	var err error
	if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65533 {
		return c, fmt.Errorf("port %q is not a number from 1 to 65533; set SANDBOX_PORT or -port", port)
	}
	return c, nil
}
