package sqs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// settings are the attributes of a queue that its owner sets.
type settings struct {
	numbers    map[string]int // by the name of the attribute
	policy     string         // JSON; empty if there is none
	redrive    redrive
	managedSSE bool
}

// A span is what a number may be, with its default. Source: Amazon SQS API Reference, CreateQueue.
type span struct{ standard, least, most int }

var spans = map[string]span{
	"VisibilityTimeout":             {30, 0, 43_200},
	"DelaySeconds":                  {0, 0, 900},
	"MessageRetentionPeriod":        {345_600, 60, 1_209_600},
	"ReceiveMessageWaitTimeSeconds": {0, 0, 20}, // of no effect: see the package comment
	"MaximumMessageSize":            {1 << 20, 1024, 1 << 20},
}

// elsewhere are attributes that SQS has and the sandbox has not.
var elsewhere = []string{"KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "FifoQueue", "ContentBasedDeduplication",
	"DeduplicationScope", "FifoThroughputLimit", "RedriveAllowPolicy"}

func defaults() settings {
	set := settings{numbers: map[string]int{}, managedSSE: true}
	for name, s := range spans {
		set.numbers[name] = s.standard
	}
	return set
}

func (set settings) seconds(name string) time.Duration {
	return time.Duration(set.numbers[name]) * time.Second
}

func (set settings) visibility() time.Duration { return set.seconds("VisibilityTimeout") }

// apply changes settings as attributes say, all or nothing. The caller holds s.mu.
func (s *Service) apply(set *settings, attributes map[string]string) error {
	next := *set
	next.numbers = maps.Clone(set.numbers)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := s.applyOne(&next, name, attributes[name]); err != nil {
			return err
		}
	}
	*set = next
	return nil
}

func (s *Service) applyOne(set *settings, name, value string) (err error) {
	limits, isNumber := spans[name]
	switch {
	case slices.Contains(elsewhere, name):
		return notHere("the attribute %s of queues", name)
	case isNumber:
		n, err := strconv.Atoi(value)
		if err != nil || n < limits.least || n > limits.most {
			return refuse(invalidAttribute, "Invalid value for the parameter %s.", name)
		}
		set.numbers[name] = n
		return nil
	case name == "SqsManagedSseEnabled":
		if set.managedSSE, err = strconv.ParseBool(value); err != nil {
			return refuse(invalidAttribute, "Invalid value for the parameter %s.", name)
		}
		return nil
	case name == "Policy":
		if value != "" {
			if _, err := policy.Parse(policy.Resource, "of a queue", value); err != nil {
				return refuse(invalidAttribute, "Invalid value for the parameter Policy. (%v)", err)
			}
		}
		set.policy = value
		return nil
	case name == "RedrivePolicy":
		set.redrive, err = s.parseRedrive(value)
		return err
	default:
		return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
	}
}

// difference names the first of the attributes in which two settings differ; empty if there is none.
func (set settings) difference(other settings, attributes map[string]string) string {
	mine, theirs := set.attributes(), other.attributes()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if mine[name] != theirs[name] {
			return name
		}
	}
	return ""
}

// attributes are the settings as GetQueueAttributes shows them.
func (set settings) attributes() map[string]string {
	all := map[string]string{"SqsManagedSseEnabled": strconv.FormatBool(set.managedSSE)}
	for name, n := range set.numbers {
		all[name] = strconv.Itoa(n)
	}
	if set.policy != "" {
		all["Policy"] = set.policy
	}
	if set.redrive.Target != "" {
		all["RedrivePolicy"] = set.redrive.text()
	}
	return all
}

// facts are the attributes that nobody sets.
func (s *Service) facts(q *queue) map[string]string {
	var visible, delayed, flying int
	now := s.config.Clock.Now()
	for _, m := range q.messages {
		switch {
		case !m.visible.After(now):
			visible++
		case m.receipt == "":
			delayed++
		default:
			flying++
		}
	}
	return map[string]string{
		"QueueArn":                              s.arn(q.name),
		"CreatedTimestamp":                      fmt.Sprint(q.created.Unix()),
		"LastModifiedTimestamp":                 fmt.Sprint(q.changed.Unix()),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(flying),
	}
}

func (s *Service) getQueueAttributes(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl       string `aws:"required"`
		AttributeNames []string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "GetQueueAttributes", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	all := q.settings.attributes()
	maps.Copy(all, s.facts(q))
	out := struct{ Attributes map[string]string }{map[string]string{}}
	for _, name := range in.AttributeNames {
		_, settable := spans[name]
		switch value, ok := all[name]; {
		case name == "All":
			maps.Copy(out.Attributes, all)
		case ok:
			out.Attributes[name] = value
		case !settable && name != "Policy" && name != "RedrivePolicy" && !slices.Contains(elsewhere, name):
			return nil, refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	if len(out.Attributes) == 0 {
		out.Attributes = nil
	}
	return out, nil
}

func (s *Service) setQueueAttributes(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueUrl   string            `aws:"required"`
		Attributes map[string]string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, "SetQueueAttributes", in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if err := s.apply(&q.settings, in.Attributes); err != nil {
		return nil, err
	}
	q.changed = call.Time
	return nil, nil
}
