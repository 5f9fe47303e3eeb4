package template

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// queuePolicy is the resource policy of one or more queues.
var queuePolicy = kind{
	documents:  documentAt("PolicyDocument", policy.Resource),
	properties: shape{"PolicyDocument": nil, "Queues": nil},
	required:   []string{"PolicyDocument", "Queues"},
	attributes: []string{"Id"},
	create: func(ctx context.Context, j *job) error {
		j.id = j.generated(j.stack.Name+"-"+j.logical, 64)
		j.attributes["Id"] = j.id
		return j.setQueuePolicy(ctx, inJSON(j.properties["PolicyDocument"]), queueURLs(j.properties))
	},
	update: func(ctx context.Context, j *job) error {
		now := queueURLs(j.properties)
		if err := j.setQueuePolicy(ctx, inJSON(j.properties["PolicyDocument"]), now); err != nil {
			return err
		}
		return j.setQueuePolicy(ctx, "", slices.DeleteFunc(queueURLs(j.before), func(url string) bool { return slices.Contains(now, url) }))
	},
	remove: func(ctx context.Context, j *job) error {
		return j.setQueuePolicy(ctx, "", queueURLs(j.before))
	},
}

func (j *job) setQueuePolicy(ctx context.Context, document string, urls []string) error {
	for _, url := range urls {
		in := map[string]any{"QueueUrl": url, "Attributes": map[string]any{"Policy": document}}
		if _, err := j.do(ctx, "sqs", "SetQueueAttributes", in); err != nil {
			return err
		}
	}
	return nil
}
