package eventbridge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type tag struct {
	Key   string `aws:"required"`
	Value string
}

// tag adds tags to a bus or a rule. The caller holds s.mu.
func (s *Service) tag(arn string, tags []tag) {
	if s.tags[arn] == nil {
		s.tags[arn] = map[string]string{}
	}
	for _, t := range tags {
		s.tags[arn][t.Key] = t.Value
	}
}

// onTags asks whether the caller may do action on a bus or a rule, looks whether it is there, and does it with the lock held.
func (s *Service) onTags(call *awshttp.Call, action, arn string, do func()) error {
	if err := call.Authorize(awshttp.Access{Action: "events:" + action, Resource: arn}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.exists(arn) {
		return refuse(notFound, "%s does not exist.", arn)
	}
	do()
	return nil
}

func (s *Service) exists(arn string) bool {
	if bus, ok := strings.CutPrefix(arn, s.busARN("")); ok {
		return s.buses[bus] != nil
	}
	for _, b := range s.buses {
		for _, r := range b.rules {
			if r.arn == arn {
				return true
			}
		}
	}
	return false
}

func (s *Service) tagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceARN string `aws:"required"`
		Tags        []tag  `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return nil, s.onTags(call, "TagResource", in.ResourceARN, func() { s.tag(in.ResourceARN, in.Tags) })
}

func (s *Service) untagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceARN string   `aws:"required"`
		TagKeys     []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return nil, s.onTags(call, "UntagResource", in.ResourceARN, func() {
		for _, key := range in.TagKeys {
			delete(s.tags[in.ResourceARN], key)
		}
	})
}

func (s *Service) listTagsForResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceARN string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	out := struct{ Tags []tag }{[]tag{}}
	err := s.onTags(call, "ListTagsForResource", in.ResourceARN, func() {
		tags := s.tags[in.ResourceARN]
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, tag{key, tags[key]})
		}
	})
	return out, err
}
