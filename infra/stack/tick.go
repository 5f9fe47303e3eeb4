package stack

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/settings"
)

// maxAge of an event that starts a tick, in seconds: less than the shortest wait for the next one that is usual.
// A tick that is late or lost is not tried again, because the next one looks at the same lease.
const maxAge = 240

// A tick is the schedules that start refresh, one a consumer.
type tick struct {
	scope   constructs.Construct
	refresh awslambda.CfnFunction
	role    awsiam.CfnRole
	group   awsscheduler.CfnScheduleGroup
	every   time.Duration
}

func newTick(this constructs.Construct, group awsscheduler.CfnScheduleGroup, refresh awslambda.CfnFunction, s config.Stage) tick {
	// Scheduler invokes without waiting, so that it is Lambda that would try again.
	awslambda.NewCfnEventInvokeConfig(this, new("Invoke"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             refresh.Ref(),
		Qualifier:                new("$LATEST"),
		MaximumEventAgeInSeconds: new(float64(maxAge)),
		MaximumRetryAttempts:     new(0.0),
	})
	role := newRole(this, byGroup(group, s), access.Schedules(*refresh.AttrArn()))
	return tick{this, refresh, role, group, s.Timings.Tick}
}

// start adds the schedule of one consumer, beside its secret. It begins once the secret can be rotated.
func (t tick) start(c *consumer) {
	schedule := awsscheduler.NewCfnSchedule(c.scope, new("Tick"), &awsscheduler.CfnScheduleProps{
		GroupName:          t.group.Ref(),
		ScheduleExpression: new(rate(t.every)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{
			Mode: new("FLEXIBLE"), MaximumWindowInMinutes: new(settings.Slack.Minutes()),
		},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn: t.refresh.AttrArn(), RoleArn: t.role.AttrArn(),
			Input: new(`{"secret":"` + *c.secret.Ref() + `"}`),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: new(float64(maxAge)), MaximumRetryAttempts: new(0.0),
			},
		},
	})
	schedule.AddResourceDependency(c.rotation, nil)
}

// rate writes whole minutes as Scheduler spells them.
func rate(d time.Duration) string {
	if d == time.Minute {
		return "rate(1 minute)"
	}
	return fmt.Sprintf("rate(%d minutes)", d/time.Minute)
}
