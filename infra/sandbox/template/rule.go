package template

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rule is a rule and its targets. Ref answers the name, with the bus before it unless that is the default one.
var rule = kind{
	properties: shape{
		"Name": nil, "Description": nil, "EventBusName": nil, "EventPattern": nil, "ScheduleExpression": nil, "State": nil, "RoleArn": nil, "Tags": tags,
		"Targets": {
			"Id": nil, "Arn": nil, "RoleArn": nil, "Input": nil, "InputPath": nil,
			"InputTransformer": {"InputPathsMap": nil, "InputTemplate": nil},
			"RetryPolicy":      {"MaximumEventAgeInSeconds": nil, "MaximumRetryAttempts": nil},
			"DeadLetterConfig": {"Arn": nil},
		},
	},
	attributes: []string{"Arn"},
	fixed:      []string{"Name", "EventBusName"},
	create: func(ctx context.Context, j *job) error {
		id := j.name("Name", 64)
		if bus := j.text("EventBusName"); bus != "" && bus != "default" {
			id = bus + "|" + id
		}
		if err := putRule(ctx, j, id); err != nil {
			return err
		}
		j.id = id
		return putTargets(ctx, j)
	},
	update: func(ctx context.Context, j *job) error {
		if err := putRule(ctx, j, j.id); err != nil {
			return err
		}
		if err := j.retag(ctx, "events", "TagResource", "UntagResource", map[string]any{"ResourceARN": j.attributes["Arn"]}); err != nil {
			return err
		}
		if err := putTargets(ctx, j); err != nil {
			return err
		}
		stay := targetIDs(j.properties)
		return removeTargets(ctx, j, slices.DeleteFunc(targetIDs(j.before), func(id string) bool { return slices.Contains(stay, id) }))
	},
	remove: func(ctx context.Context, j *job) error {
		if err := removeTargets(ctx, j, targetIDs(j.before)); err != nil {
			return err
		}
		_, err := j.do(ctx, "events", "DeleteRule", ruled(j.id, "Name"))
		return err
	},
}

// ruled is an input that names the rule with this id, in the member that the operation has for it.
func ruled(id, member string) map[string]any {
	if bus, name, ok := strings.Cut(id, "|"); ok {
		return map[string]any{member: name, "EventBusName": bus}
	}
	return map[string]any{member: id}
}

func putRule(ctx context.Context, j *job, id string) error {
	in := ruled(id, "Name")
	names := []string{"Description", "ScheduleExpression", "State", "RoleArn"}
	if j.before == nil {
		names = append(names, "Tags")
	}
	maps.Copy(in, j.input(names...))
	if pattern, ok := j.properties["EventPattern"]; ok {
		in["EventPattern"] = inJSON(pattern)
	}
	out, err := j.do(ctx, "events", "PutRule", in)
	if err != nil {
		return err
	}
	j.set("Arn", out, "RuleArn")
	return nil
}

func putTargets(ctx context.Context, j *job) error {
	targets, _ := j.properties["Targets"].([]any)
	if len(targets) == 0 {
		return nil
	}
	in := ruled(j.id, "Rule")
	in["Targets"] = targets
	out, err := j.do(ctx, "events", "PutTargets", in)
	if err != nil {
		return err
	}
	return failedEntries(out)
}

// failedEntries is an error if some of the targets of a call that succeeded were refused.
func failedEntries(out map[string]any) error {
	entries, _ := out["FailedEntries"].([]any)
	var all []string
	for _, item := range entries {
		entry, _ := item.(map[string]any)
		all = append(all, fmt.Sprintf("target %v: %v: %v", entry["TargetId"], entry["ErrorCode"], entry["ErrorMessage"]))
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("events: %s", strings.Join(all, "; "))
}

func removeTargets(ctx context.Context, j *job, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	in := ruled(j.id, "Rule")
	in["Ids"] = ids
	out, err := j.do(ctx, "events", "RemoveTargets", in)
	if err != nil {
		return err
	}
	return failedEntries(out)
}

func targetIDs(properties map[string]any) (ids []string) {
	targets, _ := properties["Targets"].([]any)
	for _, item := range targets {
		if target, ok := item.(map[string]any); ok {
			id, _ := text(target["Id"])
			ids = append(ids, id)
		}
	}
	return ids
}
