package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
)

// A Task is what a message on the queue asks for.
type Task string

// The tasks.
const (
	TaskRequest  Task = "request"   // Wanted is what somebody wants
	TaskWithdraw Task = "withdraw"  // Federation is not wanted any more
	TaskFollowUp Task = "follow-up" // Federation waited; Number says whether this is its live follow-up
	TaskLook     Task = "look"      // at Federation, or at the RDS instance Instance
	TaskSweep    Task = "sweep"     // look at everything
	TaskIgnore   Task = "ignore"    // an event that is not for Sluice; About says which
)

// A Work is one message on the queue of the federation job: an event that a rule sent there, or a message that
// Sluice sent itself.
type Work struct {
	Task       Task
	Federation string
	Instance   string // RDS instance identifier
	Number     int
	Wanted     json.RawMessage
	Account    string    // that sent the event; empty for Sluice's own messages
	At         time.Time // of the event; zero for Sluice's own messages
	About      string
}

// own is a message that Sluice sends itself.
type own struct {
	Sluice     Task   `json:"sluice"`
	Federation string `json:"federation,omitempty"`
	Instance   string `json:"instance,omitempty"`
	Number     int    `json:"number,omitempty"`
}

// FollowUp is the text of a message that goes on with a federation.
func FollowUp(federation string, number int) string {
	return encode(own{Sluice: TaskFollowUp, Federation: federation, Number: number})
}

// Look is the text of a message that looks at a federation.
func Look(federation string) string { return encode(own{Sluice: TaskLook, Federation: federation}) }

// LookAt is the text of a message that looks at an RDS instance.
func LookAt(instance string) string { return encode(own{Sluice: TaskLook, Instance: instance}) }

// Sweep is the text of the message that looks at everything.
func Sweep() string { return encode(own{Sluice: TaskSweep}) }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(b)
}

// An envelope is an event as EventBridge delivers it.
//
// Source: Amazon EventBridge User Guide, "AWS service event metadata".
type envelope struct {
	DetailType *string         `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

const workFix = `send an event "Source Requested" or "Source Withdrawn" to Sluice's bus; nothing else belongs on this queue`

// DecodeWork reads a message. Its error is a *[MalformedError] with everything that is wrong.
func DecodeWork(body []byte) (Work, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Work{}, malformed("message", "is not the JSON object that is expected: "+err.Error())
	}
	if e.DetailType == nil {
		return decodeOwn(body)
	}
	w := Work{Account: e.Account, At: e.Time, About: fmt.Sprintf("%s of %s", *e.DetailType, e.Source)}
	switch {
	case *e.DetailType == SourceRequested:
		if e.Detail == nil {
			return w, malformed("detail", "is missing")
		}
		w.Task, w.Wanted = TaskRequest, e.Detail
		var about struct{ Name string }
		if json.Unmarshal(e.Detail, &about) == nil {
			w.Federation = about.Name
		}
	case *e.DetailType == SourceWithdrawn:
		var in struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(e.Detail, &in); err != nil || in.Name == "" {
			return w, malformed("detail.name", "is missing")
		}
		w.Task, w.Federation = TaskWithdraw, in.Name
	case e.Source == "aws.rds" && *e.DetailType == "RDS DB Instance Event":
		return decodeInstance(w, e)
	default:
		w.Task = TaskIgnore
		return w, nil
	}
	if w.Account == "" || w.At.IsZero() {
		return w, malformed("account and time", "are missing")
	}
	return w, nil
}

func malformed(where, what string) error {
	return &MalformedError{"an event that the federation job reads", fault.Problems{{Where: where, What: what, Fix: workFix}}}
}

func decodeOwn(body []byte) (Work, error) {
	var in own
	if err := json.Unmarshal(body, &in); err != nil {
		return Work{}, malformed("message", "is not the JSON object that is expected: "+err.Error())
	}
	w := Work{Task: in.Sluice, Federation: in.Federation, Instance: in.Instance, Number: in.Number}
	switch {
	case in.Sluice == TaskSweep, in.Sluice == TaskLook && (in.Federation == "") != (in.Instance == ""),
		in.Sluice == TaskFollowUp && in.Federation != "" && in.Number > 0:
		return w, nil
	}
	return w, malformed("sluice", fmt.Sprintf("%q, with what belongs to it, is no task", in.Sluice))
}

// decodeInstance reads an event about an RDS instance. Only its ARN counts: what has become of the instance is looked up.
//
// Source: Amazon EventBridge Events Reference, "Amazon RDS"; SourceIdentifier comes in two spellings, SourceArn in one.
func decodeInstance(w Work, e envelope) (Work, error) {
	var detail struct{ SourceArn string }
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return w, malformed("detail", "cannot be read: "+err.Error())
	}
	arn := detail.SourceArn
	if arn == "" && len(e.Resources) > 0 {
		arn = e.Resources[0]
	}
	_, id, ok := strings.Cut(arn, ":db:")
	if !ok || id == "" {
		return w, malformed("detail.SourceArn", fmt.Sprintf("%q is not the ARN of an instance", arn))
	}
	w.Task, w.Instance = TaskLook, id
	return w, nil
}
