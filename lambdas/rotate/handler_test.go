package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/credentials/credentialstest"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/settings"
)

// bus keeps what was announced, or cannot be reached.
type bus struct {
	announced []announcement
	err       error
}

type announcement struct {
	detailType, resource string
	detail               any
}

func (b *bus) Announce(ctx context.Context, detailType, resource string, detail any) error {
	if err := errors.Join(b.err, ctx.Err()); err != nil {
		return err
	}
	b.announced = append(b.announced, announcement{detailType, resource, detail})
	return nil
}

// function is the handler in a small world, with all that it says.
type function struct {
	*credentialstest.World
	handler
	bus     bus
	log     bytes.Buffer
	answers bytes.Buffer
}

func deployed() *function {
	f := &function{World: credentialstest.New()}
	f.handler = handler{rotator: f.Rotator(), bus: &f.bus, log: slog.New(slog.NewJSONHandler(&f.log, nil))}
	return f
}

func (f *function) step(ctx context.Context, step string, n credentials.Rotation) (map[string]any, error) {
	payload, err := json.Marshal(map[string]string{"Step": step, "SecretId": n.Secret, "ClientRequestToken": n.Token})
	if err != nil {
		return nil, err
	}
	out, err := f.Invoke(ctx, payload)
	if err != nil {
		f.answers.WriteString(err.Error())
		return nil, err
	}
	f.answers.Write(out)
	var answer map[string]any
	return answer, json.Unmarshal(out, &answer)
}

// lines are the lines of the log since the last look.
func (f *function) lines(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(f.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, line)
	}
	f.log.Reset()
	return lines
}

// one is the only line of the log, which must have exactly these keys beside slog's own.
func (f *function) one(t *testing.T, keys ...string) map[string]any {
	t.Helper()
	lines := f.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines in the log: %v", len(lines), lines)
	}
	want := slices.Sorted(slices.Values(append(keys, "time", "level", "msg")))
	if got := slices.Sorted(maps.Keys(lines[0])); !slices.Equal(got, want) {
		t.Errorf("keys of the log line: %v, want %v", got, want)
	}
	return lines[0]
}

var (
	done   = []string{"step", "secret", "version", "consumer", "warehouse", "user", "outcome", "expires"}
	failed = []string{"step", "secret", "version", "consumer", "warehouse", "user", "outcome", "reason", "kind", "err"}
)

// silent fails the test if any password that was minted is in anything that the function said.
func (f *function) silent(t *testing.T) {
	t.Helper()
	announced, err := json.Marshal(f.bus.announced)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range f.Redshift.Passwords() {
		for where, text := range map[string]string{"log": f.log.String(), "answers": f.answers.String(), "announcements": string(announced)} {
			if strings.Contains(text, password) {
				t.Errorf("the %s shows a password", where)
			}
		}
	}
}

func errorType(t *testing.T, err error) string {
	t.Helper()
	published, ok := err.(messages.InvokeResponse_Error) // as Lambda looks at it: not below any wrapper
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	return published.Type
}

func TestRotation(t *testing.T) {
	f := deployed()
	n := f.Begin()
	defer f.silent(t)
	for i, want := range []struct {
		outcome credentials.Action
		expires bool
	}{{credentials.Minted, true}, {credentials.NothingToSet, false}, {credentials.Verified, true}, {credentials.Promoted, true}} {
		step := credentialstest.Steps[i]
		answer, err := f.step(t.Context(), step, n)
		if err != nil || answer["outcome"] != string(want.outcome) || answer["consumer"] != "reporting" || (answer["expiresAt"] == "2026-03-01T13:00:00Z") != want.expires {
			t.Fatalf("%s: %v, %v", step, answer, err)
		}
		line := f.one(t, done...)
		if line["outcome"] != string(want.outcome) || line["level"] != "INFO" || line["step"] != step || line["secret"] != f.Secret || line["version"] != n.Token ||
			line["consumer"] != "reporting" || line["warehouse"] != "analytics" || line["user"] != "app" {
			t.Errorf("%s: log line %v", step, line)
		}
	}
	rotated := announcement{event.CredentialsRotated, f.Secret, event.Rotated{
		Consumer: event.Consumer{Consumer: "reporting", Secret: f.Secret, Warehouse: "analytics"},
		Version:  n.Token, User: "IAM:app", IssuedAt: credentialstest.Start, ExpiresAt: credentialstest.Start.Add(time.Hour),
	}}
	if !reflect.DeepEqual(f.bus.announced, []announcement{rotated}) {
		t.Errorf("announced %+v\nwant %+v", f.bus.announced, rotated)
	}
	// The first run may have died before it could tell: the repeated last step tells again.
	if answer, err := f.step(t.Context(), "finishSecret", n); err != nil || answer["outcome"] != string(credentials.AlreadyDone) {
		t.Errorf("finishSecret again: %v, %v", answer, err)
	}
	if !reflect.DeepEqual(f.bus.announced, []announcement{rotated, rotated}) {
		t.Errorf("announced %+v", f.bus.announced)
	}
}

func TestFailedStep(t *testing.T) {
	f := deployed()
	defer f.silent(t)
	n := f.Begin()
	if _, err := f.step(t.Context(), "createSecret", n); err != nil {
		t.Fatal(err)
	}
	f.lines(t)
	delete(f.Redshift.Users, "app")
	_, err := f.step(t.Context(), "testSecret", n)
	if errorType(t, err) != login.UserMissing {
		t.Errorf("errorType %s", errorType(t, err))
	}
	line := f.one(t, failed...)
	if line["outcome"] != "Failed" || line["level"] != "ERROR" || line["reason"] != login.UserMissing || line["kind"] != "blocked" || line["consumer"] != "reporting" {
		t.Errorf("log line %v", line)
	}
	if len(f.bus.announced) != 1 {
		t.Fatalf("announced %+v", f.bus.announced)
	}
	got, ok := f.bus.announced[0].detail.(event.Failing)
	if !ok || f.bus.announced[0].detailType != event.CredentialsFailing || got.Consumer.Consumer != "reporting" || got.Step != "testSecret" || got.Kind != "blocked" ||
		got.Reason != login.UserMissing || !strings.Contains(got.Cause, "log in") || got.Remedy == "" {
		t.Errorf("announced %+v", f.bus.announced[0])
	}
}

// Refusals that say nothing about a consumer's credentials are errors and log lines, and alarm nobody.
func TestStepsThatAreNotOursAlarmNobody(t *testing.T) {
	for reason, change := range map[string]func(f *function, n *credentials.Rotation){
		credentials.NotOurs:         func(f *function, _ *credentials.Rotation) { f.Retag(map[string]string{settings.TagStage: "other"}) },
		credentials.TokenUnknown:    func(_ *function, n *credentials.Rotation) { n.Token = "made-up" },
		credentials.TokenNotPending: func(f *function, n *credentials.Rotation) { *n = f.Rotate(t.Context()); f.Rotate(t.Context()) },
	} {
		t.Run(reason, func(t *testing.T) {
			f := deployed()
			n := f.Begin()
			change(f, &n)
			if _, err := f.step(t.Context(), "finishSecret", n); errorType(t, err) != reason {
				t.Errorf("%v", err)
			}
			if line := f.one(t, failed...); line["reason"] != reason {
				t.Errorf("log line %v", line)
			}
			if len(f.bus.announced) > 0 {
				t.Errorf("announced %+v", f.bus.announced)
			}
		})
	}
}

func TestMalformedEvents(t *testing.T) {
	samples, err := filepath.Glob("../../events/rotate/refused-*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	payloads := map[string][]byte{"nothing": nil, "no JSON": []byte("x"), "a tick": []byte(`{"secret":"arn:aws:secretsmanager:us-east-1:111122223333:secret:x"}`)}
	for _, file := range samples {
		if payloads[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			f := deployed()
			if _, err := f.Invoke(t.Context(), payload); errorType(t, err) != awslambda.Malformed {
				t.Errorf("%v", err)
			}
			if line := f.one(t, "outcome", "err"); line["outcome"] != awslambda.Malformed || line["level"] != "ERROR" {
				t.Errorf("log line %v", line)
			}
			if f.Secrets.Calls("Describe") > 0 || len(f.bus.announced) > 0 {
				t.Error("something was done about it")
			}
		})
	}
}

// A bus that cannot be reached costs a line in the log and nothing else.
func TestUnreachableBusFailsNoStep(t *testing.T) {
	f := deployed()
	f.bus.err = errors.New("no answer")
	n := f.Begin()
	for _, step := range credentialstest.Steps {
		if _, err := f.step(t.Context(), step, n); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	if _, works := f.Readable(); !works {
		t.Error("readers find no lease")
	}
	var unannounced int
	for _, line := range f.lines(t) {
		if line["outcome"] == "Unannounced" && line["level"] == "WARN" && line["err"] == "no answer" {
			unannounced++
		}
	}
	if unannounced != 1 {
		t.Errorf("%d lines about what was not announced", unannounced)
	}
}

// A rotation by way of an assumed role proves itself by a token, which goes back with the lease and nowhere else.
func TestRotationTokenIsHandedBack(t *testing.T) {
	f := deployed()
	n := f.Begin()
	payload := `{"Step":"createSecret","SecretId":"` + n.Secret + `","ClientRequestToken":"` + n.Token + `","RotationToken":"EXAMPLE-proof"}`
	answer, err := f.Invoke(t.Context(), []byte(payload))
	if err != nil || f.Secrets.Proof.Reveal() != "EXAMPLE-proof" {
		t.Errorf("handed back %q, %v", f.Secrets.Proof.Reveal(), err)
	}
	if strings.Contains(f.log.String()+string(answer), "EXAMPLE-proof") {
		t.Errorf("%s\n%s\nshow the token", &f.log, answer)
	}
}

// When the time for the work is over there is some left, to say so.
func TestTimeIsLeftToReport(t *testing.T) {
	f := deployed()
	n := f.Begin()
	if _, err := f.step(t.Context(), "createSecret", n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than is kept for reporting
	defer cancel()
	if _, err := f.step(ctx, "testSecret", n); errorType(t, err) != "Unavailable" {
		t.Errorf("%v", err)
	}
	if len(f.bus.announced) != 1 || f.bus.announced[0].detailType != event.CredentialsFailing {
		t.Errorf("announced %+v", f.bus.announced)
	}
}

func TestWire(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	t.Run("nothing is set", func(t *testing.T) {
		if _, err := wire(log); err == nil || len(strings.Split(err.Error(), "\n")) != 9 {
			t.Errorf("%v; want all nine problems", err)
		}
	})
	t.Run("deployed", func(t *testing.T) {
		w := credentialstest.New()
		env := settings.Rotate{Stage: "test", Bus: "b", Warehouse: w.Warehouse, Timings: w.Timings}.Env()
		maps.Copy(env, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLE"})
		for name, value := range env {
			t.Setenv(name, value)
		}
		got, err := wire(log)
		if err != nil {
			t.Fatal(err)
		}
		r := got.(*handler).rotator
		if r.Stage != "test" || !reflect.DeepEqual(r.Warehouse, w.Warehouse) || r.Lifetime != time.Hour || r.MinLife != 20*time.Minute || r.Prober == nil {
			t.Errorf("wired %+v", r)
		}
	})
}
