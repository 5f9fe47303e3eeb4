package awshttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// Do performs an operation in process: what an SDK would do over HTTP, with the same authorization, faults and
// recording, but without a signature. input is anything that encodes to a JSON object with the names of the operation's
// members, nil for none; members that a REST service puts in its path, query or headers stand beside the others.
// The output comes back by way of JSON, times as the service's JSON would have them.
//
// A refusal or failure is an *[Error]; a connection lost by a fault is [ErrConnectionLost].
func (s *Server) Do(ctx context.Context, p Principal, service, operation string, input any) (map[string]any, error) {
	call := &Call{Service: service, Operation: operation, Principal: p, Region: s.config.Region,
		Time: s.config.Clock.Now(), RequestID: uuid.New()}
	at := s.services[service]
	if at == nil {
		at = &endpoint{Service: Service{Name: service}}
	}
	if at.Operations[operation] == nil {
		err := at.missing(operation)
		s.calls.add(call, nil, err, "")
		return nil, err
	}
	in, err := directInput(at, operation, input)
	if err != nil {
		return nil, fmt.Errorf("encode input of %s %s: %w", service, operation, err)
	}
	call.Path, call.Body = in.path, in.body
	call.decode = func(into any) error { return at.decode(call, in, into) }
	output, err := s.perform(ctx, at, call)
	if errors.Is(err, ErrConnectionLost) {
		return nil, err
	}
	if err != nil {
		return nil, asError(at, call, err)
	}
	return directOutput(output)
}

// directInput makes of a value the input that a request would have brought.
func directInput(at *endpoint, operation string, value any) (input, error) {
	in := input{operation: operation, path: map[string]string{}, direct: true}
	if value == nil {
		value = struct{}{}
	}
	body, err := json.Marshal(value)
	if err != nil {
		return in, err
	}
	in.body = body
	if in.members, err = parseJSON(body); err != nil {
		return in, err
	}
	for _, name := range at.captures[operation] {
		if text, ok := in.members[name].(string); ok {
			in.path[name] = text
		}
	}
	return in, nil
}

// directOutput turns an output into plain JSON values, with every member in one map wherever HTTP would put it.
func directOutput(output any) (map[string]any, error) {
	tree, err := jsonTree(output, everyMember)
	if err != nil {
		return nil, &Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
	}
	body, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("encode output: %w", err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("decode output: %w", err)
	}
	return members, nil
}
