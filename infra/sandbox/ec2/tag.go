package ec2

import (
	"context"
	"maps"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxTags is how many tags a resource may have.
// Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources" (tag restrictions).
const maxTags = 50

type tagInput struct {
	dryRun
	ResourceIDs []string `json:"ResourceId" aws:"required"`
	Tags        []struct {
		Key   string
		Value *string
	} `json:"Tag"`
}

// openTags decodes the input and asks about each resource. The caller holds s.mu.
func (s *Service) openTags(call *awshttp.Call, action string, in *tagInput) error {
	if err := call.Decode(in); err != nil {
		return err
	}
	var brought []inputTag
	for _, t := range in.Tags {
		value := ""
		if t.Value != nil {
			value = *t.Value
		}
		brought = append(brought, inputTag{t.Key, value})
	}
	for _, id := range in.ResourceIDs {
		resource, keys := ruleARN(call.Region, id), resourceKeys(s.tagsOf(id))
		switch {
		case strings.HasPrefix(id, "sg-"):
			resource, keys = groupARN(call.Region, id), s.keysOf(call, id)
		case !strings.HasPrefix(id, "sgr-"):
			return refusal("InvalidID", "The ID '%s' is not valid: the sandbox tags security groups and their rules", id)
		}
		if err := ask(call, action, resource, keys, requestKeys(brought)); err != nil {
			return err
		}
	}
	for _, id := range in.ResourceIDs {
		if s.tagsOf(id) != nil {
			continue
		}
		if strings.HasPrefix(id, "sgr-") {
			return noRule(id)
		}
		_, err := s.find(id)
		return err
	}
	return in.answer()
}

func (s *Service) createTags(_ context.Context, call *awshttp.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in tagInput
	if err := s.openTags(call, "CreateTags", &in); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, refusal("MissingParameter", "The request must contain the parameter Tag")
	}
	for _, id := range in.ResourceIDs {
		tags := merged(s.tagsOf(id), in)
		if len(tags) > maxTags {
			return nil, refusal("TagLimitExceeded", "More than %d tags on '%s'", maxTags, id)
		}
	}
	for _, id := range in.ResourceIDs {
		tags := s.tagsOf(id)
		maps.Copy(tags, merged(tags, in))
	}
	return done{true}, nil
}

// merged is what tags become.
func merged(tags map[string]string, in tagInput) map[string]string {
	all := maps.Clone(tags)
	for _, t := range in.Tags {
		all[t.Key] = ""
		if t.Value != nil {
			all[t.Key] = *t.Value
		}
	}
	return all
}

// deleteTags removes the named tags: those with the given value where there is one, whatever the value is where there
// is none, and all tags of the resource where no tag is named.
func (s *Service) deleteTags(_ context.Context, call *awshttp.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in tagInput
	if err := s.openTags(call, "DeleteTags", &in); err != nil {
		return nil, err
	}
	for _, id := range in.ResourceIDs {
		tags := s.tagsOf(id)
		if len(in.Tags) == 0 {
			clear(tags)
		}
		for _, t := range in.Tags {
			if t.Value == nil || tags[t.Key] == *t.Value {
				delete(tags, t.Key)
			}
		}
	}
	return done{true}, nil
}

type done struct {
	Return bool `json:"return"`
}
