package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

// eventSource is the source of the events that the command sends.
const eventSource = "sluice.operator"

// detailOf is the detail of an event, if text is one.
func detailOf(text []byte) ([]byte, bool) {
	var e struct {
		DetailType *string         `json:"detail-type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(text, &e) != nil || e.DetailType == nil {
		return nil, false
	}
	return e.Detail, true
}

func request(ctx context.Context, s *session, arguments []string) error {
	text, w, err := s.document(arguments[0])
	if err != nil {
		return err
	}
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	id, err := put(ctx, p, cfg, event.SourceRequested, string(text))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "requested %s (event %s); sluice status %[1]s shows how far it is\n", w.Name, id)
	return nil
}

func withdraw(ctx context.Context, s *session, arguments []string) error {
	name := arguments[0]
	if why := federation.BadName(name); why != "" {
		return fmt.Errorf("the name %s; it is the first column of sluice status", why)
	}
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	rec, found, _, err := store(p, cfg).Get(ctx, name)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("no federation has the name %s; sluice status lists them", name)
	}
	detail, err := json.Marshal(map[string]string{"name": rec.Name})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	id, err := put(ctx, p, cfg, event.SourceWithdrawn, string(detail))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "withdrawn %s (event %s); sluice status %[1]s shows how far it is\n", name, id)
	return nil
}

// put sends one event to the stage's bus.
func put(ctx context.Context, p settings.Provision, cfg aws.Config, detailType, detail string) (id string, err error) {
	out, err := eventbridge.NewFromConfig(cfg).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &p.Bus, Source: new(eventSource), DetailType: &detailType, Detail: &detail,
	}}})
	if err != nil {
		return "", fmt.Errorf("send the event to bus %s: %w", p.Bus, err)
	}
	for _, e := range out.Entries {
		if e.ErrorCode != nil {
			return "", fmt.Errorf("send the event to bus %s: %s: %s", p.Bus, *e.ErrorCode, aws.ToString(e.ErrorMessage))
		}
		id = aws.ToString(e.EventId)
	}
	return id, nil
}
