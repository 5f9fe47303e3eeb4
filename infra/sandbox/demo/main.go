// Command demo proves the product in the sandbox, step by step and in plain words: it deploys what cdk synth wrote,
// lets an hour or more pass on the sandbox's clock, breaks things, and closes with a table of what was proven.
// It exits with 1 if anything was not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

const assembly = "build/cdk.out"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	held, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
	}
	if err != nil || !held {
		os.Exit(1)
	}
}

// run plays all acts, and reports whether everything that they claim held.
func run(ctx context.Context) (held bool, err error) {
	state, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return false, fmt.Errorf("make a folder for the sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()

	n := narrate(os.Stdout)
	fmt.Fprintln(n.out, "Sluice in the sandbox: both its jobs, with no AWS account.")
	n.act("The sandbox starts, and deploys the synthesized template")
	w, err := world.Start(ctx, world.Config{Assembly: assembly, State: state, NodeModules: "infra/node_modules", Sources: true})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	d, err := open(ctx, w, n, filepath.Join(state, "application"))
	if err != nil {
		return false, err
	}
	for _, act := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"The first rotation of a consumer's secret", d.firstRotation},
		{"The application logs in with what it read", d.login},
		{"The same login without TLS", d.plaintext},
		{"Twenty-five minutes pass; the tick finds too little life left", d.tick},
		{"The old login expires", d.expiry},
		{"Redshift mints no logins for twenty minutes", d.outage},
		{"The cluster is paused for two hours", d.paused},
		{"A Go program connects with the connector, by profiles of AWS's files and without a password", d.connects},
		{"A value is written into a database outside the warehouse", d.written},
		{"That database is requested as a source: " + requestFile, d.requested},
		{"A federated join, over verified TLS, with the application's lease", d.joined},
		{"The role is detached from the cluster by hand", d.detached},
		{"The source is withdrawn", d.withdrawn},
		{"Every password that was given out is looked for in all output", d.leaks},
	} {
		n.act(act.title)
		if err := act.play(ctx); err != nil {
			n.table()
			return false, fmt.Errorf("%s: %w", act.title, err)
		}
	}
	return n.table(), nil
}
