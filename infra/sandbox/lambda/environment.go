package lambda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/lambda/runtimeapi"
)

// principal is who assumes the roles of functions.
var principal = awshttp.Principal{Service: "lambda.amazonaws.com"}

// sessionLife is how long the credentials of a process are good for.
const sessionLife = time.Hour

// initLimit is the time that a process has before it asks for its first invocation (AWS Lambda Developer Guide,
// "Lambda execution environment lifecycle").
const initLimit = 10 * time.Second

// An environment is one process of a function, with its Runtime API.
type environment struct {
	function string            // name
	revision int               // of the function when the process started
	expires  time.Time         // of its credentials, by the sandbox's clock
	session  awshttp.Principal // whose credentials it has
	api      *runtimeapi.API
	command  *exec.Cmd
	life     context.Context // ends with the process, cause errExited
	output   *os.File        // has no name any more; the process writes, we read behind
	read     int64           // bytes of output that were read
	stopped  sync.Once
}

// Why a process is not waited for any longer.
var (
	errTimeout = errors.New("the time of the function is over")
	errExited  = errors.New("the process has exited")
)

// launch starts a process with what Lambda gives it. It does not wait until the process is ready.
func (s *Service) launch(ctx context.Context, name string, revision int, f settings) (*environment, error) {
	credentials, session, err := s.config.Roles.Assume(principal, f.Role, name, sessionLife)
	if err != nil {
		return nil, &awshttp.Error{Status: http.StatusForbidden, Code: "AccessDeniedException",
			Message: fmt.Sprintf("The role defined for the function cannot be assumed by Lambda. (%v)", err)}
	}
	api, err := runtimeapi.Listen()
	if err != nil {
		return nil, err
	}
	output, err := anonymousFile()
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	e := &environment{function: name, revision: revision, expires: credentials.Expires, session: session, api: api, life: life, output: output}
	e.command = &exec.Cmd{
		Path: filepath.Join(f.folder, "bootstrap"), Args: []string{"bootstrap"}, Dir: f.folder,
		Env: s.environ(name, f, api.Addr(), credentials), Stdout: output, Stderr: output, SysProcAttr: ownGroup(),
	}
	if err := s.start(e); err != nil {
		end(err)
		return nil, errors.Join(err, api.Close(), output.Close())
	}
	go func() {
		_ = e.command.Wait() // how it ended is in ProcessState
		e.killGroup()        // what it has started ends with it
		end(errExited)
	}()
	return e, nil
}

// anonymousFile takes the output of a process. A file, unlike a pipe, has all that was written before
// the process answered, at the moment when the answer is here.
func anonymousFile() (*os.File, error) {
	f, err := os.CreateTemp("", "sandbox-lambda-")
	if err != nil {
		return nil, fmt.Errorf("make a file for a function's output: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, fmt.Errorf("unlink a function's output: %w", err)
	}
	return f, nil
}

// environ is the whole environment of a process: nothing comes from that of the sandbox.
func (s *Service) environ(name string, f settings, api string, c identity.Credentials) []string {
	all := maps.Clone(f.variables())
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, map[string]string{
		"AWS_ACCESS_KEY_ID":               c.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":           c.SecretAccessKey.Reveal(),
		"AWS_SESSION_TOKEN":               c.SessionToken.Reveal(),
		"AWS_REGION":                      s.config.Region,
		"AWS_DEFAULT_REGION":              s.config.Region,
		"AWS_ENDPOINT_URL":                s.config.Endpoint,
		"AWS_LAMBDA_FUNCTION_NAME":        name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemorySize),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_FORMAT":           f.LoggingConfig.LogFormat,
		"AWS_LAMBDA_LOG_GROUP_NAME":       f.LoggingConfig.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "sandbox/[$LATEST]" + api,
		"AWS_LAMBDA_RUNTIME_API":          api,
		"LAMBDA_TASK_ROOT":                f.folder,
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"TZ":                              ":UTC",
		"_HANDLER":                        f.Handler,
	})
	if f.LoggingConfig.ApplicationLogLevel != "" {
		all["AWS_LAMBDA_LOG_LEVEL"] = f.LoggingConfig.ApplicationLogLevel
	}
	maps.Copy(all, s.config.Extra)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, key+"="+all[key])
	}
	return lines
}

// spawn starts processes, all from one thread that lives as long as the service: Linux ends a child with its
// parent's thread, and a goroutine may be on any.
func (s *Service) spawn() {
	runtime.LockOSThread()
	for start := range s.starts {
		start()
	}
}

// start starts the process of e and counts it among those that Close ends.
func (s *Service) start(e *environment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	result := make(chan error)
	s.starts <- func() { result <- e.command.Start() }
	if err := <-result; err != nil {
		return &awshttp.Error{Status: http.StatusBadGateway, Code: "InvalidRuntimeException", Message: fmt.Sprintf("start bootstrap: %v", err)}
	}
	s.alive[e] = true
	return nil
}

// discard ends a process for good.
func (s *Service) discard(e *environment) {
	s.mu.Lock()
	delete(s.alive, e)
	s.mu.Unlock()
	e.stop()
}

// stop kills the process and waits for its end. It may be called several times.
func (e *environment) stop() {
	e.stopped.Do(func() {
		e.kill()
		_ = e.api.Close()
		_ = e.output.Close()
	})
}

// kill ends the process and waits until it is gone. Its output can still be read.
func (e *environment) kill() {
	if e.life.Err() == nil {
		e.killGroup()
	}
	<-e.life.Done()
}

func (e *environment) killGroup() { _ = syscall.Kill(-e.command.Process.Pid, syscall.SIGKILL) }

// initialise waits until the process asks for work. If it does not, the answer is the error document of the
// invocation that waits for it.
func (e *environment) initialise(id string) (failure []byte) {
	ctx, cancel := context.WithTimeoutCause(e.life, initLimit, errTimeout)
	defer cancel()
	select {
	case <-e.api.Ready():
		return nil
	case failure = <-e.api.InitError():
	case <-ctx.Done():
		select {
		case failure = <-e.api.InitError(): // before it exited
		default:
		}
	}
	e.kill()
	switch {
	case failure != nil:
		return failure
	case errors.Is(context.Cause(ctx), errTimeout):
		return timedOut(id, initLimit)
	default:
		return e.exitError(id)
	}
}

// give has the process work on one invocation. kill makes the process die of it, with its answer lost.
func (e *environment) give(ctx context.Context, kill bool, i runtimeapi.Invocation) (*runtimeapi.Result, error) {
	flight, err := e.api.Give(ctx, i)
	if err != nil {
		return nil, err
	}
	if kill {
		e.kill()
		return nil, errExited
	}
	return flight.Land(ctx)
}

// exitError is what Lambda answers for a process that has exited.
func (e *environment) exitError(id string) []byte {
	if e.command.ProcessState.Success() {
		return document(id, "Runtime.ExitError", "Runtime exited without providing a reason")
	}
	return document(id, "Runtime.ExitError", "Runtime exited with error: "+e.command.ProcessState.String())
}

// written returns what the process has written since the last call, in whole lines.
func (e *environment) written() []byte {
	text, _ := io.ReadAll(io.NewSectionReader(e.output, e.read, 1<<40))
	e.read += int64(len(text))
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return text
}
