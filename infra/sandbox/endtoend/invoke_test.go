package endtoend_test

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/event"
)

// An answer is what a function answered, or the error document that Lambda made of its failure.
type answer struct {
	Outcome      string `json:"outcome"`
	Reason       string `json:"reason"`
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

// invoke sends a function an event, as an operator does by hand.
func (s *stage) invoke(f function, payload []byte) (answer, error) {
	out, err := lambda.NewFromConfig(s.aws).Invoke(s.t.Context(), &lambda.InvokeInput{FunctionName: &f.name, Payload: payload})
	if err != nil {
		return answer{}, err
	}
	run.said("answer of "+f.name, string(out.Payload))
	var a answer
	err = json.Unmarshal(out.Payload, &a)
	if err == nil && (a.ErrorType != "") != (out.FunctionError != nil) {
		s.t.Errorf("%s answers %s with function error %q", f.name, out.Payload, aws.ToString(out.FunctionError))
	}
	return a, err
}

// tick is what the schedule does every few minutes.
func (s *stage) tick(secretARN string) answer {
	s.t.Helper()
	payload, err := json.Marshal(map[string]string{"secret": secretARN})
	s.must(err)
	a, err := s.invoke(s.refresh, payload)
	s.must(err)
	return a
}

// step sends rotate one step for the secret of reporting.
func (s *stage) step(name, token string) answer {
	s.t.Helper()
	payload, err := json.Marshal(map[string]string{"Step": name, "SecretId": s.reporting, "ClientRequestToken": token})
	s.must(err)
	a, err := s.invoke(s.rotate, payload)
	s.must(err)
	return a
}

// begin begins a rotation of reporting whose first step dies before it has done anything, so that the steps can be taken by
// hand. Secrets Manager tries it again a minute later.
func (s *stage) begin() (token string) {
	s.t.Helper()
	s.must(s.Lambda.KillNext(s.rotate.name))
	token = s.rotateNow()
	s.Clock.Settle()
	return token
}

// rotateNow asks for a rotation of reporting, as an operator does by hand.
func (s *stage) rotateNow() (token string) {
	s.t.Helper()
	out, err := s.secrets.RotateSecret(s.t.Context(), &secretsmanager.RotateSecretInput{SecretId: &s.reporting})
	s.must(err)
	return *out.VersionId
}

// ticks turns the ticks of a consumer on or off. prefix is that of its logical ids.
func (s *stage) ticks(prefix string, on bool) {
	s.t.Helper()
	state := types.ScheduleStateDisabled
	if on {
		state = types.ScheduleStateEnabled
	}
	client := scheduler.NewFromConfig(s.aws)
	name := s.deployed("AWS::Scheduler::Schedule", prefix)
	was, err := client.GetSchedule(s.t.Context(), &scheduler.GetScheduleInput{Name: &name, GroupName: new(busName)})
	s.must(err)
	if was.State == state {
		return
	}
	_, err = client.UpdateSchedule(s.t.Context(), &scheduler.UpdateScheduleInput{
		Name: was.Name, GroupName: was.GroupName, State: state, ScheduleExpression: was.ScheduleExpression,
		FlexibleTimeWindow: was.FlexibleTimeWindow, Target: was.Target,
	})
	s.must(err)
}

// alone stops the ticks of ingest, so that everything that happens is about reporting.
func (s *stage) alone() { s.ticks("Consumeringest", false) }

// An announcement is the detail of an event on Sluice's bus.
type announcement struct {
	Consumer  string `json:"consumer"`
	Secret    string `json:"secret"`
	Warehouse string `json:"warehouse"`
	Step      string `json:"step"`
	Kind      string `json:"kind"`
	Reason    string `json:"reason"`
	Cause     string `json:"cause"`
	Remedy    string `json:"remedy"`
	Version   string `json:"version"`
	User      string `json:"user"`
	Remaining int    `json:"remainingSeconds"`
}

// announced are the details of the events of one kind that Sluice announced for reporting, the oldest first.
func (s *stage) announced(detailType string) (found []announcement) {
	s.t.Helper()
	all, err := s.Control().Events(s.t.Context(), busName)
	s.must(err)
	for _, e := range all {
		var envelope struct {
			Source     string       `json:"source"`
			DetailType string       `json:"detail-type"`
			Resources  []string     `json:"resources"`
			Detail     announcement `json:"detail"`
		}
		s.must(json.Unmarshal(e.Event, &envelope))
		if envelope.Source == event.Source && envelope.DetailType == detailType && slices.Contains(envelope.Resources, s.reporting) {
			found = append(found, envelope.Detail)
		}
	}
	return found
}

// calls are those that a function has made after the one with the given number.
func (s *stage) calls(f function, after uint64) []awshttp.Record {
	return s.AWS.Calls().List(awshttp.Filter{After: after, Principal: f.by.ARN})
}

// refused checks that a function refused, and that its message has all of the texts in it.
func (s *stage) refused(a answer, reason string, says ...string) {
	s.t.Helper()
	if a.ErrorType != reason {
		s.t.Errorf("errorType is %q (outcome %q, message %q); want %q", a.ErrorType, a.Outcome, a.ErrorMessage, reason)
	}
	for _, text := range says {
		if !strings.Contains(a.ErrorMessage, text) {
			s.t.Errorf("message %q does not say %q", a.ErrorMessage, text)
		}
	}
}

// took checks that a function succeeded with an outcome.
func (s *stage) took(a answer, outcome string) {
	s.t.Helper()
	if a.Outcome != outcome {
		s.t.Errorf("outcome is %q (%s%s: %s); want %s", a.Outcome, a.Reason, a.ErrorType, a.ErrorMessage, outcome)
	}
}
