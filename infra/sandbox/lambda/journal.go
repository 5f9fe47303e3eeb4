package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// keptLines is how many lines of a function's output can be asked for.
const keptLines = 2000

// A journal keeps the last lines that a function wrote.
type journal struct{ lines []string }

func (j *journal) add(text []byte) {
	for line := range strings.Lines(string(text)) {
		j.lines = append(j.lines, strings.TrimSuffix(line, "\n"))
	}
	if extra := len(j.lines) - keptLines; extra > 0 {
		j.lines = slices.Delete(j.lines, 0, extra)
	}
}

// Logs returns the last lines that the function wrote and those that Lambda wrote about it, at most 2000.
func (s *Service) Logs(function string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[function]
	if f == nil {
		return nil
	}
	return slices.Clone(f.log.lines)
}

// record writes output of a function to its journal and its writer.
func (s *Service) record(f *function, text []byte) {
	s.mu.Lock()
	f.log.add(text)
	s.mu.Unlock()
	if s.config.Logs == nil {
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if w := s.config.Logs(f.name); w != nil {
		_, _ = w.Write(text) // the journal has it
	}
}

// A report is what Lambda itself says about one invocation.
type report struct {
	id     string
	format string // Text or JSON
	memory int    // MB
	status string // success, error, timeout
	took   time.Duration
}

func (r report) start(now time.Time) []byte {
	if r.format == "JSON" {
		return platformLine(now, "platform.start", map[string]any{"requestId": r.id, "version": "$LATEST"})
	}
	return fmt.Appendf(nil, "START RequestId: %s Version: $LATEST\n", r.id)
}

func (r report) end(now time.Time) []byte {
	ms := float64(r.took.Microseconds()) / 1000
	billed := (r.took + time.Millisecond - 1).Milliseconds()
	if r.format == "JSON" {
		return platformLine(now, "platform.report", map[string]any{"requestId": r.id, "status": r.status,
			"metrics": map[string]any{"durationMs": ms, "billedDurationMs": billed, "memorySizeMB": r.memory}})
	}
	return fmt.Appendf(nil, "END RequestId: %s\nREPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tStatus: %s\n",
		r.id, r.id, ms, billed, r.memory, r.status)
}

func platformLine(now time.Time, kind string, record map[string]any) []byte {
	line, _ := json.Marshal(map[string]any{"time": now.Format("2006-01-02T15:04:05.000Z"), "type": kind, "record": record}) // always encodes
	return append(line, '\n')
}

// tail is the last part of an invocation's log, as Invoke answers it: at most 4 KB.
func tail(log []byte) []byte {
	const size = 4 << 10
	if len(log) <= size {
		return log
	}
	return bytes.Clone(log[len(log)-size:])
}
