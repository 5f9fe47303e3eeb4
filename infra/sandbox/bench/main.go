// Command bench measures what the product costs: start, memory and size of the functions beside a function that does nothing, AWS
// calls of a rotation, of a tick and of provisioning a source, alone and many at once, connections through the connector beside pgx
// alone, and rotations a second beside the bare sequence of the same calls. All in one run, with repetitions that take turns; a
// machine that is busy with something else shows in both sides of a ratio.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

const assembly = "build/cdk.out"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	built := "build/" + map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	fmt.Printf("%d cores; medians; the product beside something that does the least possible\n\n", runtime.NumCPU())

	empty, err := build(ctx, folder, "empty")
	if err != nil {
		return err
	}
	starts, err := measureStarts(ctx, functions(built, empty))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		ratio float64
	}{{"rotate", 2}, {"refresh", 2}, {"provision", 3}, {"login", 3}} {
		name, us, least := f.name, starts[f.name], starts["empty"]
		a, b := median(us.start), median(least.start)
		figure(name+": start to first request for work", fmt.Sprintf("%.1f ms, empty %.1f ms, ratio %.2f", ms(a), ms(b), float64(a)/float64(b)), float64(a) <= f.ratio*float64(b), fmt.Sprintf("at most %.0f", f.ratio))
		figure(name+": size of the zip", fmt.Sprintf("%.1f MiB, empty %.1f MiB", mib(us.zipped), mib(least.zipped)), us.zipped <= 8<<20, "at most 8 MiB")
	}

	w, err := world.Start(ctx, world.Config{Assembly: assembly, State: folder, NodeModules: "infra/node_modules", Sources: true})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := measureCalls(ctx, w); err != nil {
		return err
	}
	if err := measureConnecting(ctx, w); err != nil { // while the login in the secret is fresh
		return err
	}
	if err := measureResolving(); err != nil {
		return err
	}
	if err := measureFederation(ctx, w); err != nil {
		return err
	}
	bare, err := build(ctx, folder, "bare")
	if err != nil {
		return err
	}
	w.Identity.SetDelay(0) // the functions that are compared get roles of their own
	return measureThroughput(ctx, w, built+"/rotate/bootstrap", bare)
}

// figure prints one line of the result. A figure outside its limit is not an error: machines differ.
func figure(what, saw string, within bool, limit string) {
	verdict := "ok  "
	if !within {
		verdict = "OVER"
	}
	fmt.Printf("%s  %-44s %s (%s)\n", verdict, what, saw, limit)
}

func median[T ~int64 | ~float64](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
