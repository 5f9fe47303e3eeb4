package template

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A job is the work on one resource.
type job struct {
	api     API
	by      awshttp.Principal
	stack   *Stack
	region  string
	logical string
	turn    int // how often the resource was replaced: it makes generated names differ

	properties map[string]any // as they shall be
	before     map[string]any // as they are; nil for a new resource
	id         string         // what Ref answers
	attributes map[string]string
}

// of makes the job one on something that was made before.
func (j *job) of(m *made) {
	j.before, j.id, j.attributes, j.turn = m.properties, m.id, maps.Clone(m.attributes), m.turn
}

// do calls an operation as the deployment's role.
func (j *job) do(ctx context.Context, service, operation string, input map[string]any) (map[string]any, error) {
	out, err := j.api.Do(ctx, j.by, service, operation, input)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", service, operation, err)
	}
	return out, nil
}

// changed reports whether a property is to be another than it is.
func (j *job) changed(name string) bool {
	return !reflect.DeepEqual(j.properties[name], j.before[name])
}

// text is a property that is a string; empty if it is not there.
func (j *job) text(name string) string {
	s, _ := text(j.properties[name])
	return s
}

// input is the properties with these names, those that are there.
func (j *job) input(names ...string) map[string]any {
	in := map[string]any{}
	for _, name := range names {
		if value, ok := j.properties[name]; ok {
			in[name] = value
		}
	}
	return in
}

// name is the property of that name, or else a name as CloudFormation makes one, of at most limit characters.
func (j *job) name(property string, limit int) string {
	if given := j.text(property); given != "" {
		return given
	}
	return j.generated(j.stack.Name+"-"+j.logical, limit)
}

// generated makes prefix unique by an ending of 12 letters and digits.
func (j *job) generated(prefix string, limit int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", j.stack.Name, j.logical, j.turn))
	ending := "-" + base32.StdEncoding.EncodeToString(sum[:])[:12]
	return prefix[:min(len(prefix), limit-len(ending))] + ending
}

// set keeps an attribute that an output has as a member.
func (j *job) set(attribute string, out map[string]any, member string) {
	value, _ := out[member].(string)
	j.attributes[attribute] = value
}

// inJSON writes a value that the API takes as JSON in a string.
func inJSON(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("template: encode a document: %v", err)) // it came from JSON
	}
	return string(b)
}

// tagMap turns a list of tags into the map that some services take.
func tagMap(list any) map[string]any {
	tags := map[string]any{}
	items, _ := list.([]any)
	for _, item := range items {
		if tag, ok := item.(map[string]any); ok {
			key, _ := text(tag["Key"])
			tags[key] = tag["Value"]
		}
	}
	return tags
}

// tagList is a list of tags as a property; nil for none.
func (j *job) tagList() []any {
	list, _ := j.properties["Tags"].([]any)
	return list
}

// goneTags are the keys of tags that are there and shall not be.
func (j *job) goneTags() []string {
	now := tagMap(j.properties["Tags"])
	return slices.DeleteFunc(sorted(tagMap(j.before["Tags"])), func(key string) bool { _, stays := now[key]; return stays })
}

// retag makes the tags of a resource those of the template. resource is the member that names it.
func (j *job) retag(ctx context.Context, service, tag, untag string, resource map[string]any) error {
	if !j.changed("Tags") {
		return nil
	}
	if gone := j.goneTags(); len(gone) > 0 {
		in := maps.Clone(resource)
		in["TagKeys"] = gone
		if _, err := j.do(ctx, service, untag, in); err != nil {
			return err
		}
	}
	if len(j.tagList()) == 0 {
		return nil
	}
	in := maps.Clone(resource)
	in["Tags"] = j.tagList()
	_, err := j.do(ctx, service, tag, in)
	return err
}
