package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/source/sourcelogin"
)

// fake answers as the test says, and keeps what it was asked.
type fake struct {
	answer source.Answer
	err    error
	asked  []source.Request
	ends   time.Time
}

func (f *fake) Do(ctx context.Context, r source.Request) (source.Answer, error) {
	f.asked = append(f.asked, r)
	f.ends, _ = ctx.Deadline()
	return f.answer, f.err
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../events/login", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// invoke runs the handler and returns its output and the one line of its log.
func invoke(t *testing.T, f *fake, payload []byte) (output []byte, line map[string]any, err error) {
	t.Helper()
	var log bytes.Buffer
	h := handler{keeper: f, log: slog.New(slog.NewJSONHandler(&log, nil))}
	output, err = h.Invoke(t.Context(), payload)
	if problem := json.Unmarshal(log.Bytes(), &line); problem != nil {
		t.Fatalf("log %s: %v", &log, problem)
	}
	return output, line, err
}

var refusal = &fault.Error{Kind: fault.Blocked, Reason: source.LoginTaken, Op: "find login", Subject: "user admin at db:5432/orders", Err: errors.New("it is another's"), Fix: "rename it"}

func TestReplies(t *testing.T) {
	for name, tc := range map[string]struct {
		event, action string
		fake          fake
		output        string
		line          map[string]any
	}{
		"made": {"ensure.json", source.Ensure, fake{answer: source.Answer{Changed: true, Uncovered: []string{"app"}}}, `{"answer":{"changed":true,"uncovered":["app"]}}`,
			map[string]any{"level": "INFO", "outcome": "Changed", "uncovered": []any{"app"}}},
		"there": {"ensure.json", source.Ensure, fake{}, `{"answer":{"changed":false}}`,
			map[string]any{"level": "INFO", "outcome": "Unchanged", "uncovered": nil}},
		"dropped": {"drop.json", source.Drop, fake{answer: source.Answer{Changed: true}}, `{"answer":{"changed":true}}`,
			map[string]any{"level": "INFO", "outcome": "Dropped", "uncovered": nil}},
		"refused": {"ensure.json", source.Ensure, fake{err: refusal},
			`{"problem":{"kind":"blocked","reason":"LoginTaken","op":"find login","subject":"user admin at db:5432/orders","cause":"it is another's","fix":"rename it"}}`,
			map[string]any{"level": "ERROR", "outcome": "Failed", "reason": source.LoginTaken, "kind": "blocked", "err": refusal.Error()}},
	} {
		t.Run(name, func(t *testing.T) {
			output, line, err := invoke(t, &tc.fake, sample(t, tc.event))
			if err != nil || string(output) != tc.output {
				t.Errorf("%s, %v\nwant %s", output, err, tc.output)
			}
			want := map[string]any{"action": tc.action, "federation": "orders", "user": "sluice_orders_9f86d081", "source": "orders-prod.abc123xyz789.us-east-1.rds.amazonaws.com:5432/orders"}
			maps.Copy(want, tc.line)
			delete(line, "time")
			delete(line, "msg")
			if !reflect.DeepEqual(line, want) {
				t.Errorf("log line %v\nwant %v", line, want)
			}
			if len(tc.fake.asked) != 1 || tc.fake.asked[0].Action != tc.action {
				t.Errorf("asked %+v", tc.fake.asked)
			}
		})
	}
}

func TestMalformedEvents(t *testing.T) {
	samples, err := filepath.Glob("../../events/login/refused-*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	payloads := map[string][]byte{"nothing": nil, "no JSON": []byte("x"), "a tick": []byte(`{"secret":"arn:aws:secretsmanager:us-east-1:111122223333:secret:x"}`)}
	for _, file := range samples {
		payloads[filepath.Base(file)] = sample(t, filepath.Base(file))
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			var f fake
			_, line, err := invoke(t, &f, payload)
			if published, ok := err.(messages.InvokeResponse_Error); !ok || published.Type != awslambda.Malformed {
				t.Errorf("%T: %v", err, err)
			}
			if line["outcome"] != awslambda.Malformed || line["level"] != "ERROR" || line["err"] == "" {
				t.Errorf("log line %v", line)
			}
			if len(f.asked) > 0 {
				t.Error("something was done about it")
			}
		})
	}
}

// When the time for the work is over there is some left, to say so.
func TestTimeIsLeftToReport(t *testing.T) {
	var f fake
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h := handler{keeper: &f, log: slog.New(slog.DiscardHandler)}
	if _, err := h.Invoke(ctx, sample(t, "ensure.json")); err != nil {
		t.Fatal(err)
	}
	if limit, _ := ctx.Deadline(); !f.ends.Before(limit) {
		t.Error("the work may take all the time there is")
	}
}

func TestWire(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	t.Run("nothing is set", func(t *testing.T) {
		for _, name := range slices.Concat(slices.Collect(maps.Keys(settings.Login{}.Env())), []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
			t.Setenv(name, "")
		}
		if _, err := wire(log); err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
			t.Errorf("%v; want all four problems", err)
		}
	})
	t.Run("deployed", func(t *testing.T) {
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(dir, "authorities"), 0o700), os.WriteFile(filepath.Join(dir, "authorities", "rds.pem"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		env := settings.Login{Stage: "test"}.Env()
		maps.Copy(env, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLE", "LAMBDA_TASK_ROOT": dir})
		for name, value := range env {
			t.Setenv(name, value)
		}
		got, err := wire(log)
		if err != nil {
			t.Fatal(err)
		}
		k := got.(*handler).keeper.(*sourcelogin.Keeper)
		if k.Secrets == nil {
			t.Errorf("wired %+v", k)
		}
		if _, err := k.Roots(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "authorities", "rds.pem")) {
			t.Errorf("%v; want the file beside the binary that is no certificate", err)
		}
	})
}
