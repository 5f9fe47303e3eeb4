package secretsmanager

import (
	"context"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxTags is AWS's limit for one resource.
const maxTags = 50

func (s *Service) tagResource(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId string `aws:"required"`
		Tags     []tag  `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "TagResource", in.SecretId, tagKeys(in.Tags))
	if err != nil {
		return nil, err
	}
	if err := r.putTags(in.Tags); err != nil {
		return nil, err
	}
	r.changed = s.now()
	return nil, nil
}

// putTags sets tags beside those that are there. A refused set changes nothing.
func (r *record) putTags(tags []tag) error {
	all := slices.Clone(r.tags)
	for i, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalidParameter("Tag %q is not valid: a key has 1 to 128 characters and does not begin with aws:, a value has at most 256.", t.Key)
		}
		if slices.ContainsFunc(tags[:i], func(u tag) bool { return u.Key == t.Key }) {
			return invalidParameter("Tag %q is given twice.", t.Key)
		}
		all = slices.DeleteFunc(all, func(u tag) bool { return u.Key == t.Key })
		all = append(all, t)
	}
	if len(all) > maxTags {
		return invalidParameter("A secret can have %d tags.", maxTags)
	}
	r.tags = all
	return nil
}

func (s *Service) untagResource(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId string   `aws:"required"`
		TagKeys  []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "UntagResource", in.SecretId, keys{"aws:TagKeys": in.TagKeys})
	if err != nil {
		return nil, err
	}
	r.tags = slices.DeleteFunc(r.tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	r.changed = s.now()
	return nil, nil
}
