package template

import "context"

var eventBus = kind{
	properties: shape{"Name": nil, "Description": nil, "Tags": tags},
	required:   []string{"Name"},
	attributes: []string{"Arn", "Name"},
	fixed:      []string{"Name", "Description"},
	create: func(ctx context.Context, j *job) error {
		out, err := j.do(ctx, "events", "CreateEventBus", j.input("Name", "Description", "Tags"))
		if err != nil {
			return err
		}
		j.id = j.text("Name")
		j.attributes["Name"] = j.id
		j.set("Arn", out, "EventBusArn")
		return nil
	},
	update: func(ctx context.Context, j *job) error {
		return j.retag(ctx, "events", "TagResource", "UntagResource", map[string]any{"ResourceARN": j.attributes["Arn"]})
	},
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "events", "DeleteEventBus", map[string]any{"Name": j.id})
		return err
	},
}
