package eventbridge

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge/pattern"
)

// A rule says which events of a bus go to which targets.
type rule struct {
	name, arn   string
	description string
	source      string // the pattern's text
	pattern     *pattern.Pattern
	enabled     bool
	targets     []target
}

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

func (r *rule) state() string {
	if r.enabled {
		return enabled
	}
	return disabled
}

// onRule decodes nothing; it asks whether the caller may do action on a rule.
func (s *Service) onRule(call *awshttp.Call, action, bus, rule string) error {
	return call.Authorize(awshttp.Access{Action: "events:" + action, Resource: s.ruleARN(bus, rule)})
}

// findRule returns a rule of a bus. The caller holds s.mu.
func (s *Service) findRule(bus, name string) (*rule, error) {
	b, err := s.findBus(bus)
	if err != nil {
		return nil, err
	}
	r := b.rules[name]
	if r == nil {
		return nil, refuse(notFound, "Rule %s does not exist on EventBus %s.", name, bus)
	}
	return r, nil
}

type putRuleInput struct {
	Name         string `aws:"required"`
	EventBusName string
	EventPattern string
	State        string
	Description  string
	Tags         []tag
}

var rulePattern = regexp.MustCompile(`^[.A-Za-z0-9_-]{1,64}$`)

func (s *Service) putRule(_ context.Context, call *awshttp.Call) (any, error) {
	var in putRuleInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "PutRule", bus, in.Name); err != nil {
		return nil, err
	}
	switch {
	case !rulePattern.MatchString(in.Name):
		return nil, refuse(invalid, "rule name %q is not valid", in.Name)
	case in.EventPattern == "":
		return nil, refuse(invalid, "rule %s has no EventPattern", in.Name)
	case in.State != "" && in.State != enabled && in.State != disabled:
		return nil, refuse(invalid, "State is %q; it has to be ENABLED or DISABLED", in.State)
	}
	p, err := parsePattern(in.EventPattern)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(bus)
	if err != nil {
		return nil, err
	}
	next := &rule{name: in.Name, arn: s.ruleARN(bus, in.Name), description: in.Description,
		source: in.EventPattern, pattern: p, enabled: in.State != disabled}
	if old := b.rules[in.Name]; old != nil {
		next.targets = old.targets
	} else {
		s.tag(next.arn, in.Tags) // a rule that is there keeps its tags
	}
	b.rules[in.Name] = next
	return struct{ RuleArn string }{next.arn}, nil
}

func parsePattern(text string) (*pattern.Pattern, error) {
	p, err := pattern.Parse(text)
	if err != nil {
		return nil, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	return p, nil
}

// shownRule is how the control plane shows a rule.
type shownRule struct {
	Name         string
	Arn          string
	EventBusName string
	EventPattern string
	State        string
	Description  string `json:",omitempty"`
}

func (r *rule) show(bus string) shownRule {
	return shownRule{r.name, r.arn, bus, r.source, r.state(), r.description}
}

func (s *Service) describeRule(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Name         string `aws:"required"`
		EventBusName string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "DescribeRule", bus, in.Name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(bus, in.Name)
	if err != nil {
		return nil, err
	}
	return r.show(bus), nil
}

func (s *Service) listRules(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		EventBusName string
		NamePrefix   string
		Limit        int // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := call.Authorize(awshttp.Access{Action: "events:ListRules", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(bus)
	if err != nil {
		return nil, err
	}
	out := struct{ Rules []shownRule }{[]shownRule{}}
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out.Rules = append(out.Rules, b.rules[name].show(bus))
		}
	}
	return out, nil
}

func (s *Service) deleteRule(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Name         string `aws:"required"`
		EventBusName string
		Force        bool // for rules that AWS manages; there are none
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	bus := busName(in.EventBusName)
	if err := s.onRule(call, "DeleteRule", bus, in.Name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(bus)
	if err != nil {
		return nil, err
	}
	if r := b.rules[in.Name]; r != nil && len(r.targets) > 0 {
		return nil, refuse(invalid, "Rule can't be deleted since it has targets.")
	}
	delete(s.tags, s.ruleARN(bus, in.Name))
	delete(b.rules, in.Name) // one that is not there is deleted too
	return nil, nil
}

func (s *Service) testEventPattern(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		EventPattern string `aws:"required"`
		Event        string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "events:TestEventPattern", Resource: "*"}); err != nil {
		return nil, err
	}
	p, err := parsePattern(in.EventPattern)
	if err != nil {
		return nil, err
	}
	matches, err := p.Match([]byte(in.Event))
	if err != nil {
		return nil, refuse(invalid, "Parameter Event is not valid. Reason: %v", err)
	}
	return struct{ Result bool }{matches}, nil
}
