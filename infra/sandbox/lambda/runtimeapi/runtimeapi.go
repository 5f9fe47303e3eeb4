// Package runtimeapi is the side of AWS Lambda that the process of a function talks to: it asks for an
// invocation, answers it, and asks for the next.
//
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"
)

// MaxPayload is the largest answer to a synchronous invocation, in bytes.
const MaxPayload = 6 << 20

// An Invocation is what a process gets when it asks for work.
type Invocation struct {
	ID       string // request id
	Function string // ARN
	TraceID  string
	Deadline time.Time // by the machine's clock, which is the clock that the process sees
	Payload  []byte
}

// A Result is what a process answered.
type Result struct {
	Payload []byte
	Failed  bool // Payload is an error document: errorType, errorMessage
}

// An API serves one process on a loopback address of its own. It hands out one invocation at a time.
type API struct {
	listener net.Listener
	server   *http.Server
	closed   context.Context
	close    context.CancelFunc

	pending  chan *Flight
	ready    chan struct{} // closed when the process asks for work the first time
	initFail chan []byte

	mu      sync.Mutex
	flight  *Flight // the one that the process works on
	isReady bool
}

// A Flight is an invocation that the process has taken.
type Flight struct {
	invocation Invocation
	answered   chan Result   // holds the answer
	landed     chan struct{} // closed when the process, having answered, asks for more work
	hasAnswer  bool
}

// Listen starts an API at a free port of 127.0.0.1.
func Listen() (*API, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a runtime: %w", err)
	}
	a := &API{listener: listener, pending: make(chan *Flight), ready: make(chan struct{}), initFail: make(chan []byte, 1)}
	a.closed, a.close = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.initError)
	a.server = &http.Server{Handler: mux}
	go a.server.Serve(listener) // ends with Close
	return a, nil
}

// Addr is the value for AWS_LAMBDA_RUNTIME_API.
func (a *API) Addr() string { return a.listener.Addr().String() }

// Close ends all connections. Flights that are under way do not land any more.
func (a *API) Close() error {
	a.close()
	return a.server.Close()
}

// Ready is closed once the process has asked for work: its initialisation is over.
func (a *API) Ready() <-chan struct{} { return a.ready }

// InitError receives the error document of a process that reports that it cannot start.
func (a *API) InitError() <-chan []byte { return a.initFail }

// Give waits until the process asks for work and gives it the invocation.
func (a *API) Give(ctx context.Context, i Invocation) (*Flight, error) {
	f := &Flight{invocation: i, answered: make(chan Result, 1), landed: make(chan struct{})}
	select {
	case a.pending <- f:
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Land waits until the process has answered and asks for more. If ctx ends first, the answer is returned with ctx's cause
// when there is one already (a process may answer and die), else none; the process is then of no more use.
func (f *Flight) Land(ctx context.Context) (*Result, error) {
	select {
	case <-f.landed:
		return new(<-f.answered), nil
	case <-ctx.Done():
	}
	select {
	case r := <-f.answered:
		return &r, context.Cause(ctx)
	default:
		return nil, context.Cause(ctx)
	}
}

// next is asked for work. Asking says that the invocation before is over.
func (a *API) next(w http.ResponseWriter, r *http.Request) {
	if err := a.land(); err != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err)
		return
	}
	var f *Flight
	select {
	case f = <-a.pending:
	case <-r.Context().Done():
		return
	case <-a.closed.Done():
		return
	}
	a.mu.Lock()
	a.flight = f
	a.mu.Unlock()
	i := f.invocation
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", i.ID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", i.Function)
	h.Set("Lambda-Runtime-Trace-Id", i.TraceID)
	w.Write(i.Payload) // a process that is gone shows by its exit
}

// land ends the flight under way.
func (a *API) land() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.isReady {
		a.isReady = true
		close(a.ready)
	}
	if a.flight == nil {
		return nil
	}
	if !a.flight.hasAnswer {
		return fmt.Errorf("invocation %s has no answer yet", a.flight.invocation.ID)
	}
	close(a.flight.landed)
	a.flight = nil
	return nil
}

// answer takes the response or the error of the flight under way.
func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		text := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", tooLarge.Limit)
		a.finish(r.PathValue("id"), Result{Payload: Document("Function.ResponseSizeTooLarge", text), Failed: true})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", tooLarge)
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err)
		return
	}
	failed := path.Base(r.URL.Path) == "error"
	if err := a.finish(r.PathValue("id"), Result{Payload: body, Failed: failed}); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", err)
		return
	}
	accept(w)
}

func (a *API) finish(id string, r Result) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flight == nil || a.flight.invocation.ID != id || a.flight.hasAnswer {
		return fmt.Errorf("invocation %s is not waiting for an answer", id)
	}
	a.flight.hasAnswer = true
	a.flight.answered <- r
	return nil
}

func (a *API) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err)
		return
	}
	select {
	case a.initFail <- body:
	default: // it said so already
	}
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(Document(kind, err.Error()))
}

// Document writes an error as Lambda and its runtimes do.
func Document(kind, message string) []byte {
	text, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // strings always encode
	return text
}
