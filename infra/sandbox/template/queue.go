package template

import (
	"context"
	"slices"
)

// queue is a standard queue of SQS. Ref answers its URL.
var queue = kind{
	properties: shape{
		"QueueName": nil, "VisibilityTimeout": nil, "DelaySeconds": nil, "MessageRetentionPeriod": nil, "MaximumMessageSize": nil,
		"ReceiveMessageWaitTimeSeconds": nil, "SqsManagedSseEnabled": nil, "Tags": tags,
		"RedrivePolicy": {"deadLetterTargetArn": nil, "maxReceiveCount": nil},
	},
	attributes: []string{"Arn", "QueueName", "QueueUrl"},
	fixed:      []string{"QueueName"},
	create:     createQueue,
	update:     updateQueue,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "sqs", "DeleteQueue", map[string]any{"QueueUrl": j.id})
		return err
	},
}

// queueDefaults are what a queue gets back when a property is taken out of the template.
// Source: Amazon SQS API Reference, CreateQueue.
var queueDefaults = map[string]string{
	"VisibilityTimeout": "30", "DelaySeconds": "0", "MessageRetentionPeriod": "345600", "MaximumMessageSize": "1048576",
	"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "RedrivePolicy": "",
}

// queueAttribute is a property as SQS takes it: everything is a string there.
func queueAttribute(v any) string {
	if scalar, ok := text(v); ok {
		return scalar
	}
	return inJSON(v)
}

func createQueue(ctx context.Context, j *job) error {
	attributes := map[string]any{}
	for name := range queueDefaults {
		if value, ok := j.properties[name]; ok {
			attributes[name] = queueAttribute(value)
		}
	}
	in := map[string]any{"QueueName": j.name("QueueName", 80), "Attributes": attributes}
	if list := j.tagList(); list != nil {
		in["tags"] = tagMap(list)
	}
	out, err := j.do(ctx, "sqs", "CreateQueue", in)
	if err != nil {
		return err
	}
	j.set("QueueUrl", out, "QueueUrl")
	j.id = j.attributes["QueueUrl"]
	j.attributes["QueueName"] = in["QueueName"].(string)
	return j.askQueueARN(ctx)
}

func (j *job) askQueueARN(ctx context.Context) error {
	out, err := j.do(ctx, "sqs", "GetQueueAttributes", map[string]any{"QueueUrl": j.id, "AttributeNames": []string{"QueueArn"}})
	if err != nil {
		return err
	}
	attributes, _ := out["Attributes"].(map[string]any)
	j.set("Arn", attributes, "QueueArn")
	return nil
}

func updateQueue(ctx context.Context, j *job) error {
	attributes := map[string]any{}
	for name, standard := range queueDefaults {
		if !j.changed(name) {
			continue
		}
		attributes[name] = standard
		if value, ok := j.properties[name]; ok {
			attributes[name] = queueAttribute(value)
		}
	}
	if len(attributes) > 0 {
		if _, err := j.do(ctx, "sqs", "SetQueueAttributes", map[string]any{"QueueUrl": j.id, "Attributes": attributes}); err != nil {
			return err
		}
	}
	return j.retagByMap(ctx, "sqs", "TagQueue", "UntagQueue", map[string]any{"QueueUrl": j.id})
}

// retagByMap makes the tags of a resource those of the template, where the service takes them as a map.
func (j *job) retagByMap(ctx context.Context, service, tag, untag string, resource map[string]any) error {
	if !j.changed("Tags") {
		return nil
	}
	call := func(operation, member string, value any) error {
		in := map[string]any{member: value}
		for name, v := range resource {
			in[name] = v
		}
		_, err := j.do(ctx, service, operation, in)
		return err
	}
	if gone := j.goneTags(); len(gone) > 0 {
		if err := call(untag, "TagKeys", gone); err != nil {
			return err
		}
	}
	if len(j.tagList()) == 0 {
		return nil
	}
	return call(tag, "Tags", tagMap(j.tagList()))
}

// queueURLs are the queues of a policy.
func queueURLs(properties map[string]any) (urls []string) {
	list, _ := properties["Queues"].([]any)
	for _, item := range list {
		if url, ok := text(item); ok {
			urls = append(urls, url)
		}
	}
	return slices.Compact(urls)
}
