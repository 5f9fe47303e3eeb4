package redshiftserverless_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftserverless"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

const (
	name      = "exampleworkgroup"
	namespace = "examplenamespace"
	domain    = "dw.example.com"

	certificate = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
)

// A policy lets everybody do everything except what it lists, and remembers the questions.
type policy struct {
	deny   []string // "action resource"
	asked  []awshttp.Access
	caller awshttp.Principal
}

func (p *policy) Lookup(string, string) (string, awshttp.Principal, error) {
	return "secret", p.caller, nil
}

func (p *policy) Authorize(by awshttp.Principal, a awshttp.Access) error {
	p.asked = append(p.asked, a)
	if slices.Contains(p.deny, a.Action+" "+a.Resource) {
		return &awshttp.Error{Status: 403, Code: "AccessDeniedException", Message: by.String() + " may not " + a.Action + " on " + a.Resource}
	}
	return nil
}

// An endpoint remembers the logins that it was given.
type endpoint struct {
	logins []warehouse.Login
	paused bool
}

func (e *endpoint) Host() string            { return "localhost" }
func (e *endpoint) Port() int               { return 5439 }
func (e *endpoint) Issue(l warehouse.Login) { e.logins = append(e.logins, l) }
func (e *endpoint) Pause()                  { e.paused = true }
func (e *endpoint) Resume()                 { e.paused = false }

type world struct {
	*api.Client
	service  *redshiftserverless.Service
	endpoint *endpoint
	clock    *clock.Clock
	policy   *policy
	arn      string // of the workgroup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.New(t.Context()), endpoint: &endpoint{},
		policy: &policy{caller: awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/staff/alice", Account: awshttp.Account}}}
	w.service = redshiftserverless.New(w.clock)
	w.add(t, name)
	front := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w.policy, Authorizer: w.policy})
	front.Register(w.service.AWS())
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	w.Client = api.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &web.URL, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	out, err := w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new(name)})
	if err != nil {
		t.Fatal(err)
	}
	w.arn = *out.Workgroup.WorkgroupArn
	w.policy.asked = nil
	return w
}

func (w *world) add(t *testing.T, name string) {
	t.Helper()
	if err := w.service.AddWorkgroup(redshiftserverless.Workgroup{Name: name, Namespace: namespace, Endpoint: w.endpoint, Tags: map[string]string{"team": "data"}}); err != nil {
		t.Fatal(err)
	}
}

// coded wants an error with that code whose message contains text.
func coded(t *testing.T, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Fatalf("error %v; want %s with %q", err, code, text)
	}
}

func TestGetWorkgroup(t *testing.T) {
	w := newWorld(t)
	out, err := w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new(name)})
	if err != nil {
		t.Fatal(err)
	}
	g := out.Workgroup
	for _, m := range []struct{ name, got, want string }{
		{"workgroupName", *g.WorkgroupName, name},
		{"namespaceName", *g.NamespaceName, namespace},
		{"status", string(g.Status), "AVAILABLE"},
		{"endpoint", fmt.Sprint(*g.Endpoint.Address, *g.Endpoint.Port), "localhost5439"},
		{"workgroupArn", *g.WorkgroupArn, "arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/" + *g.WorkgroupId},
	} {
		if m.got != m.want {
			t.Errorf("%s = %q; want %q", m.name, m.got, m.want)
		}
	}
	if age := w.clock.Now().Sub(*g.CreationDate); age < 0 || age > time.Minute || g.CustomDomainName != nil {
		t.Errorf("created %v ago with domain %v", age, g.CustomDomainName)
	}
	a := w.policy.asked[0]
	if a.Action != "redshift-serverless:GetWorkgroup" || a.Resource != w.arn || !slices.Equal(a.Context["aws:ResourceTag/team"], []string{"data"}) {
		t.Errorf("asked for %+v", a)
	}
	_, err = w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new("no")})
	coded(t, err, "ValidationException", "workgroupName")
	_, err = w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new("missing")})
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || *e.ResourceName != "missing" {
		t.Errorf("a workgroup that is not there: %v", err)
	}
	w.policy.deny = []string{"redshift-serverless:GetWorkgroup arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/*"}
	_, err = w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new("missing")})
	coded(t, err, "AccessDeniedException", "GetWorkgroup") // said before whether there is such a workgroup
}

func TestListWorkgroups(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.add(t, fmt.Sprintf("more-%d", i))
	}
	var seen []string
	pages := api.NewListWorkgroupsPaginator(w, &api.ListWorkgroupsInput{MaxResults: new(int32(2))})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.Workgroups {
			seen = append(seen, *g.WorkgroupName)
		}
	}
	if want := []string{name, "more-0", "more-1", "more-2", "more-3"}; n != 3 || !slices.Equal(seen, want) {
		t.Errorf("%d pages with %v; want 3 with %v", n, seen, want)
	}
	_, err := w.ListWorkgroups(t.Context(), &api.ListWorkgroupsInput{MaxResults: new(int32(101))})
	coded(t, err, "ValidationException", "maxResults")
	w.policy.deny = []string{"redshift-serverless:ListWorkgroups *"}
	_, err = w.ListWorkgroups(t.Context(), nil)
	coded(t, err, "AccessDeniedException", "ListWorkgroups")
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		status        string
		logins, named bool // whether it takes logins and its endpoint is told
	}{{"CREATING", false, false}, {"MODIFYING", true, true}, {"DELETING", false, true}, {"AVAILABLE", true, true}} {
		if err := w.service.SetStatus(name, tc.status); err != nil {
			t.Fatal(err)
		}
		_, err := w.GetCredentials(t.Context(), &api.GetCredentialsInput{WorkgroupName: new(name)})
		if (err == nil) != tc.logins || w.endpoint.paused == tc.logins {
			t.Errorf("%s: credentials %v, paused %t; want logins %t", tc.status, err, w.endpoint.paused, tc.logins)
		}
		if err != nil {
			coded(t, err, "ValidationException", tc.status)
		}
		out, err := w.GetWorkgroup(t.Context(), &api.GetWorkgroupInput{WorkgroupName: new(name)})
		if err != nil || string(out.Workgroup.Status) != tc.status || (out.Workgroup.Endpoint != nil) != tc.named {
			t.Errorf("%s: described as %+v, %v", tc.status, out, err)
		}
	}
	if err := w.service.SetStatus(name, "PAUSED"); err == nil || !strings.Contains(err.Error(), "PAUSED") {
		t.Errorf("a status that there is not: %v", err)
	}
	if err := w.service.SetStatus("missing", "AVAILABLE"); !errors.Is(err, redshiftserverless.ErrWorkgroupNotFound) {
		t.Errorf("a workgroup that is not there: %v", err)
	}
}

func TestAddWorkgroup(t *testing.T) {
	w := newWorld(t)
	for _, g := range []redshiftserverless.Workgroup{{Name: name, Endpoint: w.endpoint}, {Name: "Upper", Endpoint: w.endpoint}, {Name: "no", Endpoint: w.endpoint}, {Name: "lost"}} {
		if err := w.service.AddWorkgroup(g); err == nil {
			t.Errorf("AddWorkgroup(%+v) succeeds", g)
		}
	}
}
