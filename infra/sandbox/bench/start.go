package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// startRounds is how often each function is started; the functions take turns, so that what else the machine does
// hits all of them.
const startRounds = 31

// A function is a built bootstrap and the environment that it starts with.
type function struct {
	name   string
	binary string
	env    map[string]string
}

// A footprint is what a function costs before it does anything.
type footprint struct {
	start  []time.Duration // from starting the process to its first request for work
	zipped int64           // bytes
}

// functions are the empty function and those of the product, with settings as a deployment gives them.
func functions(built, empty string) []function {
	timings := settings.DefaultTimings()
	rotate := settings.Rotate{Stage: "bench", Bus: "bench", Timings: timings, Warehouse: warehouse.Warehouse{
		Name: "analytics", Cluster: "examplecluster", Verify: warehouse.VerifyLogin,
		Allow: warehouse.Allowance{Databases: []string{"exampledb"}, Users: []string{"app_*"}},
	}}
	refresh := settings.Refresh{Stage: "bench", Bus: "bench", Timings: timings, Clusters: map[string]string{"analytics": "examplecluster"}}
	provision := settings.Provision{
		Stage: "bench", Bus: "bench", Account: "111122223333", Region: "us-east-1", Table: "bench", Queue: "bench", DeadLetters: "bench", Login: "bench", Boundary: "bench",
		Federation: settings.Federation{Policy: settings.PolicyDocumented, RecoveryDays: settings.MaxRecoveryDays, Warehouses: map[string]warehouse.Federating{
			"analytics": {Cluster: "examplecluster", Database: "exampledb", User: "sluice", Sources: []string{"orders-*"}},
		}},
	}
	return []function{
		{"empty", empty, nil},
		{"rotate", filepath.Join(built, "rotate", "bootstrap"), rotate.Env()},
		{"refresh", filepath.Join(built, "refresh", "bootstrap"), refresh.Env()},
		{"provision", filepath.Join(built, "provision", "bootstrap"), provision.Env()},
		{"login", filepath.Join(built, "login", "bootstrap"), settings.Login{Stage: "bench"}.Env()},
	}
}

// build builds one of the functions that the product is compared with, the way the product's are built.
func build(ctx context.Context, folder, name string) (binary string, err error) {
	binary = filepath.Join(folder, name, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, "./infra/sandbox/bench/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the function %s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// measureStarts starts each function startRounds times.
func measureStarts(ctx context.Context, all []function) (map[string]*footprint, error) {
	found := make(map[string]*footprint)
	for _, f := range all {
		size, err := zippedSize(f.binary)
		if err != nil {
			return nil, err
		}
		found[f.name] = &footprint{zipped: size}
	}
	for range startRounds {
		for _, f := range all {
			start, err := startOnce(ctx, f)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", f.name, err)
			}
			found[f.name].start = append(found[f.name].start, start)
		}
	}
	return found, nil
}

// startOnce starts a function against a Runtime API that has no work for it, and ends it once it has asked.
func startOnce(ctx context.Context, f function) (time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	api := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go func() { _ = api.Serve(listener) }()
	defer api.Close()

	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API": listener.Addr().String(), "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
	}
	maps.Copy(env, f.env)
	cmd := exec.CommandContext(ctx, f.binary)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-asked:
		_ = cmd.Process.Kill()
		<-ended
		return at.Sub(begin), nil
	case err := <-ended:
		return 0, fmt.Errorf("it ended before it asked for work: %v\n%s", err, &said)
	}
}

// zippedSize is the size of the deployment package: the binary under its name, compressed as hard as zip can.
func zippedSize(binary string) (int64, error) {
	in, err := os.Open(binary)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	var out counter
	archive := zip.NewWriter(&out)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	entry, err := archive.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(entry, in); err != nil {
		return 0, err
	}
	err = archive.Close()
	return int64(out), err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
