package source

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
)

// A Reply is the output of login: what it did, or why not. A refusal is an output like any other, because Lambda hands
// on of an error no more than a type and a text, and provision needs the kind and the remedy.
type Reply struct {
	Answer  *Answer  `json:"answer,omitempty"`  // set if it was done
	Problem *Problem `json:"problem,omitempty"` // set if it was not
}

// A Problem is a [fault.Error] on its way from login to provision.
type Problem struct {
	Kind    fault.Kind `json:"kind"`
	Reason  string     `json:"reason"`
	Op      string     `json:"op"`
	Subject string     `json:"subject,omitempty"`
	Cause   string     `json:"cause,omitempty"`
	Fix     string     `json:"fix,omitempty"`
}

// ReplyWith is the reply that [Reply.Result] turns into answer and err again.
func ReplyWith(answer Answer, err error) Reply {
	if err == nil {
		return Reply{Answer: &answer}
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return Reply{Problem: &Problem{Kind: fault.Bug, Reason: fault.ReasonOf(err), Op: "keep login", Cause: err.Error()}}
	}
	p := &Problem{Kind: e.Kind, Reason: e.Reason, Op: e.Op, Subject: e.Subject, Fix: e.Fix}
	if e.Err != nil {
		p.Cause = e.Err.Error()
	}
	return Reply{Problem: p}
}

// DecodeReply reads the output of login. Its error is that of [Reply.Result], or a bug if the output is no reply.
func DecodeReply(output []byte) (Answer, error) {
	var r Reply
	if err := json.Unmarshal(output, &r); err != nil {
		return Answer{}, unforeseen(fmt.Errorf("read its answer: %w", err))
	}
	return r.Result()
}

// Result is what login answered: an error is the *[fault.Error] that it had.
func (r Reply) Result() (Answer, error) {
	switch {
	case r.Problem != nil:
		p := r.Problem
		e := &fault.Error{Kind: p.Kind, Reason: p.Reason, Op: p.Op, Subject: p.Subject, Fix: p.Fix}
		if p.Cause != "" {
			e.Err = errors.New(p.Cause)
		}
		return Answer{}, e
	case r.Answer != nil:
		return *r.Answer, nil
	}
	return Answer{}, unforeseen(errors.New("it says neither what it did nor why not"))
}

func unforeseen(err error) error {
	return &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "ask login", Err: err, Fix: "deploy provision and login from one version"}
}
