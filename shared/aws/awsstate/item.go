package awsstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// Items of the table.
const (
	recordPrefix  = "federation#"
	clusterPrefix = "cluster#"
)

// Attributes of items.
const (
	keyName     = "name"
	versionName = "version"
	recordName  = "record"
	stampName   = "stamp"
	expiresName = "expires" // epoch seconds after which DynamoDB drops the item
	addName     = "add"
	removeName  = "remove"

	// For people who look at the table; the record has them as well.
	phaseName      = "phase"
	warehouseName  = "warehouse"
	generationName = "generation"
)

// RecordUnreadable is the reason where an item holds no record.
const RecordUnreadable = "RecordUnreadable"

// keptFor is how long the record of a removed federation stays, unless it is standing: longer than any recovery window of a
// secret, which is at most 30 days.
const keptFor = 40 * 24 * time.Hour

// encode is the item of a record.
func encode(r federation.Record, version int64, stamp string) (map[string]types.AttributeValue, error) {
	document, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	item := key(recordPrefix + r.Name)
	item[versionName], item[recordName], item[stampName] = number(version), text(string(document)), text(stamp)
	item[phaseName], item[warehouseName], item[generationName] = text(string(r.Phase)), text(r.Wanted.Warehouse), number(int64(r.Generation))
	if r.Phase == federation.Removed && !standing(r) {
		item[expiresName] = number(r.Since.Add(keptFor).Unix())
	}
	return item, nil
}

// standing reports whether a record says, for as long as it is there, that a tag alone does not bring the federation back:
// somebody withdrew by name what was asked for.
func standing(r federation.Record) bool {
	return r.Withdrawn && r.Origin == federation.ByRequest && r.Wanted.Warehouse != ""
}

// decode reads the record of an item.
func (s *Store) decode(item map[string]types.AttributeValue) (federation.Record, error) {
	r, err := read(item)
	if err != nil {
		return federation.Record{}, &fault.Error{Kind: fault.Blocked, Reason: RecordUnreadable, Op: "read record", Subject: s.subject(textOf(item[keyName])), Err: err,
			Fix: "restore the item from a backup of the table, or delete it and request the federation again"}
	}
	return r, nil
}

func read(item map[string]types.AttributeValue) (r federation.Record, err error) {
	document, ok := item[recordName].(*types.AttributeValueMemberS)
	if !ok {
		return r, errors.New("it has no text " + recordName)
	}
	if err := json.Unmarshal([]byte(document.Value), &r); err != nil {
		return r, err
	}
	if is := textOf(item[keyName]); is != recordPrefix+r.Name {
		return r, fmt.Errorf("it holds the record of %q", r.Name)
	}
	version, ok := item[versionName].(*types.AttributeValueMemberN)
	if !ok {
		return r, errors.New("it has no number " + versionName)
	}
	r.Version, err = strconv.ParseInt(version.Value, 10, 64)
	return r, err
}

func key(item string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{keyName: text(item)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// textOf is the text of an attribute, empty if it has none.
func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// set is the members of a set in their order, none if there is no set.
func set(v types.AttributeValue) []string {
	if s, ok := v.(*types.AttributeValueMemberSS); ok {
		return slices.Sorted(slices.Values(s.Value))
	}
	return nil
}
