package eventbridge

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const defaultBus = "default"

// keptEvents is how many events a bus remembers.
const keptEvents = 1000

// A bus holds rules and the last events. [Service.mu] guards it.
type bus struct {
	name        string
	description string
	created     time.Time
	rules       map[string]*rule // by name
	events      []Event
}

func newBus(name, description string, now time.Time) *bus {
	return &bus{name: name, description: description, created: now, rules: map[string]*rule{}}
}

func (b *bus) keep(e Event) {
	if b.events = append(b.events, e); len(b.events) > keptEvents {
		b.events = slices.Delete(b.events, 0, 1)
	}
}

// Events lists the events that came to a bus, a name or an ARN, the oldest first, at most 1000.
func (s *Service) Events(bus string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buses[busName(bus)]
	if b == nil {
		return nil
	}
	return slices.Clone(b.events)
}

// findBus returns a bus. The caller holds s.mu.
func (s *Service) findBus(name string) (*bus, error) {
	b := s.buses[name]
	if b == nil {
		return nil, refuse(notFound, "Event bus %s does not exist.", name)
	}
	return b, nil
}

var busPattern = regexp.MustCompile(`^[/.A-Za-z0-9_-]{1,256}$`)

func (s *Service) createEventBus(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Name        string `aws:"required"`
		Description string
		Tags        []tag
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if !busPattern.MatchString(in.Name) || strings.HasPrefix(in.Name, "aws.") {
		return nil, refuse(invalid, "event bus name %q is not valid", in.Name)
	}
	if err := call.Authorize(awshttp.Access{Action: "events:CreateEventBus", Resource: s.busARN(in.Name)}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buses[in.Name] != nil {
		return nil, refuse("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	s.buses[in.Name] = newBus(in.Name, in.Description, call.Time)
	s.tag(s.busARN(in.Name), in.Tags)
	return struct {
		EventBusArn string
		Description string `json:",omitempty"`
	}{s.busARN(in.Name), in.Description}, nil
}

// shownBus is how the control plane shows a bus.
type shownBus struct {
	Name             string
	Arn              string
	Description      string `json:",omitempty"`
	CreationTime     time.Time
	LastModifiedTime time.Time
}

func (s *Service) show(b *bus) shownBus {
	return shownBus{b.name, s.busARN(b.name), b.description, b.created, b.created}
}

func (s *Service) describeEventBus(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct{ Name string }
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name := busName(in.Name)
	if err := call.Authorize(awshttp.Access{Action: "events:DescribeEventBus", Resource: s.busARN(name)}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(name)
	if err != nil {
		return nil, err
	}
	return s.show(b), nil
}

func (s *Service) listEventBuses(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		NamePrefix string
		Limit      int // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "events:ListEventBuses", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ EventBuses []shownBus }{[]shownBus{}}
	for _, name := range slices.Sorted(maps.Keys(s.buses)) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out.EventBuses = append(out.EventBuses, s.show(s.buses[name]))
		}
	}
	return out, nil
}

func (s *Service) deleteEventBus(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Name string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name := busName(in.Name)
	if err := call.Authorize(awshttp.Access{Action: "events:DeleteEventBus", Resource: s.busARN(name)}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == defaultBus {
		return nil, refuse(invalid, "Cannot delete event bus default.")
	}
	if b := s.buses[name]; b != nil && len(b.rules) > 0 {
		return nil, refuse(invalid, "Event bus can't be deleted since it has rules.")
	}
	delete(s.tags, s.busARN(name))
	delete(s.buses, name) // one that is not there is deleted too
	return nil, nil
}
