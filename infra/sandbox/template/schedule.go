package template

import (
	"context"
	"maps"
)

var schedule = kind{
	properties: shape{
		"Name": nil, "GroupName": nil, "Description": nil, "ScheduleExpression": nil, "ScheduleExpressionTimezone": nil, "State": nil,
		"StartDate": nil, "EndDate": nil, "KmsKeyArn": nil,
		"FlexibleTimeWindow": {"Mode": nil, "MaximumWindowInMinutes": nil},
		"Target": {
			"Arn": nil, "RoleArn": nil, "Input": nil,
			"RetryPolicy":      {"MaximumEventAgeInSeconds": nil, "MaximumRetryAttempts": nil},
			"DeadLetterConfig": {"Arn": nil},
		},
	},
	required:   []string{"FlexibleTimeWindow", "ScheduleExpression", "Target"},
	attributes: []string{"Arn"},
	fixed:      []string{"Name", "GroupName"},
	create: func(ctx context.Context, j *job) error {
		in := maps.Clone(j.properties)
		in["Name"] = j.name("Name", 64)
		out, err := j.do(ctx, "scheduler", "CreateSchedule", in)
		if err != nil {
			return err
		}
		j.id = in["Name"].(string)
		j.set("Arn", out, "ScheduleArn")
		return nil
	},
	update: func(ctx context.Context, j *job) error {
		in := maps.Clone(j.properties)
		in["Name"] = j.id
		_, err := j.do(ctx, "scheduler", "UpdateSchedule", in)
		return err
	},
	remove: func(ctx context.Context, j *job) error {
		in := map[string]any{"Name": j.id}
		if group, ok := j.before["GroupName"]; ok {
			in["GroupName"] = group
		}
		_, err := j.do(ctx, "scheduler", "DeleteSchedule", in)
		return err
	},
}
