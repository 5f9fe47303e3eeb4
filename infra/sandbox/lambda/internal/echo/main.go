// Command echo is the function of this package's tests. Its event says what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// An order is the function's event.
type order struct {
	Do   string // nothing, print, fail, panic, exit, call
	Text string // what to print, or the URL to call
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

func handle(ctx context.Context, o order) (sight, error) {
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
