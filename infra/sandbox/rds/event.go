package rds

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

// Source and detail type of what RDS tells of instances.
//
// Source: Amazon EventBridge Events Reference, "Amazon Relational Database Service events".
const (
	eventSource     = "aws.rds"
	eventDetailType = "RDS DB Instance Event"
)

// A kind is one of RDS's events.
//
// Source: Amazon RDS User Guide, "Amazon RDS event categories and event messages".
type kind struct{ id, category, message string }

var (
	created = kind{"RDS-EVENT-0005", "creation", "DB instance created"}
	deleted = kind{"RDS-EVENT-0003", "deletion", "DB instance deleted"}
	stopped = kind{"RDS-EVENT-0087", "notification", "DB instance stopped"}
	started = kind{"RDS-EVENT-0088", "notification", "DB instance started"}
)

// detail is the body of an event.
type detail struct {
	EventCategories  []string
	SourceType       string
	SourceArn        string
	Date             string // with milliseconds
	Message          string
	SourceIdentifier string
	EventID          string
	Tags             map[string]string
}

// An announcement waits to be published; its zero value is none.
type announcement struct {
	detail   []byte
	resource string
}

// event tells of an instance as it is now. The caller holds s.mu.
func (s *Service) event(i *instance, k kind) announcement {
	arn := s.arn("db", i.Identifier)
	text, err := json.Marshal(detail{
		EventCategories: []string{k.category}, SourceType: "DB_INSTANCE", SourceArn: arn,
		Date: s.config.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Message: k.message,
		SourceIdentifier: i.Identifier, EventID: k.id, Tags: maps.Clone(i.Tags),
	})
	if err != nil {
		panic(fmt.Sprintf("encode event %s: %v", k.id, err)) // cannot happen: it is all text
	}
	return announcement{text, arn}
}

func (s *Service) publish(ctx context.Context, a announcement) {
	if a.detail != nil && s.config.Publish != nil {
		s.config.Publish.Publish(ctx, eventSource, eventDetailType, a.detail, a.resource)
	}
}
