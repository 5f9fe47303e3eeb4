package awshttp

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// An endpoint is a registered service with its routes prepared.
type endpoint struct {
	Service
	mux      *http.ServeMux
	captures map[string][]string // names captured by the route of each operation
}

// An input is what a request brought, before the operation says which members it expects.
type input struct {
	operation string
	path      map[string]string
	query     url.Values  // of a REST request
	header    http.Header // of a REST request
	members   map[string]any
	form      bool // members come from a form: every scalar is a string
	flat      bool // lists of the form have no word before their numbers
	direct    bool // members hold those of path, query and header too
	body      []byte
}

var capture = regexp.MustCompile(`\{([A-Za-z0-9_]+)(?:\.\.\.)?\}`)

func newEndpoint(s Service) *endpoint {
	e := &endpoint{Service: s, mux: http.NewServeMux(), captures: map[string][]string{}}
	for pattern, operation := range s.Routes {
		if s.Operations[operation] == nil {
			panic(fmt.Sprintf("register service %q: route %q leads to operation %q, which is not there", s.Name, pattern, operation))
		}
		var names []string
		for _, m := range capture.FindAllStringSubmatch(pattern, -1) {
			names = append(names, m[1])
		}
		e.captures[operation] = names
		e.mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
			in := r.Context().Value(inputKey{}).(*input)
			in.operation = operation
			for _, name := range names {
				in.path[name] = r.PathValue(name)
			}
		})
	}
	return e
}

// inputKey carries the *input of a request through the mux.
type inputKey struct{}

// guessEndpoint makes an endpoint without operations that speaks the protocol of the request, to answer errors in.
func guessEndpoint(r *http.Request) *endpoint {
	protocol := RESTJSON
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		protocol = JSON
	case media == "application/x-www-form-urlencoded":
		protocol = Query
	}
	return &endpoint{Service: Service{Protocol: protocol}}
}

// route finds the operation of a request and parses its members. With an error the input names the
// operation if it can be told.
func (e *endpoint) route(r *http.Request, body []byte) (input, error) {
	in := input{path: map[string]string{}, body: body}
	var err error
	switch e.Protocol {
	case JSON:
		in.operation = r.Header.Get("X-Amz-Target")
		if name, ok := strings.CutPrefix(in.operation, e.Target+"."); ok {
			in.operation = name
		}
		in.members, err = parseJSON(body)
	case Query, EC2Query:
		in.form, in.flat = true, e.Protocol == EC2Query
		in.operation, in.members, err = parseForm(body)
	case RESTJSON:
		in.query, in.header = r.URL.Query(), r.Header
		e.match(r, &in)
	}
	if err == nil && e.Operations[in.operation] == nil {
		err = e.missing(in.operation)
	}
	return in, err
}

// match finds the route of a REST request. Its body is parsed when the operation asks for members, because it may be
// a payload that is no JSON.
func (e *endpoint) match(r *http.Request, in *input) {
	if e.mux != nil {
		e.mux.ServeHTTP(nowhere{}, r.WithContext(context.WithValue(r.Context(), inputKey{}, in)))
	}
	if in.operation == "" {
		in.operation = r.Method + " " + r.URL.Path
	}
}

// nowhere takes what the mux answers by itself (not found, redirect): the endpoint answers for it.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// missing is the answer to an operation that the sandbox does not have. Status 501 is not retried by SDKs.
func (e *endpoint) missing(operation string) *Error {
	what := fmt.Sprintf("operation %q of service %q", operation, e.Name)
	if e.Operations == nil {
		what = fmt.Sprintf("service %q (operation %q)", e.Name, operation)
	}
	return e.spell(&Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException", Message: "the sandbox does not have " + what})
}
