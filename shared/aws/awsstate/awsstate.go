// Package awsstate keeps the records of federations in one DynamoDB table.
//
// The table's key is the text "name". An item "federation#NAME" holds one record; an item "cluster#ID" holds the roles that
// wait to be attached to or taken from that cluster.
package awsstate

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// A Store implements [federation.Store].
type Store struct {
	api   *dynamodb.Client
	table string
}

var _ federation.Store = (*Store)(nil)

// New returns the Store of a table.
func New(api *dynamodb.Client, table string) *Store { return &Store{api, table} }

// causes are what codes mean for every call.
var causes = awserror.Table{
	"ResourceNotFoundException":       {Kind: fault.Blocked, Reason: TableMissing, Fix: "deploy Sluice, which makes the table"},
	"ConditionalCheckFailedException": {Kind: fault.Retry, Reason: federation.Conflict, Fix: "nothing; the record is read anew"},
}

// TableMissing is the reason where the deployment's table is not there.
const TableMissing = "TableMissing"

// Get implements [federation.Store]. The time is the service's.
func (s *Store) Get(ctx context.Context, name string) (r federation.Record, found bool, now time.Time, err error) {
	item := recordPrefix + name
	out, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: key(item), ConsistentRead: new(true)})
	if err != nil {
		return r, false, now, awserror.Explain(err, "read record", s.subject(item), causes)
	}
	if now, err = awserror.Clock(out.ResultMetadata, "read record", s.subject(item)); err != nil || len(out.Item) == 0 {
		return r, false, now, err
	}
	r, err = s.decode(out.Item)
	return r, err == nil, now, err
}

// Put implements [federation.Store]. Each Put writes a stamp of its own: a condition that fails on an item with this stamp
// failed because the same write had succeeded, and its answer was lost.
func (s *Store) Put(ctx context.Context, r federation.Record) (int64, error) {
	stamp, next := rand.Text(), r.Version+1
	item, err := encode(r, next, stamp)
	if err != nil {
		return 0, &fault.Error{Kind: fault.Bug, Reason: RecordUnreadable, Op: "write record", Subject: s.subject(recordPrefix + r.Name), Err: err, Fix: "report this message"}
	}
	in := &dynamodb.PutItemInput{
		TableName: &s.table, Item: item, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ConditionExpression: new("attribute_not_exists(#name)"), ExpressionAttributeNames: map[string]string{"#name": keyName},
	}
	if r.Version != 0 {
		in.ConditionExpression, in.ExpressionAttributeNames = new("#version = :version"), map[string]string{"#version": versionName}
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(r.Version)}
	}
	_, err = s.api.PutItem(ctx, in)
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok && textOf(failed.Item[stampName]) == stamp {
		return next, nil
	}
	if err != nil {
		return 0, awserror.Explain(err, "write record", s.subject(recordPrefix+r.Name), causes)
	}
	return next, nil
}

// List implements [federation.Store].
func (s *Store) List(ctx context.Context) ([]federation.Record, error) {
	var records []federation.Record
	pages := dynamodb.NewScanPaginator(s.api, &dynamodb.ScanInput{
		TableName: &s.table, ConsistentRead: new(true), FilterExpression: new("begins_with(#name, :prefix)"),
		ExpressionAttributeNames:  map[string]string{"#name": keyName},
		ExpressionAttributeValues: map[string]types.AttributeValue{":prefix": text(recordPrefix)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "list records", "table "+s.table, causes)
		}
		for _, item := range page.Items {
			r, err := s.decode(item)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
		}
	}
	return records, nil
}

// Enlist implements [federation.Store].
func (s *Store) Enlist(ctx context.Context, cluster string, c federation.RoleChange) (federation.RoleChange, error) {
	in := s.change(cluster, "ADD", c)
	in.ReturnValues = types.ReturnValueAllNew
	out, err := s.api.UpdateItem(ctx, in)
	if err != nil {
		return federation.RoleChange{}, awserror.Explain(err, "enlist roles", s.subject(clusterPrefix+cluster), causes)
	}
	return federation.RoleChange{Add: set(out.Attributes[addName]), Remove: set(out.Attributes[removeName])}, nil
}

// Delist implements [federation.Store].
func (s *Store) Delist(ctx context.Context, cluster string, c federation.RoleChange) error {
	if len(c.Add)+len(c.Remove) == 0 {
		return nil
	}
	_, err := s.api.UpdateItem(ctx, s.change(cluster, "DELETE", c))
	return awserror.Explain(err, "delist roles", s.subject(clusterPrefix+cluster), causes)
}

// change adds members to the sets of a cluster or deletes them. Both may be repeated. DynamoDB knows no empty set, so that one
// which is empty is left out.
func (s *Store) change(cluster, verb string, c federation.RoleChange) *dynamodb.UpdateItemInput {
	in := &dynamodb.UpdateItemInput{TableName: &s.table, Key: key(clusterPrefix + cluster)}
	for _, side := range []struct {
		attribute, name, value string
		roles                  []string
	}{{addName, "#add", ":add", c.Add}, {removeName, "#remove", ":remove", c.Remove}} {
		if len(side.roles) == 0 {
			continue
		}
		term := side.name + " " + side.value
		if in.UpdateExpression == nil {
			in.UpdateExpression = new(verb + " " + term)
			in.ExpressionAttributeNames, in.ExpressionAttributeValues = map[string]string{}, map[string]types.AttributeValue{}
		} else {
			in.UpdateExpression = new(*in.UpdateExpression + ", " + term)
		}
		in.ExpressionAttributeNames[side.name] = side.attribute
		in.ExpressionAttributeValues[side.value] = &types.AttributeValueMemberSS{Value: slices.Compact(slices.Sorted(slices.Values(side.roles)))}
	}
	return in
}

func (s *Store) subject(item string) string { return "item " + item + " of table " + s.table }
