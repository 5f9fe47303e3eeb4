package lambda

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A queueMessage is a message as ReceiveMessage answers it.
type queueMessage struct {
	MessageId              string
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	MD5OfMessageAttributes string
	Attributes             map[string]string
	MessageAttributes      map[string]struct {
		DataType    string
		StringValue *string
		BinaryValue *string // base64
	}
}

// A record is a message as a function gets it.
// Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".
type record struct {
	MessageID              string                     `json:"messageId"`
	ReceiptHandle          string                     `json:"receiptHandle"`
	Body                   string                     `json:"body"`
	Attributes             map[string]string          `json:"attributes"`
	MessageAttributes      map[string]recordAttribute `json:"messageAttributes"`
	MD5OfMessageAttributes string                     `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody              string                     `json:"md5OfBody"`
	EventSource            string                     `json:"eventSource"`
	EventSourceARN         string                     `json:"eventSourceARN"`
	Region                 string                     `json:"awsRegion"`
}

type recordAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      *string  `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

// batchEvent is the event for a batch.
func (s *Service) batchEvent(m *mapping, messages []queueMessage) []byte {
	records := make([]record, len(messages))
	for i, q := range messages {
		attributes := map[string]recordAttribute{}
		for name, a := range q.MessageAttributes {
			attributes[name] = recordAttribute{a.StringValue, a.BinaryValue, []string{}, []string{}, a.DataType}
		}
		records[i] = record{
			MessageID: q.MessageId, ReceiptHandle: q.ReceiptHandle, Body: q.Body, Attributes: q.Attributes, MessageAttributes: attributes,
			MD5OfMessageAttributes: q.MD5OfMessageAttributes, MD5OfBody: q.MD5OfBody,
			EventSource: "aws:sqs", EventSourceARN: m.source, Region: s.config.Region,
		}
	}
	event, _ := json.Marshal(map[string]any{"Records": records}) // always encodes
	return event
}

// succeeded are the messages that a function has done by its answer. No answer and an answer without failures are a
// success; one that cannot be read, or names a message that is not in the batch, is none: then ok is false.
// Source: AWS Lambda Developer Guide, "Implementing partial batch responses".
func succeeded(batch []queueMessage, answer []byte) (done []queueMessage, ok bool) {
	if len(bytes.TrimSpace(answer)) == 0 {
		return batch, true
	}
	var response struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, false
	}
	done = slices.Clone(batch)
	for _, failure := range response.Failures {
		id, _ := failure["itemIdentifier"].(string)
		if !slices.ContainsFunc(batch, func(q queueMessage) bool { return q.MessageId == id }) {
			return nil, false
		}
		done = slices.DeleteFunc(done, func(q queueMessage) bool { return q.MessageId == id })
	}
	return done, true
}
