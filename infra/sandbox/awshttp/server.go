package awshttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// maxBody is the largest body that is read, in bytes: Lambda's synchronous payload of 6 MB and some room.
const maxBody = 8 << 20

// DefaultRegion is the region of calls that do not name one.
const DefaultRegion = "us-east-1"

// A Config says what a [Server] asks about time, callers and policies.
type Config struct {
	Clock      *clock.Clock
	Caller     Caller
	Authorizer Authorizer
	Region     string // of calls made by [Server.Do]; empty means DefaultRegion
	// Kill ends the process that calls with the session p, if there is one, and returns when it is gone; nil where
	// nobody who calls is a process of the sandbox's.
	Kill func(p Principal)
}

// A Server answers AWS requests. It is an [http.Handler].
type Server struct {
	config   Config
	services map[string]*endpoint
	faults   Faults
	calls    Recorder
}

// New returns a server without services.
func New(c Config) *Server {
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	return &Server{config: c, services: map[string]*endpoint{}}
}

// Register adds services. It panics if a signing name comes twice or a route names an operation that is not there:
// the sandbox must not start so. All services are registered before the first call.
func (s *Server) Register(services ...Service) {
	for _, service := range services {
		if s.services[service.Name] != nil {
			panic(fmt.Sprintf("register service %q: it is registered already", service.Name))
		}
		s.services[service.Name] = newEndpoint(service)
	}
}

// Faults holds what will go wrong with the next calls.
func (s *Server) Faults() *Faults { return &s.faults }

// Calls holds the calls that were made.
func (s *Server) Calls() *Recorder { return &s.calls }

// ServeHTTP answers one request. It is signed, but for operations that need no signature.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.New()
	// SDKs correct their clocks by this header, so that it must show the sandbox's time.
	w.Header().Set("Date", s.config.Clock.Now().Format(http.TimeFormat))
	w.Header().Set("X-Amzn-Requestid", id)

	call, at, err := s.accept(w, r, id)
	var output any
	if err == nil {
		output, err = s.perform(r.Context(), at, call)
	} else {
		s.calls.add(call, nil, err, "")
	}
	if errors.Is(err, ErrConnectionLost) {
		panic(http.ErrAbortHandler) // net/http's way to drop the connection without an answer
	}
	if err != nil {
		at.writeError(w, id, asError(at, call, err))
		return
	}
	if err := at.writeOutput(w, call, output); err != nil {
		at.writeError(w, id, asError(at, call, err))
	}
}

// accept reads and authenticates a request and finds its operation. The endpoint and the call are never nil: with
// an error they hold what is known by then, for the answer and for the record.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, id string) (*Call, *endpoint, error) {
	now := s.config.Clock.Now()
	call := &Call{Time: now, RequestID: id, HTTP: r}
	at := guessEndpoint(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return call, at, readError(err)
	}
	call.Body = body

	if known, in, ok := s.unsigned(r, body); ok {
		call.Service, call.Region, call.Operation, call.Path = known.Name, s.config.Region, in.operation, in.path
		call.decode = func(into any) error { return known.decode(call, in, into) }
		return call, known, nil
	}
	sig, err := parseSignature(r)
	if err != nil {
		return call, at, err
	}
	call.Service, call.Region = sig.service, sig.region
	if known := s.services[sig.service]; known != nil {
		at = known
	} else {
		at.Name = sig.service
	}
	in, err := at.route(r, body) // before the signature is checked, so that a refusal is recorded with its operation
	call.Operation, call.Path = in.operation, in.path
	key, principal, lookupErr := s.config.Caller.Lookup(sig.accessKey, sig.token)
	if lookupErr != nil {
		return call, at, lookupErr
	}
	if err := sig.verify(r, body, key, now); err != nil {
		return call, at, err
	}
	call.Principal = principal
	if err != nil {
		return call, at, err
	}
	call.decode = func(into any) error { return at.decode(call, in, into) }
	return call, at, nil
}

// unsigned finds the operation of a request that has no signature, if it is one of those that need none.
func (s *Server) unsigned(r *http.Request, body []byte) (*endpoint, input, bool) {
	if r.Header.Get("Authorization") != "" {
		return nil, input{}, false
	}
	for _, known := range s.services {
		if len(known.Unsigned) == 0 {
			continue
		}
		if in, err := known.route(r, body); err == nil && slices.Contains(known.Unsigned, in.operation) {
			return known, in, true
		}
	}
	return nil, input{}, false
}

func readError(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException",
			Message: fmt.Sprintf("the body of the request is larger than %d bytes", tooLarge.Limit)}
	}
	return &Error{Status: http.StatusBadRequest, Code: "SerializationException", Message: "the body of the request ended early"}
}

// perform runs one call: faults, the operation itself, the record.
func (s *Server) perform(ctx context.Context, at *endpoint, call *Call) (output any, err error) {
	var asked []AskedAccess
	call.authorize = func(a Access) error {
		a.Context = withDefault(a.Context, "aws:RequestedRegion", call.Region)
		err := s.config.Authorizer.Authorize(call.Principal, a)
		asked = append(asked, AskedAccess{a.Action, a.Resource, a.Context, err == nil})
		if refusal, ok := errors.AsType[*Error](err); ok {
			return at.spell(refusal)
		}
		return err
	}
	kind := s.faults.take(call)
	if kind == KilledBefore {
		s.kill(call.Principal)
	}
	if err = at.injected(kind, call); err == nil {
		output, err = at.Operations[call.Operation](ctx, call)
	}
	if kind == KilledAfter {
		s.kill(call.Principal)
	}
	if kind == LostAfter || kind == KilledAfter {
		output, err = nil, ErrConnectionLost
	}
	s.calls.add(call, asked, err, kind)
	return output, err
}

func (s *Server) kill(p Principal) {
	if s.config.Kill != nil {
		s.config.Kill(p)
	}
}

// withDefault returns keys with name set to value, unless it is set already. It leaves keys itself alone.
func withDefault(keys map[string][]string, name, value string) map[string][]string {
	all := map[string][]string{name: {value}}
	for k, v := range keys {
		all[k] = v
	}
	return all
}
