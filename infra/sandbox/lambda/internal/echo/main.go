// Command echo is the function of this package's tests. Its event says what it does.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// An order is the function's event, or the body of a message in it.
type order struct {
	Do   string // nothing, print, fail, panic, exit, call; in a message also refuse, answer, event
	Text string // what to print, the URL to call or to send the event to, or the JSON to answer

	Records []record // of a queue
}

type record struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
}

// A sight is what the function sees around it.
type sight struct {
	PID         int
	Environment []string
	Folder      string
	RequestID   string
	ARN         string
	TimeLeft    time.Duration
}

func main() {
	if text := os.Getenv("FAIL_AT_START"); text != "" {
		fmt.Println(text)
		os.Exit(3)
	}
	lambda.StartHandlerFunc(handle)
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		return nil, err
	}
	if len(o.Records) > 0 {
		return batch(ctx, o.Records, event)
	}
	return obey(ctx, o)
}

// batch obeys the orders in messages. One that refuses fails alone; one that answers decides what is answered.
func batch(ctx context.Context, records []record, event json.RawMessage) (any, error) {
	type failure struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	failures := []failure{}
	for _, r := range records {
		var o order
		if err := json.Unmarshal([]byte(r.Body), &o); err != nil {
			return nil, err
		}
		switch o.Do {
		case "refuse":
			failures = append(failures, failure{r.MessageID})
		case "event":
			answer, err := http.Post(o.Text, "application/json", bytes.NewReader(event))
			if err != nil {
				return nil, err
			}
			_ = answer.Body.Close()
		case "answer":
			return json.RawMessage(o.Text), nil
		default:
			if _, err := obey(ctx, o); err != nil {
				return nil, err
			}
		}
	}
	return map[string]any{"batchItemFailures": failures}, nil
}

func obey(ctx context.Context, o order) (sight, error) {
	switch o.Do {
	case "print":
		fmt.Print(o.Text)
	case "fail":
		return sight{}, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		fmt.Print("going ")
		os.Exit(7)
	case "call": // also the way to hang
		if err := call(o.Text); err != nil {
			return sight{}, err
		}
	}
	return look(ctx), nil
}

func call(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func look(ctx context.Context) sight {
	folder, _ := os.Getwd()
	seen := sight{PID: os.Getpid(), Environment: os.Environ(), Folder: folder}
	if about, ok := lambdacontext.FromContext(ctx); ok {
		seen.RequestID, seen.ARN = about.AwsRequestID, about.InvokedFunctionArn
	}
	if deadline, ok := ctx.Deadline(); ok {
		seen.TimeLeft = time.Until(deadline)
	}
	return seen
}
