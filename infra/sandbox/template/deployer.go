package template

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// An API is the AWS that is deployed to.
type API interface {
	// Do performs an operation as p. A refusal by the service is an *[awshttp.Error].
	Do(ctx context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error)
}

// A Config says where a [Deployer] deploys to.
type Config struct {
	API       API
	Principal awshttp.Principal // a session of CloudFormation's execution role
	Region    string            // empty means awshttp.DefaultRegion
}

// A Deployer deploys assemblies and remembers what it made. Its methods may be called from several goroutines.
type Deployer struct {
	config Config
	work   sync.Mutex // held by the one deployment at a time

	mu     sync.Mutex
	stacks []*deployed // in the order of their deployment
}

// deployed is a stack as it is.
type deployed struct {
	stack   *Stack
	made    []*made // in the order of their making
	outputs []Output
}

// made is a resource as it is.
type made struct {
	logical    string
	kind       string
	id         string
	attributes map[string]string
	properties map[string]any
	turn       int
	keep       bool // DeletionPolicy is Retain
	keepOld    bool // UpdateReplacePolicy is Retain
}

// A Resource is something that a deployment made.
type Resource struct {
	Stack      string            `json:"stack"`
	LogicalID  string            `json:"logicalId"`
	Type       string            `json:"type"`
	PhysicalID string            `json:"physicalId"` // what Ref answers
	Attributes map[string]string `json:"attributes,omitempty"`
	Properties map[string]any    `json:"properties,omitempty"` // of resources that are only kept, such as log groups
	Note       string            `json:"note,omitempty"`       // what the sandbox does not do with it
}

// An Output is one of a stack's outputs.
type Output struct {
	Stack  string `json:"stack"`
	Name   string `json:"name"`
	Value  string `json:"value"`
	Export string `json:"export,omitempty"`
}

// An Error says which resource a deployment failed at, and why.
type Error struct {
	Stack, LogicalID, Type string
	Op                     string // create, update, replace or delete
	Err                    error  // an *[awshttp.Error], wrapped, where a service refused
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s/%s (%s): %v", e.Op, e.Stack, e.LogicalID, e.Type, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// New returns a deployer that has deployed nothing.
func New(c Config) *Deployer {
	if c.Region == "" {
		c.Region = awshttp.DefaultRegion
	}
	return &Deployer{config: c}
}

// Deploy makes what is there what a says. Resources whose evaluated properties have not changed are left alone, as
// CloudFormation does: a secret keeps the value that rotation gave it. Resources that have left a stack are removed;
// a stack that has left the assembly stays until [Deployer.Delete].
//
// What is wrong with the assembly itself comes in one [fault.Problems], and then nothing was made. A resource that a
// service refuses is an *[Error]; what was made before it stays.
func (d *Deployer) Deploy(ctx context.Context, a *Assembly) error {
	d.work.Lock()
	defer d.work.Unlock()
	plans, err := rehearse(a, d.config.Region)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if err := d.deploy(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// deploy makes one stack: first what is new or has changed, and then what has to go, in the reverse order of its making.
func (d *Deployer) deploy(ctx context.Context, p plan) error {
	at := d.enter(p.stack)
	for _, logical := range p.order {
		if err := d.resource(ctx, at, logical); err != nil {
			return err
		}
	}
	var problems []error
	for _, m := range slices.Backward(slices.Clone(at.made)) {
		if at.find(m.logical) != m || !slices.Contains(p.order, m.logical) {
			problems = append(problems, d.remove(ctx, at, m))
		}
	}
	problems = append(problems, d.output(at))
	return errors.Join(problems...)
}

// enter finds the stack among those deployed, or adds it, with its new template.
func (d *Deployer) enter(s *Stack) *deployed {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.stacks {
		if at.stack.Name == s.Name {
			at.stack = s
			return at
		}
	}
	at := &deployed{stack: s}
	d.stacks = append(d.stacks, at)
	return at
}

// resource brings one resource to what the template says. What it replaces stays, to be removed at the end.
func (d *Deployer) resource(ctx context.Context, at *deployed, logical string) error {
	is := at.stack.document.Resources[logical]
	e := &evaluator{stack: at.stack, region: d.config.Region, around: present{d, at}}
	properties, _ := e.value(logical+".Properties", anyMap(is.Properties)).(map[string]any)
	if err := e.problems.Err(); err != nil {
		return err
	}
	k, old := kinds[is.Type], at.find(logical)
	j := d.job(at, logical, properties)
	op, act := "create", k.create
	if old != nil && old.kind == is.Type {
		j.of(old)
		switch {
		case reflect.DeepEqual(old.properties, properties):
			op, act = "", nothingToDo
		case !k.replaces(j):
			op, act = "update", k.update
		}
	}
	if old != nil && op == "create" {
		op, j = "replace", d.job(at, logical, properties)
		j.turn = old.turn + 1
	}
	err := act(ctx, j)
	if op == "update" && err != nil {
		j.properties = j.before // so that the next deployment sees the change again
	}
	if err == nil || j.id != "" {
		d.keep(at, &made{logical, is.Type, j.id, j.attributes, j.properties, j.turn, is.DeletionPolicy == "Retain", is.UpdateReplacePolicy == "Retain"}, op == "replace")
	}
	if err != nil {
		return &Error{at.stack.Name, logical, is.Type, op, err}
	}
	return nil
}

func nothingToDo(context.Context, *job) error { return nil }

func (d *Deployer) job(at *deployed, logical string, properties map[string]any) *job {
	return &job{api: d.config.API, by: d.config.Principal, stack: at.stack, region: d.config.Region, logical: logical,
		properties: properties, attributes: map[string]string{}}
}

// keep remembers m, beside what it replaces or in the place of what it was before.
func (d *Deployer) keep(at *deployed, m *made, beside bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := at.find(m.logical)
	if before == nil || beside {
		at.made = append(at.made, m)
		return
	}
	at.made[slices.Index(at.made, before)] = m
}

// find is the latest that was made for a logical id; nil if nothing was.
func (at *deployed) find(logical string) *made {
	for _, m := range slices.Backward(at.made) {
		if m.logical == logical {
			return m
		}
	}
	return nil
}

// remove takes away one thing that was made, unless its policy keeps it. Either way it leaves the stack.
func (d *Deployer) remove(ctx context.Context, at *deployed, m *made) error {
	current := at.find(m.logical) == m
	if current && !m.keep || !current && !m.keepOld {
		j := d.job(at, m.logical, m.properties)
		j.of(m)
		if err := kinds[m.kind].remove(ctx, j); err != nil && !gone(err) {
			return &Error{at.stack.Name, m.logical, m.kind, "delete", err}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at.made = slices.DeleteFunc(at.made, func(other *made) bool { return other == m })
	return nil
}

// gone reports whether a service says that what is to be removed is not there.
func gone(err error) bool {
	refusal, ok := errors.AsType[*awshttp.Error](err)
	return ok && slices.Contains([]string{"ResourceNotFoundException", "NoSuchEntity", "QueueDoesNotExist"}, refusal.Code)
}

// Delete removes all stacks, the last deployed first, and everything in them in the reverse order of its making. It
// goes on after a failure and returns all of them. Secrets are deleted without a recovery window, as CloudFormation does.
func (d *Deployer) Delete(ctx context.Context) error {
	d.work.Lock()
	defer d.work.Unlock()
	var problems []error
	for _, at := range slices.Backward(slices.Clone(d.stacks)) {
		for _, m := range slices.Backward(slices.Clone(at.made)) {
			problems = append(problems, d.remove(ctx, at, m))
		}
		if len(at.made) == 0 {
			d.mu.Lock()
			d.stacks = slices.DeleteFunc(d.stacks, func(other *deployed) bool { return other == at })
			d.mu.Unlock()
		}
	}
	return errors.Join(problems...)
}

// Resources lists what was made, in the order of its making.
func (d *Deployer) Resources() []Resource {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Resource
	for _, at := range d.stacks {
		for _, m := range at.made {
			r := Resource{Stack: at.stack.Name, LogicalID: m.logical, Type: m.kind, PhysicalID: m.id, Attributes: m.attributes, Note: kinds[m.kind].note}
			for _, name := range kinds[m.kind].shown {
				if value, ok := m.properties[name]; ok {
					if r.Properties == nil {
						r.Properties = map[string]any{}
					}
					r.Properties[name] = value
				}
			}
			all = append(all, r)
		}
	}
	return all
}

// stackID is the ARN of a stack. Its last part, a UUID in AWS, depends on the name only.
func stackID(name, region string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%x-%x-%x-%x-%x", awshttp.Partition, region, awshttp.Account, name,
		sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
