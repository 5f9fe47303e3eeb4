package awsstate_test

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsstate"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

func store(t *testing.T, answers ...awstest.Answer) (*awsstate.Store, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsstate.New(dynamodb.NewFromConfig(s.Config()), "sluice-prod"), s
}

var record = federation.Record{
	Name: "orders", Version: 7, Wanted: federation.Wanted{Name: "orders", Warehouse: "analytics"}, Generation: 3,
	Phase: federation.Waiting, Reason: "RoleAttaching", Since: awstest.Now, Claim: &federation.Claim{By: "r1", Until: awstest.Now.Add(time.Minute)},
}

// stored is the item of a record as DynamoDB keeps it.
func stored(t *testing.T, r federation.Record) string {
	t.Helper()
	document, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(document))
	if err != nil {
		t.Fatal(err)
	}
	return `{"name":{"S":"federation#` + r.Name + `"},"version":{"N":"` + strconv.FormatInt(r.Version, 10) + `"},"record":{"S":` + string(quoted) + `}}`
}

func TestGet(t *testing.T) {
	state, s := store(t, awstest.Answer{Body: `{"Item":` + stored(t, record) + `}`})
	got, found, now, err := state.Get(t.Context(), "orders")
	if err != nil || !found || !now.Equal(awstest.Now) || !reflect.DeepEqual(got, record) {
		t.Errorf("Get = %+v, %t, %s, %v\nwant %+v", got, found, now, err, record)
	}
	if r := s.Requests(); len(r) != 1 || !r[0].Is("GetItem", `{"TableName":"sluice-prod","Key":{"name":{"S":"federation#orders"}},"ConsistentRead":true}`) {
		t.Errorf("sent %+v", r)
	}
}

func TestGetFindsNothing(t *testing.T) {
	state, _ := store(t, awstest.Answer{Body: `{}`})
	if _, found, now, err := state.Get(t.Context(), "orders"); found || err != nil || !now.Equal(awstest.Now) {
		t.Errorf("%t, %s, %v", found, now, err)
	}
}

func TestWhatIsNoRecordNamesTheItem(t *testing.T) {
	for name, item := range map[string]string{
		"no document":          `{"name":{"S":"federation#orders"},"version":{"N":"1"}}`,
		"no JSON":              `{"name":{"S":"federation#orders"},"version":{"N":"1"},"record":{"S":"{"}}`,
		"another's":            `{"name":{"S":"federation#orders"},"version":{"N":"1"},"record":{"S":"{\"name\":\"other\"}"}}`,
		"no version":           `{"name":{"S":"federation#orders"},"record":{"S":"{\"name\":\"orders\"}"}}`,
		"version is no number": `{"name":{"S":"federation#orders"},"version":{"N":"x"},"record":{"S":"{\"name\":\"orders\"}"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			one, _ := store(t, awstest.Answer{Body: `{"Item":` + item + `}`})
			_, _, _, err := one.Get(t.Context(), "orders")
			all, _ := store(t, awstest.Answer{Body: `{"Items":[` + item + `]}`})
			_, listing := all.List(t.Context())
			for _, err := range []error{err, listing} {
				if fault.KindOf(err) != fault.Blocked || fault.ReasonOf(err) != awsstate.RecordUnreadable || !strings.Contains(err.Error(), "item federation#orders of table sluice-prod") {
					t.Error(err)
				}
			}
		})
	}
}

// put is what PutItem got.
type put struct {
	Item                                                     map[string]map[string]string
	ConditionExpression, ReturnValuesOnConditionCheckFailure string
	ExpressionAttributeNames                                 map[string]string
	ExpressionAttributeValues                                map[string]map[string]string
}

func putOf(t *testing.T, r awstest.Request) (p put) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Operation != "PutItem" {
		t.Fatalf("sent %+v: %v", r, err)
	}
	return p
}

func TestPut(t *testing.T) {
	removed := record
	removed.Phase, removed.Withdrawn, removed.Origin = federation.Removed, true, federation.ByTag
	byName := removed // or the tag would bring it back
	byName.Origin = federation.ByRequest
	fresh := record
	fresh.Version = 0
	for name, tc := range map[string]struct {
		record    federation.Record
		condition string
		names     map[string]string
		values    map[string]map[string]string
		version   int64
		expires   string
	}{
		"new":          {fresh, "attribute_not_exists(#name)", map[string]string{"#name": "name"}, nil, 1, ""},
		"next version": {record, "#version = :version", map[string]string{"#version": "version"}, map[string]map[string]string{":version": {"N": "7"}}, 8, ""},
		"removed": {removed, "#version = :version", map[string]string{"#version": "version"}, map[string]map[string]string{":version": {"N": "7"}}, 8,
			strconv.FormatInt(awstest.Now.AddDate(0, 0, 40).Unix(), 10)},
		"removed by name": {byName, "#version = :version", map[string]string{"#version": "version"}, map[string]map[string]string{":version": {"N": "7"}}, 8, ""},
	} {
		t.Run(name, func(t *testing.T) {
			state, s := store(t, awstest.Answer{Body: `{}`})
			version, err := state.Put(t.Context(), tc.record)
			if err != nil || version != tc.version {
				t.Fatalf("Put = %d, %v", version, err)
			}
			p := putOf(t, s.Requests()[0])
			if p.ConditionExpression != tc.condition || !reflect.DeepEqual(p.ExpressionAttributeNames, tc.names) || !reflect.DeepEqual(p.ExpressionAttributeValues, tc.values) || p.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
				t.Errorf("condition %+v", p)
			}
			for attribute, want := range map[string]map[string]string{
				"name": {"S": "federation#orders"}, "version": {"N": strconv.FormatInt(tc.version, 10)}, "phase": {"S": string(tc.record.Phase)},
				"warehouse": {"S": "analytics"}, "generation": {"N": "3"},
			} {
				if !reflect.DeepEqual(p.Item[attribute], want) {
					t.Errorf("%s is %v, want %v", attribute, p.Item[attribute], want)
				}
			}
			if p.Item["expires"]["N"] != tc.expires || p.Item["stamp"]["S"] == "" {
				t.Errorf("expires %v, want %q; stamp %v", p.Item["expires"], tc.expires, p.Item["stamp"])
			}
			var back federation.Record
			if err := json.Unmarshal([]byte(p.Item["record"]["S"]), &back); err != nil {
				t.Fatal(err)
			}
			if back.Version = tc.record.Version; !reflect.DeepEqual(back, tc.record) {
				t.Errorf("wrote %+v\nwant  %+v", back, tc.record)
			}
		})
	}
}

// refused is a condition that failed on an item with a stamp.
func refused(stamp string) awstest.Answer {
	return awstest.Answer{Status: 400, Body: `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed",
		"Item":{"name":{"S":"federation#orders"},"version":{"N":"8"},"stamp":{"S":"` + stamp + `"}}}`}
}

func TestPutOfSomethingOlder(t *testing.T) {
	state, s := store(t, refused("another's"))
	_, err := state.Put(t.Context(), record)
	if fault.ReasonOf(err) != federation.Conflict || fault.KindOf(err) != fault.Retry || !strings.Contains(err.Error(), "item federation#orders") || len(s.Requests()) != 1 {
		t.Errorf("%v, %d calls", err, len(s.Requests()))
	}
}

func TestPutWhoseAnswerWasLost(t *testing.T) {
	state, s := store(t,
		awstest.Answer{Drop: true},
		awstest.Answer{Make: func(r awstest.Request) awstest.Answer { return refused(putOf(t, r).Item["stamp"]["S"]) }})
	if version, err := state.Put(t.Context(), record); err != nil || version != 8 {
		t.Errorf("Put = %d, %v", version, err)
	}
	if r := s.Requests(); len(r) != 2 || r[0].Body != r[1].Body {
		t.Errorf("sent %d calls, which have to be the same", len(r))
	}
	first := putOf(t, s.Requests()[0]).Item["stamp"]["S"]
	again, s := store(t, awstest.Answer{Body: `{}`})
	if _, err := again.Put(t.Context(), record); err != nil || putOf(t, s.Requests()[0]).Item["stamp"]["S"] == first {
		t.Errorf("another Put has the same stamp, or %v", err)
	}
}

func TestList(t *testing.T) {
	second := record
	second.Name, second.Wanted.Name = "users", "users"
	state, s := store(t,
		awstest.Answer{Body: `{"Items":[` + stored(t, record) + `],"LastEvaluatedKey":{"name":{"S":"federation#orders"}}}`},
		awstest.Answer{Body: `{"Items":[` + stored(t, second) + `]}`})
	got, err := state.List(t.Context())
	if err != nil || !reflect.DeepEqual(got, []federation.Record{record, second}) {
		t.Errorf("List = %+v, %v", got, err)
	}
	const scan = `{"TableName":"sluice-prod","ConsistentRead":true,"FilterExpression":"begins_with(#name, :prefix)","ExpressionAttributeNames":{"#name":"name"},
		"ExpressionAttributeValues":{":prefix":{"S":"federation#"}}`
	if r := s.Requests(); len(r) != 2 || !r[0].Is("Scan", scan+`}`) || !r[1].Is("Scan", scan+`,"ExclusiveStartKey":{"name":{"S":"federation#orders"}}}`) {
		t.Errorf("sent %+v", r)
	}
}

func TestEnlist(t *testing.T) {
	state, s := store(t, awstest.Answer{Body: `{"Attributes":{"name":{"S":"cluster#c1"},"add":{"SS":["3 c","1 a"]},"remove":{"SS":["2 b"]}}}`})
	for _, c := range []federation.RoleChange{{Add: []string{"3 c"}}, {Remove: []string{"2 b"}}, {Add: []string{"3 c", "1 a", "3 c"}, Remove: []string{"2 b"}}} {
		got, err := state.Enlist(t.Context(), "c1", c)
		if want := (federation.RoleChange{Add: []string{"1 a", "3 c"}, Remove: []string{"2 b"}}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Enlist = %v, %v", got, err)
		}
	}
	for i, want := range []string{
		`"UpdateExpression":"ADD #add :add","ExpressionAttributeNames":{"#add":"add"},"ExpressionAttributeValues":{":add":{"SS":["3 c"]}}`,
		`"UpdateExpression":"ADD #remove :remove","ExpressionAttributeNames":{"#remove":"remove"},"ExpressionAttributeValues":{":remove":{"SS":["2 b"]}}`,
		`"UpdateExpression":"ADD #add :add, #remove :remove","ExpressionAttributeNames":{"#add":"add","#remove":"remove"},
			"ExpressionAttributeValues":{":add":{"SS":["1 a","3 c"]},":remove":{"SS":["2 b"]}}`,
	} {
		if r := s.Requests()[i]; !r.Is("UpdateItem", `{"TableName":"sluice-prod","Key":{"name":{"S":"cluster#c1"}},"ReturnValues":"ALL_NEW",`+want+`}`) {
			t.Errorf("sent %s %s\nwant %s", r.Operation, r.Body, want)
		}
	}
}

func TestDelist(t *testing.T) {
	state, s := store(t, awstest.Answer{Body: `{}`})
	for _, c := range []federation.RoleChange{{}, {Add: []string{"1 a"}}} {
		if err := state.Delist(t.Context(), "c1", c); err != nil {
			t.Error(err)
		}
	}
	if r := s.Requests(); len(r) != 1 || !r[0].Is("UpdateItem", `{"TableName":"sluice-prod","Key":{"name":{"S":"cluster#c1"}},"UpdateExpression":"DELETE #add :add",
		"ExpressionAttributeNames":{"#add":"add"},"ExpressionAttributeValues":{":add":{"SS":["1 a"]}}}`) {
		t.Errorf("sent %+v", r)
	}
}

func TestRefusals(t *testing.T) {
	calls := map[string]func(*testing.T, *awsstate.Store) error{
		"get":  func(t *testing.T, s *awsstate.Store) error { _, _, _, err := s.Get(t.Context(), "orders"); return err },
		"put":  func(t *testing.T, s *awsstate.Store) error { _, err := s.Put(t.Context(), record); return err },
		"list": func(t *testing.T, s *awsstate.Store) error { _, err := s.List(t.Context()); return err },
		"delist": func(t *testing.T, s *awsstate.Store) error {
			return s.Delist(t.Context(), "orders", federation.RoleChange{Add: []string{"a"}})
		},
		"enlist": func(t *testing.T, s *awsstate.Store) error {
			_, err := s.Enlist(t.Context(), "orders", federation.RoleChange{Add: []string{"a"}})
			return err
		},
	}
	for name, call := range calls {
		for code, want := range map[string]struct {
			kind   fault.Kind
			reason string
		}{
			"ResourceNotFoundException":              {fault.Blocked, awsstate.TableMissing},
			"ProvisionedThroughputExceededException": {fault.Retry, awserror.Throttled},
			"RequestLimitExceeded":                   {fault.Retry, awserror.Throttled},
			"AccessDeniedException":                  {fault.Blocked, awserror.Unauthorized},
			"ValidationException":                    {fault.Blocked, awserror.Rejected},
		} {
			t.Run(name+"/"+code, func(t *testing.T) {
				state, _ := store(t, awstest.Error(400, code, "why"))
				if err := call(t, state); fault.KindOf(err) != want.kind || fault.ReasonOf(err) != want.reason || !strings.Contains(err.Error(), "table sluice-prod") || fault.FixOf(err) == "" {
					t.Errorf("%v\nwant %s, %s", err, want.kind, want.reason)
				}
			})
		}
	}
	t.Run("no date", func(t *testing.T) {
		state, _ := store(t, awstest.Answer{Body: `{}`, NoDate: true})
		if err := calls["get"](t, state); fault.ReasonOf(err) != awserror.Unavailable {
			t.Error(err)
		}
	})
}
