package template

import (
	"context"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
)

// A kind is a resource type: what its properties may be, and the calls that make, change and remove it.
type kind struct {
	properties shape
	required   []string
	attributes []string // for Fn::GetAtt
	// fixed are properties whose change takes a new resource in the place of the old one.
	fixed []string
	// create makes the resource: it sets id, what Ref answers, and the attributes. An id that is set before an error
	// belongs to something that was made and needs removing.
	create func(context.Context, *job) error
	update func(context.Context, *job) error // nil where every property is fixed
	remove func(context.Context, *job) error
	// documents are the policies among the properties; nil if there are none.
	documents func(properties map[string]any) []policyDocument
	// shown are properties that people may see in [Resource]; no secret may be in them.
	shown []string
	// note says what the sandbox does not do with the resource.
	note string
}

// kinds are the resource types that are understood.
var kinds = map[string]kind{
	"AWS::CloudWatch::Alarm":                alarm,
	"AWS::DynamoDB::Table":                  table,
	"AWS::Events::EventBus":                 eventBus,
	"AWS::Events::Rule":                     rule,
	"AWS::IAM::ManagedPolicy":               managedPolicy,
	"AWS::IAM::Policy":                      rolePolicy,
	"AWS::IAM::Role":                        role,
	"AWS::Lambda::EventInvokeConfig":        eventInvokeConfig,
	"AWS::Lambda::EventSourceMapping":       eventSourceMapping,
	"AWS::Lambda::Function":                 function,
	"AWS::Lambda::Permission":               permission,
	"AWS::Logs::LogGroup":                   logGroup,
	"AWS::Scheduler::Schedule":              schedule,
	"AWS::Scheduler::ScheduleGroup":         scheduleGroup,
	"AWS::SecretsManager::ResourcePolicy":   secretPolicy,
	"AWS::SecretsManager::RotationSchedule": rotationSchedule,
	"AWS::SecretsManager::Secret":           secret,
	"AWS::SQS::Queue":                       queue,
	"AWS::SQS::QueuePolicy":                 queuePolicy,
}

// A shape names the members of a structure and of the structures in it. Where it is nil, anything may stand: a
// scalar, a list of them, or a document that the service checks itself.
type shape map[string]shape

// tags is the shape of a list of tags.
var tags = shape{"Key": nil, "Value": nil}

// misfits are the members of v that s does not have.
func (s shape) misfits(path string, v any) (p fault.Problems) {
	if s == nil {
		return nil
	}
	switch v := v.(type) {
	case unknown:
	case map[string]any:
		for _, name := range sorted(v) {
			inner, known := s[name]
			if !known {
				p = append(p, fault.Problem{Where: path + "." + name, What: "is a property that the sandbox does not have", Fix: fmt.Sprintf("remove it, or teach the sandbox's package template; it knows %q", sorted(s))})
				continue
			}
			p = append(p, inner.misfits(path+"."+name, v[name])...)
		}
	case []any:
		for i, item := range v {
			p = append(p, s.misfits(fmt.Sprintf("%s.%d", path, i), item)...)
		}
	default:
		p = append(p, fault.Problem{Where: path, What: "is not a structure", Fix: fmt.Sprintf("write an object with %q", sorted(s))})
	}
	return p
}

// check finds what is wrong with the properties of a resource, as far as they are known.
func (k kind) check(path string, properties map[string]any) fault.Problems {
	p := k.properties.misfits(path+".Properties", properties)
	for _, name := range k.required {
		if _, ok := properties[name]; !ok {
			p = append(p, fault.Problem{Where: path + ".Properties." + name, What: "is missing", Fix: "CloudFormation requires it"})
		}
	}
	if k.documents != nil {
		for _, d := range k.documents(properties) {
			p = append(p, d.vet(path)...)
		}
	}
	return p
}

// replaces reports whether a change takes a new resource.
func (k kind) replaces(j *job) bool {
	return k.update == nil || slices.ContainsFunc(k.fixed, j.changed)
}
