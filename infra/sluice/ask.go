package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

// eventSource is the source of the events that the command sends.
const eventSource = "sluice.operator"

// detailOf is the detail of an event that asks for a source, and text itself if it is no event.
func detailOf(text []byte) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New(`is empty; write the JSON object of infra/OPERATING.md, "Ask for a source"`)
	}
	var e struct {
		DetailType *string         `json:"detail-type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(text, &e) != nil || e.DetailType == nil {
		return text, nil
	}
	if *e.DetailType != event.SourceRequested {
		return nil, fmt.Errorf("is an event %q; take one that is %q, or a document by itself", *e.DetailType, event.SourceRequested)
	}
	return e.Detail, nil
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
	if err := federation.Configure(p).Allows(w); err != nil { // nobody would hear of the refusal before the next status
		return err
	}
	// EventBridge takes events for buses that do not exist, and says nothing. Where there is no state, nothing is deployed.
	if _, _, _, err := store(p, cfg).Get(ctx, w.Name); err != nil {
		return err
	}
	id, err := s.put(ctx, p, cfg, event.SourceRequested, string(text))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "requested %s (event %s); sluice status %[1]s shows how far it is\n", w.Name, id)
	return nil
}

func withdraw(ctx context.Context, s *session, arguments []string) error {
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	rec, _, err := find(ctx, p, cfg, arguments[0])
	if err != nil {
		return err
	}
	if rec.Phase == federation.Removed {
		fmt.Fprintf(s.out, "%s is removed already, since %s\n", rec.Name, stamp(rec.Since))
		return nil
	}
	detail, err := json.Marshal(map[string]string{"name": rec.Name})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	id, err := s.put(ctx, p, cfg, event.SourceWithdrawn, string(detail))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "withdrawal of %s requested (event %s); sluice status %[1]s shows how far it is\n", rec.Name, id)
	if rec.Origin == federation.ByTag {
		fmt.Fprintf(s.out, "instance %s asked for it by its tag %s; while that stays, a change of the instance's tags asks for it again\n", rec.Wanted.Source.ID(), federation.TagWarehouse)
	}
	return nil
}

// put sends one event to the stage's bus, in a second of its own.
func (s *session) put(ctx context.Context, p settings.Provision, cfg aws.Config, detailType, detail string) (id string, err error) {
	if err := s.pace(ctx); err != nil {
		return "", err
	}
	out, err := eventbridge.NewFromConfig(cfg).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &p.Bus, Source: new(eventSource), DetailType: &detailType, Detail: &detail,
	}}})
	if err != nil {
		return "", awserror.Explain(err, "send event", "bus "+p.Bus, nil)
	}
	for _, e := range out.Entries {
		if e.ErrorCode != nil {
			return "", &fault.Error{Kind: fault.Blocked, Reason: *e.ErrorCode, Op: "send event", Subject: "bus " + p.Bus, Err: errors.New(aws.ToString(e.ErrorMessage)), Fix: "correct what the message names"}
		}
		id = aws.ToString(e.EventId)
	}
	return id, nil
}

// notDeployed is the remedy where a part of the stage is not there.
const notDeployed = "deploy the stage with its federation, or name another configuration with -config"
