package template

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// metricQueries are the metrics of an alarm that computes with several.
var metricQueries = shape{
	"Id": nil, "Label": nil, "Expression": nil, "ReturnData": nil, "Period": nil, "AccountId": nil,
	"MetricStat": {"Period": nil, "Stat": nil, "Unit": nil, "Metric": {
		"Namespace": nil, "MetricName": nil, "Dimensions": {"Name": nil, "Value": nil},
	}},
}

// alarm is kept and shown. The sandbox has no metrics, so that it never changes its state.
var alarm = kind{
	properties: shape{
		"AlarmName": nil, "AlarmDescription": nil, "ActionsEnabled": nil, "AlarmActions": nil, "OKActions": nil, "InsufficientDataActions": nil,
		"ComparisonOperator": nil, "DatapointsToAlarm": nil, "Dimensions": {"Name": nil, "Value": nil}, "EvaluateLowSampleCountPercentile": nil,
		"EvaluationPeriods": nil, "ExtendedStatistic": nil, "MetricName": nil, "Metrics": metricQueries, "Namespace": nil, "Period": nil, "Statistic": nil,
		"Tags": tags, "Threshold": nil, "TreatMissingData": nil, "Unit": nil,
	},
	required:   []string{"ComparisonOperator", "EvaluationPeriods"},
	attributes: []string{"Arn"},
	fixed:      []string{"AlarmName"},
	create: func(_ context.Context, j *job) error {
		j.id = j.name("AlarmName", 255)
		j.attributes["Arn"] = fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:%s", awshttp.Partition, j.region, awshttp.Account, j.id)
		return nil
	},
	update: nothingToDo,
	remove: nothingToDo,
	shown:  []string{"MetricName", "Metrics", "Namespace", "Dimensions", "ComparisonOperator", "Threshold", "EvaluationPeriods", "Period", "Statistic", "TreatMissingData"},
	note:   "kept and shown; the sandbox does not evaluate alarms",
}
