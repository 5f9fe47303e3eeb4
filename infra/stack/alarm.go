package stack

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/settings"
)

// newAlarm adds the alarm of one warehouse: some consumer's lease is about to run out, or nobody looks any more. While
// the warehouse is parked, logins run out by choice, and the alarm holds still.
// Ticks fall anywhere in their flexible window, so that a period may see none; two in a row never do.
func newAlarm(scope constructs.Construct, id, warehouse string, s config.Stage) {
	urgent := settings.Timings(s.Timings).Urgent()
	metric := func(id, name, statistic string) *awscloudwatch.CfnAlarm_MetricDataQueryProperty {
		return &awscloudwatch.CfnAlarm_MetricDataQueryProperty{Id: &id, ReturnData: new(false), MetricStat: &awscloudwatch.CfnAlarm_MetricStatProperty{
			Metric: &awscloudwatch.CfnAlarm_MetricProperty{Namespace: new("Sluice"), MetricName: &name, Dimensions: []any{
				&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("Stage"), Value: &s.Name},
				&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("Warehouse"), Value: &warehouse},
			}},
			Period: new(s.Timings.Tick.Seconds()), Stat: &statistic,
		}}
	}
	// In a construct of its own: the id of a resource below one stays unique where names differ in punctuation only.
	awscloudwatch.NewCfnAlarm(constructs.NewConstruct(scope, &id), new("Alarm"), &awscloudwatch.CfnAlarmProps{
		AlarmDescription: new("Sluice: less than " + urgent.String() + " of life is left in a login for warehouse " + warehouse + ", or it is not known"),
		Metrics: []any{
			metric("life", "RemainingLife", "Minimum"),
			metric("parked", "Parked", "Maximum"),
			&awscloudwatch.CfnAlarm_MetricDataQueryProperty{
				Id: new("watched"), Label: new("Seconds of life that matter"), ReturnData: new(true),
				Expression: new(fmt.Sprintf("IF(parked > 0, %.0f, life)", urgent.Seconds())),
			},
		},
		EvaluationPeriods:  new(2.0),
		DatapointsToAlarm:  new(2.0),
		ComparisonOperator: new("LessThanThreshold"),
		Threshold:          new(urgent.Seconds()),
		TreatMissingData:   new("breaching"),
		AlarmActions:       topics(s), OkActions: topics(s),
	})
}

// topics are who hears of an alarm and of its end; nil is nobody.
func topics(s config.Stage) *[]any {
	if len(s.AlarmTopics) == 0 {
		return nil
	}
	var arns []any
	for _, arn := range s.AlarmTopics {
		arns = append(arns, arn)
	}
	return &arns
}
