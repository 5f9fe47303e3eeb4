package event_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
)

func TestDecodeWork(t *testing.T) {
	const account = "111122223333"
	at := time.Date(2026, 5, 4, 10, 20, 30, 0, time.UTC)
	for file, want := range map[string]event.Work{
		"source-requested.json":            {Task: event.TaskRequest, Federation: "orders", Account: account, At: at, About: "Source Requested of orders-team"},
		"refused-unknown-member.json":      {Task: event.TaskRequest, Federation: "orders", Account: account, At: at, About: "Source Requested of orders-team"},
		"source-withdrawn.json":            {Task: event.TaskWithdraw, Federation: "orders", Account: account, At: at.Add(time.Hour), About: "Source Withdrawn of orders-team"},
		"rds-instance-created.json":        {Task: event.TaskLook, Instance: "orders-prod", Account: account, At: at, About: "RDS DB Instance Event of aws.rds"},
		"rds-instance-deleted.json":        {Task: event.TaskLook, Instance: "orders-prod", Account: account, At: at.Add(2 * time.Hour), About: "RDS DB Instance Event of aws.rds"},
		"ignored-rds-cluster-created.json": {Task: event.TaskIgnore, Account: account, At: at, About: "RDS DB Cluster Event of aws.rds"},
		"follow-up.json":                   {Task: event.TaskFollowUp, Federation: "orders", Number: 2},
		"look.json":                        {Task: event.TaskLook, Federation: "orders"},
		"look-at-instance.json":            {Task: event.TaskLook, Instance: "orders-prod"},
		"sweep.json":                       {Task: event.TaskSweep},
	} {
		got, err := event.DecodeWork(sample(t, "federation/"+file))
		got.Wanted = nil
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", file, got, err, want)
		}
	}
}

// The document in the sample is the one of the sandbox and of all tests; a member that nobody knows is refused.
func TestSampleDocuments(t *testing.T) {
	w, err := event.DecodeWork(sample(t, "federation/source-requested.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := federation.Decode(w.Wanted); err != nil || !got.Same(federationtest.Wanted()) {
		t.Errorf("%+v, %v", got, err)
	}
	w, err = event.DecodeWork(sample(t, "federation/refused-unknown-member.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := federation.Decode(w.Wanted); err == nil || !strings.Contains(err.Error(), `"credential"`) {
		t.Errorf("%v", err)
	}
}

// What Sluice sends itself is what it reads.
func TestOwnMessages(t *testing.T) {
	for file, text := range map[string]string{
		"follow-up.json": event.FollowUp("orders", 2), "look.json": event.Look("orders"), "look-at-instance.json": event.LookAt("orders-prod"), "sweep.json": event.Sweep(),
	} {
		var want, got any
		if err := json.Unmarshal(sample(t, "federation/"+file), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s, %v", file, text, err)
		}
	}
}

func TestBatchOfWork(t *testing.T) {
	var batch struct{ Records []struct{ Body string } }
	if err := json.Unmarshal(sample(t, "federation/sqs-batch.json"), &batch); err != nil {
		t.Fatal(err)
	}
	var tasks []event.Task
	for _, r := range batch.Records {
		w, err := event.DecodeWork([]byte(r.Body))
		if err != nil {
			w.Task = "refused"
		}
		tasks = append(tasks, w.Task)
	}
	if !reflect.DeepEqual(tasks, []event.Task{event.TaskRequest, event.TaskFollowUp, "refused"}) {
		t.Errorf("%v", tasks)
	}
}

func TestMalformedWorkIsRefused(t *testing.T) {
	for what, tc := range map[string]struct {
		body  string
		where string
	}{
		"no name":                    {string(sample(t, "federation/refused-withdrawn-without-name.json")), "detail.name"},
		"nothing":                    {"", "message"},
		"no JSON":                    {"sweep", "message"},
		"cut short":                  {`{"sluice":"swe`, "message"},
		"a list":                     {"[]", "message"},
		"null":                       {"null", "sluice"},
		"no task":                    {"{}", "sluice"},
		"unknown task":               {`{"sluice":"tidy"}`, "sluice"},
		"follow-up without a number": {`{"sluice":"follow-up","federation":"orders"}`, "sluice"},
		"negative number":            {`{"sluice":"follow-up","federation":"orders","number":-1}`, "sluice"},
		"follow-up of nothing":       {`{"sluice":"follow-up","number":1}`, "sluice"},
		"look at nothing":            {`{"sluice":"look"}`, "sluice"},
		"look at two things":         {`{"sluice":"look","federation":"orders","instance":"orders-prod"}`, "sluice"},
		"a request from inside":      {`{"sluice":"request","federation":"orders"}`, "sluice"},
		"no document":                {`{"detail-type":"Source Requested","account":"111122223333","time":"2026-05-04T10:20:30Z"}`, "detail"},
		"no account":                 {`{"detail-type":"Source Requested","time":"2026-05-04T10:20:30Z","detail":{"name":"x"}}`, "account and time"},
		"no time":                    {`{"detail-type":"Source Withdrawn","account":"111122223333","detail":{"name":"x"}}`, "account and time"},
		"wrong time":                 {`{"detail-type":"Source Withdrawn","account":"111122223333","time":"now","detail":{"name":"x"}}`, "message"},
		"no instance":                {`{"detail-type":"RDS DB Instance Event","source":"aws.rds","detail":{}}`, "detail.SourceArn"},
		"a cluster's ARN":            {`{"detail-type":"RDS DB Instance Event","source":"aws.rds","detail":{"SourceArn":"arn:aws:rds:us-east-1:111122223333:cluster:x"}}`, "detail.SourceArn"},
	} {
		_, err := event.DecodeWork([]byte(tc.body))
		malformed, ok := errors.AsType[*event.MalformedError](err)
		if !ok || len(malformed.Problems) != 1 || malformed.Problems[0].Where != tc.where || malformed.Problems[0].Fix == "" {
			t.Errorf("%s: %T %v; want a problem at %s", what, err, err, tc.where)
		}
	}
}

// An instance's event may name it in two places.
func TestInstanceByResources(t *testing.T) {
	w, err := event.DecodeWork([]byte(`{"detail-type":"RDS DB Instance Event","source":"aws.rds","account":"111122223333","time":"2026-05-04T10:20:30Z",
		"resources":["arn:aws:rds:us-east-1:111122223333:db:orders-prod"],"detail":{"SourceIdentifier":"rds:orders-prod"}}`))
	if err != nil || w.Task != event.TaskLook || w.Instance != "orders-prod" {
		t.Errorf("%+v, %v", w, err)
	}
}

// Whatever arrives is understood in full or refused.
func FuzzDecodeWork(f *testing.F) {
	for _, file := range []string{"source-requested.json", "source-withdrawn.json", "rds-instance-created.json", "follow-up.json", "look.json", "sweep.json", "refused-withdrawn-without-name.json"} {
		f.Add(sample(f, "federation/"+file))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := event.DecodeWork(body)
		if _, ok := errors.AsType[*event.MalformedError](err); err != nil && !ok {
			t.Fatalf("%T", err)
		}
		if err != nil {
			return
		}
		whole := map[event.Task]bool{
			event.TaskRequest: w.Wanted != nil && w.Account != "" && !w.At.IsZero(), event.TaskWithdraw: w.Federation != "" && w.Account != "" && !w.At.IsZero(),
			event.TaskFollowUp: w.Federation != "" && w.Number > 0, event.TaskLook: (w.Federation == "") != (w.Instance == ""), event.TaskSweep: true, event.TaskIgnore: w.About != "",
		}
		if !whole[w.Task] {
			t.Errorf("%+v", w)
		}
	})
}
