package secretsmanager

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// The service events of rotation.
//
// Source: AWS Secrets Manager User Guide, "AWS CloudTrail entries for Secrets Manager".
const (
	rotationStarted       = "RotationStarted"
	rotationSucceeded     = "RotationSucceeded"
	rotationFailed        = "RotationFailed"
	rotationAbandoned     = "RotationAbandoned"
	testRotationStarted   = "TestRotationStarted"
	testRotationSucceeded = "TestRotationSucceeded"
	testRotationFailed    = "TestRotationFailed"
)

// Source and detail type under which EventBridge delivers what CloudTrail records of the service's own doing.
const (
	eventSource     = "aws.secretsmanager"
	eventDetailType = "AWS Service Event via CloudTrail"
)

// An event waits to be published.
type event struct {
	name, secret, token string
	time                time.Time
	failure             string // names function and step; empty unless something failed
}

// detail is a CloudTrail record of a service event.
type detail struct {
	EventVersion        string            `json:"eventVersion"`
	UserIdentity        map[string]string `json:"userIdentity"`
	EventTime           string            `json:"eventTime"`
	EventSource         string            `json:"eventSource"`
	EventName           string            `json:"eventName"`
	Region              string            `json:"awsRegion"`
	SourceIPAddress     string            `json:"sourceIPAddress"`
	UserAgent           string            `json:"userAgent"`
	ErrorMessage        string            `json:"errorMessage,omitempty"`
	RequestParameters   *struct{}         `json:"requestParameters"`
	ResponseElements    *struct{}         `json:"responseElements"`
	AdditionalEventData map[string]string `json:"additionalEventData"`
	RequestID           string            `json:"requestID"`
	EventID             string            `json:"eventID"`
	ReadOnly            bool              `json:"readOnly"`
	EventType           string            `json:"eventType"`
	ManagementEvent     bool              `json:"managementEvent"`
	RecipientAccountID  string            `json:"recipientAccountId"`
	EventCategory       string            `json:"eventCategory"`
}

func (e event) encode(region string) []byte {
	b, _ := json.Marshal(detail{ // strings and maps of strings always encode
		EventVersion: "1.08", EventName: e.name, EventTime: e.time.Format(time.RFC3339), Region: region,
		UserIdentity: map[string]string{"accountId": awshttp.Account, "invokedBy": principal},
		EventSource:  principal, SourceIPAddress: principal, UserAgent: principal, ErrorMessage: e.failure,
		AdditionalEventData: map[string]string{"SecretId": e.secret},
		RequestID:           "Rotation-" + e.secret + "-" + e.token, EventID: uuid.New(),
		EventType: "AwsServiceEvent", ManagementEvent: true, RecipientAccountID: awshttp.Account, EventCategory: "Management",
	})
	return b
}

// emit keeps an event for unlock. The caller holds s.mu.
func (s *Service) emit(name string, r *record, token, failure string) {
	s.events = append(s.events, event{name, r.arn, token, s.now(), failure})
}

// lock takes the service's lock. The returned function gives it back and then publishes what has happened: outside
// of the lock, because what listens may call the service, and in order, because one caller at a time publishes for all.
func (s *Service) lock(ctx context.Context) (unlock func()) {
	s.mu.Lock()
	return func() {
		defer s.mu.Unlock()
		if s.publishing {
			return
		}
		s.publishing = true
		for len(s.events) > 0 {
			events := s.events
			s.events = nil
			s.mu.Unlock()
			s.publish(context.WithoutCancel(ctx), events)
			s.mu.Lock()
		}
		s.publishing = false
	}
}

func (s *Service) publish(ctx context.Context, events []event) {
	if s.config.Publish == nil {
		return
	}
	for _, e := range events {
		s.config.Publish.Publish(ctx, eventSource, eventDetailType, e.encode(s.config.Region))
	}
}
