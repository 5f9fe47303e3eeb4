package dynamodb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const maxTags = 50

type tag struct{ Key, Value string }

// tag sets tags beside those that are there. A refused set changes nothing.
func (t *table) tag(tags []tag) error {
	all := maps.Clone(t.tags)
	for _, g := range tags {
		if g.Key == "" || len(g.Key) > 128 || len(g.Value) > 256 || strings.HasPrefix(strings.ToLower(g.Key), "aws:") {
			return invalid("Tag %q is not valid: a key has 1 to 128 characters and does not begin with aws:, a value has at most 256.", g.Key)
		}
		all[g.Key] = g.Value
	}
	if len(all) > maxTags {
		return invalid("A table can have %d tags.", maxTags)
	}
	t.tags = all
	return nil
}

// tagged authorizes an operation on the tags of a resource and finds the table.
func (s *Service) tagged(call *awshttp.Call, arn string, keys map[string][]string) (*table, error) {
	name, ok := strings.CutPrefix(arn, arnOf(""))
	if !ok {
		return nil, invalid("Invalid TableArn: Invalid ResourceArn provided as input %s", arn)
	}
	t, _ := s.find(name)
	if err := call.Authorize(s.access(t, name, call.Operation, keys)); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, notFound("Requested resource not found: ResourcArn: %s not found", arn) // the spelling is DynamoDB's
	}
	return t, nil
}

func (s *Service) tagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string `aws:"required"`
		Tags        []tag  `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	t, err := s.tagged(call, in.ResourceArn, tagKeys(in.Tags))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, t.tag(in.Tags)
}

func (s *Service) untagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string   `aws:"required"`
		TagKeys     []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	t, err := s.tagged(call, in.ResourceArn, map[string][]string{"aws:TagKeys": in.TagKeys})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range in.TagKeys {
		delete(t.tags, key)
	}
	return nil, nil
}

// listTags answers all tags: there are never more than a page holds.
func (s *Service) listTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	t, err := s.tagged(call, in.ResourceArn, nil)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ Tags []tag }{[]tag{}}
	for _, key := range slices.Sorted(maps.Keys(t.tags)) {
		out.Tags = append(out.Tags, tag{key, t.tags[key]})
	}
	return out, nil
}

// isMissing reports whether the engine says that a table is not there.
func isMissing(err error) bool {
	refused, ok := errors.AsType[*awshttp.Error](err)
	return ok && refused.Code == "ResourceNotFoundException"
}
