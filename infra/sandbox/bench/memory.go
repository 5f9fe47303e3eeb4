package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// reportMemory prints the most memory that any running process of a function has had resident, having worked.
func reportMemory(function string) error {
	peak, err := peakOf(function)
	if err != nil {
		return fmt.Errorf("measure the memory of %s: %w", function, err)
	}
	figure(function+": peak memory, having worked", fmt.Sprintf("%.1f MiB", mib(peak)), peak <= 25<<20, "at most 25 MiB")
	return nil
}

// peakOf looks through /proc for children of this process that run a function: a bootstrap whose output names it.
func peakOf(function string) (peak int64, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0, err
	}
	for _, environ := range all {
		env, err := os.ReadFile(environ)
		if err != nil || !isFunction(string(env), function) {
			continue // another's process, or one that has just ended
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(environ), "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
				if err != nil {
					return 0, err
				}
				peak = max(peak, n<<10)
			}
		}
	}
	if peak == 0 {
		return 0, errors.New("no process of it runs; /proc of Linux is needed")
	}
	return peak, nil
}

// isFunction reports whether an environment is that of a function of the sandbox with that word in its name.
func isFunction(env, function string) bool {
	for variable := range strings.SplitSeq(env, "\x00") {
		if name, ok := strings.CutPrefix(variable, "AWS_LAMBDA_FUNCTION_NAME="); ok {
			return strings.Contains(strings.ToLower(name), function)
		}
	}
	return false
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
