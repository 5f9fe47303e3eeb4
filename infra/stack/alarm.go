package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/settings"
)

// newAlarm adds the alarm of one warehouse: some consumer's lease is about to run out, or nobody looks any more.
// Ticks fall anywhere in their flexible window, so that a period may see none; two in a row never do.
func newAlarm(scope constructs.Construct, id, warehouse string, s config.Stage) {
	urgent := settings.Timings(s.Timings).Urgent()
	awscloudwatch.NewCfnAlarm(scope, &id, &awscloudwatch.CfnAlarmProps{
		AlarmDescription: new("Sluice: less than " + urgent.String() + " of life is left in a login for warehouse " + warehouse + ", or it is not known"),
		Namespace:        new("Sluice"),
		MetricName:       new("RemainingLife"),
		Dimensions: []any{
			&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("Stage"), Value: &s.Name},
			&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("Warehouse"), Value: &warehouse},
		},
		Statistic:          new("Minimum"),
		Period:             new(s.Timings.Tick.Seconds()),
		EvaluationPeriods:  new(2.0),
		DatapointsToAlarm:  new(2.0),
		ComparisonOperator: new("LessThanThreshold"),
		Threshold:          new(urgent.Seconds()),
		TreatMissingData:   new("breaching"),
	})
}
