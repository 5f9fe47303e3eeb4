package awsqueue_test

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsqueue"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
)

const work, dead = "https://sqs.example.com/111122223333/sluice-prod-work", "https://sqs.example.com/111122223333/sluice-prod-dead"

func queue(t *testing.T, answers ...awstest.Answer) (*awsqueue.Queue, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsqueue.New(sqs.NewFromConfig(s.Config()), work, dead), s
}

// message is what SendMessage gets.
type message struct {
	QueueURL, MessageBody string
	DelaySeconds          int
	MessageAttributes     map[string]struct{ DataType, StringValue string }
}

// taken answers like SQS, with the digests that the SDK compares.
func taken(t *testing.T) awstest.Answer {
	return awstest.Answer{Make: func(r awstest.Request) awstest.Answer {
		m := messageOf(t, r)
		body := md5.Sum([]byte(m.MessageBody))
		all := md5.New()
		field := func(s string) {
			_ = binary.Write(all, binary.BigEndian, uint32(len(s)))
			all.Write([]byte(s))
		}
		for _, name := range slices.Sorted(maps.Keys(m.MessageAttributes)) {
			field(name)
			field(m.MessageAttributes[name].DataType)
			all.Write([]byte{1}) // a text
			field(m.MessageAttributes[name].StringValue)
		}
		out := `{"MessageId":"m","MD5OfMessageBody":"` + hex.EncodeToString(body[:]) + `"`
		if len(m.MessageAttributes) > 0 {
			out += `,"MD5OfMessageAttributes":"` + hex.EncodeToString(all.Sum(nil)) + `"`
		}
		return awstest.Answer{Body: out + `}`}
	}}
}

func messageOf(t *testing.T, r awstest.Request) (m message) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), &m); err != nil || r.Operation != "SendMessage" {
		t.Errorf("sent %+v: %v", r, err)
	}
	return m
}

func TestMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		send  func(*testing.T, *awsqueue.Queue) error
		body  string
		delay int
	}{
		"follow-up": {func(t *testing.T, q *awsqueue.Queue) error { return q.FollowUp(t.Context(), "orders", 4, time.Minute) }, `{"sluice":"follow-up","federation":"orders","number":4}`, 60},
		"after a part": {func(t *testing.T, q *awsqueue.Queue) error {
			return q.FollowUp(t.Context(), "orders", 4, 60*time.Second+1)
		}, `{"sluice":"follow-up","federation":"orders","number":4}`, 61},
		"after an hour":      {func(t *testing.T, q *awsqueue.Queue) error { return q.FollowUp(t.Context(), "orders", 4, time.Hour) }, `{"sluice":"follow-up","federation":"orders","number":4}`, 900},
		"after no time":      {func(t *testing.T, q *awsqueue.Queue) error { return q.FollowUp(t.Context(), "orders", 4, -time.Hour) }, `{"sluice":"follow-up","federation":"orders","number":4}`, 0},
		"look":               {func(t *testing.T, q *awsqueue.Queue) error { return q.Look(t.Context(), "orders") }, `{"sluice":"look","federation":"orders"}`, 0},
		"look at a database": {func(t *testing.T, q *awsqueue.Queue) error { return q.LookAt(t.Context(), "orders-db") }, `{"sluice":"look","instance":"orders-db"}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q, s := queue(t, taken(t))
			if err := tc.send(t, q); err != nil {
				t.Fatal(err)
			}
			if m := messageOf(t, s.Requests()[0]); len(s.Requests()) != 1 || m.QueueURL != work || m.MessageBody != tc.body || m.DelaySeconds != tc.delay || m.MessageAttributes != nil {
				t.Errorf("sent %+v", m)
			}
		})
	}
}

func TestDeadLetter(t *testing.T) {
	long := strings.Repeat("x", 999)
	for name, tc := range map[string]struct{ message, want string }{
		"short":                {"it is no event", "it is no event"},
		"as long as may be":    {long + "x", long + "x"},
		"cut":                  {long + "xyz", long + "x"},
		"cut within a letter":  {long + "é", long},
		"with what is refused": {"a\x00b\x1bc\ufffed\n\t" + "\xff", "a\ufffdb\ufffdc\ufffdd\n\t\ufffd"},
		"empty":                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			q, s := queue(t, taken(t))
			if err := q.DeadLetter(t.Context(), `{"what":"came"}`, "Malformed", tc.message); err != nil {
				t.Fatal(err)
			}
			m := messageOf(t, s.Requests()[0])
			_, has := m.MessageAttributes[awsqueue.MessageAttribute]
			if m.QueueURL != dead || m.MessageBody != `{"what":"came"}` || m.MessageAttributes[awsqueue.ReasonAttribute].StringValue != "Malformed" ||
				m.MessageAttributes[awsqueue.MessageAttribute].StringValue != tc.want || has != (tc.want != "") || m.MessageAttributes[awsqueue.ReasonAttribute].DataType != "String" {
				t.Errorf("sent %+v", m)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
	}{
		{awstest.Answer{Status: 400, Header: map[string]string{"X-Amzn-Query-Error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}, Body: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"why"}`},
			fault.Blocked, awsqueue.QueueMissing},
		{awstest.Error(400, "com.amazonaws.sqs#QueueDoesNotExist", "why"), fault.Blocked, awsqueue.QueueMissing},
		{awstest.Error(403, "AccessDenied", "why"), fault.Blocked, awserror.Unauthorized},
		{awstest.Error(403, "RequestThrottled", "why"), fault.Retry, awserror.Throttled},
		{awstest.Error(400, "KmsThrottled", "why"), fault.Retry, awserror.Throttled},
		{awstest.Error(400, "InvalidMessageContents", "why"), fault.Blocked, awserror.Rejected},
		{awstest.Error(500, "InternalError", "why"), fault.Retry, awserror.Unavailable},
	} {
		q, _ := queue(t, tc.answer)
		for what, err := range map[string]error{"federation orders": q.Look(t.Context(), "orders"), "Malformed": q.DeadLetter(t.Context(), "{}", "Malformed", "")} {
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), "why") || !strings.Contains(err.Error(), what) {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
		}
	}
}
