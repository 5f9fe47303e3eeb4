package lambda

import (
	"context"
	"maps"
	"net/http"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type tagInput struct {
	Resource string            `aws:"required,path=Resource"`
	Tags     map[string]string `aws:"required"`
}

func (s *Service) tagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in tagInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return s.retag(call, "TagResource", in.Resource, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Resource string `aws:"required,path=Resource"`
		TagKeys  []string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if call.HTTP != nil { // where each key is a parameter of its own
		in.TagKeys = call.HTTP.URL.Query()["tagKeys"]
	}
	return s.retag(call, "UntagResource", in.Resource, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) retag(call *awshttp.Call, action, resource string, change func(tags map[string]string)) (any, error) {
	unlock, tags, err := s.tagged(call, action, resource)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if *tags == nil {
		*tags = map[string]string{}
	}
	change(*tags)
	return noContent{http.StatusNoContent}, nil
}

func (s *Service) listTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Resource string `aws:"required,path=Resource"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	unlock, tags, err := s.tagged(call, "ListTags", in.Resource)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return struct{ Tags map[string]string }{maps.Clone(*tags)}, nil
}

// tagged finds the tags of a function or an event source mapping that the caller may do action on. Without an error
// it holds s.mu until unlock.
func (s *Service) tagged(call *awshttp.Call, action, resource string) (unlock func(), tags *map[string]string, err error) {
	if id, ok := mappingID(resource); ok {
		m, unlock, err := s.openMapping(call, action, id)
		if err != nil {
			return nil, nil, err
		}
		return unlock, &m.tags, nil
	}
	name, err := s.target(call, action, resource)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	f, err := s.find(name)
	if err != nil {
		s.mu.Unlock()
		return nil, nil, err
	}
	return s.mu.Unlock, &f.tags, nil
}
