package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// An Event is the envelope in which EventBridge delivers.
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"` // 2006-01-02T15:04:05Z
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// A ServiceEvent is what an AWS service tells.
type ServiceEvent struct {
	Source     string          // "aws.secretsmanager"
	DetailType string          // "AWS Service Event via CloudTrail"
	Detail     json.RawMessage // a JSON object
	Resources  []string        // ARNs
}

// Publish puts the event of an AWS service on the default bus.
func (s *Service) Publish(ctx context.Context, e ServiceEvent) error {
	if !strings.HasPrefix(e.Source, "aws.") {
		return fmt.Errorf("publish event of a service: source %q lacks the prefix aws. of services", e.Source)
	}
	if !isObject(string(e.Detail)) {
		return fmt.Errorf("publish event of %s: detail is not a JSON object", e.Source)
	}
	s.accept(ctx, defaultBus, s.envelope(e, s.config.Clock.Now()))
	return nil
}

func (s *Service) envelope(e ServiceEvent, at time.Time) Event {
	return Event{
		Version: "0", ID: uuid.New(), DetailType: e.DetailType, Source: e.Source, Account: awshttp.Account,
		Time: at.UTC().Format("2006-01-02T15:04:05Z"), Region: s.config.Region,
		Resources: append([]string{}, e.Resources...), Detail: e.Detail,
	}
}

func isObject(text string) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &members) == nil && members != nil
}

// A delivery is one event on its way to one target.
type delivery struct {
	rule   *rule
	target target
}

// accept keeps an event and delivers it. A bus that does not exist is a failure that only [Service.Failures] shows, as
// with EventBridge, which answers success and drops the event.
func (s *Service) accept(ctx context.Context, busName string, e Event) {
	text, err := json.Marshal(e)
	failure := Failure{Bus: busName, EventID: e.ID, Time: s.config.Clock.Now()}
	if err != nil {
		failure.Err = fmt.Sprintf("encode event: %v", err)
		s.fail(failure)
		return
	}
	deliveries, err := s.route(busName, e, text)
	if err != nil {
		failure.Err = err.Error()
		s.fail(failure)
		return
	}
	for _, d := range deliveries {
		if err := s.deliver(ctx, d, text); err != nil {
			err = errors.Join(err, s.bury(ctx, d, text))
			failure.Rule, failure.Target, failure.Err = d.rule.arn, d.target.Arn, err.Error()
			s.fail(failure)
		}
	}
}

// route keeps the event on its bus and finds who gets it.
func (s *Service) route(busName string, e Event, text []byte) ([]delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(busName)
	if err != nil {
		return nil, err
	}
	b.keep(e)
	var all []delivery
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		r := b.rules[name]
		matches, err := r.pattern.Match(text)
		if err != nil {
			return nil, fmt.Errorf("match rule %s: %w", r.name, err)
		}
		if !matches || !r.enabled {
			continue
		}
		for _, t := range r.targets {
			all = append(all, delivery{r, t})
		}
	}
	return all, nil
}

func (s *Service) deliver(ctx context.Context, d delivery, event []byte) error {
	payload, err := d.target.payload(d.rule, event, s.config.Clock.Now())
	if err != nil {
		return err
	}
	if queueARN.MatchString(d.target.Arn) {
		return s.config.Queues.Send(ctx, d.sender(), d.target.Arn, string(payload), 0)
	}
	return s.config.Invoker.InvokeAsync(ctx, d.sender(), d.target.Arn, payload)
}

// sender is EventBridge on behalf of the rule.
func (d delivery) sender() awshttp.Principal {
	return awshttp.Principal{Service: "events.amazonaws.com", Context: map[string][]string{
		"aws:SourceArn": {d.rule.arn}, "aws:SourceAccount": {awshttp.Account},
	}}
}

// bury puts an event that could not be delivered into the target's dead-letter queue, if it has one.
func (s *Service) bury(ctx context.Context, d delivery, event []byte) error {
	if d.target.DeadLetterConfig == nil {
		return nil
	}
	if err := s.config.Queues.Send(ctx, d.sender(), d.target.DeadLetterConfig.Arn, string(event), 0); err != nil {
		return fmt.Errorf("send to the dead-letter queue: %w", err)
	}
	return nil
}
