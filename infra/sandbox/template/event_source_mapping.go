package template

import "context"

// eventSourceMapping has a function work on the messages of a queue. Ref answers its UUID.
var eventSourceMapping = kind{
	properties: shape{
		"EventSourceArn": nil, "FunctionName": nil, "BatchSize": nil, "MaximumBatchingWindowInSeconds": nil, "Enabled": nil,
		"FunctionResponseTypes": nil, "ScalingConfig": {"MaximumConcurrency": nil}, "Tags": tags,
	},
	required:   []string{"FunctionName"},
	attributes: []string{"Id", "EventSourceMappingArn"},
	fixed:      []string{"EventSourceArn"},
	create: func(ctx context.Context, j *job) error {
		in := j.input(append([]string{"EventSourceArn"}, mappingSettings...)...)
		if list := j.tagList(); list != nil {
			in["Tags"] = tagMap(list)
		}
		out, err := j.do(ctx, "lambda", "CreateEventSourceMapping", in)
		if err != nil {
			return err
		}
		j.set("Id", out, "UUID")
		j.set("EventSourceMappingArn", out, "EventSourceMappingArn")
		j.id = j.attributes["Id"]
		return nil
	},
	update: func(ctx context.Context, j *job) error {
		in := map[string]any{"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "Enabled": true,
			"FunctionResponseTypes": []string{}, "ScalingConfig": map[string]any{}} // what holds without a property
		for name, value := range j.input(mappingSettings...) {
			in[name] = value
		}
		in["UUID"] = j.id
		if _, err := j.do(ctx, "lambda", "UpdateEventSourceMapping", in); err != nil {
			return err
		}
		return j.retagByMap(ctx, "lambda", "TagResource", "UntagResource", map[string]any{"Resource": j.attributes["EventSourceMappingArn"]})
	},
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "lambda", "DeleteEventSourceMapping", map[string]any{"UUID": j.id})
		return err
	},
}

// mappingSettings are the properties that UpdateEventSourceMapping takes too.
var mappingSettings = []string{"FunctionName", "BatchSize", "MaximumBatchingWindowInSeconds", "Enabled", "FunctionResponseTypes", "ScalingConfig"}
