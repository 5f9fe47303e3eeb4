package template

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// logGroup is kept and shown. The output of functions is in the sandbox's own log files, whatever the group is.
var logGroup = kind{
	properties: shape{"LogGroupName": nil, "RetentionInDays": nil, "LogGroupClass": nil, "Tags": tags},
	attributes: []string{"Arn"},
	fixed:      []string{"LogGroupName"},
	create: func(_ context.Context, j *job) error {
		j.id = j.name("LogGroupName", 512)
		j.attributes["Arn"] = fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s:*", awshttp.Partition, j.region, awshttp.Account, j.id)
		return nil
	},
	update: nothingToDo,
	remove: nothingToDo,
	shown:  []string{"RetentionInDays", "LogGroupClass"},
	note:   "kept and shown; the output of functions goes to the sandbox's log files and nothing expires",
}
