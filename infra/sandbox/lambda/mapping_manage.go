package lambda

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type mappingInput struct {
	UUID string `aws:"required,path=UUID"`
}

// openMapping returns a mapping that the caller may do action on. Without an error it holds s.mu until unlock.
func (s *Service) openMapping(call *awshttp.Call, action, id string) (m *mapping, unlock func(), err error) {
	s.mu.Lock()
	function := ""
	if m = s.mappings[id]; m != nil {
		function = m.function
	}
	s.mu.Unlock()
	if err := call.Authorize(s.onMapping(action, s.mappingARN(id), function)); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	if m = s.mappings[id]; m == nil {
		s.mu.Unlock()
		return nil, nil, noSuchResource()
	}
	return m, s.mu.Unlock, nil
}

func (s *Service) getEventSourceMapping(_ context.Context, call *awshttp.Call) (any, error) {
	var in mappingInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	m, unlock, err := s.openMapping(call, "GetEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.showMapping(m, "", http.StatusOK), nil
}

func (s *Service) listEventSourceMappings(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		FunctionName   string `aws:"query=FunctionName"`
		EventSourceArn string `aws:"query=EventSourceArn"`
		MaxItems       int    `aws:"query=MaxItems"` // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(s.onMapping("ListEventSourceMappings", "*", "")); err != nil {
		return nil, err
	}
	name := ""
	if in.FunctionName != "" {
		var err error
		if name, err = bareName(in.FunctionName); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ EventSourceMappings []shownMapping }{[]shownMapping{}}
	for _, m := range s.mappings {
		if (name == "" || m.function == name) && (in.EventSourceArn == "" || m.source == in.EventSourceArn) {
			out.EventSourceMappings = append(out.EventSourceMappings, s.showMapping(m, "", 0))
		}
	}
	slices.SortFunc(out.EventSourceMappings, func(a, b shownMapping) int {
		return cmp.Or(cmp.Compare(a.EventSourceArn, b.EventSourceArn), cmp.Compare(a.FunctionArn, b.FunctionArn))
	})
	return out, nil
}

func (s *Service) updateEventSourceMapping(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		mappingInput
		FunctionName string
		mappingSettings
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	m, unlock, err := s.openMapping(call, "UpdateEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	next, name, source := m.settings.merge(in.mappingSettings), m.function, m.source
	unlock()
	if err := next.check(); err != nil {
		return nil, err
	}
	if in.FunctionName != "" {
		if name, err = bareName(in.FunctionName); err != nil {
			return nil, err
		}
	}
	if err := s.checkSource(name, source); err != nil {
		return nil, err
	}
	s.mu.Lock()
	m.settings, m.function, m.modified = next, name, call.Time
	shown := s.showMapping(m, "Updating", http.StatusAccepted)
	s.mu.Unlock()
	s.wake(context.WithoutCancel(ctx), m)
	return shown, nil
}

// deleteEventSourceMapping lets batches that are worked on come to their end.
func (s *Service) deleteEventSourceMapping(_ context.Context, call *awshttp.Call) (any, error) {
	var in mappingInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	m, unlock, err := s.openMapping(call, "DeleteEventSourceMapping", in.UUID)
	if err != nil {
		return nil, err
	}
	delete(s.mappings, m.id)
	unwatch, shown := m.unwatch, s.showMapping(m, "Deleting", http.StatusAccepted)
	unlock()
	if unwatch != nil {
		unwatch()
	}
	return shown, nil
}
