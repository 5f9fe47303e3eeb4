package awslambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/fault"
)

// Work leaves time to report, and only where there is a limit.
func TestWorkEndsBeforeTheFunctionDoes(t *testing.T) {
	limit := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.Background(), limit)
	defer cancel()
	work, done := awslambda.Work(ctx)
	if got, ok := work.Deadline(); !ok || !got.Equal(limit.Add(-5*time.Second)) {
		t.Errorf("work ends %s before the limit", limit.Sub(got))
	}
	done()
	if work.Err() == nil || ctx.Err() != nil {
		t.Errorf("after the work: work %v, invocation %v", work.Err(), ctx.Err())
	}
	unlimited, done := awslambda.Work(context.Background())
	defer done()
	if _, ok := unlimited.Deadline(); ok {
		t.Error("work without a limit got one")
	}
}

// Lambda publishes the type of this error, and takes it from nothing that is wrapped.
func TestFailureIsWhatLambdaPublishes(t *testing.T) {
	got, ok := awslambda.Failure("UserMissing", errors.New("log in: no such user")).(messages.InvokeResponse_Error)
	if !ok || got.Type != "UserMissing" || got.Message != "log in: no such user" {
		t.Errorf("%+v", got)
	}
}

func TestAnswer(t *testing.T) {
	if got, err := awslambda.Answer(map[string]int{"a": 1}); err != nil || string(got) != `{"a":1}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := awslambda.Answer(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}

func TestCauseHasFixedKeys(t *testing.T) {
	for want, err := range map[string]error{
		"UserMissing": &fault.Error{Kind: fault.Blocked, Reason: "UserMissing", Op: "log in", Fix: "create it"}, "Unknown": errors.New("plain"),
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Error("x", awslambda.Cause(err))
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(line)); !slices.Equal(got, []string{"err", "kind", "level", "msg", "reason", "time"}) || line["reason"] != want || line["err"] != err.Error() {
			t.Errorf("%s", &out)
		}
	}
}
