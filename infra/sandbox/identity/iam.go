package identity

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// iam is Identity and Access Management.
// Source: IAM API Reference, version 2010-05-08.
func (s *Store) iam() awshttp.Service {
	service := awshttp.Service{
		Name: "iam", Protocol: awshttp.Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Version: "2010-05-08",
		Internal: "ServiceFailure", Invalid: "ValidationError", Operations: map[string]awshttp.Operation{},
	}
	for _, group := range []map[string]awshttp.Operation{s.roleOperations(), s.rolePolicyOperations(), s.userOperations(), s.managedOperations()} {
		maps.Copy(service.Operations, group)
	}
	return service
}

// encoded is a document as IAM answers it, URL-encoded by RFC 3986.
func encoded(d document) string { return strings.ReplaceAll(url.QueryEscape(d.text), "+", "%20") }

// A page is what lists say about going on.
type page struct {
	IsTruncated bool
	Marker      *string
}

// paging is what lists take about it.
type paging struct {
	Marker   string
	MaxItems *int32
}

// cut takes one page of items, which are in the order of their names; a marker is the name of the first one.
func cut[T any](items []T, name func(T) string, p paging) ([]T, page, error) {
	size := defaultListSize
	if p.MaxItems != nil {
		size = int(*p.MaxItems)
	}
	if size < 1 || size > 1000 {
		return nil, page{}, invalid("1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000", size)
	}
	start := slices.IndexFunc(items, func(item T) bool { return name(item) >= p.Marker })
	if start < 0 {
		return []T{}, page{}, nil
	}
	items = items[start:]
	if len(items) <= size {
		return items, page{}, nil
	}
	return items[:size], page{true, new(name(items[size]))}, nil
}

func folded(name string) string { return strings.ToLower(name) }

// A tag as IAM writes it.
type tag struct {
	Key   string `aws:"required"`
	Value string `aws:"required"`
}

func tagList(tags map[string]string) []tag {
	list := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}

// addTags sets tags on an entity, all or none.
func (e *entity) addTags(tags []tag) error {
	merged := maps.Clone(e.tags)
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(folded(t.Key), "aws:") {
			return &awshttp.Error{Code: "InvalidInput", Message: "Tag key " + t.Key + " is invalid: it has 1 to 128 characters and does not begin with aws:, and its value has at most 256"}
		}
		// IAM compares tag keys without case and keeps the case they were set with last.
		maps.DeleteFunc(merged, func(key, _ string) bool { return strings.EqualFold(key, t.Key) })
		merged[t.Key] = t.Value
	}
	if len(merged) > maxTags {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	e.tags = merged
	return nil
}

// tagContext is the condition keys of a call that sets tags.
func tagContext(tags []tag) map[string][]string {
	keys := map[string][]string{}
	for _, t := range tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	return keys
}

// resourceTags is the condition keys of a call on something that has tags.
func resourceTags(tags map[string]string) map[string][]string {
	keys := map[string][]string{}
	for name, value := range tags {
		keys["aws:ResourceTag/"+name] = []string{value}
		keys["iam:ResourceTag/"+name] = []string{value}
	}
	return keys
}
