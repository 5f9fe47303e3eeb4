package template_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

var deployment = awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/exec/AWSCloudFormation", Account: awshttp.Account}

// A cloud keeps what was made by name, whatever it is: making a thing twice and removing a thing that is not there
// are errors, as with AWS.
type cloud struct {
	things map[string]bool // "CreateRole reader" is there while a role named reader is
	calls  []call
	fail   map[string]error // by operation
}

type call struct {
	operation string // "iam CreateRole"
	input     map[string]any
}

func newCloud() *cloud { return &cloud{things: map[string]bool{}, fail: map[string]error{}} }

// subjects are the members that name what an operation works on.
var subjects = map[string]string{
	"CreateRole": "RoleName", "DeleteRole": "RoleName", "CreateSecret": "Name", "DeleteSecret": "SecretId",
	"CreateFunction": "FunctionName", "DeleteFunction": "FunctionName", "CreateEventBus": "Name", "DeleteEventBus": "Name",
	"CreateSchedule": "Name", "DeleteSchedule": "Name", "CreateScheduleGroup": "Name", "DeleteScheduleGroup": "Name",
}

func (c *cloud) Do(_ context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error) {
	b, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	in := map[string]any{}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, err
	}
	if p.ARN != deployment.ARN {
		return nil, fmt.Errorf("called as %s", p.ARN)
	}
	c.calls = append(c.calls, call{service + " " + operation, in})
	if err := c.fail[operation]; err != nil {
		return nil, err
	}
	name, _ := in[subjects[operation]].(string)
	name = name[strings.LastIndex(name, ":")+1:]
	switch kind := strings.TrimPrefix(strings.TrimPrefix(operation, "Create"), "Delete"); {
	case strings.HasPrefix(operation, "Create") && c.things[kind+" "+name]:
		return nil, &awshttp.Error{Code: "ResourceExistsException", Message: name + " exists"}
	case strings.HasPrefix(operation, "Create"):
		c.things[kind+" "+name] = true
	case strings.HasPrefix(operation, "Delete") && subjects[operation] != "":
		if !c.things[kind+" "+name] {
			return nil, &awshttp.Error{Status: 404, Code: "ResourceNotFoundException", Message: name + " is not there"}
		}
		delete(c.things, kind+" "+name)
	}
	return answer(service, name), nil
}

// answer has the ARN of name under every name that an output may give it.
func answer(service, name string) map[string]any {
	arn := "arn:aws:" + service + ":us-east-1:111122223333:" + name
	return map[string]any{"ARN": arn, "FunctionArn": arn, "EventBusArn": arn, "RuleArn": arn, "ScheduleArn": arn, "ScheduleGroupArn": arn,
		"Role": map[string]any{"Arn": "arn:aws:iam::111122223333:role/" + name, "RoleId": "AROA" + name}, "RandomPassword": "generated"}
}

// operations lists what was called since the last time, in order.
func (c *cloud) operations() []string {
	var all []string
	for _, made := range c.calls {
		all = append(all, made.operation)
	}
	c.calls = nil
	return all
}

// input is what an operation was called with last.
func (c *cloud) input(t *testing.T, operation string) map[string]any {
	t.Helper()
	for _, made := range slices.Backward(c.calls) {
		if made.operation == operation {
			return made.input
		}
	}
	t.Fatalf("%s was not called; calls: %v", operation, c.calls)
	return nil
}

// write makes a cloud assembly of templates, in JSON, by the names of their stacks. Each stack depends on the one before it.
func write(t *testing.T, templates ...string) string {
	t.Helper()
	folder := t.TempDir()
	artifacts := map[string]any{"Tree": map[string]any{"type": "cdk:tree", "properties": map[string]any{"file": "tree.json"}}}
	var before []string
	for i, text := range templates {
		name := fmt.Sprintf("stack%d", i+1)
		put(t, filepath.Join(folder, name+".template.json"), text)
		put(t, filepath.Join(folder, name+".assets.json"), `{"files": {"abc": {"source": {"path": "asset.abc", "packaging": "zip"},
			"destinations": {"current": {"bucketName": "b", "objectKey": "abc.zip"}}}}}`)
		artifacts[name+".assets"] = map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": name + ".assets.json"}}
		artifacts[name] = map[string]any{"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
			"dependencies": append(before, name+".assets"), "properties": map[string]any{"templateFile": name + ".template.json"}}
		before = []string{name}
	}
	b, err := json.Marshal(map[string]any{"version": "54.0.0", "artifacts": artifacts})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(folder, "manifest.json"), string(b))
	return folder
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, templates ...string) *template.Assembly {
	t.Helper()
	a, err := template.Load(write(t, templates...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newDeployer(c *cloud) *template.Deployer {
	return template.New(template.Config{API: c, Principal: deployment})
}
