package connected_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// A wire stands before a world's AWS endpoint and reads what goes by.
type wire struct {
	*httptest.Server

	mu    sync.Mutex
	asked map[string]question // by the id that AWS gave the request
	count int
	hold  func(question)                // called before an answer goes out
	forge func(question, []byte) []byte // what goes out in its place; nil changes nothing
}

// A question is one request to AWS.
type question struct {
	operation  string
	parameters map[string]string
	status     int // of the answer; 0 if the connection was lost
}

func newWire(t *testing.T, w *world.World) *wire {
	to := must(url.Parse(w.Endpoint()))
	wire := &wire{asked: map[string]question{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(lost) },
	}
	wire.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		kept := httptest.NewRecorder()
		proxy.ServeHTTP(kept, r)
		wire.answer(kept.Result(), kept.Body.Bytes(), rw, read(r, body))
	}))
	t.Cleanup(wire.Close)
	return wire
}

// lost is the status, which AWS has no use for, of a connection that ended without an answer.
const lost = http.StatusTeapot

func (w *wire) answer(from *http.Response, body []byte, to http.ResponseWriter, q question) {
	hideIn(from, body)
	if q.status = from.StatusCode; q.status == lost {
		q.status = 0
	}
	w.mu.Lock()
	w.count++
	w.asked[from.Header.Get("X-Amzn-Requestid")] = q
	hold, forge := w.hold, w.forge
	w.mu.Unlock()
	if hold != nil {
		hold(q)
	}
	if q.status == 0 {
		panic(http.ErrAbortHandler) // lost stays lost
	}
	if forge != nil {
		body = forge(q, body)
		from.Header.Del("Content-Length")
	}
	maps.Copy(to.Header(), from.Header)
	to.WriteHeader(from.StatusCode)
	_, _ = to.Write(body) // who has gone away gets no answer
}

// onAnswer has f called before the answer to an operation goes out, and waited for.
func (w *wire) onAnswer(operation string, f func(question)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = func(q question) {
		if q.operation == operation {
			f(q)
		}
	}
}

// onBody has f replace what goes out.
func (w *wire) onBody(f func(question, []byte) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forge = f
}

// requests is how many there were.
func (w *wire) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// read reads what a request asks for: the operation and its parameters, a list as one text with commas.
func read(r *http.Request, body []byte) question {
	q := question{parameters: map[string]string{}}
	_, q.operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(body))
		for _, name := range slices.Sorted(maps.Keys(form)) {
			whole, _, isList := strings.Cut(name, ".")
			switch {
			case name == "Action":
				q.operation = form.Get(name)
			case name == "Version":
			case isList && q.parameters[whole] != "":
				q.parameters[whole] += "," + form.Get(name)
			default:
				q.parameters[whole] = form.Get(name)
			}
		}
		return q
	}
	var members map[string]any
	if json.Unmarshal(body, &members) == nil {
		for name, value := range members {
			q.parameters[name] = fmt.Sprint(value)
		}
	}
	return q
}

// secretMember finds the secrets in AWS's answers, XML and JSON.
var secretMember = regexp.MustCompile(`(?i)"?\b(?:SecretAccessKey|SessionToken|DbPassword|Token)"?[>:]\s*"?([^"<,}\s]+)`)

// hideIn tells the book which secrets an answer holds.
func hideIn(r *http.Response, body []byte) {
	if r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "" {
		book.hide(string(body))
	}
	for _, m := range secretMember.FindAllSubmatch(body, -1) {
		book.hide(string(m[1]))
	}
}

// A made call is one that AWS answered, as the sandbox recorded it.
type made struct {
	awshttp.Record
	parameters map[string]string // as they came by wire
}

func (m made) String() string { return spell(m.Service, m.Operation, m.parameters) }

// spell writes a call in one line, with its parameters by name.
func spell(service, operation string, parameters map[string]string) string {
	text := service + ":" + operation
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		text += " " + name + "=" + parameters[name]
	}
	return text
}

// calls are those that programs have made by this wire since the given one.
func (s *scene) calls(after uint64) (all []made) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	for _, r := range s.AWS.Calls().List(awshttp.Filter{After: after}) {
		if q, ours := s.wire.asked[r.RequestID]; ours {
			all = append(all, made{r, q.parameters})
		}
	}
	return all
}

// count is how often an operation was called since the given call.
func (s *scene) count(after uint64, operation string) (n int) {
	for _, c := range s.calls(after) {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

// last is the number of the latest call.
func (s *scene) last() uint64 { return s.AWS.Calls().Last() }
