package eventbridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// An inputTransformer makes a target's input of parts of the event.
type inputTransformer struct {
	InputPathsMap map[string]string
	InputTemplate string `aws:"required"`
}

// payload is what the target gets for an event.
func (t target) payload(r *rule, event []byte, now time.Time) ([]byte, error) {
	switch {
	case t.Input != nil:
		return []byte(*t.Input), nil
	case t.InputPath != nil:
		path, err := parsePath(*t.InputPath)
		if err != nil {
			return nil, err
		}
		return path.find(event), nil
	case t.InputTransformer != nil:
		return t.InputTransformer.apply(r, event, now)
	default:
		return event, nil
	}
}

var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)

// Placeholders that EventBridge fills itself.
const (
	ruleARNPlaceholder   = "aws.events.rule-arn"
	ruleNamePlaceholder  = "aws.events.rule-name"
	eventPlaceholder     = "aws.events.event"
	eventJSONPlaceholder = "aws.events.event.json"
	ingestionPlaceholder = "aws.events.event.ingestion-time"
)

func (t inputTransformer) check() error {
	for name, text := range t.InputPathsMap {
		if _, err := parsePath(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	known := t.values(&rule{}, []byte("{}"), time.Time{})
	for _, m := range placeholder.FindAllStringSubmatch(t.InputTemplate, -1) {
		if _, ok := known[m[1]]; !ok {
			return fmt.Errorf("<%s> is not in InputPathsMap", m[1])
		}
	}
	return nil
}

// values are the JSON values of all placeholders.
func (t inputTransformer) values(r *rule, event []byte, now time.Time) map[string]json.RawMessage {
	all := map[string]json.RawMessage{
		ruleARNPlaceholder:   quote(r.arn),
		ruleNamePlaceholder:  quote(r.name),
		ingestionPlaceholder: quote(now.UTC().Format("2006-01-02T15:04:05Z")),
		eventPlaceholder:     event,
		eventJSONPlaceholder: event,
	}
	for name, text := range t.InputPathsMap {
		if path, err := parsePath(text); err == nil { // checked by PutTargets
			all[name] = path.find(event)
		}
	}
	return all
}

// apply fills the template. Outside quotation marks a placeholder becomes a JSON value, inside them the text of it.
func (t inputTransformer) apply(r *rule, event []byte, now time.Time) ([]byte, error) {
	values := t.values(r, event, now)
	var out bytes.Buffer
	quoted, rest := false, t.InputTemplate
	for rest != "" {
		if loc := placeholder.FindStringSubmatchIndex(rest); loc != nil && loc[0] == 0 {
			value := values[rest[loc[2]:loc[3]]]
			if quoted {
				value = inner(value)
			}
			out.Write(value)
			rest = rest[loc[1]:]
			continue
		}
		n := 1
		switch rest[0] {
		case '"':
			quoted = !quoted
		case '\\':
			n = min(2, len(rest))
		}
		out.WriteString(rest[:n])
		rest = rest[n:]
	}
	if !json.Valid(out.Bytes()) {
		return nil, fmt.Errorf("transform input: the template of target input gives no JSON value: %s", out.Bytes())
	}
	return out.Bytes(), nil
}

// inner is a JSON value as it stands between quotation marks.
func inner(value json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	q := quote(text)
	return q[1 : len(q)-1]
}

func quote(text string) json.RawMessage {
	q, _ := json.Marshal(text) // always encodes
	return q
}

// A path leads to a part of an event: the names of members and the numbers of items.
type path []string

var pathPattern = regexp.MustCompile(`^\$((\.[A-Za-z0-9_-]+)|(\[\d+\]))*$`)

var pathStep = regexp.MustCompile(`[A-Za-z0-9_-]+`)

// parsePath reads $.member.member[0], the part of JSONPath that EventBridge knows.
func parsePath(text string) (path, error) {
	if !pathPattern.MatchString(text) {
		return nil, fmt.Errorf("%q is not a path such as $.detail.name", text)
	}
	return pathStep.FindAllString(strings.TrimPrefix(text, "$"), -1), nil
}

// find returns the part of a document; null if it is not there.
func (p path) find(document json.RawMessage) json.RawMessage {
	for _, step := range p {
		var members map[string]json.RawMessage
		var items []json.RawMessage
		switch i, err := strconv.Atoi(step); {
		case json.Unmarshal(document, &members) == nil && members[step] != nil:
			document = members[step]
		case err == nil && json.Unmarshal(document, &items) == nil && i < len(items):
			document = items[i]
		default:
			return json.RawMessage("null")
		}
	}
	return document
}
