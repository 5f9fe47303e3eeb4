// Package awslogin asks the login function, which alone talks to source databases, by AWS Lambda.
package awslogin

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
)

// Reasons of functions that give no answer.
const (
	// Died is a login that crashed or ran out of time: what it did is unknown, and asking again is safe.
	Died = "LoginDied"
	// Missing is a login that is not deployed.
	Missing = "LoginMissing"
)

// Logins implements [federation.Logins].
type Logins struct {
	api      *lambda.Client
	function string
}

var _ federation.Logins = (*Logins)(nil)

// patience is longer than the login function may take, which is 30 seconds: its own report of a source that does not answer
// is worth more than a connection that was given up.
const patience = 35 * time.Second

// New returns the Logins of a function, by name or ARN. cfg is that of all clients; for this one the time limit of a call is
// longer, and nothing is tried again at once: a login that crawls would be started three times.
func New(cfg aws.Config, function string) *Logins {
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		client = awshttp.NewBuildableClient()
	}
	return &Logins{function: function, api: lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.HTTPClient, o.Retryer = client.WithTimeout(patience), aws.NopRetryer{}
	})}
}

// Do implements [federation.Logins]. A refusal is the *[fault.Error] that login had.
func (l *Logins) Do(ctx context.Context, r source.Request) (source.Answer, error) {
	payload, err := json.Marshal(r)
	if err != nil {
		return source.Answer{}, &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "ask login", Subject: l.function, Err: err, Fix: "report this message"}
	}
	out, err := l.api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &l.function, Payload: payload})
	if err != nil {
		again := awserror.Cause{Kind: fault.Retry, Reason: awserror.Unavailable, Fix: "nothing; it is tried again"}
		return source.Answer{}, awserror.Explain(err, "ask login", "function "+l.function, awserror.Table{
			"ResourceNotFoundException": {Kind: fault.Blocked, Reason: Missing, Fix: "deploy Sluice, which makes the function"},
			"ResourceConflictException": again, // it is being deployed
			"ResourceNotReadyException": again,
		})
	}
	if out.FunctionError != nil {
		return source.Answer{}, l.died(out.Payload)
	}
	return source.DecodeReply(out.Payload)
}

// maxSaid bounds what is quoted of a function that died, in bytes.
const maxSaid = 300

// died reads what Lambda says of a function that gave no answer.
func (l *Logins) died(payload []byte) error {
	var said struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(payload, &said) != nil || said.ErrorType+said.ErrorMessage == "" {
		said.ErrorMessage = "Lambda does not say why"
	}
	text := said.ErrorMessage
	if said.ErrorType != "" {
		text = said.ErrorType + ": " + text
	}
	if len(text) > maxSaid {
		text = text[:maxSaid] + "…"
	}
	e := &fault.Error{Kind: fault.Retry, Reason: Died, Op: "ask login", Subject: "function " + l.function, Err: errors.New(text), Fix: "nothing; it is tried again, and the function's log says more"}
	if said.ErrorType == malformed {
		e.Kind, e.Fix = fault.Bug, "deploy provision and login from one version"
	}
	return e
}

// malformed is the errorType of functions that do not understand their event.
const malformed = "Malformed"
