// Package event reads what starts Sluice's functions and names what they announce.
package event

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Step is one of the four that Secrets Manager takes to rotate a secret.
type Step string

// The steps, in their order, as they are written on the wire.
//
// Source: AWS Secrets Manager User Guide, "Lambda rotation functions".
const (
	Create Step = "createSecret"
	Set    Step = "setSecret"
	Test   Step = "testSecret"
	Finish Step = "finishSecret"
)

// steps are the spellings that are read: as the service sends them, and as the page about them writes them.
var steps = map[string]Step{
	"createSecret": Create, "setSecret": Set, "testSecret": Test, "finishSecret": Finish,
	"create_secret": Create, "set_secret": Set, "test_secret": Test, "finish_secret": Finish,
}

// A Rotation is what Secrets Manager sends a rotation function for each step.
type Rotation struct {
	Step  Step
	ID    string       // ARN of the secret
	Token string       // names the rotation, and the version that it makes
	Proof secret.Value // RotationToken: sent when a role was assumed for the rotation, and handed back on writing
}

// A Tick is what EventBridge Scheduler sends refresh.
type Tick struct {
	Secret string // ARN of the consumer's secret
}

// A MalformedError says that what arrived is not what the function is for. Nothing was done.
type MalformedError struct {
	Want     string // what the function is for, for example "a Secrets Manager rotation event"
	Problems fault.Problems
}

func (e *MalformedError) Error() string {
	return "not " + e.Want + ": " + e.Problems.Error()
}

// DecodeRotation reads a rotation event. Fields that it does not know are ignored, as Secrets Manager adds some.
// Its error is a *[MalformedError] with everything that is wrong.
func DecodeRotation(payload []byte) (Rotation, error) {
	var in struct{ Step, SecretId, ClientRequestToken, RotationToken string }
	problems := unmarshal(payload, &in, "configure this function as the rotation function of a consumer secret and as nothing else")
	if len(problems) == 0 {
		if in.Step == "" {
			problems = append(problems, missing("Step"))
		} else if steps[in.Step] == "" {
			problems = append(problems, fault.Problem{Where: "Step", What: fmt.Sprintf("%q is unknown", in.Step), Fix: "send createSecret, setSecret, testSecret or finishSecret"})
		}
		if in.SecretId == "" {
			problems = append(problems, missing("SecretId"))
		}
		if in.ClientRequestToken == "" {
			problems = append(problems, missing("ClientRequestToken"))
		}
	}
	if len(problems) > 0 {
		return Rotation{}, &MalformedError{"a Secrets Manager rotation event", problems}
	}
	return Rotation{steps[in.Step], in.SecretId, in.ClientRequestToken, secret.New(in.RotationToken)}, nil
}

// DecodeTick reads a tick. Its error is a *[MalformedError].
func DecodeTick(payload []byte) (Tick, error) {
	var in struct {
		Secret string `json:"secret"`
	}
	problems := unmarshal(payload, &in, `let the consumer's schedule send {"secret": "<ARN>"}`)
	if len(problems) == 0 && in.Secret == "" {
		problems = append(problems, missing("secret"))
	}
	if len(problems) > 0 {
		return Tick{}, &MalformedError{"a tick", problems}
	}
	return Tick{in.Secret}, nil
}

// unmarshal decodes payload and recognises an EventBridge envelope, the commonest thing to arrive at the wrong place.
func unmarshal(payload []byte, into any, fix string) fault.Problems {
	var envelope struct {
		DetailType *string `json:"detail-type"`
		Source     string  `json:"source"`
	}
	payload = bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(payload, &envelope); err == nil && envelope.DetailType != nil {
		return fault.Problems{{Where: "payload", What: fmt.Sprintf("is the EventBridge event %q of %q", *envelope.DetailType, envelope.Source), Fix: fix}}
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return fault.Problems{{Where: "payload", What: "is not the JSON object that is expected: " + err.Error(), Fix: fix}}
	}
	return nil
}

func missing(field string) fault.Problem {
	return fault.Problem{Where: field, What: "is missing", Fix: "send it"}
}
