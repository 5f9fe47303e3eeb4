package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

const (
	// visibility of a message that is being worked on: six times what the function may take.
	//
	// Source: AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping".
	visibility = 6 * provisionTimeout
	// maxReceives is how often a message is tried before it goes to the dead letters.
	maxReceives = 5
	// deadDays is the longest that SQS keeps a message, for people to find it.
	deadDays = 14

	// batch is how many messages one invocation gets. They are worked on side by side.
	batch = 5
	// concurrency of the function: enough for many sources, and well below what the APIs of a region take.
	concurrency = 5

	// stale is the age of a message from which nobody seems to work on the queue: the longest delay of a message, which is 15
	// minutes, and two visibilities.
	stale = 30 * time.Minute
)

// work is the queue of the federation job and that of the messages which cannot succeed.
type work struct {
	scope constructs.Construct
	queue awssqs.CfnQueue
	dead  awssqs.CfnQueue
}

func newWork(scope constructs.Construct, id string, s config.Stage) work {
	this := constructs.NewConstruct(scope, &id)
	dead := awssqs.NewCfnQueue(this, new("Dead"), &awssqs.CfnQueueProps{
		QueueName: new(s.DeadLetters()), SqsManagedSseEnabled: new(true), MessageRetentionPeriod: new((deadDays * 24 * time.Hour).Seconds()),
	})
	queue := awssqs.NewCfnQueue(this, new("Queue"), &awssqs.CfnQueueProps{
		QueueName: new(s.Queue()), SqsManagedSseEnabled: new(true), VisibilityTimeout: new(visibility.Seconds()),
		RedrivePolicy: map[string]any{"deadLetterTargetArn": dead.AttrArn(), "maxReceiveCount": maxReceives},
	})
	newQueueAlarm(this, "DeadAlarm", s, dead, "ApproximateNumberOfMessagesVisible", 0,
		"Sluice: a message of the federation job cannot succeed; sluice redrive brings it back once its reason is mended")
	newQueueAlarm(this, "StaleAlarm", s, queue, "ApproximateAgeOfOldestMessage", stale.Seconds(),
		"Sluice: the federation job has not kept up with its queue for "+stale.String())
	return work{this, queue, dead}
}

// newQueueAlarm adds the alarm of a metric that is above what it may be.
func newQueueAlarm(scope constructs.Construct, id string, s config.Stage, queue awssqs.CfnQueue, metric string, above float64, description string) {
	awscloudwatch.NewCfnAlarm(scope, &id, &awscloudwatch.CfnAlarmProps{
		AlarmDescription: &description,
		Namespace:        new("AWS/SQS"), MetricName: &metric, Statistic: new("Maximum"), Period: new((5 * time.Minute).Seconds()),
		Dimensions:        []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: new("QueueName"), Value: queue.AttrQueueName()}},
		EvaluationPeriods: new(1.0), ComparisonOperator: new("GreaterThanThreshold"), Threshold: &above,
		TreatMissingData: new("notBreaching"), // SQS is silent about queues that nobody uses
		AlarmActions:     topics(s), OkActions: topics(s),
	})
}

// takeFrom lets rules, and nobody else beside those whose own policies say so, write to the queue.
func (w work) takeFrom(rules ...awsevents.CfnRule) {
	var arns []string
	for _, rule := range rules {
		arns = append(arns, *rule.AttrArn())
	}
	awssqs.NewCfnQueuePolicy(w.scope, new("Policy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{w.queue.Ref()}, PolicyDocument: access.Document(access.Queue(*w.queue.AttrArn(), arns)),
	})
}

// start has messages worked on. A message that fails does not make the others of its batch come again.
func (w work) start(function awslambda.CfnFunction) {
	awslambda.NewCfnEventSourceMapping(w.scope, new("Mapping"), &awslambda.CfnEventSourceMappingProps{
		EventSourceArn: w.queue.AttrArn(), FunctionName: function.Ref(),
		BatchSize: new(float64(batch)), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		ScalingConfig: &awslambda.CfnEventSourceMapping_ScalingConfigProperty{MaximumConcurrency: new(float64(concurrency))},
	})
}
