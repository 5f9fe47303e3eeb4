package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A statement of a function's resource policy, in the form that AddPermission gives it.
type statement struct {
	Sid       string
	Effect    string
	Principal any // "*", or {"Service": …} or {"AWS": …}
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

type policyDocument struct {
	Version   string
	Id        string
	Statement []statement
}

// document writes the function's policy; empty if it has none. The caller holds s.mu.
func (f *function) document() string {
	if len(f.policy) == 0 {
		return ""
	}
	return encode(policyDocument{Version: "2012-10-17", Id: "default", Statement: f.policy})
}

func encode(v any) string {
	text, _ := json.Marshal(v) // strings and maps of strings always encode
	return string(text)
}

// policy is the resource policy of a function, empty if there is no such function.
func (s *Service) policy(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[name]; f != nil {
		return f.document()
	}
	return ""
}

type addPermissionInput struct {
	FunctionName  string `aws:"required,path=FunctionName"`
	StatementId   string `aws:"required"`
	Action        string `aws:"required"`
	Principal     string `aws:"required"`
	SourceArn     string
	SourceAccount string
}

var actionPattern = regexp.MustCompile(`^(lambda:[a-zA-Z]+|lambda:\*|\*)$`)

func (s *Service) addPermission(_ context.Context, call *awshttp.Call) (any, error) {
	var in addPermissionInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "AddPermission", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if !actionPattern.MatchString(in.Action) {
		return nil, refuse("Action %q is not an action of Lambda, such as lambda:InvokeFunction", in.Action)
	}
	added := in.statement(s.arn(name))
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(f.policy, func(old statement) bool { return old.Sid == added.Sid }) {
		return nil, &awshttp.Error{Status: http.StatusConflict, Code: "ResourceConflictException",
			Message: fmt.Sprintf("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", added.Sid)}
	}
	f.policy = append(f.policy, added)
	return struct {
		Statement string
		Status    int `aws:"status"`
	}{encode(added), http.StatusCreated}, nil
}

func (in addPermissionInput) statement(resource string) statement {
	st := statement{Sid: in.StatementId, Effect: "Allow", Action: in.Action, Resource: resource, Principal: in.principal()}
	condition := map[string]map[string]string{}
	if in.SourceAccount != "" {
		condition["StringEquals"] = map[string]string{"AWS:SourceAccount": in.SourceAccount}
	}
	if in.SourceArn != "" {
		condition["ArnLike"] = map[string]string{"AWS:SourceArn": in.SourceArn}
	}
	if len(condition) > 0 {
		st.Condition = condition
	}
	return st
}

var accountPattern = regexp.MustCompile(`^\d{12}$`)

func (in addPermissionInput) principal() any {
	switch {
	case in.Principal == "*":
		return "*"
	case accountPattern.MatchString(in.Principal):
		return map[string]string{"AWS": "arn:" + awshttp.Partition + ":iam::" + in.Principal + ":root"}
	case strings.HasPrefix(in.Principal, "arn:"):
		return map[string]string{"AWS": in.Principal}
	default:
		return map[string]string{"Service": in.Principal}
	}
}

func (s *Service) getPolicy(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.about(call, "GetPolicy")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if len(f.policy) == 0 {
		return nil, noSuchResource()
	}
	return struct{ Policy, RevisionId string }{f.document(), f.revisionID()}, nil
}

func (s *Service) removePermission(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		FunctionName string `aws:"required,path=FunctionName"`
		StatementId  string `aws:"required,path=StatementId"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.target(call, "RemovePermission", in.FunctionName)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(name)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.policy, func(old statement) bool { return old.Sid == in.StatementId })
	if i < 0 {
		return nil, noSuchResource()
	}
	f.policy = slices.Delete(f.policy, i, i+1)
	return noContent{http.StatusNoContent}, nil
}

// noSuchResource is the answer for something that a function may have and this one has not.
func noSuchResource() error {
	return &awshttp.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException",
		Message: "The resource you requested does not exist."}
}
