// Package awstest answers real AWS SDK clients with canned responses as they come over the wire, so that serialising,
// retrying, decoding and the Date of an answer are part of a test.
package awstest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Now is the clock of the service that answers: years from the clock of any machine that runs the tests.
var Now = time.Date(2031, 5, 4, 10, 20, 30, 0, time.UTC)

// An Answer is one response of a service.
type Answer struct {
	Status int    // 0 means 200
	Code   string // error code, where the protocol has it in a header
	Body   string
	NoDate bool // leave the Date out
	Cut    bool // close the connection after half of the body
	Drop   bool // close the connection instead of an answer
	Hang   bool // answer nothing until the client is gone

	Header map[string]string
	Make   func(Request) Answer // the answer, where it depends on the request; the rest is then ignored
}

// Error is how a service of the JSON protocols refuses.
func Error(status int, code, message string) Answer {
	return Answer{Status: status, Code: code, Body: fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)}
}

// QueryError is how a service of the query protocol refuses.
func QueryError(status int, code, message string) Answer {
	return Answer{Status: status, Body: fmt.Sprintf("<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>", code, message)}
}

// EC2Error is how EC2 refuses.
func EC2Error(status int, code, message string) Answer {
	return Answer{Status: status, Body: fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r</RequestID></Response>", code, message)}
}

// A Request is one call that a client made.
type Request struct {
	Operation string // empty for protocols that say it by method and path
	Path      string
	Body      string     // JSON protocols
	Form      url.Values // query protocol
}

// Is reports whether r is this operation with exactly this JSON.
func (r Request) Is(operation, body string) bool {
	var is, want any
	return r.Operation == operation && json.Unmarshal([]byte(r.Body), &is) == nil && json.Unmarshal([]byte(body), &want) == nil && reflect.DeepEqual(is, want)
}

// IsForm reports whether r is this operation of the query protocol with exactly these parameters.
func (r Request) IsForm(operation string, parameters map[string]string) bool {
	for name, value := range parameters {
		if r.Form.Get(name) != value {
			return false
		}
	}
	return r.Operation == operation && len(r.Form) == len(parameters)+2 // Action and Version
}

// A Service gives its answers in their order, and the last of them to all further calls.
type Service struct {
	server *httptest.Server

	mu       sync.Mutex
	answers  []Answer
	requests []Request
}

// Serve starts a service.
func Serve(answers ...Answer) *Service {
	s := &Service{answers: answers}
	s.server = httptest.NewServer(s)
	return s
}

// Close stops the service.
func (s *Service) Close() { s.server.Close() }

// Requests are the calls that came so far, repeated ones each by itself.
func (s *Service) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Config makes clients that call the service and try three times without waiting in between.
func (s *Service) Config() aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "EXAMPLE", SecretAccessKey: "EXAMPLE"}, nil
		}),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
}

// ServeHTTP implements [http.Handler].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request := Request{Path: r.URL.Path, Body: string(body)}
	if _, request.Operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), "."); request.Operation == "" {
		request.Form, _ = url.ParseQuery(request.Body)
		request.Operation = request.Form.Get("Action")
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()

	if a.Make != nil {
		a = a.Make(request)
	}
	if a.Drop {
		panic(http.ErrAbortHandler)
	}
	if a.Hang {
		<-r.Context().Done()
		return
	}
	w.Header()["Date"] = []string{Now.Format(http.TimeFormat)}
	if a.NoDate {
		w.Header()["Date"] = nil
	}
	if a.Code != "" {
		w.Header().Set("X-Amzn-Errortype", a.Code)
	}
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	if a.Cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(a.Body)))
		a.Body = a.Body[:len(a.Body)/2]
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body) // a client that is gone needs no answer
}
