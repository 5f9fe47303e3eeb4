package awsbus_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/sluicehq/sluice/shared/aws/awsbus"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
)

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/prod/analytics/reporting-AbCdEf"

var detail = event.AtRisk{Consumer: event.Consumer{Consumer: "reporting", Secret: arn, Warehouse: "analytics"}, RemainingSeconds: 840, ExpiresAt: awstest.Now, Reason: "BackingOff"}

func TestAnnounce(t *testing.T) {
	s := awstest.Serve(awstest.Answer{Body: `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`})
	defer s.Close()
	if err := awsbus.New(eventbridge.NewFromConfig(s.Config()), "sluice-prod").Announce(t.Context(), event.CredentialsAtRisk, arn, detail); err != nil {
		t.Fatal(err)
	}
	var got struct{ Entries []map[string]any }
	if r := s.Requests(); len(r) != 1 || r[0].Operation != "PutEvents" || json.Unmarshal([]byte(r[0].Body), &got) != nil {
		t.Fatalf("sent %+v", r)
	}
	want := []map[string]any{{
		"EventBusName": "sluice-prod", "Source": "sluice", "DetailType": "Credentials At Risk", "Resources": []any{arn},
		"Detail": `{"consumer":"reporting","secret":"` + arn + `","warehouse":"analytics","remainingSeconds":840,"expiresAt":"2031-05-04T10:20:30Z","reason":"BackingOff"}`,
	}}
	if !reflect.DeepEqual(got.Entries, want) {
		t.Errorf("sent %v\nwant %v", got.Entries, want)
	}
}

func TestAnnounceFails(t *testing.T) {
	entry := func(code string) awstest.Answer {
		return awstest.Answer{Body: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"` + code + `","ErrorMessage":"why"}]}`}
	}
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
	}{
		"refused":                           {awstest.Error(400, "AccessDeniedException", "why"), fault.Blocked, awserror.Unauthorized},
		"no such bus":                       {awstest.Error(400, "ResourceNotFoundException", "why"), fault.Blocked, awserror.Rejected},
		"accepted, but the entry throttled": {entry("ThrottlingException"), fault.Retry, awserror.Throttled},
		"accepted, but the entry lost":      {entry("InternalFailure"), fault.Retry, awserror.Unavailable},
		"accepted, but the entry denied":    {entry("AccessDeniedException"), fault.Blocked, awserror.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.Serve(tc.answer)
			defer s.Close()
			err := awsbus.New(eventbridge.NewFromConfig(s.Config()), "sluice-prod").Announce(t.Context(), event.CredentialsAtRisk, arn, detail)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), "why") || !strings.Contains(err.Error(), "bus sluice-prod") {
				t.Errorf("%v\nis %s, %s; want %s, %s", err, fault.KindOf(err), fault.ReasonOf(err), tc.kind, tc.reason)
			}
		})
	}
	t.Run("a detail that is no JSON", func(t *testing.T) {
		s := awstest.Serve(awstest.Answer{})
		defer s.Close()
		if err := awsbus.New(eventbridge.NewFromConfig(s.Config()), "b").Announce(t.Context(), "X", arn, make(chan int)); err == nil || len(s.Requests()) > 0 {
			t.Errorf("%v, %d calls", err, len(s.Requests()))
		}
	})
}
