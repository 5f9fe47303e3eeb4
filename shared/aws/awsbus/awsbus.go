// Package awsbus announces what happened on Sluice's own EventBridge bus.
package awsbus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	smithy "github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/event"
)

// A Bus takes announcements.
type Bus struct {
	api  *eventbridge.Client
	name string
}

// New returns the bus of that name.
func New(api *eventbridge.Client, name string) *Bus { return &Bus{api, name} }

// Announce puts one event with source "sluice" on the bus. detail is written as JSON; resource is the ARN that
// it is about.
func (b *Bus) Announce(ctx context.Context, detailType, resource string, detail any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode event %q: %w", detailType, err)
	}
	out, err := b.api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.name, Source: new(event.Source), DetailType: &detailType, Detail: new(string(text)), Resources: []string{resource},
	}}})
	for i := 0; err == nil && i < len(out.Entries); i++ { // a 200 may still say that the event was not taken
		if code := out.Entries[i].ErrorCode; code != nil {
			err = &smithy.GenericAPIError{Code: *code, Message: aws.ToString(out.Entries[i].ErrorMessage)}
		}
	}
	return awserror.Explain(err, fmt.Sprintf("announce %q", detailType), "bus "+b.name, nil)
}
