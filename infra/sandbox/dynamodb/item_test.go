package dynamodb_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestConditionalPut(t *testing.T) {
	w := withTable(t)
	if err := w.put("1", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.put("2", "1"); err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"", "1"} {
		err := w.put("3", before)
		failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
		if !ok || failed.ErrorMessage() != "The conditional request failed" {
			t.Fatalf("put over %q: %v; want ConditionalCheckFailedException", before, err)
		}
		if number(failed.Item, "version") != "2" {
			t.Errorf("put over %q failed on %v; want version 2", before, failed.Item)
		}
	}
}

func TestConditionOnNothing(t *testing.T) {
	w := withTable(t)
	_, err := w.DeleteItem(t.Context(), &awsdynamodb.DeleteItemInput{
		TableName: new("sluice-test"), Key: key("app", "none"), ConditionExpression: new("attribute_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || failed.Item != nil {
		t.Errorf("delete of nothing: %v; want ConditionalCheckFailedException without an item", err)
	}
}

func TestFailedConditionHidesTheItemUnlessAsked(t *testing.T) {
	w := withTable(t)
	if err := w.put("1", ""); err != nil {
		t.Fatal(err)
	}
	_, err := w.PutItem(t.Context(), &awsdynamodb.PutItemInput{
		TableName: new("sluice-test"), Item: key("app", "one"), ConditionExpression: new("attribute_not_exists(pk)")})
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || failed.Item != nil {
		t.Errorf("put: %v; want ConditionalCheckFailedException without an item", err)
	}
}

func TestSetsGrowAndShrink(t *testing.T) {
	w := withTable(t)
	for _, tc := range []struct {
		expression string
		with       types.AttributeValue
		want       []string
	}{
		{"ADD readers :r", set("ada", "bob"), []string{"ada", "bob"}},
		{"ADD readers :r", set("bob", "cyd"), []string{"ada", "bob", "cyd"}},
		{"DELETE readers :r", set("ada", "zoe"), []string{"bob", "cyd"}},
		{"DELETE readers :r", set("bob", "cyd"), nil},
	} {
		out, err := w.UpdateItem(t.Context(), &awsdynamodb.UpdateItemInput{
			TableName: new("sluice-test"), Key: key("app", "one"), UpdateExpression: &tc.expression,
			ExpressionAttributeValues: attributes{":r": tc.with}, ReturnValues: types.ReturnValueAllNew,
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if readers, ok := out.Attributes["readers"].(*types.AttributeValueMemberSS); ok {
			got = slices.Sorted(slices.Values(readers.Value))
		}
		if !slices.Equal(got, tc.want) || out.Attributes["pk"] == nil {
			t.Errorf("%s %v: %v; want the whole item with readers %v", tc.expression, tc.with, out.Attributes, tc.want)
		}
	}
}

func TestTwoWritersRace(t *testing.T) {
	w := withTable(t)
	if err := w.put("1", ""); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		writers.Go(func() { results[i] = w.put(fmt.Sprint(10+i), "1") })
	}
	writers.Wait()
	won := slices.IndexFunc(results, func(err error) bool { return err == nil })
	if won < 0 {
		t.Fatalf("nobody has written: %v", results)
	}
	for i, err := range results {
		if i == won {
			continue
		}
		failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
		if !ok || number(failed.Item, "version") != fmt.Sprint(10+won) {
			t.Errorf("writer %d: %v; want a failed condition with what writer %d wrote", i, err, won)
		}
	}
}

func TestPages(t *testing.T) {
	w := withTable(t)
	var requests []types.WriteRequest
	for i := range 10 {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: key(fmt.Sprint("p", i%2), fmt.Sprint("s", i))}})
	}
	out, err := w.BatchWriteItem(t.Context(), &awsdynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"sluice-test": requests}})
	if err != nil || len(out.UnprocessedItems) > 0 {
		t.Fatalf("BatchWriteItem: %v, %v", out, err)
	}
	var sizes []int
	scan := awsdynamodb.NewScanPaginator(w.Client, &awsdynamodb.ScanInput{TableName: new("sluice-test"), Limit: new(int32(4))})
	for scan.HasMorePages() {
		page, err := scan.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Items))
	}
	if want := []int{4, 4, 2}; !slices.Equal(sizes, want) {
		t.Errorf("pages of a scan: %v; want %v", sizes, want)
	}
	found, err := w.Query(t.Context(), &awsdynamodb.QueryInput{
		TableName: new("sluice-test"), KeyConditionExpression: new("pk = :p AND sk >= :s"), ScanIndexForward: new(false),
		ExpressionAttributeValues: attributes{":p": str("p1"), ":s": str("s5")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range found.Items {
		got = append(got, i["sk"].(*types.AttributeValueMemberS).Value)
	}
	if want := []string{"s9", "s7", "s5"}; !slices.Equal(got, want) {
		t.Errorf("query: %v; want %v", got, want)
	}
	read, err := w.BatchGetItem(t.Context(), &awsdynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"sluice-test": {Keys: []attributes{key("p0", "s0"), key("p0", "s1")}}}})
	if err != nil || len(read.Responses["sluice-test"]) != 1 {
		t.Errorf("BatchGetItem: %+v, %v; want the one item that is there", read, err)
	}
}

func TestPoliciesSeeLeadingKeys(t *testing.T) {
	w := withTable(t)
	ctx, name := t.Context(), new("sluice-test")
	for _, tc := range []struct {
		action string
		call   func() error
		want   []string
	}{
		{"GetItem", func() error {
			_, err := w.GetItem(ctx, &awsdynamodb.GetItemInput{TableName: name, Key: key("a", "1"), ConsistentRead: new(true)})
			return err
		}, []string{"a"}},
		{"PutItem", func() error {
			_, err := w.PutItem(ctx, &awsdynamodb.PutItemInput{TableName: name, Item: key("b", "1")})
			return err
		}, []string{"b"}},
		{"BatchGetItem", func() error {
			_, err := w.BatchGetItem(ctx, &awsdynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				"sluice-test": {Keys: []attributes{key("a", "1"), key("b", "1"), key("a", "2")}}}})
			return err
		}, []string{"a", "b"}},
		{"Query", func() error {
			_, err := w.Query(ctx, &awsdynamodb.QueryInput{TableName: name, KeyConditionExpression: new("sk = :s and #p = :p"),
				ExpressionAttributeNames: map[string]string{"#p": "pk"}, ExpressionAttributeValues: attributes{":p": str("c"), ":s": str("1")}})
			return err
		}, []string{"c"}},
		{"Scan", func() error {
			_, err := w.Scan(ctx, &awsdynamodb.ScanInput{TableName: name})
			return err
		}, nil},
	} {
		if err := tc.call(); err != nil {
			t.Errorf("%s: %v", tc.action, err)
		}
		asked := w.policies.forget()
		if len(asked) != 1 || asked[0].Action != "dynamodb:"+tc.action || asked[0].Resource != tableARN ||
			!slices.Equal(asked[0].Context["dynamodb:LeadingKeys"], tc.want) {
			t.Errorf("%s asked %+v; want leading keys %v", tc.action, asked, tc.want)
		}
	}
}

func TestDenied(t *testing.T) {
	w := withTable(t)
	w.policies.deny = []string{"dynamodb:PutItem"}
	refused(t, w.put("1", ""), "AccessDeniedException", "dynamodb:PutItem on "+tableARN)
	out, err := w.Scan(t.Context(), &awsdynamodb.ScanInput{TableName: new("sluice-test")})
	if err != nil || len(out.Items) != 0 {
		t.Errorf("after a denied put: %v, %v; want an empty table", out, err)
	}
	_, err = w.PutItem(t.Context(), &awsdynamodb.PutItemInput{TableName: new("gone"), Item: key("a", "1")})
	refused(t, err, "AccessDeniedException", "table/gone")
}

func TestNoTable(t *testing.T) {
	for name, w := range map[string]*world{"no table yet": newWorld(t), "another table": withTable(t)} {
		t.Run(name, func(t *testing.T) {
			_, err := w.GetItem(t.Context(), &awsdynamodb.GetItemInput{TableName: new("gone"), Key: key("a", "1")})
			refused(t, err, "ResourceNotFoundException", "Requested resource not found")
			_, err = w.DescribeTable(t.Context(), &awsdynamodb.DescribeTableInput{TableName: new("gone")})
			refused(t, err, "ResourceNotFoundException", "Table: gone not found")
			_, err = w.DescribeContinuousBackups(t.Context(), &awsdynamodb.DescribeContinuousBackupsInput{TableName: new("gone")})
			refused(t, err, "TableNotFoundException", "gone")
		})
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := withTable(t)
	_, err := w.PutItem(t.Context(), &awsdynamodb.PutItemInput{TableName: new("sluice-test"), Item: key("a", "1"),
		Expected: map[string]types.ExpectedAttributeValue{"pk": {Exists: new(false)}}})
	refused(t, err, "UnknownOperationException", `"Expected"`)
	_, err = w.TransactWriteItems(t.Context(), &awsdynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{}})
	refused(t, err, "UnknownOperationException", "TransactWriteItems")
	_, err = w.PutItem(t.Context(), &awsdynamodb.PutItemInput{TableName: new("sluice-test"), Item: attributes{"pk": str("a")}})
	refused(t, err, "ValidationException", "Missing the key sk")
}
