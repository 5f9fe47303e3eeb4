package template

import "context"

var scheduleGroup = kind{
	properties: shape{"Name": nil, "Tags": tags},
	attributes: []string{"Arn"},
	fixed:      []string{"Name"},
	create: func(ctx context.Context, j *job) error {
		in := j.input("Tags")
		in["Name"] = j.name("Name", 64)
		out, err := j.do(ctx, "scheduler", "CreateScheduleGroup", in)
		if err != nil {
			return err
		}
		j.id = in["Name"].(string)
		j.set("Arn", out, "ScheduleGroupArn")
		return nil
	},
	update: func(ctx context.Context, j *job) error {
		return j.retag(ctx, "scheduler", "TagResource", "UntagResource", map[string]any{"ResourceArn": j.attributes["Arn"]})
	},
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "scheduler", "DeleteScheduleGroup", map[string]any{"Name": j.id})
		return err
	},
}
