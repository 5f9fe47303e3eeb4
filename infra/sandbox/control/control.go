// Package control is the sandbox's own interface, beside AWS's on the same port: it moves the clock, makes calls go
// wrong, and shows what happened.
//
// It speaks JSON under [Prefix] and asks for no signature. So that no web page can use it through a browser on the same
// machine, it answers only requests to a loopback host, without an Origin, and with bodies that say that they are JSON.
// No answer holds a secret value.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

// Prefix is where the paths of the interface begin. No AWS service has paths there.
const Prefix = "/_sandbox/"

// maxBody is the largest request, in bytes.
const maxBody = 64 << 10

// A Sandbox is what is controlled. Its functions may be called from several goroutines.
type Sandbox struct {
	Clock     *clock.Clock
	Faults    *awshttp.Faults
	Calls     *awshttp.Recorder
	World     func() World // as it is at this moment
	Deployer  *template.Deployer
	Events    func(bus string) []Event           // by name; empty is the default bus; the oldest first
	Logs      func(function string) []string     // the last lines of a function's output
	SetStatus func(cluster, status string) error // at once, without the minutes that AWS takes

	Sources *source.Service                      // nil: there are none
	Queue   func(name string) ([]Message, error) // what waits in a queue, the oldest first; nil: there are none
}

// A Message is one that is in a queue, whether or not somebody works on it.
type Message struct {
	ID       string `json:"id"`
	Body     string `json:"body"`
	Received int    `json:"received"` // how often it was handed out
}

// A World says what there is, for people and programs that want to use it.
type World struct {
	Endpoint  string    `json:"endpoint"` // AWS_ENDPOINT_URL
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	Cluster   string    `json:"cluster"` // identifier
	Host      string    `json:"host"`    // of the cluster
	Port      int       `json:"port"`
	Database  string    `json:"database"` // of the cluster, and of the workgroup too
	Workgroup Workgroup `json:"workgroup"`
	Authority string    `json:"authority"` // file with the certificate that clients of cluster and workgroup trust
	Logs      string    `json:"logs"`      // folder with the output of functions
	Users     []string  `json:"users"`     // of the database
	Groups    []string  `json:"groups"`    // of the database
	Tables    []string  `json:"tables"`
	Sources   []Source  `json:"sources,omitempty"`
	Roles     []string  `json:"roles"` // ARNs that the operator may assume
	Started   time.Time `json:"started"`
}

// A Workgroup is one of Redshift Serverless.
type Workgroup struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"` // name
	Host      string `json:"host"`
	Port      int    `json:"port"`
}

// A Source is a database outside the warehouse.
type Source struct {
	Instance  string   `json:"instance"` // identifier, in RDS
	Host      string   `json:"host"`
	Port      int      `json:"port"`
	Database  string   `json:"database"`
	Tables    []string `json:"tables"`
	Secret    string   `json:"secret"`    // ARN, of the master user's login, which RDS manages
	Group     string   `json:"group"`     // security group
	Reachable bool     `json:"reachable"` // from the cluster, by the rules of that group
}

// An Event is one that was put on a bus, whether or not a rule matched it.
type Event struct {
	Bus   string          `json:"bus"`
	Event json.RawMessage `json:"event"` // as EventBridge delivers it
}

// Deployed is what came of the assembly.
type Deployed struct {
	Resources []template.Resource `json:"resources"`
	Outputs   []template.Output   `json:"outputs"`
}

// Bodies of requests and answers that have no type of their own.
type (
	instant struct {
		Now time.Time `json:"now"`
	}
	distance struct {
		By string `json:"by"` // as in "20m"
	}
	clusterStatus struct {
		Status string `json:"status"`
	}
	refusal struct {
		Error string `json:"error"`
	}
)

// An operation answers one request with a value to be encoded. Its error is the caller's fault.
type operation func(r *http.Request) (any, error)

// Handler serves the interface of s. It belongs at [Prefix].
func Handler(s Sandbox) http.Handler {
	mux := http.NewServeMux()
	operations := map[string]operation{
		"GET " + Prefix + "clock":                 s.clock,
		"POST " + Prefix + "clock/advance":        s.advance,
		"POST " + Prefix + "settle":               s.settle,
		"GET " + Prefix + "faults":                s.faults,
		"POST " + Prefix + "faults":               s.addFault,
		"DELETE " + Prefix + "faults":             s.clearFaults,
		"GET " + Prefix + "calls":                 s.calls,
		"DELETE " + Prefix + "calls":              s.forgetCalls,
		"GET " + Prefix + "events":                s.events,
		"GET " + Prefix + "logs":                  s.logs,
		"POST " + Prefix + "clusters/{id}/status": s.setStatus,
		"GET " + Prefix + "resources":             s.resources,
		"GET " + Prefix + "world":                 s.world,
		"GET " + Prefix + "queues/{name}":         s.queue,
	}
	maps.Copy(operations, s.sourceOperations())
	for pattern, do := range operations {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := do(r)
			if err != nil {
				write(w, http.StatusBadRequest, refusal{err.Error()})
				return
			}
			write(w, http.StatusOK, answer)
		})
	}
	return guard(mux)
}

// guard lets through what a program on this machine sends, and nothing that a browser sends for a foreign page.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case !loopback(r.Host):
			write(w, http.StatusForbidden, refusal{fmt.Sprintf("host %q is not this machine: use 127.0.0.1 or localhost", r.Host)})
		case r.Header.Get("Origin") != "":
			write(w, http.StatusForbidden, refusal{"web pages may not control the sandbox"})
		case r.ContentLength != 0 && media != "application/json":
			write(w, http.StatusUnsupportedMediaType, refusal{"send Content-Type: application/json"})
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			next.ServeHTTP(w, r)
		}
	})
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func write(w http.ResponseWriter, status int, answer any) {
	body, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"error": %q}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// read decodes the body of a request. Members that it does not know are an error.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read the body: it goes on after the JSON object")
	}
	return nil
}

func (s Sandbox) clock(*http.Request) (any, error) { return instant{s.Clock.Now()}, nil }

func (s Sandbox) advance(r *http.Request) (any, error) {
	var in distance
	if err := read(r, &in); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(in.By)
	if err != nil || by <= 0 {
		return nil, fmt.Errorf(`advance the clock: by is %q; give a positive duration as in "20m"`, in.By)
	}
	s.Clock.Advance(by)
	return instant{s.Clock.Now()}, nil
}

func (s Sandbox) settle(*http.Request) (any, error) {
	s.Clock.Settle()
	return instant{s.Clock.Now()}, nil
}

func (s Sandbox) faults(*http.Request) (any, error) { return list(s.Faults.List()), nil }

func (s Sandbox) addFault(r *http.Request) (any, error) {
	var in awshttp.Fault
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.Faults.Add(in); err != nil {
		return nil, err
	}
	return s.faults(r)
}

func (s Sandbox) clearFaults(r *http.Request) (any, error) {
	s.Faults.Clear()
	return s.faults(r)
}

func (s Sandbox) calls(r *http.Request) (any, error) {
	q := r.URL.Query()
	filter := awshttp.Filter{Principal: q.Get("principal"), Service: q.Get("service"), Operation: q.Get("operation")}
	var problems []error
	if after := q.Get("after"); after != "" {
		var err error
		if filter.After, err = strconv.ParseUint(after, 10, 64); err != nil {
			problems = append(problems, fmt.Errorf("after is %q; give the seq of a call", after))
		}
	}
	if since := q.Get("since"); since != "" {
		var err error
		if filter.Since, err = time.Parse(time.RFC3339, since); err != nil {
			problems = append(problems, fmt.Errorf("since is %q; give an instant as in 2026-01-02T15:04:05Z", since))
		}
	}
	return list(s.Calls.List(filter)), errors.Join(problems...)
}

func (s Sandbox) forgetCalls(*http.Request) (any, error) {
	s.Calls.Reset()
	return []awshttp.Record{}, nil
}

func (s Sandbox) events(r *http.Request) (any, error) {
	return list(s.Events(r.URL.Query().Get("bus"))), nil
}

func (s Sandbox) logs(r *http.Request) (any, error) {
	function := r.URL.Query().Get("function")
	if function == "" {
		return nil, errors.New("function is empty; name one")
	}
	return list(s.Logs(function)), nil
}

func (s Sandbox) setStatus(r *http.Request) (any, error) {
	var in clusterStatus
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return in, s.SetStatus(r.PathValue("id"), in.Status)
}

func (s Sandbox) queue(r *http.Request) (any, error) {
	if s.Queue == nil {
		return nil, errors.New("this sandbox was started without queues")
	}
	messages, err := s.Queue(r.PathValue("name"))
	return list(messages), err
}

func (s Sandbox) resources(*http.Request) (any, error) {
	return Deployed{list(s.Deployer.Resources()), list(s.Deployer.Outputs())}, nil
}

func (s Sandbox) world(*http.Request) (any, error) { return s.World(), nil }

// list makes an empty list of nil, which would be null in JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
