package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

// newGroup adds the group of the stage's schedules, ticks and sweep alike.
func newGroup(scope constructs.Construct, s config.Stage) awsscheduler.CfnScheduleGroup {
	return awsscheduler.NewCfnScheduleGroup(scope, new("Group"), &awsscheduler.CfnScheduleGroupProps{Name: new(s.Bus())})
}

// byGroup lets the schedules of a group take on a role.
func byGroup(group awsscheduler.CfnScheduleGroup, s config.Stage) []access.Statement {
	return access.Trust("scheduler.amazonaws.com", access.Conditions{
		"StringEquals": {"aws:SourceAccount": {s.Account}},
		"ArnEquals":    {"aws:SourceArn": {*group.AttrArn()}},
	})
}
