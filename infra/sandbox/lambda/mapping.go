package lambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// Limits of event source mappings for SQS, and what holds where one says nothing.
// Source: AWS Lambda API Reference, CreateEventSourceMapping and ScalingConfig.
const (
	defaultBatch    = 10
	maxBatch        = 10_000
	maxUnwindowed   = 10 // of a batch without a window
	maxWindow       = 300
	leastConcurrent = 2
	mostConcurrent  = 1000

	// standardConcurrent is how many batches are worked on at once without a ScalingConfig: with how many Lambda begins.
	// Lambda then scales up, and the sandbox does not.
	standardConcurrent = 5

	reportItems = "ReportBatchItemFailures"
)

// A mapping has a function work on the messages of a queue. [Service.mu] guards it.
type mapping struct {
	id, source, function string // source is the ARN of the queue, function a name
	settings             mappingSettings
	tags                 map[string]string
	modified             time.Time
	result               string // of the last processing
	unwatch              func()

	busy     int       // batches that are worked on
	closes   time.Time // when the batching window ends; zero if none is open
	retrying bool      // the clock will try again after a failure
	reader   reader
}

// mappingSettings are what Create and Update say alike.
type mappingSettings struct {
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	FunctionResponseTypes          []string
	ScalingConfig                  *scaling
	Enabled                        *bool
}

type scaling struct {
	MaximumConcurrency *int `json:",omitempty"`
}

func (set mappingSettings) size() int   { return or(set.BatchSize, defaultBatch) }
func (set mappingSettings) on() bool    { return or(set.Enabled, true) }
func (set mappingSettings) window() int { return or(set.MaximumBatchingWindowInSeconds, 0) }
func (set mappingSettings) byItem() bool {
	return slices.Contains(set.FunctionResponseTypes, reportItems)
}

func (set mappingSettings) concurrent() int {
	if set.ScalingConfig == nil {
		return standardConcurrent
	}
	return or(set.ScalingConfig.MaximumConcurrency, standardConcurrent)
}

func or[T any](value *T, standard T) T {
	if value != nil {
		return *value
	}
	return standard
}

func (set mappingSettings) check() error {
	switch n := set.size(); {
	case n < 1 || n > maxBatch:
		return refuse("BatchSize is %d; it has to be between 1 and %d", n, maxBatch)
	case set.window() < 0 || set.window() > maxWindow:
		return refuse("MaximumBatchingWindowInSeconds is %d; it has to be between 0 and %d", set.window(), maxWindow)
	case n > maxUnwindowed && set.window() == 0:
		return refuse("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than %d", maxUnwindowed)
	}
	if c := set.ScalingConfig; c != nil && c.MaximumConcurrency != nil && (*c.MaximumConcurrency < leastConcurrent || *c.MaximumConcurrency > mostConcurrent) {
		return refuse("ScalingConfig.MaximumConcurrency is %d; it has to be between %d and %d", *c.MaximumConcurrency, leastConcurrent, mostConcurrent)
	}
	for _, kind := range set.FunctionResponseTypes {
		if kind != reportItems {
			return refuse("FunctionResponseTypes has %q; it may have %s only", kind, reportItems)
		}
	}
	return nil
}

// merge returns set with what change says.
func (set mappingSettings) merge(change mappingSettings) mappingSettings {
	for _, number := range []struct{ into, value **int }{
		{&set.BatchSize, &change.BatchSize}, {&set.MaximumBatchingWindowInSeconds, &change.MaximumBatchingWindowInSeconds},
	} {
		if *number.value != nil {
			*number.into = *number.value
		}
	}
	if change.FunctionResponseTypes != nil {
		set.FunctionResponseTypes = change.FunctionResponseTypes
	}
	if change.ScalingConfig != nil {
		set.ScalingConfig = change.ScalingConfig
	}
	if change.Enabled != nil {
		set.Enabled = change.Enabled
	}
	return set
}

// shownMapping is how the control plane shows a mapping.
type shownMapping struct {
	UUID                           string
	EventSourceMappingArn          string
	EventSourceArn                 string
	FunctionArn                    string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	FunctionResponseTypes          []string `json:",omitempty"`
	ScalingConfig                  *scaling
	LastModified                   time.Time
	LastProcessingResult           string
	State                          string
	StateTransitionReason          string
	Status                         int `aws:"status"`
}

// show copies what there is to say about m. state overrides that of a mapping at rest. The caller holds s.mu.
func (s *Service) showMapping(m *mapping, state string, status int) shownMapping {
	if state == "" {
		state = "Disabled"
		if m.settings.on() {
			state = "Enabled"
		}
	}
	return shownMapping{
		UUID: m.id, EventSourceMappingArn: s.mappingARN(m.id), EventSourceArn: m.source, FunctionArn: s.arn(m.function),
		BatchSize: m.settings.size(), MaximumBatchingWindowInSeconds: m.settings.window(),
		FunctionResponseTypes: m.settings.FunctionResponseTypes, ScalingConfig: m.settings.ScalingConfig, LastModified: m.modified,
		LastProcessingResult: m.result, State: state, StateTransitionReason: "USER_INITIATED", Status: status,
	}
}

func (s *Service) mappingARN(id string) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:event-source-mapping:%s", awshttp.Partition, s.config.Region, awshttp.Account, id)
}

// mappingID reads the ARN of a mapping.
func mappingID(resource string) (id string, ok bool) {
	_, id, ok = strings.Cut(resource, ":event-source-mapping:")
	return id, ok
}

var queuePattern = regexp.MustCompile(`^arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$`)

func (s *Service) createEventSourceMapping(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		FunctionName   string `aws:"required"`
		EventSourceArn string `aws:"required"`
		Tags           map[string]string
		mappingSettings
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := bareName(in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(s.onMapping("CreateEventSourceMapping", "*", name)); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := s.checkSource(name, in.EventSourceArn); err != nil {
		return nil, err
	}
	m := &mapping{id: uuid.New(), source: in.EventSourceArn, function: name, settings: in.mappingSettings, tags: maps.Clone(in.Tags),
		modified: call.Time, result: "No records processed"}
	if err := s.addMapping(m); err != nil {
		return nil, err
	}
	life := context.WithoutCancel(ctx)
	unwatch := s.config.Queues.Watch(m.source, func() { s.wake(life, m) })
	s.mu.Lock()
	defer s.mu.Unlock()
	m.unwatch = unwatch
	s.config.Clock.Go(func() { s.poll(life, m) }) // what is there already
	return s.showMapping(m, "Creating", http.StatusAccepted), nil
}

func (s *Service) addMapping(m *mapping) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.mappings {
		if old.source == m.source && old.function == m.function {
			return &awshttp.Error{Status: http.StatusConflict, Code: "ResourceConflictException", Message: fmt.Sprintf(
				"An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. Please update or delete the existing mapping with UUID %s", m.source, m.function, old.id)}
		}
	}
	s.mappings[m.id] = m
	return nil
}

// checkSource checks what Lambda does when a mapping is made: function, queue, the role's permissions, and that a
// message stays hidden for as long as the function may take.
func (s *Service) checkSource(name, source string) error {
	if s.config.Queues == nil || !queuePattern.MatchString(source) {
		return refuse("Unrecognized event source: the sandbox reads queues of SQS only, not %s", source)
	}
	s.mu.Lock()
	f, err := s.find(name)
	var set settings
	if err == nil {
		set = f.settings
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	r, err := s.assumeReader(set.Role)
	if err != nil {
		return refuse("The role defined for the function cannot be assumed by Lambda. (%v)", err)
	}
	for _, action := range readerActions {
		if err := s.config.Queues.Allowed(r.principal, source, action); isCode(err, "AccessDeniedException") {
			return refuse("The function execution role does not have permissions to call %s on SQS (%v)", strings.TrimPrefix(action, "sqs:"), err)
		}
	}
	hidden, err := s.config.Queues.VisibilityTimeout(source)
	if err != nil {
		return refuse("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	}
	if hidden < set.timeout() {
		return refuse("Queue visibility timeout: %.0f seconds is less than Function timeout: %.0f seconds", hidden.Seconds(), set.timeout().Seconds())
	}
	return nil
}

func isCode(err error, code string) bool {
	e, ok := errors.AsType[*awshttp.Error](err)
	return ok && e.Code == code
}

// onMapping is the question about a mapping of a function.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda".
func (s *Service) onMapping(action, resource, function string) awshttp.Access {
	a := awshttp.Access{Action: "lambda:" + action, Resource: resource}
	if function != "" {
		a.Context = map[string][]string{"lambda:FunctionArn": {s.arn(function)}}
	}
	return a
}
