package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/event"
)

// sweepWindow is within how many minutes a sweep may begin, so that not all stages of an account begin theirs at once.
const sweepWindow = 2

// newSweep adds the schedule that has every federation looked at. A sweep that is late or lost is not sent again: the next one
// looks at the same.
func newSweep(scope constructs.Construct, id string, group awsscheduler.CfnScheduleGroup, queue awssqs.CfnQueue, s config.Stage) {
	this := constructs.NewConstruct(scope, &id)
	role := newRole(this, byGroup(group, s), access.Sweep(*queue.AttrArn()))
	awsscheduler.NewCfnSchedule(this, new("Schedule"), &awsscheduler.CfnScheduleProps{
		GroupName:          group.Ref(),
		ScheduleExpression: new(rate(s.Federation.Sweep)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: new("FLEXIBLE"), MaximumWindowInMinutes: new(float64(sweepWindow))},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn: queue.AttrArn(), RoleArn: role.AttrArn(), Input: new(event.Sweep()),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{MaximumEventAgeInSeconds: new(float64(maxAge)), MaximumRetryAttempts: new(0.0)},
		},
	})
}
