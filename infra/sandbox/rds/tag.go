package rds

import (
	"context"
	"maps"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxTags is how many tags a resource may have.
// Source: Amazon RDS User Guide, "Tagging Amazon RDS resources".
const maxTags = 50

// ask asks about an instance or a cluster, or about all of them if identifier is empty. The caller holds s.mu if the
// question is about an instance.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS".
func (s *Service) ask(call *awshttp.Call, action, kind, identifier string, request map[string][]string) error {
	keys := maps.Clone(request)
	if keys == nil {
		keys = map[string][]string{}
	}
	if i := s.instances[identifier]; kind == "db" && i != nil {
		for key, value := range i.Tags {
			keys["aws:ResourceTag/"+key] = []string{value}
			keys["rds:db-tag/"+key] = []string{value}
		}
		keys["rds:DatabaseEngine"] = []string{i.Engine}
	}
	if identifier == "" {
		identifier = "*"
	}
	return call.Authorize(awshttp.Access{Action: "rds:" + action, Resource: s.arn(kind, identifier), Context: keys})
}

// open asks about the instance with that ARN and returns it. The caller holds s.mu.
func (s *Service) open(call *awshttp.Call, action, arn string, request map[string][]string) (*instance, error) {
	identifier, ok := strings.CutPrefix(arn, s.arn("db", ""))
	if !ok {
		return nil, refusal("InvalidParameterValue", "The specified resource name does not match an RDS resource in this region: the sandbox has instances only, and %s is none", arn)
	}
	if err := s.ask(call, action, "db", identifier, request); err != nil {
		return nil, err
	}
	if i := s.instances[identifier]; i != nil {
		return i, nil
	}
	return nil, noInstance(identifier)
}

func (s *Service) addTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceName string `aws:"required"`
		Tags         []struct {
			Key   string `aws:"required"`
			Value string
		} `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	request := map[string][]string{}
	for _, t := range in.Tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, refusal("InvalidParameterValue", "Tag keys that start with aws: are reserved: %s", t.Key)
		}
		request["aws:RequestTag/"+t.Key] = []string{t.Value}
		request["rds:req-tag/"+t.Key] = []string{t.Value}
		request["aws:TagKeys"] = append(request["aws:TagKeys"], t.Key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.open(call, "AddTagsToResource", in.ResourceName, request)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(i.Tags)
	for _, t := range in.Tags {
		tags[t.Key] = t.Value
	}
	if len(tags) > maxTags {
		return nil, refusal("InvalidParameterValue", "A resource cannot have more than %d tags", maxTags)
	}
	i.Tags = tags
	return nil, nil
}

func (s *Service) removeTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceName string   `aws:"required"`
		TagKeys      []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.open(call, "RemoveTagsFromResource", in.ResourceName, map[string][]string{"aws:TagKeys": in.TagKeys})
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(i.Tags, key)
	}
	return nil, nil
}

func (s *Service) listTags(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceName string   `aws:"required"`
		Filters      []filter // documented as not supported
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := check(in.Filters); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.open(call, "ListTagsForResource", in.ResourceName, nil)
	if err != nil {
		return nil, err
	}
	return struct {
		TagList []tag `aws:"list=Tag"`
	}{i.tagList()}, nil
}
