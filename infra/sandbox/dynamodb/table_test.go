package dynamodb_test

import (
	"fmt"
	"testing"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestTable(t *testing.T) {
	w := newWorld(t)
	in := table("sluice-test")
	in.DeletionProtectionEnabled, in.SSESpecification = new(true), &types.SSESpecification{Enabled: new(true)}
	in.Tags = []types.Tag{{Key: new("sluice:stage"), Value: new("test")}}
	if _, err := w.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"dynamodb:CreateTable", "dynamodb:TagResource"} {
		if a := w.policies.asked[i]; a.Action != want || a.Resource != tableARN || a.Context["aws:RequestTag/sluice:stage"][0] != "test" {
			t.Errorf("asked %+v; want %s with the tag", a, want)
		}
	}
	w.policies.forget()
	out, err := w.DescribeTable(t.Context(), &awsdynamodb.DescribeTableInput{TableName: new("sluice-test")})
	if err != nil {
		t.Fatal(err)
	}
	is := out.Table
	if *is.TableArn != tableARN || is.TableStatus != types.TableStatusActive || !*is.DeletionProtectionEnabled ||
		is.SSEDescription == nil || is.BillingModeSummary.BillingMode != types.BillingModePayPerRequest || len(is.KeySchema) != 2 {
		t.Errorf("DescribeTable: %+v", is)
	}
	if asked := w.policies.forget(); asked[0].Context["aws:ResourceTag/sluice:stage"][0] != "test" {
		t.Errorf("asked %+v; want the table's tag", asked)
	}
	_, err = w.CreateTable(t.Context(), in)
	refused(t, err, "ResourceInUseException", "Table already exists: sluice-test")
	listed, err := w.ListTables(t.Context(), nil)
	if err != nil || fmt.Sprint(listed.TableNames) != "[sluice-test]" {
		t.Errorf("ListTables: %v, %v", listed, err)
	}
}

func TestDeletionProtection(t *testing.T) {
	w := newWorld(t)
	in := table("sluice-test")
	in.DeletionProtectionEnabled = new(true)
	if _, err := w.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	remove := func() error {
		_, err := w.DeleteTable(t.Context(), &awsdynamodb.DeleteTableInput{TableName: new("sluice-test")})
		return err
	}
	refused(t, remove(), "ValidationException", "protected against deletion")
	out, err := w.UpdateTable(t.Context(), &awsdynamodb.UpdateTableInput{TableName: new("sluice-test"), DeletionProtectionEnabled: new(false)})
	if err != nil || *out.TableDescription.DeletionProtectionEnabled {
		t.Fatalf("UpdateTable: %+v, %v", out, err)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	refused(t, remove(), "ResourceNotFoundException", "sluice-test")
	if _, err := w.CreateTable(t.Context(), table("sluice-test")); err != nil {
		t.Errorf("the same name again: %v", err)
	}
	_, err = w.UpdateTable(t.Context(), &awsdynamodb.UpdateTableInput{TableName: new("sluice-test"), BillingMode: types.BillingModeProvisioned})
	refused(t, err, "UnknownOperationException", `"BillingMode"`)
}

func TestBackupsAndTimeToLive(t *testing.T) {
	w := withTable(t)
	ctx, name := t.Context(), new("sluice-test")
	pointInTime := func() types.PointInTimeRecoveryDescription {
		t.Helper()
		out, err := w.DescribeContinuousBackups(ctx, &awsdynamodb.DescribeContinuousBackupsInput{TableName: name})
		if err != nil {
			t.Fatal(err)
		}
		return *out.ContinuousBackupsDescription.PointInTimeRecoveryDescription
	}
	if is := pointInTime(); is.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusDisabled {
		t.Errorf("a new table has %+v", is)
	}
	_, err := w.UpdateContinuousBackups(ctx, &awsdynamodb.UpdateContinuousBackupsInput{TableName: name,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: new(true), RecoveryPeriodInDays: new(int32(7))}})
	if err != nil {
		t.Fatal(err)
	}
	if is := pointInTime(); is.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusEnabled || *is.RecoveryPeriodInDays != 7 {
		t.Errorf("point-in-time recovery: %+v", is)
	}
	live := func(on bool) error {
		_, err := w.UpdateTimeToLive(ctx, &awsdynamodb.UpdateTimeToLiveInput{TableName: name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: new("expires"), Enabled: &on}})
		return err
	}
	refused(t, live(false), "ValidationException", "already disabled")
	if err := live(true); err != nil {
		t.Fatal(err)
	}
	refused(t, live(true), "ValidationException", "already enabled")
	out, err := w.DescribeTimeToLive(ctx, &awsdynamodb.DescribeTimeToLiveInput{TableName: name})
	if err != nil || out.TimeToLiveDescription.TimeToLiveStatus != types.TimeToLiveStatusEnabled || *out.TimeToLiveDescription.AttributeName != "expires" {
		t.Errorf("DescribeTimeToLive: %+v, %v", out.TimeToLiveDescription, err)
	}
}

func TestTags(t *testing.T) {
	w := withTable(t)
	ctx, arn := t.Context(), tableARN
	_, err := w.TagResource(ctx, &awsdynamodb.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{{Key: new("b"), Value: new("2")}, {Key: new("a"), Value: new("1")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.UntagResource(ctx, &awsdynamodb.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	out, err := w.ListTagsOfResource(ctx, &awsdynamodb.ListTagsOfResourceInput{ResourceArn: &arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "a" {
		t.Errorf("tags: %+v, %v; want a alone", out, err)
	}
	_, err = w.TagResource(ctx, &awsdynamodb.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{{Key: new("aws:x"), Value: new("")}}})
	refused(t, err, "ValidationException", "aws:x")
}
