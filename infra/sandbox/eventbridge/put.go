package eventbridge

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Limits of PutEvents (Amazon EventBridge API Reference).
const (
	maxEntries    = 10
	maxBytes      = 1 << 20 // of all entries together
	maxDetailType = 128     // characters
)

type entry struct {
	Source       string
	DetailType   string
	Detail       *string
	EventBusName string
	Resources    []string
	Time         *time.Time
	TraceHeader  string
}

type putResult struct {
	EventId      string `json:",omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putEventsOutput struct {
	FailedEntryCount int
	Entries          []putResult
}

// putEvents refuses the whole call if the caller may not put one of its entries; entries that are wrong
// fail one by one.
func (s *Service) putEvents(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Entries []entry `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return nil, refuse(invalid, "Entries has %d items; it has to have between 1 and %d", n, maxEntries)
	}
	size, complete := 0, 0
	for _, e := range in.Entries {
		size += e.size()
		if e.missing() == "" {
			complete++
		}
		if err := call.Authorize(s.access(e)); err != nil {
			return nil, err
		}
	}
	if size > maxBytes {
		return nil, refuse(invalid, "Total size of the entries in the request is over the limit.")
	}
	if complete == 0 {
		return nil, refuse(invalid, "no entry has all of Source, DetailType and Detail")
	}
	var out putEventsOutput
	for _, e := range in.Entries {
		r := s.put(ctx, call.Time, e)
		if r.ErrorCode != "" {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, r)
	}
	return out, nil
}

func (s *Service) access(e entry) awshttp.Access {
	keys := map[string][]string{}
	if e.Source != "" {
		keys["events:source"] = []string{e.Source}
	}
	if e.DetailType != "" {
		keys["events:detail-type"] = []string{e.DetailType}
	}
	return awshttp.Access{Action: "events:PutEvents", Resource: s.busARN(busName(e.EventBusName)), Context: keys}
}

// size counts an entry as EventBridge does (User Guide, "Calculating PutEvents event entry size").
func (e entry) size() int {
	n := len(e.Source) + len(e.DetailType)
	if e.Detail != nil {
		n += len(*e.Detail)
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	if e.Time != nil {
		n += 14
	}
	return n
}

// missing names the first required member that is not there.
func (e entry) missing() string {
	switch {
	case e.Source == "":
		return "Source"
	case e.DetailType == "":
		return "DetailType"
	case e.Detail == nil:
		return "Detail"
	default:
		return ""
	}
}

func (s *Service) put(ctx context.Context, now time.Time, e entry) putResult {
	if name := e.missing(); name != "" {
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + name + " is not valid. Reason: " + name + " is a required argument."}
	}
	switch {
	case strings.HasPrefix(e.Source, "aws."):
		return putResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case len(e.DetailType) > maxDetailType:
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is not valid. Reason: it is longer than 128 characters."}
	case !isObject(*e.Detail):
		return putResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	if e.Time != nil {
		now = *e.Time
	}
	event := s.envelope(ServiceEvent{e.Source, e.DetailType, json.RawMessage(*e.Detail), e.Resources}, now)
	s.accept(ctx, busName(e.EventBusName), event)
	return putResult{EventId: event.ID}
}
