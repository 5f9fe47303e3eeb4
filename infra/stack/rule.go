package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/shared/event"
)

// instanceEvents are the events of RDS after which a source may have come, gone, or answer elsewhere or to others. What has
// become of the instance is looked up: that one of them is lost only makes the sweep find it.
//
// Source: Amazon RDS User Guide, "Amazon RDS event categories and event messages".
var instanceEvents = []string{
	"RDS-EVENT-0003", // deleted
	"RDS-EVENT-0005", // created
	"RDS-EVENT-0006", // restarted
	"RDS-EVENT-0009", // added to a security group
	"RDS-EVENT-0010", // removed from one
	"RDS-EVENT-0016", // password of the master reset
	"RDS-EVENT-0049", // failed over
	"RDS-EVENT-0087", // stopped
	"RDS-EVENT-0088", // started
	"RDS-EVENT-0154", // started by AWS, after seven days
}

// newRules adds the rules that send events to the queue: what is asked for on Sluice's own bus, whoever sends it, and what RDS
// tells on the default one.
func newRules(scope constructs.Construct, id string, bus awsevents.CfnEventBus, queue awssqs.CfnQueue) []awsevents.CfnRule {
	this := constructs.NewConstruct(scope, &id)
	to := []any{&awsevents.CfnRule_TargetProperty{Id: new("work"), Arn: queue.AttrArn()}}
	return []awsevents.CfnRule{
		awsevents.NewCfnRule(this, new("Requests"), &awsevents.CfnRuleProps{
			Description: new("Sluice: sources that are requested or withdrawn"), EventBusName: bus.Ref(), Targets: to,
			EventPattern: map[string]any{"detail-type": []string{event.SourceRequested, event.SourceWithdrawn}},
		}),
		awsevents.NewCfnRule(this, new("Instances"), &awsevents.CfnRuleProps{
			Description: new("Sluice: RDS instances that may be sources"), Targets: to,
			EventPattern: map[string]any{
				"source": []string{"aws.rds"}, "detail-type": []string{"RDS DB Instance Event"}, "detail": map[string]any{"EventID": instanceEvents},
			},
		}),
	}
}
