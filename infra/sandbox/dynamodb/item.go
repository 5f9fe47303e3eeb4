package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// An item is one, or the key of one, as it stands on the wire: attribute to {"S": "…"}.
type item map[string]any

// A subject is what a call is about, as far as the policies and a failed condition have to know.
type subject struct {
	table  string
	items  []item // that are named by their keys
	query  *queryInput
	writes bool
	// onFailure is ReturnValuesOnConditionCheckFailure; nil means NONE.
	onFailure *string
}

// Every operation passes on the request as it came, once its members are known to be ones that dynalite understands.
// The types here say which they are.

type reading struct {
	ConsistentRead           *bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

type writing struct {
	ConditionExpression                 *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           map[string]any
	ReturnConsumedCapacity              *string
	ReturnItemCollectionMetrics         *string
	ReturnValues                        *string
	ReturnValuesOnConditionCheckFailure *string
}

type getItemInput struct {
	TableName              string `aws:"required"`
	Key                    item   `aws:"required"`
	ReturnConsumedCapacity *string
	reading
}

func (in getItemInput) subject() subject {
	return subject{table: in.TableName, items: []item{in.Key}}
}

type putItemInput struct {
	TableName string `aws:"required"`
	Item      item   `aws:"required"`
	writing
}

func (in putItemInput) subject() subject { return in.about(in.TableName, in.Item) }

type deleteItemInput struct {
	TableName string `aws:"required"`
	Key       item   `aws:"required"`
	writing
}

func (in deleteItemInput) subject() subject { return in.about(in.TableName, in.Key) }

type updateItemInput struct {
	TableName        string `aws:"required"`
	Key              item   `aws:"required"`
	UpdateExpression *string
	writing
}

func (in updateItemInput) subject() subject { return in.about(in.TableName, in.Key) }

func (in writing) about(table string, i item) subject {
	return subject{table: table, items: []item{i}, writes: true, onFailure: in.ReturnValuesOnConditionCheckFailure}
}

type searching struct {
	ExclusiveStartKey         item
	ExpressionAttributeValues map[string]any
	FilterExpression          *string
	Limit                     *int64
	ReturnConsumedCapacity    *string
	Select                    *string
	reading
}

type queryInput struct {
	TableName              string `aws:"required"`
	KeyConditionExpression *string
	ScanIndexForward       *bool
	searching
}

func (in queryInput) subject() subject { return subject{table: in.TableName, query: &in} }

type scanInput struct {
	TableName              string `aws:"required"`
	Segment, TotalSegments *int64
	searching
}

func (in scanInput) subject() subject { return subject{table: in.TableName} }

// single is an operation on one table.
func single[I any](s *Service, about func(I) subject) awshttp.Operation {
	return batch(s, func(in I) []subject { return []subject{about(in)} })
}

// batch is an operation on several tables, which are authorized one by one and in the order of their names.
func batch[I any](s *Service, about func(I) []subject) awshttp.Operation {
	return func(ctx context.Context, call *awshttp.Call) (any, error) {
		var in I
		if err := call.Decode(&in); err != nil {
			return nil, err
		}
		return s.pass(ctx, call, about(in))
	}
}

// pass authorizes a call on items and lets the engine do it.
func (s *Service) pass(ctx context.Context, call *awshttp.Call, subjects []subject) (any, error) {
	var of *table
	var by *engine
	missing := false
	if len(subjects) == 0 {
		return nil, invalid("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 1")
	}
	for _, about := range subjects {
		t, e := s.find(about.table)
		if err := call.Authorize(s.access(t, about.table, call.Operation, about.keys(t))); err != nil {
			return nil, err
		}
		if t == nil {
			missing = true
			continue
		}
		of, by = t, e
	}
	if missing {
		return nil, notFound("Requested resource not found")
	}
	first := subjects[0]
	if v := first.onFailure; v != nil && *v != "ALL_OLD" && *v != "NONE" {
		return nil, invalid("1 validation error detected: Value '%s' at 'returnValuesOnConditionCheckFailure' failed to satisfy constraint: "+
			"Member must satisfy enum value set: [ALL_OLD, NONE]", *v)
	}
	if first.writes {
		s.writes.Lock()
		defer s.writes.Unlock()
	}
	out, err := by.pass(ctx, call.Operation, call.Body)
	if first.onFailure != nil && *first.onFailure == "ALL_OLD" {
		err = of.withOld(ctx, by, first.items[0], err)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// withOld adds the item as it is to the error of a condition that it does not fulfil.
func (t *table) withOld(ctx context.Context, by *engine, i item, err error) error {
	failed, ok := errors.AsType[*awshttp.Error](err)
	if !ok || failed.Code != "ConditionalCheckFailedException" {
		return err
	}
	out, err := by.ask(ctx, "GetItem", map[string]any{"TableName": t.name, "Key": t.keyOf(i), "ConsistentRead": true})
	if err != nil {
		return fmt.Errorf("read the item that failed a condition: %w", err)
	}
	if old, ok := out["Item"]; ok { // else there is none, which may be what failed
		failed.Members = map[string]any{"Item": old}
	}
	return failed
}

// keyOf is the part of an item that names it.
func (t *table) keyOf(i item) item {
	key := maps.Clone(i)
	maps.DeleteFunc(key, func(name string, _ any) bool { return !slices.Contains(t.key, name) })
	return key
}

type batchGetInput struct {
	RequestItems map[string]struct {
		Keys []item `aws:"required"`
		reading
	} `aws:"required"`
	ReturnConsumedCapacity *string
}

func (in batchGetInput) subjects() (all []subject) {
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		all = append(all, subject{table: name, items: in.RequestItems[name].Keys})
	}
	return all
}

type batchWriteInput struct {
	RequestItems map[string][]struct {
		PutRequest    *struct{ Item item }
		DeleteRequest *struct{ Key item }
	} `aws:"required"`
	ReturnConsumedCapacity, ReturnItemCollectionMetrics *string
}

func (in batchWriteInput) subjects() (all []subject) {
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		about := subject{table: name, writes: true}
		for _, request := range in.RequestItems[name] {
			if request.PutRequest != nil {
				about.items = append(about.items, request.PutRequest.Item)
			}
			if request.DeleteRequest != nil {
				about.items = append(about.items, request.DeleteRequest.Key)
			}
		}
		all = append(all, about)
	}
	return all
}

// text is the scalar that an attribute holds, as policies see it; false for other types.
func text(attribute any) (string, bool) {
	typed, _ := attribute.(map[string]any)
	for _, kind := range []string{"S", "N", "B"} {
		switch v := typed[kind].(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		}
	}
	return "", false
}
