package secretsmanager_test

// What Secrets Manager promises about rotation, and where it promises nothing, what the sandbox does.

import (
	"errors"
	"strings"
	"testing"
	"time"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

var errStep = errors.New("the step fails")

const allSteps = "createSecret b, setSecret b, testSecret b, finishSecret b"

func TestRotation(t *testing.T) {
	w := newWorld(t)
	arn := w.create("one")
	var seen string
	w.rotate.on["createSecret"] = func(s step) error {
		// Before the function puts a value there is a version with the label and without a value.
		seen = w.labels()
		_, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: new("app"), VersionId: &s.ClientRequestToken})
		refused(t, err, "ResourceNotFoundException", "for VersionId: bbbb")
		_, err = w.get("AWSPENDING")
		refused(t, err, "ResourceNotFoundException", "for staging label: AWSPENDING")
		refused(t, w.move("AWSCURRENT", "a", "b"), "InvalidParameterException", "Not a valid version")
		return w.rotate.createSecret(s)
	}
	w.rotated("b")

	if want := "a:AWSCURRENT b:AWSPENDING"; seen != want {
		t.Errorf("labels in createSecret %q, want %q", seen, want)
	}
	if got := w.rotate.took(); got != allSteps {
		t.Errorf("steps %q, want %q", got, allSteps)
	}
	if want := `{"Step":"createSecret","SecretId":"` + arn + `","ClientRequestToken":"` + *token("b") + `"}`; w.rotate.events[0] != want {
		t.Errorf("event %s, want %s", w.rotate.events[0], want)
	}
	by := w.rotate.by
	if by.Service != "secretsmanager.amazonaws.com" || by.Context["aws:SourceAccount"][0] != "111122223333" || by.Context["aws:SourceArn"][0] != arn {
		t.Errorf("invoked by %+v", by)
	}
	// The function did not take AWSPENDING away, and Secrets Manager does not either.
	if got, want := w.labels(), "a:AWSPREVIOUS b:AWSCURRENT+AWSPENDING"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
	d := w.describe()
	if !*d.RotationEnabled || *d.RotationLambdaARN != function || d.LastRotatedDate == nil || d.NextRotationDate != nil {
		t.Errorf("described as %+v", d)
	}
	if got, want := w.bus.heard(), "RotationStarted RotationSucceeded"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	// AWSPENDING on the AWSCURRENT version is no rotation in progress.
	delete(w.rotate.on, "createSecret")
	w.rotated("c")
	if got, want := w.labels(), "b:AWSPREVIOUS c:AWSCURRENT+AWSPENDING"; got != want {
		t.Errorf("labels after another rotation %q, want %q", got, want)
	}
}

func TestReservedVersionIsListedWithItsDate(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["createSecret"] = func(step) error { return errStep }
	w.clock.Advance(time.Hour)
	w.rotated("b")
	out, err := w.ListSecretVersionIds(t.Context(), &awssecrets.ListSecretVersionIdsInput{SecretId: new("app")})
	if err != nil || len(out.Versions) != 2 {
		t.Fatalf("ListSecretVersionIds = %v, %v", out, err)
	}
	a, b := out.Versions[0], out.Versions[1]
	if b.VersionStages[0] != "AWSPENDING" || b.CreatedDate.Sub(*a.CreatedDate) < time.Hour || b.KmsKeyIds != nil {
		t.Errorf("reserved version %+v", b)
	}
}

// A rotation stops at the first step that fails, promotes nothing, and is tried again as a whole with its token.
func TestFailingSteps(t *testing.T) {
	for _, tc := range []struct{ step, first, labels string }{
		{"createSecret", "createSecret b", "a:AWSCURRENT b:AWSPENDING"},
		{"setSecret", "createSecret b, setSecret b", "a:AWSCURRENT b:AWSPENDING"},
		{"testSecret", "createSecret b, setSecret b, testSecret b", "a:AWSCURRENT b:AWSPENDING"},
		{"finishSecret", allSteps, "a:AWSCURRENT b:AWSPENDING"},
	} {
		t.Run(tc.step, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			w.rotate.on[tc.step] = func(step) error { return errStep }
			w.rotated("b")
			if got := w.rotate.took(); got != tc.first {
				t.Errorf("steps %q, want %q", got, tc.first)
			}
			if got := w.labels(); got != tc.labels {
				t.Errorf("labels %q, want %q", got, tc.labels)
			}
			if d := w.describe(); d.LastRotatedDate != nil {
				t.Errorf("LastRotatedDate %v of a secret that has not rotated", d.LastRotatedDate)
			}
			if value, err := w.get(""); value != "one" {
				t.Errorf("AWSCURRENT = %q, %v", value, err)
			}

			delete(w.rotate.on, tc.step)
			w.clock.Advance(59 * time.Second)
			if got := w.rotate.took(); got != "" {
				t.Errorf("steps %q before the minute is over", got)
			}
			w.clock.Advance(2 * time.Second)
			if got := w.rotate.took(); got != allSteps {
				t.Errorf("steps of the repetition %q, want %q", got, allSteps)
			}
			if got, want := w.bus.heard(), "RotationStarted RotationFailed RotationStarted RotationSucceeded"; got != want {
				t.Errorf("events %q, want %q", got, want)
			}
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["testSecret"] = func(step) error { return errStep }
	w.rotated("b")
	w.clock.Advance(day)
	if got, want := w.bus.heard(), "RotationStarted RotationFailed RotationStarted RotationFailed"; got != want {
		t.Errorf("events %q, want %q: one repetition", got, want)
	}
}

func TestNoRetryWithoutTheLabel(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["testSecret"] = func(step) error { return errStep }
	w.rotated("b")
	w.rotate.took()
	if err := w.move("AWSPENDING", "b", ""); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(day)
	if got := w.rotate.took(); got != "" {
		t.Errorf("steps %q for a version that is not pending any more", got)
	}
	w.rotated("c")
	if got, want := w.versions(), "abc"; got != want {
		t.Errorf("versions %q, want %q: failed rotations use versions up", got, want)
	}
}

func TestFunctionThatNeverPromotesHasNotRotated(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["finishSecret"] = func(step) error { return nil }
	w.rotated("b")
	if got, want := w.bus.heard(), "RotationStarted RotationFailed"; got != want || w.describe().LastRotatedDate != nil {
		t.Errorf("events %q, LastRotatedDate %v; want %q and none", got, w.describe().LastRotatedDate, want)
	}
}

// AWSPENDING on a version that is not AWSCURRENT means a rotation in progress, whoever put it there. RotateSecret
// refuses another one, and runs the one that has not finished again.
func TestRotationInProgress(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["testSecret"] = func(step) error { return errStep }
	w.rotated("b")
	w.clock.Advance(time.Hour) // all retries are over
	w.rotate.took()
	delete(w.rotate.on, "testSecret")

	refused(t, w.start("c"), "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	w.clock.Settle()
	if got := w.rotate.took(); got != allSteps {
		t.Errorf("steps %q, want %q: the same token, not the new one", got, allSteps)
	}
	if got, want := w.labels(), "a:AWSPREVIOUS b:AWSCURRENT+AWSPENDING"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
	w.rotated("c")
}

func TestRefusedRotationChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	if err := w.put("b", "two", "AWSPENDING"); err != nil {
		t.Fatal(err)
	}
	_, err := w.RotateSecret(t.Context(), &awssecrets.RotateSecretInput{SecretId: new("app"), RotationLambdaARN: new(function), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: new(int64(1))}})
	refused(t, err, "InvalidRequestException", "A previous rotation isn't complete")
	if d := w.describe(); d.RotationEnabled != nil || d.RotationRules != nil {
		t.Errorf("rotation is configured: %+v", d)
	}
}

// While the steps run, RotateSecret is refused and starts no second run of them.
func TestRotationIsNotRunTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["setSecret"] = func(step) error {
		refused(t, w.start("c"), "InvalidRequestException", "isn't complete")
		return nil
	}
	w.rotated("b")
	if got := w.rotate.took(); got != allSteps {
		t.Errorf("steps %q, want %q", got, allSteps)
	}
}

func TestRepeatedRotateSecretStartsNothing(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["setSecret"] = func(step) error { return w.start("b") } // while it runs
	w.rotated("b")
	w.rotated("b") // and after it
	if got := w.rotate.took(); got != allSteps {
		t.Errorf("steps %q, want %q", got, allSteps)
	}
	refused(t, w.start("a"), "InvalidParameterException", "already in use")
}

// A value that becomes AWSCURRENT by another hand ends the rotation: the label goes and no later step comes.
func TestAbandonedRotation(t *testing.T) {
	for _, tc := range []struct {
		name  string
		write func(*world) error
	}{
		{"PutSecretValue", func(w *world) error { return w.put("z", "by hand") }},
		{"UpdateSecret", func(w *world) error {
			_, err := w.UpdateSecret(w.t.Context(), &awssecrets.UpdateSecretInput{SecretId: new("app"), SecretString: new("by hand"), ClientRequestToken: token("z")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			w.rotate.on["setSecret"] = func(step) error { return tc.write(w) }
			w.rotated("b")
			if got, want := w.rotate.took(), "createSecret b, setSecret b"; got != want {
				t.Errorf("steps %q, want %q", got, want)
			}
			if got, want := w.labels(), "a:AWSPREVIOUS z:AWSCURRENT"; got != want {
				t.Errorf("labels %q, want %q", got, want)
			}
			if got, want := w.bus.heard(), "RotationStarted RotationAbandoned"; got != want {
				t.Errorf("events %q, want %q", got, want)
			}
			delete(w.rotate.on, "setSecret")
			w.rotated("c")
		})
	}
}

func TestRotateImmediatelyFalseOnlyTests(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fail   error
		events string
	}{
		{"passes", nil, "TestRotationStarted TestRotationSucceeded"},
		{"fails", errStep, "TestRotationStarted TestRotationFailed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			w.rotate.on["testSecret"] = func(step) error {
				if value, err := w.get("AWSPENDING"); value != "one" {
					t.Errorf("the version under test is %q, %v; want the current value", value, err)
				}
				return tc.fail
			}
			_, err := w.RotateSecret(t.Context(), &awssecrets.RotateSecretInput{
				SecretId: new("app"), ClientRequestToken: token("b"), RotationLambdaARN: new(function), RotateImmediately: new(false),
				RotationRules: &types.RotationRulesType{ScheduleExpression: new("rate(999 days)")}})
			if err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(day)
			if got, want := w.rotate.took(), "testSecret b"; got != want {
				t.Errorf("steps %q, want %q", got, want)
			}
			if got, want := w.labels()+" "+w.versions(), "a:AWSCURRENT a"; got != want {
				t.Errorf("labels and versions %q, want %q: nothing is left of the test", got, want)
			}
			if got := w.bus.heard(); got != tc.events {
				t.Errorf("events %q, want %q", got, tc.events)
			}
			if d := w.describe(); !*d.RotationEnabled || d.LastRotatedDate != nil || d.NextRotationDate == nil {
				t.Errorf("described as %+v; want rotation on, and none done", d)
			}
		})
	}
}

func TestRotationNeedsAFunction(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	_, err := w.RotateSecret(t.Context(), &awssecrets.RotateSecretInput{SecretId: new("app")})
	refused(t, err, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")

	w.dryRun = errors.New("denied")
	refused(t, w.start("b"), "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access")
	if d := w.describe(); d.RotationLambdaARN != nil || len(d.VersionIdsToStages) != 1 {
		t.Errorf("a refused function is configured: %+v", d)
	}

	w.dryRun = nil
	w.rotated("b")
	if _, err := w.RotateSecret(t.Context(), &awssecrets.RotateSecretInput{SecretId: new("app"), ClientRequestToken: token("c")}); err != nil {
		t.Errorf("RotateSecret with the function that is configured: %v", err)
	}
	w.clock.Settle()
}

func TestCancelRotateSecret(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	_, err := w.CancelRotateSecret(t.Context(), &awssecrets.CancelRotateSecretInput{SecretId: new("app")})
	refused(t, err, "InvalidRequestException", "never configured")
	var cancelled *awssecrets.CancelRotateSecretOutput
	w.rotate.on["setSecret"] = func(step) (err error) {
		cancelled, err = w.CancelRotateSecret(t.Context(), &awssecrets.CancelRotateSecretInput{SecretId: new("app")})
		return err
	}
	w.rotated("b")
	w.clock.Advance(day)
	if got, want := w.rotate.took(), "createSecret b, setSecret b"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if *cancelled.VersionId != *token("b") {
		t.Errorf("CancelRotateSecret answers version %s, want b", *cancelled.VersionId)
	}
	if d := w.describe(); *d.RotationEnabled || *d.RotationLambdaARN != function {
		t.Errorf("described as %+v; want rotation off, and its function still there", d)
	}
	if got, want := w.labels(), "a:AWSCURRENT b:AWSPENDING"; got != want {
		t.Errorf("labels %q, want %q: the label stays", got, want)
	}
}

func TestDeletionEndsRotation(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.rotate.on["setSecret"] = func(step) error { _, err := w.delete(awssecrets.DeleteSecretInput{}); return err }
	w.rotated("b")
	w.clock.Advance(day)
	if got, want := w.rotate.took(), "createSecret b, setSecret b"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	arn := w.create("hunter2")
	w.rotate.on["testSecret"] = func(step) error { return errStep }
	w.rotated("b")
	failed := w.bus.details[1]
	for key, want := range map[string]any{
		"source": "aws.secretsmanager", "detail-type": "AWS Service Event via CloudTrail", "eventType": "AwsServiceEvent",
		"eventSource": "secretsmanager.amazonaws.com", "eventName": "RotationFailed",
		"requestID":    "Rotation-" + arn + "-" + *token("b"),
		"errorMessage": "Error when executing lambda " + function + " during testSecret step",
	} {
		if failed[key] != want {
			t.Errorf("%s = %v, want %v", key, failed[key], want)
		}
	}
	if data := failed["additionalEventData"].(map[string]any); data["SecretId"] != arn {
		t.Errorf("additionalEventData = %v", data)
	}
	if strings.Contains(w.bus.raw, "hunter2") {
		t.Error("an event has a secret value, or what the function said")
	}
}
