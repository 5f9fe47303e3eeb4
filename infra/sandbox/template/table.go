package template

import (
	"context"
	"fmt"
	"maps"
	"reflect"
)

// table is a DynamoDB table without indexes and streams.
var table = kind{
	properties: shape{
		"TableName": nil, "AttributeDefinitions": {"AttributeName": nil, "AttributeType": nil},
		"KeySchema": {"AttributeName": nil, "KeyType": nil}, "BillingMode": nil, "DeletionProtectionEnabled": nil, "Tags": tags,
		"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": nil, "RecoveryPeriodInDays": nil},
		"TimeToLiveSpecification":          {"AttributeName": nil, "Enabled": nil},
		"SSESpecification":                 {"SSEEnabled": nil, "SSEType": nil},
	},
	required:   []string{"KeySchema"},
	attributes: []string{"Arn"},
	fixed:      []string{"TableName", "KeySchema", "AttributeDefinitions"},
	create:     createTable,
	update:     updateTable,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "dynamodb", "DeleteTable", map[string]any{"TableName": j.id})
		return err
	},
	note: "nothing can be restored to a point in time, and no item expires",
}

func createTable(ctx context.Context, j *job) error {
	in := j.input("AttributeDefinitions", "KeySchema", "BillingMode", "DeletionProtectionEnabled", "Tags")
	in["TableName"] = j.name("TableName", 255)
	if sse := encryptionOf(j); sse != nil {
		in["SSESpecification"] = sse
	}
	out, err := j.do(ctx, "dynamodb", "CreateTable", in)
	if err != nil {
		return err
	}
	made, _ := out["TableDescription"].(map[string]any)
	j.id = in["TableName"].(string)
	j.set("Arn", made, "TableArn")
	return settleTable(ctx, j)
}

// encryptionOf is SSESpecification as the service has it, which spells one member in another way.
func encryptionOf(j *job) map[string]any {
	given, ok := j.properties["SSESpecification"].(map[string]any)
	if !ok {
		return nil
	}
	sse := maps.Clone(given)
	sse["Enabled"] = sse["SSEEnabled"]
	delete(sse, "SSEEnabled")
	return sse
}

// settleTable sets what cannot be said when a table is made.
func settleTable(ctx context.Context, j *job) error {
	if j.changed("PointInTimeRecoverySpecification") {
		want := j.properties["PointInTimeRecoverySpecification"]
		if want == nil {
			want = map[string]any{"PointInTimeRecoveryEnabled": false}
		}
		in := map[string]any{"TableName": j.id, "PointInTimeRecoverySpecification": want}
		if _, err := j.do(ctx, "dynamodb", "UpdateContinuousBackups", in); err != nil {
			return err
		}
	}
	return settleTimeToLive(ctx, j)
}

// settleTimeToLive turns time to live off where it is on and shall be otherwise, and on where it shall be.
func settleTimeToLive(ctx context.Context, j *job) error {
	was, is := timeToLive(j.before), timeToLive(j.properties)
	if reflect.DeepEqual(was, is) {
		return nil
	}
	for _, step := range []struct {
		attribute any
		enabled   bool
	}{{was, false}, {is, true}} {
		if step.attribute == nil {
			continue
		}
		in := map[string]any{"TableName": j.id, "TimeToLiveSpecification": map[string]any{"AttributeName": step.attribute, "Enabled": step.enabled}}
		if _, err := j.do(ctx, "dynamodb", "UpdateTimeToLive", in); err != nil {
			return err
		}
	}
	return nil
}

// timeToLive is the attribute that says when an item expires; nil if that is off.
func timeToLive(properties map[string]any) any {
	given, _ := properties["TimeToLiveSpecification"].(map[string]any)
	if on, _ := text(given["Enabled"]); on != "true" {
		return nil
	}
	return given["AttributeName"]
}

func updateTable(ctx context.Context, j *job) error {
	if j.changed("BillingMode") {
		return fmt.Errorf("change BillingMode of table %s: the sandbox does not have that", j.id)
	}
	in := map[string]any{"TableName": j.id}
	if j.changed("DeletionProtectionEnabled") {
		protect, _ := text(j.properties["DeletionProtectionEnabled"])
		in["DeletionProtectionEnabled"] = protect == "true"
	}
	if j.changed("SSESpecification") {
		in["SSESpecification"] = map[string]any{"Enabled": false}
		if sse := encryptionOf(j); sse != nil {
			in["SSESpecification"] = sse
		}
	}
	if len(in) > 1 {
		if _, err := j.do(ctx, "dynamodb", "UpdateTable", in); err != nil {
			return err
		}
	}
	if err := settleTable(ctx, j); err != nil {
		return err
	}
	return j.retag(ctx, "dynamodb", "TagResource", "UntagResource", map[string]any{"ResourceArn": j.attributes["Arn"]})
}
