package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// The events that ask for the ready-made source and that give it back.
const (
	requestFile  = "events/federation/source-requested.json"
	withdrawFile = "events/federation/source-withdrawn.json"
)

// An envelope is an event as EventBridge delivers it, as far as it is sent.
type envelope struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// A wanted is what the demo has to know of the document in the request.
type wanted struct {
	Name   string `json:"name"`
	Schema string `json:"schema"`
	Source struct {
		Instance string `json:"instance"`
	} `json:"source"`
}

// A made is what the announcement says that the federation consists of.
type made struct {
	Role   string `json:"role"`   // ARN
	Secret string `json:"secret"` // ARN
	Login  string `json:"login"`  // user in the source
	Schema string `json:"schema"`
}

// sample reads an event from a file.
func sample(file string) (e envelope, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return e, fmt.Errorf("read event %s: %w", file, err)
	}
	return e, nil
}

// send puts an event on Sluice's bus, as the operator.
func (d *demo) send(ctx context.Context, e envelope) error {
	out, err := eventbridge.NewFromConfig(d.aws).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: new(busName), Source: &e.Source, DetailType: &e.DetailType, Detail: new(string(e.Detail)),
	}}})
	if err != nil {
		return fmt.Errorf("send event %q: %w", e.DetailType, err)
	}
	if out.FailedEntryCount > 0 {
		return fmt.Errorf("send event %q: the bus does not take it: %s", e.DetailType, *out.Entries[0].ErrorMessage)
	}
	return nil
}
