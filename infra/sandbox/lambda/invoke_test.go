package lambda_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
)

func TestFolderMayBeRelative(t *testing.T) {
	t.Chdir(filepath.Dir(bootstrapFolder))
	w := newWorld(t)
	w.create(t, map[string]any{"Code": map[string]any{"SandboxFolder": filepath.Base(bootstrapFolder)}})
	if got := w.look(t).Folder; got != bootstrapFolder {
		t.Errorf("the function runs in %s, want %s", got, bootstrapFolder)
	}
}

func TestInvokeRunsTheBinary(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	out := w.invoke(t, `{"Do":"print","Text":"hello\nthere"}`)
	if out.StatusCode != 200 || out.FunctionError != nil || aws.ToString(out.ExecutedVersion) != "$LATEST" {
		t.Fatalf("Invoke = %d, %v, %v", out.StatusCode, aws.ToString(out.FunctionError), aws.ToString(out.ExecutedVersion))
	}
	seen := readSight(t, out.Payload)
	if seen.ARN != echoARN || len(seen.RequestID) != 36 || seen.Folder != bootstrapFolder {
		t.Errorf("the function sees ARN %q, request %q, folder %q", seen.ARN, seen.RequestID, seen.Folder)
	}
	if seen.TimeLeft <= 25*time.Second || seen.TimeLeft > 30*time.Second {
		t.Errorf("the function has %v left of its 30 s", seen.TimeLeft)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Fatal(err)
	}
	begin := "START RequestId: " + seen.RequestID + " Version: $LATEST\nhello\nthere\nEND RequestId: " + seen.RequestID + "\nREPORT "
	if !strings.HasPrefix(string(log), begin) {
		t.Errorf("log tail is %q, want it to begin with %q", log, begin)
	}
	if got := w.Logs("echo"); len(got) != 5 || got[1] != "hello" || got[2] != "there" {
		t.Errorf("Logs = %q", got)
	}
}

func TestOutputIsWritten(t *testing.T) {
	var written bytes.Buffer
	w := newWorld(t, func(c *lambda.Config) {
		c.Logs = func(function string) io.Writer {
			if function != "echo" {
				return nil
			}
			return &written
		}
	})
	w.create(t, nil)
	w.invoke(t, `{"Do":"print","Text":"without an end of line"}`)
	if got, want := written.String(), strings.Join(w.Logs("echo"), "\n")+"\n"; got != want || !strings.Contains(got, "\nwithout an end of line\nEND ") {
		t.Errorf("written %q, want %q", got, want)
	}
}

func TestEnvironmentIsExactlyLambdas(t *testing.T) {
	t.Setenv("LEAK", "of the sandbox")
	w := newWorld(t)
	w.create(t, map[string]any{
		"Environment":   map[string]any{"Variables": map[string]string{"SLUICE_STAGE": "demo"}},
		"LoggingConfig": map[string]any{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/sluice/echo"},
	})
	seen := w.look(t)
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "ASIA2", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "",
		"AWS_LAMBDA_FUNCTION_NAME": "echo", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/sluice/echo", "AWS_LAMBDA_LOG_STREAM_NAME": "", "AWS_LAMBDA_RUNTIME_API": "",
		"LAMBDA_TASK_ROOT": bootstrapFolder, "PATH": "", "TZ": ":UTC", "_HANDLER": "bootstrap",
		"SLUICE_STAGE": "demo", "SSL_CERT_FILE": "/ca.pem",
		"_X_AMZN_TRACE_ID": "", // set by the runtime library from the invocation's header
	}
	for _, line := range seen.Environment {
		name, value, _ := strings.Cut(line, "=")
		expected, known := want[name]
		if !known || expected != "" && value != expected {
			t.Errorf("variable %s=%s, want %q (known: %v)", name, value, expected, known)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("variable %s is missing", name)
	}
	session := "lambda.amazonaws.com " + role + " echo"
	if !slices.Equal(w.land.sessions, []string{session, session}) { // one to try the trust, one for the process
		t.Errorf("sessions %q", w.land.sessions)
	}
}

func TestEnvironmentsAreReusedWhileTheyFit(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	first := w.look(t)
	for _, step := range []struct {
		name   string
		act    func()
		reused bool
	}{
		{"at once", func() {}, true},
		{"credentials live long enough", func() { w.clock.Advance(30 * time.Minute) }, true},
		{"credentials are about to expire", func() { w.clock.Advance(29*time.Minute + 30*time.Second) }, false},
		{"configuration changed", func() {
			_, err := w.client.UpdateFunctionConfiguration(t.Context(), &api.UpdateFunctionConfigurationInput{
				FunctionName: aws.String("echo"), Environment: &types.Environment{Variables: map[string]string{"NEW": "value"}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}, false},
		{"code changed", func() {
			input := map[string]any{"FunctionName": "echo", "SandboxFolder": bootstrapFolder}
			if _, err := w.server.Do(t.Context(), operator, "lambda", "UpdateFunctionCode", input); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"the process was killed while it was idle", func() {
			if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			waitUntilGone(t, first.PID)
		}, false},
	} {
		step.act()
		next := w.look(t)
		if (next.PID == first.PID) != step.reused {
			t.Errorf("%s: process %d after %d, want the same: %v", step.name, next.PID, first.PID, step.reused)
		}
		if sameKey := next.variable("AWS_ACCESS_KEY_ID") == first.variable("AWS_ACCESS_KEY_ID"); sameKey != step.reused {
			t.Errorf("%s: same credentials: %v, want %v", step.name, sameKey, step.reused)
		}
		first = next
	}
	if w.look(t).variable("NEW") != "value" {
		t.Error("the new variable is not there")
	}
}

// waitUntilGone returns when the process does not exist any more, and somebody has asked how it ended.
func waitUntilGone(t *testing.T, pid int) {
	t.Helper()
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		if t.Context().Err() != nil {
			t.Fatalf("process %d still exists", pid)
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	for _, tc := range []struct {
		name, payload string
		kind, message string // %s is the request id
		survives      bool   // the process
		logged        string
	}{
		{"error of the handler", `{"Do":"fail","Text":"no such warehouse"}`, "errorString", "no such warehouse", true, ""},
		{"panic", `{"Do":"panic","Text":"bug"}`, "string", "bug", false, ""},
		{"exit", `{"Do":"exit"}`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status 7", false, "going "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := w.look(t).PID
			out := w.invoke(t, tc.payload)
			if aws.ToString(out.FunctionError) != "Unhandled" || out.StatusCode != 200 {
				t.Fatalf("Invoke = %d, %q: %s", out.StatusCode, aws.ToString(out.FunctionError), out.Payload)
			}
			checkDocument(t, w, out.Payload, tc.kind, tc.message)
			if tc.logged != "" && !slices.Contains(w.Logs("echo"), tc.logged) {
				t.Errorf("Logs = %q, want a line %q", w.Logs("echo"), tc.logged)
			}
			if after := w.look(t).PID; (after == before) != tc.survives {
				t.Errorf("process %d after %d, want the same: %v", after, before, tc.survives)
			}
		})
	}
}

// checkDocument compares an error document; %s in message stands for the id of the last invocation.
func checkDocument(t *testing.T, w *world, payload []byte, kind, message string) {
	t.Helper()
	var id string
	for _, line := range w.Logs("echo") {
		if rest, ok := strings.CutPrefix(line, "START RequestId: "); ok {
			id, _, _ = strings.Cut(rest, " ")
		}
	}
	document := parseDocument(t, payload)
	if strings.Contains(message, "%s") {
		message = fmt.Sprintf(message, id)
	}
	if document["errorType"] != kind || document["errorMessage"] != message {
		t.Errorf("error document %s, want type %q and message %q", payload, kind, message)
	}
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	w := newWorld(t)
	hang := newBlock(t)
	w.create(t, map[string]any{"Timeout": 1})
	before := w.look(t).PID
	out := w.invoke(t, `{"Do":"call","Text":"`+hang.URL+`"}`)
	if aws.ToString(out.FunctionError) != "Unhandled" {
		t.Fatalf("Invoke = %s", out.Payload)
	}
	checkDocument(t, w, out.Payload, "Sandbox.Timedout", "RequestId: %s Error: Task timed out after 1.00 seconds")
	if err := syscall.Kill(before, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d still exists (%v)", before, err)
	}
}

func TestStartThatFails(t *testing.T) {
	w := newWorld(t)
	w.create(t, map[string]any{"Environment": map[string]any{"Variables": map[string]string{"FAIL_AT_START": "setting X is missing"}}})
	out := w.invoke(t, `{}`)
	checkDocument(t, w, out.Payload, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status 3")
	if !slices.Contains(w.Logs("echo"), "setting X is missing") {
		t.Errorf("Logs = %q, want what the process said", w.Logs("echo"))
	}
}

func TestBootstrapThatCannotRun(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.create(t, map[string]any{"Code": map[string]any{"SandboxFolder": folder}})
	_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo")})
	checkCode(t, err, "InvalidRuntimeException")
	if !strings.Contains(fmt.Sprint(err), "exec format error") {
		t.Errorf("error %v does not say why", err)
	}
}

func TestKillNext(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	before := w.look(t).PID
	if err := w.KillNext("echo"); err != nil {
		t.Fatal(err)
	}
	out := w.invoke(t, `{}`)
	checkDocument(t, w, out.Payload, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: signal: killed")
	if after := w.look(t).PID; after == before {
		t.Errorf("process %d goes on", after)
	}
	if err := w.KillNext("nobody"); err == nil {
		t.Error("KillNext of a function that is not there succeeded")
	}
}

// A block is a URL that answers when the test lets it.
type block struct {
	*httptest.Server
	entered chan struct{}
	release func()
}

func newBlock(t *testing.T) *block {
	t.Helper()
	gate := make(chan struct{})
	b := &block{entered: make(chan struct{}, 10), release: sync.OnceFunc(func() { close(gate) })}
	b.Server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		b.entered <- struct{}{}
		<-gate
	}))
	t.Cleanup(func() { b.release(); b.Close() })
	return b
}

func TestConcurrency(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	wait := newBlock(t)
	var first sight
	var wg sync.WaitGroup
	wg.Go(func() {
		result, failed, err := w.Invoke(t.Context(), operator, "echo", []byte(`{"Do":"call","Text":"`+wait.URL+`"}`))
		if err != nil || failed != "" {
			t.Errorf("Invoke = %s, %q, %v", result, failed, err)
			return
		}
		first = readSight(t, result)
	})
	<-wait.entered
	second := w.look(t)

	limit := func(n int32) {
		_, err := w.client.PutFunctionConcurrency(t.Context(), &api.PutFunctionConcurrencyInput{FunctionName: aws.String("echo"), ReservedConcurrentExecutions: &n})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(1)
	_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo")})
	if _, ok := errors.AsType[*types.TooManyRequestsException](err); !ok {
		t.Errorf("Invoke beyond the reserved concurrency: %v", err)
	}
	wait.release()
	wg.Wait()
	if first.PID == second.PID || first.PID == 0 {
		t.Errorf("two invocations at once ran in processes %d and %d", first.PID, second.PID)
	}
	w.look(t) // fits again

	limit(0)
	_, err = w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo")})
	checkCode(t, err, "TooManyRequestsException")
	if _, err := w.client.DeleteFunctionConcurrency(t.Context(), &api.DeleteFunctionConcurrencyInput{FunctionName: aws.String("echo")}); err != nil {
		t.Fatal(err)
	}
	w.look(t)
}

func TestChangeDuringAnInvocation(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	wait := newBlock(t)
	var first sight
	var wg sync.WaitGroup
	wg.Go(func() {
		result, failed, err := w.Invoke(t.Context(), operator, "echo", []byte(`{"Do":"call","Text":"`+wait.URL+`"}`))
		if err != nil || failed != "" {
			t.Errorf("Invoke = %s, %q, %v", result, failed, err)
			return
		}
		first = readSight(t, result)
	})
	<-wait.entered
	_, err := w.client.UpdateFunctionConfiguration(t.Context(), &api.UpdateFunctionConfigurationInput{FunctionName: aws.String("echo"), Description: aws.String("new")})
	if err != nil {
		t.Fatal(err)
	}
	wait.release()
	wg.Wait()
	if next := w.look(t); next.PID == first.PID {
		t.Errorf("process %d goes on with the old configuration", next.PID)
	}
}

func TestCloseEndsAllProcesses(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	idle := w.look(t).PID
	wait := newBlock(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		result, failed, err := w.Invoke(t.Context(), operator, "echo", []byte(`{"Do":"call","Text":"`+wait.URL+`"}`))
		if err != nil || failed != lambda.Unhandled || !strings.Contains(string(result), "signal: killed") {
			t.Errorf("Invoke during Close = %s, %q, %v", result, failed, err)
		}
	})
	<-wait.entered
	w.Close()
	wg.Wait()
	if err := syscall.Kill(idle, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d still exists (%v)", idle, err)
	}
	if _, _, err := w.Invoke(t.Context(), operator, "echo", nil); err == nil {
		t.Error("Invoke after Close succeeded")
	}
}

func TestInvokeRefuses(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	w.land.closed["arn:aws:iam::111122223333:role/later"] = false
	for _, tc := range []struct {
		name, code string
		act        func() error
	}{
		{"a function that is not there", "ResourceNotFoundException", func() error {
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("nobody")})
			return err
		}},
		{"another version", "ResourceNotFoundException", func() error {
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), Qualifier: aws.String("7")})
			return err
		}},
		{"another account", "ResourceNotFoundException", func() error {
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("999999999999:function:echo")})
			return err
		}},
		{"a payload that is no JSON", "InvalidRequestContentException", func() error {
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte("{")})
			return err
		}},
		{"an event that is too large", "RequestTooLargeException", func() error {
			payload := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), Payload: payload, InvocationType: "Event"})
			return err
		}},
		{"an unknown invocation type", "InvalidParameterValueException", func() error {
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo"), InvocationType: "Soon"})
			return err
		}},
		{"a service that the resource policy does not name", "AccessDeniedException", func() error {
			_, _, err := w.Invoke(t.Context(), awshttp.Principal{Service: "events.amazonaws.com"}, "echo", nil)
			return err
		}},
		{"a caller without permission", "AccessDeniedException", func() error {
			w.land.refused["lambda:InvokeFunction"] = true
			defer delete(w.land.refused, "lambda:InvokeFunction")
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo")})
			return err
		}},
		{"a role that Lambda may not assume any more", "AccessDeniedException", func() error {
			w.land.closed[role] = true
			defer delete(w.land.closed, role)
			_, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String("echo")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { checkCode(t, tc.act(), tc.code) })
	}
	w.look(t) // no refusal has used up anything
}

func TestDryRunDoesNotRun(t *testing.T) {
	w := newWorld(t)
	w.create(t, nil)
	out, err := w.client.Invoke(t.Context(), &api.InvokeInput{FunctionName: aws.String(echoARN), InvocationType: "DryRun"})
	if err != nil || out.StatusCode != 204 {
		t.Fatalf("Invoke = %v, %v", out, err)
	}
	if got := w.Logs("echo"); len(got) != 0 {
		t.Errorf("Logs = %q", got)
	}
}

// checkCode compares the code of an error of the SDK, or of a call in process.
func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == code {
		return
	}
	if e, ok := errors.AsType[*awshttp.Error](err); ok && e.Code == code {
		return
	}
	t.Errorf("error %v, want code %s", err, code)
}
