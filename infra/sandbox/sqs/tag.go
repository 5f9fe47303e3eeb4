package sqs

import (
	"context"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxTags is how many tags a queue may have.
const maxTags = 50

// tagKeys are the condition keys about the tags of a request.
func tagKeys(tags map[string]string) map[string][]string {
	keys := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		keys["aws:RequestTag/"+key] = []string{tags[key]}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], key)
	}
	return keys
}

func (s *Service) tagQueue(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string            `aws:"required"`
		Tags     map[string]string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return s.retag(call, "TagQueue", in.QueueUrl, tagKeys(in.Tags), func(q *queue) error {
		next := maps.Clone(in.Tags)
		for key, value := range q.tags {
			if _, ok := next[key]; !ok {
				next[key] = value
			}
		}
		if len(next) > maxTags {
			return refuse(invalidValue, "Too many tags added for queue %s.", q.name)
		}
		q.tags = next
		return nil
	})
}

func (s *Service) untagQueue(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl string   `aws:"required"`
		TagKeys  []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return s.retag(call, "UntagQueue", in.QueueUrl, map[string][]string{"aws:TagKeys": in.TagKeys}, func(q *queue) error {
		for _, key := range in.TagKeys {
			delete(q.tags, key)
		}
		return nil
	})
}

func (s *Service) retag(call *awshttp.Call, action, queueURL string, keys map[string][]string, do func(*queue) error) (any, error) {
	name, err := nameInURL(queueURL)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(s.access(action, name, keys)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return nil, do(q)
}

func (s *Service) listQueueTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in queueURL
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "ListQueueTags", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return struct {
		Tags map[string]string `json:",omitempty"`
	}{maps.Clone(q.tags)}, nil
}
