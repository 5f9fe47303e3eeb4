package sqs

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// A redrive says when messages leave a queue for its dead-letter queue; its zero value is never.
type redrive struct {
	Target string `json:"deadLetterTargetArn"` // ARN
	Most   int    `json:"maxReceiveCount"`
}

// maxReceives bounds maxReceiveCount. Source: Amazon SQS Developer Guide, "Dead-letter queues".
const maxReceives = 1000

func (r redrive) text() string {
	b, _ := json.Marshal(r) // always encodes
	return string(b)
}

// parseRedrive reads a RedrivePolicy. The number may stand in quotation marks. The caller holds s.mu.
func (s *Service) parseRedrive(text string) (redrive, error) {
	if text == "" {
		return redrive{}, nil
	}
	wrong := func(reason string) (redrive, error) {
		return redrive{}, refuse(invalidValue, "Value %s for parameter RedrivePolicy is invalid. Reason: %s", text, reason)
	}
	var in struct {
		Target string          `json:"deadLetterTargetArn"`
		Most   json.RawMessage `json:"maxReceiveCount"`
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return wrong("Redrive policy is not a valid JSON map.")
	}
	if in.Target == "" || in.Most == nil {
		return wrong("Redrive policy does not contain mandatory attribute: deadLetterTargetArn or maxReceiveCount.")
	}
	most, err := strconv.Atoi(strings.Trim(string(in.Most), `"`))
	if err != nil || most < 1 || most > maxReceives {
		return wrong("Invalid value for maxReceiveCount: " + string(in.Most) + ", valid values are from 1 to 1000 both inclusive.")
	}
	name, err := s.nameInARN(in.Target)
	if err != nil || s.queues[name] == nil {
		return wrong("Dead letter target does not exist.")
	}
	return redrive{in.Target, most}, nil
}

// bury moves the messages of q that are visible again after too many receives to the dead-letter queue. They keep
// their identifiers and the time at which they were sent. A dead-letter queue that is gone takes none: they stay. The
// caller holds s.mu and announces what came to the queue that is returned, if any.
func (s *Service) bury(q *queue, now time.Time) (dead *queue) {
	name, err := s.nameInARN(q.settings.redrive.Target)
	if err != nil || s.queues[name] == nil || s.queues[name] == q {
		return nil
	}
	var rest []*message
	for _, m := range q.messages {
		if m.visible.After(now) || m.receivesHere < q.settings.redrive.Most {
			rest = append(rest, m)
			continue
		}
		dead = s.queues[name]
		m.receivesHere, m.receipt, m.from = 0, "", s.arn(q.name)
		dead.messages = append(dead.messages, m)
	}
	q.messages = rest
	return dead
}
